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

// A new version takes over while the old one is at work: nobody is cut off, nothing is refused, and nothing is left behind. The
// balancer in front notices within the drain delay.
func TestRollingRestartsUnderLoad(t *testing.T) {
	form := beside(t)
	const grace = 10 * time.Second
	c := newCase(t, "rolling restart", onPostgres(t, ownPostgres(t)), "BOOKING_SHUTDOWN__DRAIN_DELAY=500ms", "BOOKING_SHUTDOWN__GRACE="+grace.String(),
		// Long enough that none runs out because the machine is slow: a lease that is left was left, and who was turned away was
		// turned away by the restart.
		"BOOKING_WORKERS__LEASE=20s", "BOOKING_DATABASE__TIMEOUT=15s")
	c.sandbox.misbehave(usualFaults())
	old := []*instance{c.start(), c.start()}
	load := c.offer(plan{clients: 60})
	slowest := time.Duration(0)
	for range form.of(5, 50) {
		load.acks(30)
		fresh := c.start() // for a while there is one too many
		load.acks(10)
		boot := c.boot(old[0])
		require.NotEmpty(t, boot, "it had nothing to do")
		c.hide(old[0])
		code, took := c.terminate(old[0])
		require.Zero(t, code, "%s", old[0].tail(10))
		require.Less(t, took, grace+5*time.Second)
		slowest = max(slowest, took)
		for id, l := range c.leases() {
			require.False(t, strings.HasPrefix(l.owner, boot+"."), "booking %s is still leased by who has ended\n%s", id, old[0].about(id))
		}
		old = append(old[1:], fresh)
		c.sandbox.follow()
	}
	load.acks(30)
	r := c.judge(load)
	cut, turnedAway := 0, 0
	for _, s := range load.stories {
		cut, turnedAway = cut+s.Cut, turnedAway+s.Unavailable
	}
	r.Figures["cut_off"], r.Figures["turned_away"], r.Figures["slowest_stop_seconds"] = float64(cut), float64(turnedAway), slowest.Seconds()
	c.require(r, needs{"answers_lost", "replayed", "cancels"})
	require.Zero(t, cut, "requests were cut off")
	require.Zero(t, turnedAway, "requests were refused")
	require.Zero(t, r.Coverage["crashed"], "leases were left to run out")
}
