package chaos_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/chaos/client"
	"hotelbooking/chaos/judge"
	"hotelbooking/store/storetest/pgserver"
)

const (
	fullFor    = 2 * time.Second // at least
	fullWithin = time.Minute     // until it is noticed: what a database has set aside lasts a while
)

func TestTheDiskOfSQLiteFillsUp(t *testing.T) {
	form := beside(t)
	d := newDisk(t, 48)
	c := newCase(t, "disk full, SQLite", onSQLiteIn(filepath.Join(d.dir, "data")))
	c.start()
	c.fillUp(d, form.of(1, 5), func() {})
}

func TestTheDiskOfPostgresFillsUp(t *testing.T) {
	if runs(t) == short {
		t.Skip("only in the long form")
	}
	d := newDisk(t, 256)
	server, err := pgserver.Start(t.Context(), pgserver.Options{Dir: d.dir, Durable: true, Settings: []string{"max_wal_size=48MB", "min_wal_size=32MB"}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	c := newCase(t, "disk full, PostgreSQL", onPostgres(t, server))
	c.start()
	c.fillUp(d, 5, func() {
		// PostgreSQL gives up where it finds no room for its log; whoever runs it starts it again. Nobody starts the service again.
		if !server.Runs() {
			c.count("database_restarts")
			require.NoError(t, server.Restart(t.Context()))
		}
	})
}

// fillUp fills the disk under load, again and again: what cannot be kept is refused, what was acknowledged can be read, and
// with room again everything goes on by itself.
func (c *kase) fillUp(d *disk, times int, recover func()) {
	c.Helper()
	load := c.offer(plan{clients: 40})
	for range times {
		load.ends(40)
		known := c.probe("known")
		require.Equal(c, http.StatusAccepted, known.send(c), "before the disk is full")
		d.fill()
		c.count("disks_full")
		probes := c.untilRefused()
		require.Equal(c, http.StatusOK, known.read(c), "what was acknowledged can be read while the disk is full")
		d.free()
		recover()
		freed := time.Now()
		load.acks(1)
		c.longest("healed_seconds", time.Since(freed))
		for _, p := range append(probes, known) {
			p.untilEnded(c)
		}
	}
	load.acks(20)
	c.finish(load, needs{"retried", "queue_errors"})
}

// untilRefused submits bookings until some were refused as the API promises. It returns all that it submitted.
func (c *kase) untilRefused() (probes []*probe) {
	c.Helper()
	refused, began := 0, time.Now()
	for deadline := began.Add(fullWithin); refused < 5 || time.Since(began) < fullFor; <-time.After(5 * poll) {
		require.True(c, time.Now().Before(deadline), "the disk is full, and nobody noticed")
		p := c.probe("refused")
		probes = append(probes, p)
		if p.send(c) == http.StatusServiceUnavailable {
			refused++
			require.Equal(c, "application/problem+json", strings.Split(p.last.Header.Get("Content-Type"), ";")[0])
			require.NotEmpty(c, p.last.Header.Get("Retry-After"))
			require.NotContains(c, string(p.last.Body), "disk", "what is wrong inside is nobody's business outside")
		}
	}
	return probes
}

// probe is a submission of the case's own.
type probe struct {
	key, id string
	last    client.Answer
}

func (c *kase) probe(what string) *probe {
	return &probe{key: fmt.Sprintf("%s-%d", what, time.Now().UnixNano())}
}

// send submits it, once more perhaps, and returns the status; 0 where there was no answer.
func (p *probe) send(c *kase) int {
	c.Helper()
	var err error
	p.last, err = client.Call(http.MethodPost, c.somewhere()+"/v1/bookings", c.key, judge.Only("ok")[0].Body(p.key), 15*time.Second, "Idempotency-Key", p.key)
	if err != nil || p.last.Status != http.StatusAccepted {
		return p.last.Status
	}
	var v judge.View
	require.NoError(c, json.Unmarshal(p.last.Body, &v))
	require.True(c, p.id == "" || p.id == v.ID, "one key, one booking")
	p.id = v.ID
	return p.last.Status
}

func (p *probe) read(c *kase) int {
	c.Helper()
	a, err := client.Call(http.MethodGet, c.somewhere()+"/v1/bookings/"+p.id, c.key, "", callWithin)
	require.NoError(c, err)
	return a.Status
}

// untilEnded submits it until it is acknowledged, and follows it until it is confirmed.
func (p *probe) untilEnded(c *kase) {
	c.Helper()
	require.Eventually(c, func() bool { return p.send(c) == http.StatusAccepted }, time.Minute, poll, "%s is not accepted", p.key)
	var v judge.View
	require.Eventually(c, func() bool { return c.ask("/v1/bookings/"+p.id, c.key, &v) == http.StatusOK && v.Terminal }, time.Minute, 10*poll)
	require.Equal(c, judge.Confirmed, v.Status)
}

// onSQLiteIn is onSQLite in a directory of the caller's.
func onSQLiteIn(dir string) storage {
	return storage{dir: dir, driver: "sqlite", source: "file:" + filepath.Join(dir, "booking.db") + "?mode=ro&_pragma=busy_timeout(5000)"}
}
