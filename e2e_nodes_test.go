package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/store/storetest"
)

// twoNodes are two processes on one database: one only answers requests, the other does everything. What a reader at the first
// learns was done by the other.
type twoNodes struct{ reads, works *client }

// startNodes starts both.
func startNodes(t *testing.T, environ ...string) twoNodes {
	t.Helper()
	shared, sandbox := t.TempDir(), sandboxProcess(t, "BOOKING_SANDBOX__LATENCY=0")
	environ = append(environ, "BOOKING_DATABASE__URL="+storetest.PostgresSchema(t))
	_, works := serviceProcess(t, shared, sandbox, environ...)
	_, reads := serviceProcess(t, shared, sandbox, append(environ, "BOOKING_ROLES="+apiRole)...)
	return twoNodes{reads, works}
}

// rare is a configuration in which nothing is found by a poll for the length of a test.
var rare = []string{"BOOKING_WORKERS__POLL=1h", "BOOKING_WORKERS__LEASE=3h"}

// carriers are the ways in which nodes tell one another.
func carriers() map[string]func(*testing.T) []string {
	return map[string]func(*testing.T) []string{
		"PostgreSQL": func(*testing.T) []string { return []string{"BOOKING_ENGINE=" + inProcess} },
		"a broker": func(t *testing.T) []string {
			_, at := brokerProcess(t)
			return append(at, "BOOKING_NATS__BACKSTOP=1h")
		},
	}
}

// metric is what a process tells of itself; 0 before it has told.
func (c *client) metric(name string) float64 {
	c.Helper()
	for line := range strings.Lines(string(c.call("GET", c.admin+"/metrics", "", "").is(http.StatusOK).body)) {
		if value, is := strings.CutPrefix(line, name+" "); is {
			n, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			require.NoError(c, err)
			return n
		}
	}
	return 0
}

// untilMetric waits until a process tells so much of something.
func (c *client) untilMetric(name string, n float64) {
	c.Helper()
	require.Eventually(c, func() bool { return c.metric(name) == n }, 30*time.Second, time.Millisecond, name)
}

// note changes a booking at one node, and returns when that is done.
func (c *client) note(id string) {
	c.Helper()
	c.call("POST", "/v1/support/bookings/"+id+"/actions/note", c.support, `{"reason":"the guest rang"}`).is(http.StatusAccepted)
}

func TestReadersOfOneNodeLearnAtOnceWhatAnotherHasDone(t *testing.T) {
	t.Parallel()
	for name, environ := range carriers() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := startNodes(t, slices.Concat(rare, environ(t))...)
			for _, c := range []*client{n.reads, n.works} {
				c.untilMetric("booking_signals_hearing", 1)
			}
			b := n.reads.submit(order{card: "pm_card_authenticationRequired"})
			path := "/v1/bookings/" + b.ID
			waits := n.works.untilStatus(b.ID, "requires_action")
			stream := n.reads.follow(path, b.ClientSecret)
			require.Equal(t, waits.Version, next(t, stream).Version, "it was accepted here, and went on there")
			seen := n.reads.call("GET", path, b.ClientSecret, "").is(http.StatusOK)
			answered := n.reads.hold(path, b.ClientSecret, seen)
			n.works.call("POST", path+"/cancellation", b.ClientSecret, "{}").is(http.StatusAccepted)
			changed := (<-answered).is(http.StatusOK).booking()
			require.Greater(t, changed.Version, waits.Version)
			var told bookingView
			for told = range stream {
				require.Equal(t, b.ID, told.ID)
			}
			require.Equal(t, "cancelled", told.Status)
			require.True(t, told.Terminal)
		})
	}
}

func TestReadersOfOneNodeLearnByAPollWhatTheyCannotHear(t *testing.T) {
	t.Parallel()
	cluster, at := brokerProcess(t)
	for name, environ := range map[string][]string{
		"nobody is to listen":       {"BOOKING_ENGINE=" + inProcess, "BOOKING_DATABASE__LISTEN=false"},
		"there is no broker at all": at,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := startNodes(t, environ...) // which poll
			if environ[0] != "BOOKING_ENGINE="+inProcess {
				for _, node := range cluster.Nodes() {
					require.NoError(t, node.Kill())
				}
			}
			n.reads.untilMetric("booking_signals_hearing", 0)
			b := n.reads.submit(order{})
			b = n.reads.until(b.ID, func(v bookingView) bool { return v.Stage == "done" })
			seen := n.reads.call("GET", "/v1/bookings/"+b.ID, n.reads.bookings, "").is(http.StatusOK)
			answered := n.reads.hold("/v1/bookings/"+b.ID, n.reads.bookings, seen)
			n.reads.untilMetric("booking_watched", 1)
			n.works.note(b.ID)
			require.Greater(t, (<-answered).is(http.StatusOK).booking().Version, seen.booking().Version)
		})
	}
}

// nodeRounds makes a measurement of a test: go test -run TestHowSoon -v . -nodes.rounds=500
var nodeRounds = flag.Int("nodes.rounds", 5, "how often a change at one node is waited for at another")

func TestHowSoonReadersOfOneNodeLearnWhatAnotherHasDone(t *testing.T) {
	t.Parallel()
	for name, environ := range carriers() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := startNodes(t, slices.Concat(rare, environ(t))...)
			n.reads.untilMetric("booking_signals_hearing", 1)
			n.works.untilMetric("booking_signals_hearing", 1)
			b := n.works.submit(order{})
			b = n.works.until(b.ID, func(v bookingView) bool { return v.Stage == "done" })
			var took []time.Duration
			for range *nodeRounds {
				seen := n.reads.call("GET", "/v1/bookings/"+b.ID, n.reads.bookings, "").is(http.StatusOK)
				answered := n.reads.hold("/v1/bookings/"+b.ID, n.reads.bookings, seen)
				n.reads.untilMetric("booking_watched", 1)
				n.works.note(b.ID)
				began := time.Now()
				require.Greater(t, (<-answered).is(http.StatusOK).booking().Version, seen.booking().Version)
				took = append(took, time.Since(began))
			}
			slices.Sort(took)
			t.Logf("%s: %d changes, from the answer to who made it to the answer to who waited: p50 %s, p99 %s, most %s", name, len(took),
				took[len(took)/2], took[len(took)*99/100], took[len(took)-1])
		})
	}
}

// follow streams a booking until it is decided.
func (c *client) follow(path, key string) <-chan bookingView {
	c.Helper()
	request, err := http.NewRequestWithContext(c.Context(), "GET", c.base+path+"/stream", nil)
	require.NoError(c, err)
	request.Header.Set("Authorization", "Bearer "+key)
	request.Header.Set("Accept", "text/event-stream")
	response, err := http.DefaultClient.Do(request) //nolint:bodyclose // below, once it has ended
	require.NoError(c, err)
	require.Equal(c, http.StatusOK, response.StatusCode)
	events := make(chan bookingView, 100)
	go func() {
		defer close(events)
		defer func() { _ = response.Body.Close() }()
		for lines := bufio.NewScanner(response.Body); lines.Scan(); {
			var event bookingView
			if data, is := strings.CutPrefix(lines.Text(), "data:"); is && json.Unmarshal([]byte(data), &event) == nil {
				events <- event
			}
		}
	}()
	return events
}

func next[T any](t *testing.T, from <-chan T) T {
	t.Helper()
	select {
	case value := <-from:
		return value
	case <-time.After(30 * time.Second):
		require.Fail(t, "it never came")
		panic("not reached")
	}
}
