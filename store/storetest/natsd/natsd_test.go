package natsd_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/store/storetest/natsd"
)

func TestAnotherNodeLeadsWhereTheLeaderWasKilledAndTheKilledOneComesBack(t *testing.T) {
	t.Parallel()
	ctx := patient(t)
	c := start(t, natsd.Options{Nodes: 3, SyncAlways: true})
	require.Len(t, c.URLs(), 3)
	create(t, c.URLs()[0], "S", 3)
	require.Contains(t, ask(t, c.URLs()[0], "kept", "1"), `"seq":1`)
	first, err := c.Leader(ctx, "S")
	require.NoError(t, err)
	require.Contains(t, ask(t, c.URLs()[0], "$JS.API.STREAM.INFO.S", ""), fmt.Sprintf(`"leader":%q`, first.Name()))

	require.NoError(t, first.Kill())

	require.False(t, first.Runs())
	second, err := c.Leader(ctx, "S")
	require.NoError(t, err)
	require.NotEqual(t, first.Name(), second.Name())
	require.Contains(t, ask(t, second.URL(), "kept", "2"), `"seq":2`)

	require.NoError(t, first.Start(ctx))

	require.Error(t, first.Start(ctx), "it runs")
	require.NoError(t, second.Kill())
	third, err := c.Leader(ctx, "S")
	require.NoError(t, err)
	require.NotEqual(t, second.Name(), third.Name())
	require.Contains(t, ask(t, first.URL(), "kept", "3"), `"seq":3`, "two of three agree, so the one that was killed takes part")
}

func TestWhatANodeHasStoredIsThereAfterItsEnd(t *testing.T) {
	t.Parallel()
	ctx := patient(t)
	c := start(t, natsd.Options{SyncAlways: true})
	node := c.Nodes()[0]
	create(t, node.URL(), "S", 1)
	require.Contains(t, ask(t, node.URL(), "kept", "1"), `"seq":1`)
	for _, end := range []func() error{node.Kill, node.Stop} {
		require.NoError(t, end())
		require.NoError(t, end(), "again does nothing")
		require.NoError(t, node.Start(ctx))
		leader, err := c.Leader(ctx, "S")
		require.NoError(t, err)
		require.Equal(t, node, leader)
		require.Contains(t, ask(t, node.URL(), "$JS.API.STREAM.INFO.S", ""), `"messages":1`)
	}
}

func TestANodeThatForgotComesBackWithNothing(t *testing.T) {
	t.Parallel()
	c := start(t, natsd.Options{SyncAlways: true})
	node := c.Nodes()[0]
	create(t, node.URL(), "S", 1)
	require.Error(t, node.Forget(), "it runs")
	require.NoError(t, node.Kill())

	require.NoError(t, node.Forget())

	require.NoError(t, node.Start(patient(t)))
	require.Contains(t, ask(t, node.URL(), "$JS.API.STREAM.INFO.S", ""), "stream not found")
}

func TestAPausedNodeLeadsNothingAndGoesOn(t *testing.T) {
	t.Parallel()
	ctx := patient(t)
	c := start(t, natsd.Options{Nodes: 3})
	create(t, c.URLs()[0], "S", 3)
	first, err := c.Leader(ctx, "S")
	require.NoError(t, err)

	require.NoError(t, first.Pause())

	require.True(t, first.Runs())
	require.Eventually(t, func() bool {
		second, err := c.Leader(ctx, "S")
		return err == nil && second != first
	}, time.Minute, 20*time.Millisecond)

	require.NoError(t, first.Resume())
	require.NoError(t, c.Healthy(ctx))
	require.NoError(t, first.Pause())
	require.NoError(t, first.Stop(), "although it is paused")
}

