package chaos_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The same as without a broker: what it is told over one changes nothing for a process that dies, or stands still.
func TestKilledAndPausedWithABroker(t *testing.T) {
	form := beside(t)
	killedAndPaused(t, form, "kill -9 and SIGSTOP, PostgreSQL and NATS", over(newBroker(t, 3))...)
}

// Whatever part of a fleet or of its broker is lost, and however many hints with it, it costs time and nothing else.
func TestAFleetLosesItsParts(t *testing.T) {
	form := beside(t)
	f := newFleet(t, "fleet")
	load := f.offer(plan{clients: 60})
	for range form.of(1, 10) {
		f.everyFault(form, load)
	}
	f.strikes("nothing") // to compare with
	load.ends(40)
	f.strikes("the_end")
	r := f.judge(load)
	f.silences(r)
	f.orphans.measure(r)
	f.require(r, needs{"crashed", "unknown", "answers_lost", "replayed", "cancels", "hints_fetched", "hints_missed", "hints_swept", "hints_lost"})
	// Half of them, because the machine may have other things to do. The longest is in the report.
	require.LessOrEqual(t, r.Figures["orphan_p50_seconds"], (lease + time.Second).Seconds(), "orphans wait too long")
}

// What a dead member had taken counts in what the fleet may have under way: its bookings are taken over all the same, and as
// soon.
func TestAFleetWithLimitsLosesWorkers(t *testing.T) {
	form := beside(t)
	f := newFleet(t, "fleet with limits", "BOOKING_NATS__LIMITS__PROVIDER=16", "BOOKING_NATS__LIMITS__FRAUD=8",
		"BOOKING_NATS__LIMITS__PAYMENT=8", "BOOKING_NATS__LIMITS__TRACKING=8")
	load := f.offer(plan{clients: 60})
	for range form.of(2, 20) {
		load.ends(20)
		f.strikes("worker_killed")
		f.loseWorkers(form, load)
		f.sandbox.follow()
	}
	load.ends(40)
	f.strikes("the_end")
	r := f.judge(load)
	f.silences(r)
	f.orphans.measure(r)
	f.require(r, needs{"crashed", "unknown", "answers_lost", "replayed", "cancels", "hints_fetched", "hints_swept"})
	require.LessOrEqual(t, r.Figures["orphan_p50_seconds"], (lease + time.Second).Seconds(), "orphans wait too long")
}

// The broker goes, and does not come back: what is booked is accepted all the same, and ends, and processes start, and stop.
func TestAFleetNeedsNoBroker(t *testing.T) {
	form := beside(t)
	f := newFleet(t, "fleet without a broker", unhurried...)
	hinted := f.offer(plan{clients: 20})
	hinted.ends(form.of(40, 1000))
	since := time.Now()
	before := hinted.between(time.Time{}, since)
	f.down()
	f.count("broker_stops")
	load := f.offer(plan{clients: 40})
	load.ends(form.of(40, 1000))
	for _, role := range []string{apiRole, pools[0], sweeperRole} {
		f.relieve(f.of(role)[0])
		load.ends(20)
	}
	load.ends(form.of(40, 1000))
	took := load.between(since, time.Now())
	r := f.judge(load.with(hinted))
	for _, node := range f.broker.Nodes() {
		require.False(t, node.Runs(), "%s came back", node.Name())
	}
	r.Figures["p50_with_broker_ms"], r.Figures["p99_with_broker_ms"] = before.at(.5), before.at(.99)
	r.Figures["p50_without_broker_ms"], r.Figures["p99_without_broker_ms"] = took.at(.5), took.at(.99)
	load.turnedAway(r)
	f.require(r, needs{"replayed", "cancels", "hints_fetched", "hints_missed"})
	r.nobodyTurnedAway(t)
}

// A new version takes over in all parts of a fleet, one after the other.
func TestRollingRestartsOfAFleet(t *testing.T) {
	form := beside(t)
	f := newFleet(t, "rolling restart of a fleet", unhurried...)
	load := f.offer(plan{clients: 40})
	for range form.of(1, 10) {
		for _, m := range f.members {
			load.ends(10)
			f.relieve(m)
			f.sandbox.follow()
		}
	}
	load.ends(20)
	r := f.judge(load)
	load.turnedAway(r)
	f.require(r, needs{"answers_lost", "replayed", "cancels", "hints_fetched"})
	r.nobodyTurnedAway(t)
	require.Zero(t, r.Coverage["crashed"], "leases were left to run out")
}
