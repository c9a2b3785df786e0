package chaos_test

import (
	"context"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/store/storetest/natsd"
)

// everyFault strikes a fleet with all that may happen to its members and to its broker, one after the other, each time while
// work is under way; bookings must end during each or after it, and hints come again.
func (f *fleet) everyFault(form form, load *load) {
	f.Helper()
	few := form.of(20, 40)
	for _, one := range []faultKind{
		{"leader_killed", f.loseTheLeader},
		{"leader_emptied", f.emptyTheLeader},
		{"worker_killed", f.loseWorkers},
		{"api_node_killed", f.loseAPINode},
		{"sweeper_killed", f.loseTheSweeper},
		{"leader_paused", f.pauseTheLeader},
		{"hints_dropped", f.dropHints},
		{"stream_deleted", f.deleteTheStream},
		{"broker_down", f.takeTheBrokerAway},
		{"broker_emptied", f.emptyTheBroker},
	} {
		load.ends(few)
		f.strikes(one.name)
		one.strike(form, load)
		load.ends(few)
		f.hinted()
		f.sandbox.follow()
	}
}

// hinted waits until bookings are found by hints again: what is gone is made anew.
func (f *fleet) hinted() {
	f.Helper()
	fetched := func() int { return int(f.total()["booking_hints_fetched_total"]) }
	before := fetched()
	f.until("hints come again", restWithin, func() bool { return fetched() >= before+20 })
}

// faultKind is one thing that may happen.
type faultKind struct {
	name   string
	strike func(form, *load)
}

// loseTheLeader kills the node that leads the stream, and starts it again when another leads.
func (f *fleet) loseTheLeader(_ form, load *load) {
	f.Helper()
	f.replaceTheLeader(load, func(*natsd.Node) {})
}

// emptyTheLeader has it come back with nothing, which the others are to give it.
func (f *fleet) emptyTheLeader(_ form, load *load) {
	f.Helper()
	f.replaceTheLeader(load, func(lost *natsd.Node) {
		require.NoError(f, lost.Forget())
		f.count("leaders_emptied")
	})
}

func (f *fleet) replaceTheLeader(load *load, meanwhile func(*natsd.Node)) {
	f.Helper()
	lost := f.leader()
	require.NoError(f, lost.Kill())
	f.count("leaders_killed")
	meanwhile(lost)
	load.ends(10)
	f.leader()
	ctx, cancel := context.WithTimeout(f.Context(), time.Minute)
	defer cancel()
	require.NoError(f, lost.Start(ctx))
}

// loseWorkers kills the member of each pool, while it has turns.
func (f *fleet) loseWorkers(_ form, load *load) {
	f.Helper()
	for _, pool := range pools {
		f.lose(f.of(pool)[0])
		load.ends(10)
	}
}

func (f *fleet) loseAPINode(_ form, load *load) {
	f.Helper()
	for _, m := range f.of(apiRole) {
		f.lose(m)
		load.acks(10)
	}
}

func (f *fleet) loseTheSweeper(form, *load) {
	f.Helper()
	f.lose(f.of(sweeperRole)[0])
}

// pauseTheLeader stops the node that leads the stream for longer than its clients wait for a sign of life.
func (f *fleet) pauseTheLeader(form, *load) {
	f.Helper()
	paused := f.leader()
	require.NoError(f, paused.Pause())
	f.count("broker_nodes_paused")
	<-time.After(pingLimit + time.Second)
	require.NoError(f, paused.Resume())
}

// pingLimit is how long a silent broker is waited for: two pings of 5 s that nobody answers, and the third.
const pingLimit = 15 * time.Second

// dropHints throws away whatever is in the stream, again and again.
func (f *fleet) dropHints(form form, _ *load) {
	f.Helper()
	for over := time.Now().Add(time.Duration(form.of(5, 30)) * time.Second); time.Now().Before(over); <-time.After(5 * poll) {
		purge(f.T, f.broker)
		f.count("purges")
	}
}

func (f *fleet) deleteTheStream(form form, load *load) {
	f.Helper()
	for range form.of(2, 10) {
		erase(f.T, f.broker)
		f.count("streams_deleted")
		load.ends(10)
	}
}

func (f *fleet) takeTheBrokerAway(form form, _ *load) {
	f.Helper()
	f.down()
	f.count("broker_stops")
	<-time.After(time.Duration(form.of(10, 60)) * time.Second)
	f.up()
}

// emptyTheBroker has the broker come back with nothing: no hints, no stream, no consumers.
func (f *fleet) emptyTheBroker(_ form, load *load) {
	f.Helper()
	f.down()
	f.count("broker_stops")
	f.count("brokers_emptied")
	for _, node := range f.broker.Nodes() {
		require.NoError(f, node.Forget())
	}
	load.ends(10)
	f.up()
}
