package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/store/storetest/child"
)

// builtBinary is the real binary, built once for all tests of real processes.
var builtBinary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "booking-binary-")
	if err != nil {
		return "", err
	}
	return buildBinary(dir)
})

// buildBinary makes the binary in dir, with more flags of go build.
func buildBinary(dir string, flags ...string) (string, error) {
	path := filepath.Join(dir, "booking")
	build := slices.Concat([]string{"build", "-o", path}, flags, []string{"."})
	output, err := exec.CommandContext(context.Background(), "go", build...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build: %w: %s", err, output)
	}
	return path, nil
}

// process is the real binary at work. Its standard error, the log, goes to a file.
type process struct {
	*testing.T
	cmd    *exec.Cmd
	stdout *bufio.Reader
	log    string
	exited <-chan struct{} // closed once it has ended
}

// run starts the binary with a command and its environment; it is killed when the test ends.
func run(t *testing.T, command []string, environ ...string) *process {
	t.Helper()
	binary, err := builtBinary()
	require.NoError(t, err)
	return runProgram(t, []string{binary}, command, environ...)
}

// runProgram starts another binary than the one above, or that one by way of a program that becomes it.
func runProgram(t *testing.T, program, command []string, environ ...string) *process {
	t.Helper()
	p := &process{T: t, cmd: exec.Command(program[0], slices.Concat(program[1:], command)...), log: filepath.Join(t.TempDir(), command[0]+".log")} //nolint:noctx // killed below
	p.cmd.Env = append(os.Environ(), environ...)
	p.cmd.Dir = t.TempDir() // where there is no config.yaml
	log, err := os.Create(p.log)
	require.NoError(t, err)
	p.cmd.Stderr = log
	printed, stdout, err := os.Pipe()
	require.NoError(t, err)
	p.stdout, p.cmd.Stdout = bufio.NewReader(printed), stdout
	p.exited, err = child.Start(p.cmd, syscall.SIGKILL)
	require.NoError(t, err)
	require.NoError(t, errors.Join(log.Close(), stdout.Close()))
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill() // it may be gone
		<-p.exited
		_ = printed.Close()
		content, _ := os.ReadFile(p.log)
		requireNothingPersonal(t, string(content))
		if t.Failed() {
			lines := strings.Split(string(content), "\n")
			t.Logf("the last lines of %s:\n%s", p.log, strings.Join(lines[max(0, len(lines)-30):], "\n"))
		}
	})
	return p
}

// sandboxProcess is a sandbox that no test kills: the ledger of what really happened.
func sandboxProcess(t *testing.T, environ ...string) string {
	t.Helper()
	p := run(t, []string{"sandbox", "--addr", "127.0.0.1:0"}, append(environ, "BOOKING_DATA_DIR="+t.TempDir())...)
	line, err := p.stdout.ReadString('\n')
	require.NoError(t, err)
	_, url, found := strings.Cut(strings.Split(line, ";")[0], "http://")
	require.True(t, found, line)
	return "http://" + url
}

// serviceProcess starts the service and waits until it is ready. Without a sandbox elsewhere it has its own.
func serviceProcess(t *testing.T, dataDir, sandbox string, environ ...string) (*process, *client) {
	t.Helper()
	binary, err := builtBinary()
	require.NoError(t, err)
	return serviceOf(t, []string{binary}, dataDir, sandbox, environ...)
}

// serviceOf is serviceProcess for a program of the caller's: see runProgram.
func serviceOf(t *testing.T, program []string, dataDir, sandbox string, environ ...string) (*process, *client) {
	t.Helper()
	p := runProgram(t, program, []string{"serve"}, append([]string{
		"BOOKING_ENGINE=" + engineOfTests(), "BOOKING_DATA_DIR=" + dataDir, "BOOKING_SANDBOX__URL=" + sandbox, "BOOKING_SANDBOX__ADDR=127.0.0.1:0",
		"BOOKING_HTTP__ADDR=127.0.0.1:0", "BOOKING_ADMIN__ADDR=127.0.0.1:0",
		"BOOKING_WORKERS__LEASE=3s", "BOOKING_WORKERS__POLL=200ms",
		"BOOKING_FLOW__BACKOFF_BASE=50ms", "BOOKING_PROVIDERS__HOTEL__TIMEOUT=2s", "BOOKING_DATABASE__MAX_CONNS=8",
	}, environ...)...)
	var serving struct{ HTTP, Admin, Sandbox string }
	require.Eventually(t, func() bool {
		content, _ := os.ReadFile(p.log)
		for line := range strings.Lines(string(content)) {
			if strings.Contains(line, `"msg":"serving"`) {
				return json.Unmarshal([]byte(line), &serving) == nil
			}
		}
		return false
	}, 30*time.Second, 10*time.Millisecond, "the service does not come up")
	cfg := DefaultConfig()
	cfg.DataDir = dataDir
	c := &client{
		T: t, base: "http://" + serving.HTTP, admin: "http://" + serving.Admin, sandbox: serving.Sandbox,
		bookings: keyFile(t, cfg, "bookings"), support: keyFile(t, cfg, "support"),
	}
	require.Eventually(t, func() bool {
		ready, err := c.try("GET", c.admin+"/readyz", "", "")
		return err == nil && ready.status == http.StatusOK
	}, 30*time.Second, 20*time.Millisecond, "the service does not become ready")
	return p, c
}

// kill ends the process as a crash would.
func (p *process) kill() {
	p.Helper()
	require.NoError(p, p.cmd.Process.Kill())
	<-p.exited
}

// terminate asks the process to end, and returns its exit code.
func (p *process) terminate(within time.Duration) int {
	p.Helper()
	require.NoError(p, p.cmd.Process.Signal(syscall.SIGTERM))
	select {
	case <-p.exited:
	case <-time.After(within):
		require.Fail(p, "still running", "after %s", within)
	}
	return p.cmd.ProcessState.ExitCode()
}

// turns counts the turns in the log.
func (p *process) turns() int {
	content, err := os.ReadFile(p.log)
	require.NoError(p, err)
	return strings.Count(string(content), `"msg":"turn"`)
}

func requireFileSays(t *testing.T, file, word string) {
	t.Helper()
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Contains(t, string(content), word)
}
