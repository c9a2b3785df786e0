package chaos_test

import (
	"bytes"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// commitAsked is the whole message with which the driver asks PostgreSQL to commit:
// https://www.postgresql.org/docs/current/protocol-message-formats.html
var commitAsked = []byte("Q\x00\x00\x00\x0bcommit\x00")

// wire carries TCP to a server, and breaks in the two ways that toxiproxy has nothing for: connections of which one end is
// gone without a word, and a COMMIT whose answer never comes, because it was lost after the commit or with the request.
type wire struct {
	*testing.T
	network, address string // of the server
	listener         net.Listener
	wait             sync.WaitGroup

	mu    sync.Mutex
	links map[*link]bool

	carried atomic.Int64 // pieces that came from clients
	losing  atomic.Bool  // of four COMMITs one, and of four the answer to one; and the connection with it
	commits atomic.Int64 // COMMITs while losing
	asked   atomic.Int64 // those that were lost: nothing was committed
	lost    atomic.Int64 // answers that were lost: something was
}

// link is one connection through a wire.
type link struct {
	client, server net.Conn
	deaf           atomic.Bool // neither end hears of the other any more, not even that it is gone
	loses          atomic.Bool // the next answer
}

func newWire(t *testing.T, network, address string) *wire {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	w := &wire{T: t, network: network, address: address, listener: listener, links: map[*link]bool{}}
	w.wait.Go(w.serve)
	t.Cleanup(func() {
		_ = listener.Close() // the accept below ends with an error
		w.mu.Lock()
		for l := range w.links {
			l.close()
		}
		w.mu.Unlock()
		w.wait.Wait()
	})
	return w
}

// at is where clients connect, host and port.
func (w *wire) at() string { return w.listener.Addr().String() }

func (w *wire) serve() {
	for {
		client, err := w.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial(w.network, w.address) //nolint:noctx // loopback, and closed below
		if err != nil {
			_ = client.Close() // the client is told that nobody is there
			continue
		}
		l := &link{client: client, server: server}
		w.mu.Lock()
		w.links[l] = true
		w.mu.Unlock()
		w.wait.Go(func() { w.carry(l, server, client) })
		w.wait.Go(func() { w.carry(l, client, server) })
	}
}

// carry copies one direction of l until either end closes. An end that is gone closes the other, unless l is deaf.
func (w *wire) carry(l *link, to, from net.Conn) {
	buffer := make([]byte, 1<<16)
	for {
		n, err := from.Read(buffer)
		if from == l.client && n > 0 {
			w.carried.Add(1)
		}
		if w.loses(l, from, buffer[:n]) {
			_ = l.client.(*net.TCPConn).SetLinger(0) // a reset, not an end
			break
		}
		if l.deaf.Load() {
			if err != nil {
				return // the other end is not told; the end of the test closes it
			}
			continue
		}
		if n > 0 {
			_, writeErr := to.Write(buffer[:n])
			err = errors.Join(err, writeErr)
		}
		if err != nil {
			break
		}
	}
	w.mu.Lock()
	delete(w.links, l)
	w.mu.Unlock()
	l.close()
}

// loses tells whether a piece is the COMMIT, or the answer to one, with which the connection ends.
func (w *wire) loses(l *link, from net.Conn, piece []byte) bool {
	switch {
	case from == l.server && l.loses.Load():
		w.lost.Add(1)
		return true
	case from == l.client && w.losing.Load() && bytes.Contains(piece, commitAsked):
		switch w.commits.Add(1) % 4 {
		case 1:
			w.asked.Add(1)
			return true
		case 3:
			l.loses.Store(true)
		}
	}
	return false
}

func (l *link) close() {
	_ = l.client.Close() // once more, perhaps
	_ = l.server.Close()
}

// deafen makes all connections that there are half-open, for good; new ones are whole. It returns how many there were.
func (w *wire) deafen() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	for l := range w.links {
		l.deaf.Store(true)
	}
	return len(w.links)
}
