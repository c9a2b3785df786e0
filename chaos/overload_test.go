package chaos_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/chaos/judge"
)

// Ten times as many bookings as can be made are offered, by clients that do not care for Retry-After. What is made meanwhile is
// nearly what is made at best; and when the supplier was away for a while, it is so again without anybody's help.
func TestOverload(t *testing.T) {
	form := runs(t) // not beside others: it measures
	const (
		slots   = 3
		answers = 60 * time.Millisecond // of the supplier, who is asked twice for a booking
	)
	capacity := float64(slots) / (2 * answers.Seconds())
	c := newCase(t, "overload ten times over", onPostgres(t, ownPostgres(t)),
		"BOOKING_WORKERS__POOLS__PROVIDER=3", "BOOKING_WORKERS__PER_SUPPLIER=3", "BOOKING_WORKERS__MEMORY=100",
		"BOOKING_ADMISSION__MAX_BACKLOG=100", "BOOKING_ADMISSION__MAX_AGE=20s", "BOOKING_WORKERS__LEASE=15s",
		// The circuit is what keeps an outage from failing every booking after its five tries.
		"BOOKING_WORKERS__BREAKER__MINIMUM=20", "BOOKING_WORKERS__BREAKER__WINDOW=2s", "BOOKING_WORKERS__BREAKER__DELAY=1s")
	calm := healthy()
	calm["hotel"] = faults{Latency: &latency{P50: int(answers.Milliseconds()), P99: int(answers.Milliseconds()) + 5}}
	c.sandbox.misbehave(calm)
	c.start()

	// As many clients as keep all slots busy, and no more: what the service can do at best.
	busy := c.offer(plan{clients: 20, kinds: judge.Only("ok"), cancel: -1})
	busy.ends(20)
	measure := time.Duration(form.of(8, 30)) * time.Second
	peak := c.goodput(measure)
	busy.stop()
	require.Greater(t, peak, capacity/4, "the machine is too slow to measure anything")

	// A hundred clients ask so often that ten times the capacity is offered.
	crowd := c.offer(plan{clients: 100, kinds: judge.Only("ok"), cancel: -1, hammer: true, pause: time.Duration(100 / (10 * peak) * float64(time.Second))})
	c.until("the crowd is refused", time.Minute, func() bool { return c.total()["booking_shed_total"] > 100 })
	refusedBefore := c.total()["booking_shed_total"]
	overloaded := c.goodput(measure)
	refused := (c.total()["booking_shed_total"] - refusedBefore) / measure.Seconds()

	outage := calm.with("hotel", func(f *faults) { f.Refused = 1 })
	c.sandbox.misbehave(outage)
	<-time.After(time.Duration(form.of(10, 60)) * time.Second)
	c.count("outages")
	c.sandbox.misbehave(calm)
	healed := time.Now()
	const step = 2 * time.Second
	after := 0.
	c.until("it makes as many as before", time.Minute, func() bool {
		after = c.goodput(step)
		return after >= .8*peak
	})
	recovered := time.Since(healed) - step

	crowd.stop()
	r := c.judge(busy.with(crowd))
	for name, value := range map[string]float64{
		"peak_per_second": peak, "overloaded_per_second": overloaded, "ratio": overloaded / peak, "refused_per_second": refused,
		"recovered_seconds": recovered.Seconds(), "after_outage_per_second": after,
	} {
		r.Figures[name] = value
	}
	c.require(r, needs{"shed", "retried"})
	least := .7
	if form == long {
		least = .9
	}
	require.GreaterOrEqual(t, overloaded/peak, least, "who is refused costs those who are served")
}

// goodput is how many bookings were decided in a second, over a while.
func (c *kase) goodput(over time.Duration) float64 {
	c.Helper()
	before, began := c.total()["booking_decided_total"], time.Now()
	<-time.After(over)
	after := c.total()["booking_decided_total"]
	return (after - before) / time.Since(began).Seconds()
}

// until polls for a condition.
func (c *kase) until(what string, within time.Duration, reached func() bool) {
	c.Helper()
	for deadline := time.Now().Add(within); !reached(); <-time.After(10 * poll) {
		require.True(c, time.Now().Before(deadline), "not within %s: %s", within, what)
	}
}

// with is one system changed.
func (m misbehaviour) with(system string, change func(*faults)) misbehaviour {
	changed := misbehaviour{}
	for name, f := range m {
		if name == system {
			change(&f)
		}
		changed[name] = f
	}
	return changed
}
