package main_test

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"hotelbooking/store/storetest/pgserver"
)

// withpg builds the command and prepares a run of it around a shell script.
func withpg(t *testing.T, script string) *exec.Cmd {
	t.Helper()
	if _, err := pgserver.Find(t.Context()); errors.Is(err, pgserver.ErrNotFound) && os.Getenv("CI") == "" {
		t.Skip("no PostgreSQL is installed")
	}
	binary := filepath.Join(t.TempDir(), "withpg")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-o", binary, ".").CombinedOutput()
	require.NoError(t, err, string(out))
	return exec.CommandContext(t.Context(), binary, "sh", "-c", script)
}

func TestCommandSeesTheDatabaseAndItsExitCodeIsKept(t *testing.T) {
	t.Parallel()
	out, err := withpg(t, "echo $TEST_DATABASE_URL; exit 7").CombinedOutput()
	exit := (*exec.ExitError)(nil)
	require.ErrorAs(t, err, &exit)
	require.Equal(t, 7, exit.ExitCode())
	require.True(t, strings.HasPrefix(string(out), "postgres://booking@/booking?"), string(out))
}

func TestServerEndsThoughWithpgIsKilled(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells a process that its parent died")
	}
	cmd := withpg(t, "echo $TEST_DATABASE_URL; exec cat")
	_, err := cmd.StdinPipe() // its end lets cat go
	require.NoError(t, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	url, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)
	url = strings.TrimSpace(url)

	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	require.NoError(t, cmd.Process.Kill())
	require.Error(t, cmd.Wait())
	require.Eventually(t, func() bool { return conn.Ping(t.Context()) != nil }, 30*time.Second, 10*time.Millisecond)
	config, err := pgx.ParseConfig(url)
	require.NoError(t, err)
	require.NoError(t, os.RemoveAll(config.Host), "nobody else is left to do it")
}
