package bench

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// waits is a service with one booking: it answers a long-poll with a change, and streams two events and then nothing.
func waits(t *testing.T) (addr string) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == bookingsPath+"/b1" {
			if r.Header.Get("If-None-Match") != `"1"` || r.Header.Get("Prefer") != "wait=55" {
				w.WriteHeader(http.StatusBadRequest)
			}
			fmt.Fprint(w, `{"version":2,"updated_at":"2026-11-22T10:00:02Z"}`)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(w, "retry: 2000\n\n")
		for version := 1; version <= 2; version++ {
			fmt.Fprintf(w, ": ping\n\nid: %d\nevent: status\ndata: {\"version\":%[1]d,\"updated_at\":\"2026-11-22T10:00:0%[1]dZ\"}\n\n", version)
			_ = http.NewResponseController(w).Flush() // it can
		}
		<-r.Context().Done() // a stream goes on
	}))
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

func TestAMemberIsToldOfTheChangeAndNotOfWhatItKnew(t *testing.T) {
	t.Parallel()
	addr := waits(t)
	for _, waiter := range []string{longPolls, streams} {
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", addr)
		require.NoError(t, err)
		m := &member{booking: accepted{id: "b1", etag: `"1"`}, conn: conn, told: make(chan struct{})}
		require.NoError(t, m.ask(waiter, addr, "k"))
		m.listen(waiter) // returns, though the stream goes on
		require.NoError(t, m.err)
		require.Equal(t, time.Date(2026, 11, 22, 10, 0, 2, 0, time.UTC), m.updated, waiter)
		require.NoError(t, conn.Close())
	}
}

func TestALongPollThatEndsWithoutAChangeIsAnError(t *testing.T) {
	t.Parallel()
	addr := waits(t)
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", addr)
	require.NoError(t, err)
	defer conn.Close()
	m := &member{booking: accepted{id: "b1", etag: `"7"`}, conn: conn, told: make(chan struct{})}
	require.NoError(t, m.ask(longPolls, addr, "k"))
	_, err = wholeBooking(bufio.NewReader(conn))
	require.EqualError(t, err, "an answer with status 400")
}

func TestTooFewFileDescriptorsAreNoticed(t *testing.T) {
	t.Parallel()
	require.NoError(t, enoughFiles(os.Getpid(), 3))
	require.ErrorContains(t, enoughFiles(os.Getpid(), 1<<40), "may open")
}
