package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"hotelbooking/store/storetest/child"
)

const (
	readyWithin = time.Minute
	stopWithin  = 40 * time.Second // longer than a node's own grace
	pollEvery   = 10 * time.Millisecond
)

// process is one run of bin/booking. What it logs is added to a file that has its name.
type process struct {
	name, log string
	began     int64 // where its lines begin in the file, which may have those of an earlier run
	cmd       *exec.Cmd
	exited    <-chan struct{}
}

func launch(name, logs, program string, arguments, environ []string) (*process, error) {
	p := &process{name: name, log: filepath.Join(logs, name+".log"), cmd: exec.Command(program, arguments...)} //nolint:noctx // lives until it is killed or stopped
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	if at, err := log.Stat(); err == nil {
		p.began = at.Size()
	}
	p.cmd.Dir = logs // there is no config.yaml
	p.cmd.Env = append(p.cmd.Environ(), environ...)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // an interrupt typed at the terminal is for us, and we end it
	if p.exited, err = child.Start(p.cmd, syscall.SIGKILL); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	return p, nil
}

// until waits for ready; an error when the process ends before.
func (p *process) until(ctx context.Context, what string, ready func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	for !ready() {
		select {
		case <-p.exited:
			return fmt.Errorf("%s ended: see %s", p.name, p.log)
		case <-ctx.Done():
			return fmt.Errorf("%s %s: %w: see %s", p.name, what, context.Cause(ctx), p.log)
		case <-time.After(pollEvery):
		}
	}
	return nil
}

// says reads the line of this run's log that has a message; false while there is none.
func (p *process) says(message string, into any) bool {
	content, err := os.ReadFile(p.log)
	if err != nil || int64(len(content)) < p.began {
		return false
	}
	for line := range bytes.Lines(content[p.began:]) {
		if bytes.Contains(line, fmt.Appendf(nil, `"msg":%q`, message)) {
			return json.Unmarshal(line, into) == nil
		}
	}
	return false
}

// kill ends it as a crash would.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may have ended
	<-p.exited
}

// stop asks it to end, and kills it when it does not.
func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	select {
	case <-p.exited:
	case <-time.After(stopWithin):
		p.kill()
	}
}
