package chaos_test

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestPostgresRestartsUnderLoad(t *testing.T) {
	form := beside(t)
	server := ownPostgres(t)
	c := newCase(t, "PostgreSQL immediate restart", onPostgres(t, server))
	c.sandbox.misbehave(usualFaults())
	c.start()
	c.start()
	load := c.offer(plan{clients: 60})
	slowest := 0.
	for range form.of(5, 50) {
		load.acks(30)
		<-time.After(rand.N(300 * time.Millisecond))
		began := time.Now()
		require.NoError(t, server.Restart(t.Context()))
		c.count("restarts")
		load.acks(1) // the service goes on by itself
		slowest = max(slowest, time.Since(began).Seconds())
		c.sandbox.follow()
	}
	load.acks(30)
	c.figure("longest_without_ack_seconds", slowest)
	c.finish(load, needs{"unknown_commits", "queue_errors", "retried", "replayed"})
}

// A new version takes over while the old one is at work: nobody is cut off, nothing is refused, and nothing is left behind.
func TestRollingRestartsUnderLoad(t *testing.T) {
	form := beside(t)
	c := newCase(t, "rolling restart", onPostgres(t, ownPostgres(t)), unhurried...)
	c.sandbox.misbehave(usualFaults())
	old := []*instance{c.start(), c.start()}
	load := c.offer(plan{clients: 60})
	for range form.of(5, 50) {
		load.acks(30)
		fresh := c.start() // for a while there is one too many
		load.acks(10)
		require.NotEmpty(t, c.boot(old[0]), "it had nothing to do")
		c.dismiss(old[0])
		old = append(old[1:], fresh)
		c.sandbox.follow()
	}
	load.acks(30)
	r := c.judge(load)
	load.turnedAway(r)
	c.require(r, needs{"answers_lost", "replayed", "cancels"})
	r.nobodyTurnedAway(t)
	require.Zero(t, r.Coverage["crashed"], "leases were left to run out")
}

const grace = 10 * time.Second

// unhurried is of instances that are asked to end. The balancer in front notices within the drain delay. The rest is long
// enough that no lease runs out because the machine is slow: a lease that is left was left, and who was turned away was turned
// away by the restart.
var unhurried = []string{
	"BOOKING_SHUTDOWN__DRAIN_DELAY=500ms", "BOOKING_SHUTDOWN__GRACE=" + grace.String(), "BOOKING_WORKERS__LEASE=20s", "BOOKING_DATABASE__TIMEOUT=15s",
}

// dismiss asks an instance to end, which it does in time and without leaving a lease.
func (c *kase) dismiss(i *instance) {
	c.Helper()
	boot := c.boot(i)
	c.hide(i)
	code, took := c.terminate(i)
	require.Zero(c, code, "%s", i.tail(10))
	require.Less(c, took, grace+5*time.Second)
	c.longest("slowest_stop_seconds", took)
	for id, l := range c.leases() {
		require.False(c, boot != "" && strings.HasPrefix(l.owner, boot+"."), "booking %s is still leased by who has ended\n%s", id, i.about(id))
	}
}

// turnedAway adds to the report how many requests were cut off, and how many were answered that the service cannot.
func (l *load) turnedAway(r *report) {
	cut, away := 0, 0
	for _, s := range l.stories {
		cut, away = cut+s.Cut, away+s.Unavailable
	}
	r.Figures["cut_off"], r.Figures["turned_away"] = float64(cut), float64(away)
}

func (r *report) nobodyTurnedAway(t *testing.T) {
	t.Helper()
	require.Zero(t, r.Figures["cut_off"], "requests were cut off")
	require.Zero(t, r.Figures["turned_away"], "requests were refused")
	require.Zero(t, r.Unacked, "submissions were given up")
}
