package chaos_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/chaos/judge"
	"hotelbooking/store/storetest/natsd"
)

// fleet is a service of several processes, each with its part, that tell one another over a broker of three nodes what to
// look at.
type fleet struct {
	*kase
	broker  *natsd.Cluster
	members []*member
	orphans *orphans
	faults  []fault
}

// member is a process of the fleet; what takes its place when it is gone does the same.
type member struct {
	*instance
	role string
}

// fault is what was done to a fleet.
type fault struct {
	name string
	at   time.Time
}

const (
	apiRole     = "api"
	sweeperRole = "sweeper"
)

// pools are the roles of the members that do a step.
var pools = []string{"provider", "fraud", "payment", "tracking"}

// newFleet starts two members that take requests, one for each pool, and one that sweeps.
func newFleet(t *testing.T, name string, environ ...string) *fleet {
	t.Helper()
	return fleetOf(t, product(t), name, environ...)
}

// fleetOf is newFleet for another binary than the product.
func fleetOf(t *testing.T, binary, name string, environ ...string) *fleet {
	t.Helper()
	f := &fleet{broker: newBroker(t, 3)}
	f.kase = caseOf(t, binary, name, onPostgres(t, ownPostgres(t)), append(over(f.broker), environ...)...)
	f.environ = append(f.environ, "BOOKING_DATABASE__MAX_CONNS=8") // of all together fewer than PostgreSQL takes
	f.orphans = newOrphans(f.kase)
	f.sandbox.misbehave(usualFaults())
	for _, role := range slices.Concat([]string{apiRole, apiRole}, pools, []string{sweeperRole}) {
		f.members = append(f.members, &member{f.enlist(role), role})
	}
	return f
}

// enlist starts a process with one role.
func (f *fleet) enlist(role string) *instance {
	f.Helper()
	return f.start("BOOKING_ROLES=" + role)
}

// lose kills a member, and starts another in its place.
func (f *fleet) lose(m *member) {
	f.Helper()
	f.count(m.role + "_nodes_killed")
	f.orphans.of(m.instance, func() { f.kill(m.instance) })
	m.instance = f.enlist(m.role)
}

// relieve lets another take over from a member, which is asked to end.
func (f *fleet) relieve(m *member) {
	f.Helper()
	old := m.instance
	m.instance = f.enlist(m.role)
	f.dismiss(old)
}

// of are the members with a role.
func (f *fleet) of(role string) []*member {
	return slices.DeleteFunc(slices.Clone(f.members), func(m *member) bool { return m.role != role })
}

// leader is the node that leads the stream.
func (f *fleet) leader() *natsd.Node {
	f.Helper()
	ctx, cancel := context.WithTimeout(f.Context(), time.Minute)
	defer cancel()
	node, err := f.broker.Leader(ctx, stream)
	require.NoError(f, err)
	return node
}

// down ends all nodes of the broker at once, as a power cut would.
func (f *fleet) down() {
	f.Helper()
	for _, node := range f.broker.Nodes() {
		require.NoError(f, node.Kill())
	}
}

// up starts all nodes of the broker again: together, for none is ready alone.
func (f *fleet) up() {
	f.Helper()
	ctx, cancel := context.WithTimeout(f.Context(), time.Minute)
	defer cancel()
	nodes := f.broker.Nodes()
	problems := make([]error, len(nodes))
	var starting sync.WaitGroup
	for i, node := range nodes {
		starting.Go(func() { problems[i] = node.Start(ctx) })
	}
	starting.Wait()
	require.NoError(f, errors.Join(problems...))
}

// strikes notes that a fault begins now.
func (f *fleet) strikes(name string) {
	f.faults = append(f.faults, fault{name, time.Now()})
	f.Logf("%s: %s", f.name, name)
}

// silences adds to the report, for each fault but the last, the longest time before the next in which no booking ended.
func (f *fleet) silences(r *report) {
	f.Helper()
	var ends []time.Time
	for _, row := range r.evidence.Rows {
		if i := slices.IndexFunc(row.Lines, func(l judge.Line) bool { return judge.Terminal(l.Status) }); i >= 0 {
			ends = append(ends, row.Lines[i].At)
		}
	}
	slices.SortFunc(ends, time.Time.Compare)
	for i, one := range f.faults[:len(f.faults)-1] {
		name := "silent_" + one.name + "_seconds"
		r.Figures[name] = max(r.Figures[name], longestGap(ends, one.at, f.faults[i+1].at).Seconds())
	}
}

// longestGap is the longest time between two of the moments, which are sorted, from and until.
func longestGap(moments []time.Time, from, until time.Time) (longest time.Duration) {
	last := from
	for _, moment := range moments {
		if moment.After(from) && moment.Before(until) {
			longest, last = max(longest, moment.Sub(last)), moment
		}
	}
	return max(longest, until.Sub(last))
}
