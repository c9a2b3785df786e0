package store

import (
	"errors"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// unansweredFor is how long sent bytes may stay unacknowledged. The kernel's own patience is a quarter of an hour.
const unansweredFor = 10 * time.Second

// giveUpUnanswered is a net.Dialer's Control.
func giveUpUnanswered(network, _ string, conn syscall.RawConn) error {
	if !strings.HasPrefix(network, "tcp") {
		return nil
	}
	var err error
	return errors.Join(conn.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(unansweredFor.Milliseconds()))
	}), err)
}
