package store_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
	"hotelbooking/store"
	"hotelbooking/store/storetest"
)

// link is the network between a store and its PostgreSQL.
type link struct {
	network, address string // of the server

	swallow atomic.Bool // the answer to the next COMMIT is lost, and the connection with it
	silent  atomic.Bool // nothing passes any more, and nobody is told
	deaf    atomic.Bool // notifications do not pass, as through a pooler that lends connections for a transaction
	wait    sync.WaitGroup

	mu    sync.Mutex
	conns []net.Conn // of both sides
}

// linked is a store on PostgreSQL whose every byte passes through a link.
func linked(t *testing.T, change ...func(*store.Config)) (*store.Store, *link) {
	t.Helper()
	cfg := storetest.PostgresConfig(t)
	server, err := pgx.ParseConfig(cfg.URL)
	require.NoError(t, err)
	l := &link{}
	l.network, l.address = pgconn.NetworkAddress(server.Host, server.Port)

	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	l.wait.Go(func() { l.serve(listener) })
	t.Cleanup(func() {
		require.NoError(t, listener.Close())
		l.cut() // or the driver would go on asking a silent server to cancel, for a quarter of a minute
		l.wait.Wait()
	})
	address, err := url.Parse(cfg.URL)
	require.NoError(t, err)
	query := address.Query()
	query.Set("host", "127.0.0.1")
	query.Set("port", strconv.Itoa(listener.Addr().(*net.TCPAddr).Port))
	query.Set("sslmode", "disable")
	address.RawQuery, address.Host = query.Encode(), ""
	cfg.URL = address.String()
	return storetest.Open(t, cfg, change...), l
}

func (l *link) serve(listener net.Listener) {
	for {
		client, err := listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial(l.network, l.address) //nolint:noctx // loopback, and closed below
		if err != nil {
			_ = client.Close()
			continue
		}
		l.mu.Lock()
		l.conns = append(l.conns, client, server)
		l.mu.Unlock()
		l.wait.Go(func() { l.pass(server, client, false) })
		l.wait.Go(func() { l.pass(client, server, true) })
	}
}

func (l *link) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, conn := range l.conns {
		_ = conn.Close() // once more, perhaps
	}
}

// pass copies until either side closes. answers tells the direction.
func (l *link) pass(to, from net.Conn, answers bool) {
	defer to.Close()
	defer from.Close()
	buffer := make([]byte, 1<<16)
	for {
		n, err := from.Read(buffer)
		if answers && bytes.Contains(buffer[:n], []byte("COMMIT\x00")) && l.swallow.CompareAndSwap(true, false) {
			return
		}
		if l.silent.Load() {
			_, _ = io.Copy(io.Discard, from) // until the client gives up
			return
		}
		passing := buffer[:n]
		if answers && l.deaf.Load() {
			passing = withoutNotifications(passing)
		}
		if _, writeErr := to.Write(passing); errors.Join(err, writeErr) != nil {
			return
		}
	}
}

// withoutNotifications is what a server has written without its messages of type A. Each is of one type byte, its length and
// its content, and what a server writes at once are whole ones.
func withoutNotifications(written []byte) (rest []byte) {
	for len(written) > 4 {
		end := min(1+int(binary.BigEndian.Uint32(written[1:])), len(written))
		if written[0] != 'A' {
			rest = append(rest, written[:end]...)
		}
		written = written[end:]
	}
	return append(rest, written...)
}

func TestACommitWhoseAnswerIsLostOnTheWayIsLookedUp(t *testing.T) {
	t.Parallel()
	s, l := linked(t)
	for n := range 5 {
		l.swallow.Store(true)
		b := accepted(t, s, n, leased)
		require.False(t, l.swallow.Load())
		l.swallow.Store(true)
		saved(t, s, b, booking.Next())
		require.False(t, l.swallow.Load())
		require.Equal(t, 2, get(t, s, b.ID).Version)
	}
	require.EqualValues(t, 10, s.Counts().Unknown)
}

func TestASilentDatabaseIsGivenUpInTime(t *testing.T) {
	t.Parallel()
	s, l := linked(t, func(c *store.Config) { c.Timeout, c.CommitTimeout = time.Second, 1500*time.Millisecond })
	b := accepted(t, s, 1, leased)
	get(t, s, b.ID) // so that both pools have a connection, on which nobody answers any more
	l.silent.Store(true)
	patient, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	_, err := s.Get(patient, b.ID)
	require.Error(t, err)
	after, entry := turn(b, booking.Next())
	require.Error(t, s.Save(patient, after, entry, time.Minute))
	require.Error(t, s.Ping(patient))
	require.NoError(t, patient.Err(), "it gave up by itself, long before its caller would have")
	l.silent.Store(false)

	require.NoError(t, s.Save(t.Context(), after, entry, time.Minute), "on a new connection")
	require.NoError(t, s.Ping(t.Context()))
}

func TestAConnectionThatWasEndedIsReplaced(t *testing.T) {
	t.Parallel()
	cfg := storetest.PostgresConfig(t)
	address, err := url.Parse(cfg.URL)
	require.NoError(t, err)
	query := address.Query()
	query.Set("application_name", query.Get("search_path")) // which no other test has
	address.RawQuery = query.Encode()
	cfg.URL = address.String()
	s, operator := storetest.Open(t, cfg), storetest.OnPostgres(t)
	for n := range 5 {
		accepted(t, s, n)
		ended, err := operator.Lines(t.Context(), `
SELECT CAST(pg_terminate_backend(pid) AS TEXT) FROM pg_stat_activity WHERE application_name = ?`, query.Get("search_path"))
		require.NoError(t, err)
		require.NotEmpty(t, ended)
	}
	accepted(t, s, 5)
	require.Positive(t, s.Counts().Repeated)
}
