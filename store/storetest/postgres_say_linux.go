package storetest

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// say prints a line where the person who runs the tests sees it. With a list of packages go test keeps the output of those
// that pass to itself, so the line goes to the standard error of go test, our parent, if it lets us.
func say(line string) {
	out := os.Stdout
	if parent := os.Getppid(); !testing.Verbose() && isGo(parent) {
		if stderr, err := stderrOf(parent); err == nil {
			defer stderr.Close()
			out = stderr
		}
	}
	fmt.Fprint(out, line)
}

// forbidCaching makes go test run the package again the next time: from its cache it would not repeat the line. It caches
// a test until a file changes that the test opened below the module, and takes a path for what it spells.
func forbidCaching() {
	if here, err := os.Getwd(); err == nil {
		file, err := os.Open(here + strings.Repeat("/..", strings.Count(here, "/")) + "/proc/self/stat") // new in each process
		if err == nil {
			_ = file.Close() // nothing was read
		}
	}
}

func isGo(pid int) bool {
	name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	return err == nil && string(bytes.TrimSpace(name)) == "go"
}

// stderrOf takes a duplicate of the process's descriptor, or opens what it leads to. The second is allowed in more places,
// but in a regular file it would have an offset of its own and go test would write over the line.
func stderrOf(pid int) (*os.File, error) {
	if handle, err := unix.PidfdOpen(pid, 0); err == nil {
		defer unix.Close(handle)
		if fd, err := unix.PidfdGetfd(handle, unix.Stderr, 0); err == nil {
			return os.NewFile(uintptr(fd), "stderr of go test"), nil
		}
	}
	path := fmt.Sprintf("/proc/%d/fd/%d", pid, unix.Stderr)
	if info, err := os.Stat(path); err != nil || info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s cannot be shared: %w", path, os.ErrInvalid)
	}
	return os.OpenFile(path, os.O_WRONLY, 0)
}
