package chaos_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// An instance that is cut off from the database, and from nothing else, begins no call any more once its leases have run out
// by its own clock: another goes on with its bookings from then on.
func TestAnInstanceThatIsCutOffFencesItself(t *testing.T) {
	form := beside(t)
	server := ownPostgres(t)
	on := onPostgres(t, server)
	way := newPassage(t, "unix", socketOf(t, server))
	c := newCase(t, "cut off from the database", on, "BOOKING_DATABASE__TIMEOUT=1s", "BOOKING_DATABASE__COMMIT_TIMEOUT=2s")
	before := newFront(t, c.sandbox.url, nil)
	cut := c.start("BOOKING_DATABASE__URL="+through(t, on.source, way), "BOOKING_SANDBOX__URL="+before.url,
		"BOOKING_WORKERS__POOLS__PROVIDER=3", "BOOKING_WORKERS__PER_SUPPLIER=3") // so that bookings wait in its memory
	other := c.start()
	var base atomic.Value
	base.Store(cut.base)
	load := c.offer(plan{clients: 40, only: func() string { return base.Load().(string) }})
	for range form.of(1, 10) {
		c.sandbox.misbehave(misbehaviour{"hotel": {Latency: &latency{P50: 250, P99: 300}}})
		load.acks(40)
		way.strike(trouble{toxics: []string{toxic("timeout", requests, `"timeout":0`), toxic("timeout", answers, `"timeout":0`)}})
		struck := time.Now() // what it renewed, it renewed before
		c.count("cuts")
		held := c.leases()
		require.NotEmpty(t, held, "it has nothing that it could go on with")
		base.Store(other.base)
		<-time.After(2 * lease)
		require.Empty(t, before.after(struck.Add(lease)), "calls of an instance whose leases have run out")
		c.untilTaken(held)
		way.heal()
		c.sandbox.misbehave(healthy())
		load.ends(20)
		base.Store(cut.base)
		load.ends(40) // by itself, it is of use again
	}
	c.finish(load, needs{"crashed", "leases_lost", "queue_errors"})
}

// untilTaken waits until nothing is held any more by those who held it.
func (c *kase) untilTaken(held map[string]leaseOf) {
	c.Helper()
	require.Eventually(c, func() bool {
		for id, now := range c.leases() {
			if then, was := held[id]; was && now.owner == then.owner {
				return false
			}
		}
		return true
	}, 30*time.Second, 10*poll, "what it held is not taken from it")
}
