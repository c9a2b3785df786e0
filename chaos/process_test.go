package chaos_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/store/storetest/child"
)

const (
	readyWithin = 60 * time.Second
	poll        = 10 * time.Millisecond
)

// process is one real process. What it prints and logs goes to a file.
type process struct {
	*testing.T
	name   string
	log    string
	cmd    *exec.Cmd
	exited <-chan struct{} // closed once it has ended and was waited for
}

// startProcess starts a program in a directory of its own, where there is no config.yaml. It is killed when the test ends, and
// when we are.
func startProcess(t *testing.T, name, program string, arguments, environ []string) *process {
	t.Helper()
	dir, logs := t.TempDir(), t.TempDir()
	if *keepLogs != "" {
		logs = filepath.Join(*keepLogs, t.Name())
		require.NoError(t, os.MkdirAll(logs, 0o700))
	}
	p := &process{T: t, name: name, log: filepath.Join(logs, name+".log"), cmd: exec.Command(program, arguments...)} //nolint:noctx // killed below
	log, err := os.Create(p.log)
	require.NoError(t, err)
	defer log.Close()
	p.cmd.Dir, p.cmd.Env = dir, append(os.Environ(), environ...)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	p.exited, err = child.Start(p.cmd, syscall.SIGKILL)
	require.NoError(t, err, "start %s", name)
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill() // it may be gone
		<-p.exited
		if said := p.complaints(5); t.Failed() && said != "" {
			t.Logf("the last complaints of %s:\n%s", name, said)
		}
	})
	return p
}

func (p *process) signal(s syscall.Signal) {
	p.Helper()
	require.NoError(p, p.cmd.Process.Signal(s), "%s", p.name)
}

// until waits for ready, and fails when the process ends before.
func (p *process) until(what string, ready func() bool) {
	p.Helper()
	for deadline := time.Now().Add(readyWithin); !ready(); {
		select {
		case <-p.exited:
			require.Fail(p, "it ended", "%s: %s", p.name, p.tail(15))
		case <-time.After(poll):
			require.True(p, time.Now().Before(deadline), "%s: %s\n%s", p.name, what, p.tail(15))
		}
	}
}

// says reads the line of the log with a message; false while there is none.
func (p *process) says(message string, into any) bool {
	content, err := os.ReadFile(p.log)
	if err != nil {
		return false
	}
	lines := bufio.NewScanner(bytes.NewReader(content))
	lines.Buffer(nil, len(content)+1)
	for lines.Scan() {
		if bytes.Contains(lines.Bytes(), []byte(fmt.Sprintf(`"msg":%q`, message))) {
			return json.Unmarshal(lines.Bytes(), into) == nil
		}
	}
	return false
}

// complaints are the last lines that are no ordinary log: errors, and what a crash prints.
func (p *process) complaints(most int) string {
	content, _ := os.ReadFile(p.log)
	var all []string
	for line := range strings.Lines(string(content)) {
		if strings.Contains(line, `"level":"error"`) && !strings.Contains(line, `"msg":"turn"`) || strings.HasPrefix(line, "panic") || strings.HasPrefix(line, "fatal") {
			all = append(all, line)
		}
	}
	return strings.Join(all[max(0, len(all)-most):], "")
}

// about are the lines of the log that name a booking, and how the process ended.
func (p *process) about(id string) string {
	content, _ := os.ReadFile(p.log)
	var all []string
	for line := range strings.Lines(string(content)) {
		if strings.Contains(line, id) || strings.Contains(line, `"msg":"stop`) {
			all = append(all, line)
		}
	}
	return strings.Join(all, "")
}

func (p *process) tail(lines int) string {
	content, _ := os.ReadFile(p.log)
	all := strings.Split(strings.TrimSpace(string(content)), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
