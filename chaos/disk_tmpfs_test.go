package chaos_test

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// disk is a small disk of its own.
type disk struct {
	*testing.T
	dir string
}

// newDisk mounts one. That takes root, and a system that lets root do it: without, the case is skipped, but not in CI as root.
func newDisk(t *testing.T, megabytes int) *disk {
	t.Helper()
	dir, err := os.MkdirTemp("", "disk-") // short enough for the path of a socket
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.Remove(dir) }) // it is empty, or still mounted and somebody has to look
	err = syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_NOSUID|syscall.MS_NODEV, "mode=0755,size="+strconv.Itoa(megabytes)+"m")
	if errors.Is(err, syscall.EPERM) && (os.Getenv("CI") == "" || os.Geteuid() != 0) {
		t.Skip("a small disk cannot be mounted: that takes root, and in a container the right to mount")
	}
	require.NoError(t, err, "mount a small disk")
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(dir, syscall.MNT_DETACH)) })
	return &disk{T: t, dir: dir}
}

// fill takes what is left of it.
func (d *disk) fill() {
	d.Helper()
	file, err := os.OpenFile(d.filler(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	require.NoError(d, err)
	defer file.Close()
	for _, size := range []int{1 << 20, 4096, 1} {
		for err = nil; err == nil; {
			_, err = file.Write(make([]byte, size))
		}
		require.ErrorIs(d, err, syscall.ENOSPC)
	}
}

// free gives it back.
func (d *disk) free() {
	d.Helper()
	require.NoError(d, os.Remove(d.filler()))
}

func (d *disk) filler() string { return filepath.Join(d.dir, "filler") }
