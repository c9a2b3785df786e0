package pgserver

import "syscall"

// childOf lets the server end when we are killed, and keeps an interrupt typed at the terminal from reaching it first.
func childOf(as *syscall.Credential) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: as, Setpgid: true, Pdeathsig: syscall.SIGQUIT}
}