func TestNobodyLeadsAStreamThatThereIsNot(t *testing.T) {
	t.Parallel()
	c := start(t, natsd.Options{})
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, err := c.Leader(ctx, "S")
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestOnlyWhoKnowsThePasswordIsLetIn(t *testing.T) {
	t.Parallel()
	c := start(t, natsd.Options{User: "booking", Password: "se cret"})
	for user, welcome := range map[*url.Userinfo]bool{nil: false, url.UserPassword("booking", "x"): false, url.UserPassword("booking", "se cret"): true} {
		address, err := url.Parse(c.URLs()[0])
		require.NoError(t, err)
		address.User = user
		require.Equal(t, welcome, strings.HasPrefix(dial(t, address.String(), "PING\r\n"), "PONG"), "%s", user)
	}
}

func TestAClusterThatIsStoppedLeavesNothingButItsLog(t *testing.T) {
	t.Parallel()
	dir, logs := t.TempDir(), t.TempDir()
	c, err := natsd.Start(patient(t), natsd.Options{Dir: dir, Logs: logs})
	require.NoError(t, err)
	require.NoError(t, c.Nodes()[0].Pause())
	require.NoError(t, c.Stop())
	require.False(t, c.Nodes()[0].Runs())
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left)
	printed, err := os.ReadFile(filepath.Join(logs, "nats-1.log"))
	require.NoError(t, err)
	require.Contains(t, string(printed), "Server is ready")
	require.NoError(t, c.Stop(), "again does nothing")
}

func TestANodeThatEndsAtOnceSaysWhy(t *testing.T) {
	t.Parallel()
	c := start(t, natsd.Options{})
	node := c.Nodes()[0]
	require.NoError(t, node.Stop())
	broken := filepath.Join(filepath.Dir(node.Log()), node.Name(), "nats.conf")
	_, err := os.Stat(broken)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(broken, []byte("listen: nowhere"), 0o600))
	require.ErrorContains(t, node.Start(patient(t)), "nats.conf")
}

func TestADirectoryThatCannotBeMadeIsSaid(t *testing.T) {
	t.Parallel()
	_, err := natsd.Start(patient(t), natsd.Options{Dir: "/nowhere"})
	require.ErrorIs(t, err, fs.ErrNotExist)
}

func start(t *testing.T, o natsd.Options) *natsd.Cluster {
	t.Helper()
	o.Dir = t.TempDir()
	c, err := natsd.Start(patient(t), o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Stop()) })
	return c
}

// patient bounds what a test waits for.
func patient(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute) // with the building of the server
	t.Cleanup(cancel)
	return ctx
}

// create makes a stream of the subject "kept".
func create(t *testing.T, address, stream string, replicas int) {
	t.Helper()
	config, err := json.Marshal(map[string]any{"name": stream, "subjects": []string{"kept"}, "storage": "file", "retention": "limits", "num_replicas": replicas})
	require.NoError(t, err)
	require.Contains(t, ask(t, address, "$JS.API.STREAM.CREATE."+stream, string(config)), `"created"`)
}

// ask makes a request of JetStream, again while there is no answer, as after an election: only workers/jetstream knows the
// client's library, and the protocol is short.
func ask(t *testing.T, address, subject, payload string) (answer string) {
	t.Helper()
	require.Eventually(t, func() bool {
		// What is published again is known by its id, and answered as before.
		header := "NATS/1.0\r\nNats-Msg-Id: " + subject + payload + "\r\n\r\n"
		answer = dial(t, address, fmt.Sprintf("SUB inbox 1\r\nHPUB %s inbox %d %d\r\n%s%s\r\n", subject, len(header), len(header)+len(payload), header, payload))
		return strings.HasPrefix(answer, "{") && !strings.Contains(answer, `"code":503`)
	}, time.Minute, 20*time.Millisecond, "%s", subject)
	return answer
}

// dial says something to a node, and returns the first line that is not about the saying: what was published, or what is wrong.
func dial(t *testing.T, address, said string) string {
	t.Helper()
	to, err := url.Parse(address)
	require.NoError(t, err)
	conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(t.Context(), "tcp", to.Host)
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.SetDeadline(time.Now().Add(5*time.Second)))
	password, _ := to.User.Password()
	_, err = fmt.Fprintf(conn, "CONNECT {\"verbose\":false,\"headers\":true,\"user\":%q,\"pass\":%q}\r\n%s", to.User.Username(), password, said)
	require.NoError(t, err)
	lines := bufio.NewReader(conn)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return "no answer: " + err.Error()
		}
		switch word, _, _ := strings.Cut(line, " "); word {
		case "INFO", "MSG", "HMSG":
		default:
			return line
		}
	}
}
