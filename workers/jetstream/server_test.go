package jetstream_test

import (
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// broker is a server of this process, with a directory of its own that outlives its restarts.
type broker struct {
	*server.Server
	options server.Options
}

// readyWithin bounds how long a server may take to start.
const readyWithin = 10 * time.Second

// startBroker starts a server that ends with the test.
func startBroker(t testing.TB) *broker {
	t.Helper()
	b := &broker{options: server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoLog: true, NoSigs: true}}
	b.start(t)
	t.Cleanup(b.stop)
	return b
}

func (b *broker) start(t testing.TB) {
	t.Helper()
	options := b.options
	s, err := server.NewServer(&options)
	require.NoError(t, err)
	s.Start()
	require.True(t, s.ReadyForConnections(readyWithin), "the broker did not start")
	b.Server = s
	b.options.Port = options.Port // the same after a restart
}

// stop ends the server, and waits until it has.
func (b *broker) stop() {
	b.Shutdown()
	b.WaitForShutdown()
}

// restart starts it again at the same address, with what it has stored.
func (b *broker) restart(t testing.TB) {
	t.Helper()
	b.stop()
	b.start(t)
}

// connected is a connection that comes back by itself, and ends with the test.
func connected(t testing.TB, b *broker) (*nats.Conn, jetstream.JetStream) {
	t.Helper()
	conn, err := nats.Connect(b.ClientURL(), nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond), nats.RetryOnFailedConnect(true))
	require.NoError(t, err)
	t.Cleanup(conn.Close)
	js, err := jetstream.New(conn)
	require.NoError(t, err)
	return conn, js
}
