package child_test

import (
	"bufio"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/store/storetest/child"
)

// The thread that asks for a child ends, and the child does not.
func TestAChildOutlivesTheThreadThatAskedForIt(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("only Linux ends children with threads")
	}
	cmd := exec.CommandContext(t.Context(), "cat")
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	back, out, err := os.Pipe()
	require.NoError(t, err)
	defer back.Close()
	cmd.Stdout = out

	var exited <-chan struct{}
	var start func()
	thread := make(chan int)
	start = func() {
		runtime.LockOSThread() // for ever: the thread ends with this goroutine
		if syscall.Gettid() == syscall.Getpid() {
			go start() // the main thread never ends
			return
		}
		exited, err = child.Start(cmd, syscall.SIGKILL)
		thread <- syscall.Gettid()
	}
	go start()
	task := "/proc/self/task/" + strconv.Itoa(<-thread)
	require.NoError(t, err)
	require.NoError(t, out.Close())
	require.Eventually(t, func() bool {
		_, err := os.Stat(task)
		return os.IsNotExist(err)
	}, time.Minute, time.Millisecond, "the thread goes on")

	_, err = stdin.Write([]byte("are you there?\n"))
	require.NoError(t, err)
	said, err := bufio.NewReader(back).ReadString('\n')
	require.NoError(t, err, "it ended with the thread")
	require.Equal(t, "are you there?\n", said)
	require.NoError(t, stdin.Close())
	<-exited
	require.True(t, cmd.ProcessState.Success())
}

func TestAChildThatCannotStartHasEnded(t *testing.T) {
	t.Parallel()
	exited, err := child.Start(exec.CommandContext(t.Context(), "/nowhere"), syscall.SIGKILL)
	require.Error(t, err)
	<-exited
}
