package natsd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"

	"hotelbooking/store/storetest/child"
)

const stopWithin = 20 * time.Second

// Node is one server: a process, its ports and its directory, which outlive the process. It is for one goroutine at a time.
type Node struct {
	name                   string
	program                string
	dir, log               string
	client, monitor, route int // ports
	process                *os.Process
	exited                 <-chan struct{} // closed once the process has been waited for; nil: it never ran
}

// Name is what the other servers call it.
func (n *Node) Name() string { return n.name }

// Monitor is where it says of itself what it keeps and does, over HTTP.
func (n *Node) Monitor() string { return fmt.Sprintf("http://%s:%d", host, n.monitor) }

// URL is its address, for clients.
func (n *Node) URL() string { return fmt.Sprintf("nats://%s:%d", host, n.client) }

// Log is the file of what it prints.
func (n *Node) Log() string { return n.log }

// Runs tells whether its process is there, paused or not.
func (n *Node) Runs() bool {
	if n.exited == nil {
		return false
	}
	select {
	case <-n.exited:
		return false
	default:
		return true
	}
}

// Start starts it again after its end, where it was and with what it has stored, and returns once it takes clients and is up to
// date with the others. Where those are too few to agree on anything, it never is: then ctx ends the waiting.
func (n *Node) Start(ctx context.Context) error {
	if err := n.Launch(); err != nil {
		return err
	}
	return n.Healthy(ctx)
}

// Launch is Start without the waiting: of several that were down, the first is not healthy before another is there.
func (n *Node) Launch() error {
	if n.Runs() {
		return fmt.Errorf("start %s: it runs", n.name)
	}
	log, err := os.OpenFile(n.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	server := exec.Command(n.program, "-c", n.config()) //nolint:noctx // lives until it is stopped
	server.Dir, server.Stdout, server.Stderr = n.dir, log, log
	server.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // an interrupt typed at the terminal is for us, and we stop it
	exited, err := child.Start(server, syscall.SIGKILL)
	if err != nil {
		return fmt.Errorf("start %s: %w", n.name, err)
	}
	n.process, n.exited = server.Process, exited
	return nil
}

// Kill ends it as the loss of its machine would, as far as it concerns others. One that has ended stays as it is.
func (n *Node) Kill() error { return n.end(os.Kill) }

// Stop asks it to end, as for an upgrade, and waits until it has.
func (n *Node) Stop() error {
	if err := n.Resume(); err != nil { // or it would not hear
		return err
	}
	return n.end(os.Interrupt)
}

// Forget removes all that it has stored, as a machine has that comes back with an empty disk. It must have ended.
func (n *Node) Forget() error {
	if n.Runs() {
		return fmt.Errorf("forget what %s has stored: it runs", n.name)
	}
	return os.RemoveAll(n.data())
}

// Pause stops it as a machine that swaps, or is moved, would: its connections stay, and say nothing. What it is
// saying at that moment may still be heard.
func (n *Node) Pause() error { return n.signal(syscall.SIGSTOP) }

// Resume lets it go on.
func (n *Node) Resume() error { return n.signal(syscall.SIGCONT) }

func (n *Node) signal(s os.Signal) error {
	if !n.Runs() {
		return nil
	}
	if err := n.process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("send %s to %s: %w", s, n.name, err)
	}
	return nil
}

func (n *Node) end(s os.Signal) error {
	if !n.Runs() {
		return nil
	}
	if err := n.signal(s); err != nil {
		return err
	}
	select {
	case <-n.exited:
		return nil
	case <-time.After(stopWithin):
		return fmt.Errorf("%s has not ended within %s of %s", n.name, stopWithin, s)
	}
}
