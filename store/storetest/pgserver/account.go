package pgserver

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// socketPathLimit is below the kernel's: 108 bytes on Linux, 104 on macOS.
const socketPathLimit = 100

// serverAccount is who runs the server: nil for ourselves, or, since PostgreSQL refuses root, an unprivileged user.
func serverAccount() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		account, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, uidErr := strconv.ParseUint(account.Uid, 10, 32)
		gid, gidErr := strconv.ParseUint(account.Gid, 10, 32)
		if err := errors.Join(uidErr, gidErr); err != nil {
			return nil, fmt.Errorf("read the ids of user %s: %w", name, err)
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, errors.New("postgres refuses to run as root, and there is neither a user postgres nor nobody")
}

// makeDir makes a directory that belongs to the server's account and is short enough to hold a socket.
func makeDir(parent string, as *syscall.Credential) (string, error) {
	if parent == "" && as == nil {
		parent = os.TempDir()
	}
	if parent == "" || len(filepath.Join(parent, "pg-0123456789", ".s.PGSQL.5432")) > socketPathLimit {
		parent = "/tmp" // short, and not closed to others as root's own may be
	}
	dir, err := os.MkdirTemp(parent, "pg-")
	if err != nil || as == nil {
		return dir, err
	}
	if err := os.Chown(dir, int(as.Uid), int(as.Gid)); err != nil {
		return "", errors.Join(err, os.RemoveAll(dir))
	}
	return dir, nil
}
