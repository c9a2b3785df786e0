package storetest_test

import (
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"hotelbooking/store/storetest"
)

func TestMain(m *testing.M) { os.Exit(storetest.Run(m)) }

// TestPostgresAnswers is also the test that those below run again, without a database.
func TestPostgresAnswers(t *testing.T) {
	t.Parallel()
	conn, err := pgx.Connect(t.Context(), storetest.Postgres(t))
	require.NoError(t, err)
	defer conn.Close(t.Context())

	var version int
	require.NoError(t, conn.QueryRow(t.Context(), "SELECT current_setting('server_version_num')::int").Scan(&version))
	require.GreaterOrEqual(t, version, 150000)
	var commit string
	require.NoError(t, conn.QueryRow(t.Context(), "SHOW synchronous_commit").Scan(&commit))
	require.Equal(t, "on", commit, "the store asks for it, however fast the tests want to be")
}

func TestPlainGoTestSaysWhatItSkippedEachTime(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("elsewhere the line goes to the terminal")
	}
	for range 2 { // the second run could come from the cache, which would say nothing
		out, err := goTest(t)
		require.NoError(t, err, out)
		require.Contains(t, out, "skipped 1 tests of hotelbooking/store/storetest: no PostgreSQL")
		require.Contains(t, out, "ok  \t")
	}
}

func TestPostgresIsNotOptionalInCI(t *testing.T) {
	t.Parallel()
	out, err := goTest(t, "CI=true")
	require.Error(t, err, out)
	require.Contains(t, out, "no PostgreSQL: TEST_DATABASE_URL is not set")
}

// goTest runs TestPostgresAnswers as a person would: with a list of packages, and without a database.
func goTest(t *testing.T, env ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "test", "-run=^TestPostgresAnswers$", "hotelbooking/store/storetest")
	cmd.Env = slices.DeleteFunc(os.Environ(), func(variable string) bool {
		return strings.HasPrefix(variable, "TEST_DATABASE_URL=") || strings.HasPrefix(variable, "CI=")
	})
	cmd.Env = append(cmd.Env, env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}
