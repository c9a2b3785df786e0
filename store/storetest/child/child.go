// Package child starts processes that do not outlive this one.
package child

import (
	"os/exec"
	"runtime"
	"syscall"
)

// Start starts cmd and waits for it: exited is closed once it has ended, and how it ended is in cmd.ProcessState. Where the
// kernel can (Linux), it sends the child sig when this process dies first.
//
// What the child prints must go to files or pipes of the caller's own: those of cmd are closed when it ends.
func Start(cmd *exec.Cmd, sig syscall.Signal) (exited <-chan struct{}, err error) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = new(syscall.SysProcAttr)
	}
	endWithUs(cmd.SysProcAttr, sig)
	started, ended := make(chan error), make(chan struct{})
	go func() { // ends with the child, which is the caller's to end
		// The kernel takes the end of the thread that started the child for our end, and threads do end: with a goroutine that is
		// locked to one. So this thread does nothing else until the child has ended.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // how it ended is in its ProcessState
		}
		close(ended)
	}()
	return ended, <-started
}
