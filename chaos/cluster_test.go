package chaos_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The machine of the primary is lost under load, after the standby was cut off from it for a second. With a synchronous
// standby nothing was acknowledged that it does not have.
func TestAStandbyTakesOver(t *testing.T) {
	form := beside(t)
	p := newPair(t, synchronous)
	c := newCase(t, "failover to a synchronous standby", p.storage())
	c.start()
	load := c.offer(plan{clients: 40})
	for range form.of(1, 10) {
		load.ends(40)
		c.failover(p, load)
	}
	load.acks(20)
	c.finish(load, needs{"queue_errors"})
}

// The same with a standby that nobody waits for must lose something: a harness that does not see it would see nothing.
func TestAStandbyThatNobodyWaitsForLosesBookings(t *testing.T) {
	if runs(t) == short {
		t.Skip("only in the long form: it tests the harness")
	}
	p := newPair(t, asynchronous)
	c := newCase(t, "failover to an asynchronous standby", p.storage())
	c.start()
	load := c.offer(plan{clients: 40})
	load.ends(40)
	c.failover(p, load)
	load.acks(20)
	r := c.judge(load)
	t.Logf("as it must be: %s", r)
	require.NotZero(t, r.Wrong["lost"], "a second of acknowledged bookings was lost with the primary, and nobody saw it")
}

// failover loses the primary while work is in flight, and waits until the service goes on by itself. The figures are the
// longest of all.
func (c *kase) failover(p *pair, load *load) {
	c.Helper()
	lost := p.failover()
	c.count("failovers")
	promoted := time.Now()
	// A synchronous primary commits nothing until it has a standby again.
	p.rejoin()
	rejoined := time.Now()
	load.acks(1)
	c.longest("promotion_seconds", promoted.Sub(lost))
	c.longest("rejoining_seconds", rejoined.Sub(promoted))
	c.longest("service_again_seconds", time.Since(rejoined))
	c.longest("failover_seconds", time.Since(lost))
}

func (c *kase) longest(figure string, took time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.figures[figure] = max(c.figures[figure], took.Seconds())
}
