package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// watched are the calls that store, promise and learn something.
const watched = "trace=read,recvfrom,recvmsg,write,writev,sendto,sendmsg,pwrite64,pwritev,fsync,fdatasync"

// systemCall is one as strace saw it.
type systemCall struct {
	thread string
	name   string
	file   string // a path, or "TCP:[here->there]"
	data   []byte // what was read or written
	result int    // -1: an error, or it never ended
	text   string // the line, of which the above is made
}

// event is the beginning of a call or its end. strace holds a thread at both until it has written them down, so their order
// is the order of what happened: a call whose end comes before the beginning of another was over before that began.
type event struct {
	*systemCall
	over bool
}

// straceCommand is how it is called, up to the name of its file; or the problem is why it cannot be. With -D the program is
// the process that was started, to be killed by its pid, and strace, which needs no privilege for that, its grandchild.
var straceCommand = sync.OnceValues(func() (command []string, problem string) {
	path, err := exec.LookPath("strace")
	if err != nil {
		return nil, "there is no strace: install it (apt-get install strace)"
	}
	command = []string{path, "-D", "-f", "-yy", "-xx", "-s", strconv.Itoa(1 << 20), "-e", watched, "-o"}
	probe := exec.CommandContext(context.Background(), path, append(command[1:], os.DevNull, "true")...)
	if says, err := probe.CombinedOutput(); err != nil || len(says) > 0 {
		return nil, fmt.Sprintf("strace cannot trace here (in a container try --cap-add SYS_PTRACE): %v: %s", err, says)
	}
	return command, ""
})

// needsStrace skips a test that can prove nothing without it; in CI it fails.
func needsStrace(t *testing.T) {
	t.Helper()
	_, problem := straceCommand()
	switch {
	case problem == "":
	case os.Getenv("CI") != "":
		require.Fail(t, "durability cannot be shown", problem)
	default:
		t.Skip("durability is not shown: " + problem)
	}
}

// straced is the beginning of a command line: the program that follows is traced into file, with all that it starts.
func straced(t *testing.T, file string) []string {
	t.Helper()
	needsStrace(t)
	command, _ := straceCommand()
	return append(slices.Clone(command), file)
}

// traceIn reads what strace wrote, once the program has been killed or stopped. Its first line is of the process that ends
// last.
func traceIn(t *testing.T, file string) []event {
	t.Helper()
	var trace string
	require.Eventually(t, func() bool {
		content, err := os.ReadFile(file)
		trace = strings.TrimSuffix(string(content), "\n")
		first, _, _ := strings.Cut(trace, " ")
		last := trace[strings.LastIndex(trace, "\n")+1:]
		return err == nil && len(content) > len(trace) && strings.HasPrefix(last, first+" ") && strings.Contains(last, "+++ ")
	}, 30*time.Second, 100*time.Millisecond, "strace does not end")
	return eventsOf(t, trace)
}

// eventsOf reads a trace. A line is a whole call, or, where another thread came between, its beginning or its end:
//
//	81  fsync(8<\x2f\x74>) = 0
//	82  write(9<TCP:[127.0.0.1:80->127.0.0.1:9]>, "\x48\x54", 2 <unfinished ...>
//	82  <... write resumed>) = 2
func eventsOf(t *testing.T, trace string) []event {
	t.Helper()
	var events []event
	open := map[string]*systemCall{} // by thread
	for line := range strings.Lines(trace) {
		thread, text, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		text = strings.TrimLeft(text, " ")
		if _, end, resumed := strings.Cut(text, " resumed>"); resumed && strings.HasPrefix(text, "<... ") {
			call := open[thread]
			if call == nil {
				continue // it began before we watched
			}
			call.text += end
			events = append(events, event{call, true})
			continue
		}
		if strings.HasPrefix(text, "---") || strings.HasPrefix(text, "+++") || strings.HasPrefix(text, "<...") {
			continue // a signal, an exit, or the end of what is no call
		}
		beginning, unfinished := strings.CutSuffix(text, " <unfinished ...>")
		call := &systemCall{thread: thread, text: beginning}
		open[thread] = call
		events = append(events, event{call, false})
		if !unfinished {
			events = append(events, event{call, true})
		}
	}
	for _, e := range events {
		if e.text != "" {
			require.NoError(t, e.understand(), "%.200s", e.text)
		}
	}
	return events
}

// understand takes the text apart, and lets go of it.
func (c *systemCall) understand() (err error) {
	name, rest, found := strings.Cut(c.text, "(")
	if !found {
		return errors.New("not a call")
	}
	c.name, c.result = name, -1
	if _, file, found := strings.Cut(rest, "<"); found {
		if strings.HasPrefix(file, "TCP") || strings.HasPrefix(file, "UNIX") {
			c.file, rest, _ = strings.Cut(file, "]>")
		} else {
			end := strings.IndexAny(file, "<>") // a device is followed by its number: <\x2f\x64<char 1:9>>
			path, err := unhex(file[:max(end, 0)])
			if err != nil {
				return err
			}
			c.file, rest = string(path), file[max(end, 0):]
		}
	}
	for parts := strings.Split(rest, `"`); len(parts) > 2; parts = parts[2:] {
		part, err := unhex(parts[1])
		if err != nil {
			return err
		}
		c.data = append(c.data, part...)
	}
	if at := strings.LastIndex(rest, " = "); at >= 0 {
		word, _, _ := strings.Cut(rest[at+3:], " ")
		if n, err := strconv.Atoi(word); err == nil { // "?" is that of a call that was cut off
			c.result = n
		}
	}
	c.text = ""
	return nil
}

// unhex reads \x48\x54.
func unhex(text string) ([]byte, error) { return hex.DecodeString(strings.ReplaceAll(text, `\x`, "")) }

func (c *systemCall) reads() bool { return c.name == "read" || strings.HasPrefix(c.name, "recv") }
func (c *systemCall) writes() bool {
	return strings.Contains(c.name, "write") || strings.HasPrefix(c.name, "send")
}
func (c *systemCall) syncs() bool { return c.name == "fsync" || c.name == "fdatasync" }
