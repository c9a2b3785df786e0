//go:build !linux

package storetest

import (
	"fmt"
	"os"
)

// say prints a line where the person who runs the tests may see it: at the terminal, since go test keeps the output of
// packages that pass to itself.
func say(line string) {
	if terminal, err := os.OpenFile("/dev/tty", os.O_WRONLY, 0); err == nil {
		defer terminal.Close()
		fmt.Fprint(terminal, line)
		return
	}
	fmt.Print(line)
}

// forbidCaching has no way to do so here: a run that go test takes from its cache does not repeat the line.
func forbidCaching() {}
