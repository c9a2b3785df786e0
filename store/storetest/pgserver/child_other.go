//go:build unix && !linux

package pgserver

import "syscall"

// childOf keeps an interrupt typed at the terminal from reaching the server first.
func childOf(as *syscall.Credential) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: as, Setpgid: true}
}
