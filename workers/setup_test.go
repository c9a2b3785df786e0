package workers_test

import (
	"context"
	"crypto/sha256"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"hotelbooking/booking"
	"hotelbooking/booking/bookingtest"
	"hotelbooking/workers"
	"hotelbooking/workers/queuetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// rig is an engine that runs, with all that it touches.
type rig struct {
	*workers.Workers
	t       *testing.T
	queue   *queuetest.Memory
	flow    booking.Flow
	world   *bookingtest.Worlds
	logs    *observer.ObservedLogs
	metrics *prometheus.Registry
	made    int
}

// parts are what a rig is made of; tests change them.
type parts struct {
	cfg    workers.Config
	deps   workers.Deps
	flow   booking.Flow
	script func(b *booking.Booking, operation string) bookingtest.Fate
	memory *queuetest.Memory
	queue  workers.Queue // memory, or what is put around it
	world  *bookingtest.Worlds
}

// step is the table's row of a name, to be changed.
func (p *parts) step(name booking.Name) *booking.Step {
	for i := range p.flow.Steps {
		if p.flow.Steps[i].Name == name {
			return &p.flow.Steps[i]
		}
	}
	panic("no step " + name)
}

// build makes a rig that does not run yet.
func build(t *testing.T, change ...func(*parts)) *rig {
	t.Helper()
	memory, own := queuetest.NewMemory(), &bookingtest.Worlds{}
	p := &parts{cfg: workers.DefaultConfig(), memory: memory, queue: memory, world: own}
	p.flow = booking.NewFlow(p.world.Outside(), booking.DefaultLimits())
	core, logs := observer.New(zapcore.DebugLevel)
	metrics := prometheus.NewRegistry()
	p.deps = workers.Deps{Log: zap.New(core), Metrics: metrics}
	for _, f := range change {
		f(p)
	}
	if p.deps.Versions == nil {
		p.deps.Versions = versions{p.memory}
	}
	if p.world == own {
		own.Script = p.script
	}
	require.NoError(t, p.cfg.Validate())
	return &rig{
		Workers: workers.New(p.flow, p.queue, p.cfg, p.deps), t: t, queue: p.memory, flow: p.flow, world: p.world,
		logs: logs, metrics: metrics,
	}
}

// start makes a rig that runs until the test ends.
func start(t *testing.T, change ...func(*parts)) *rig {
	t.Helper()
	r := build(t, change...)
	require.NoError(t, r.Start(t.Context()))
	t.Cleanup(func() { require.NoError(t, r.Stop(context.Background())) })
	return r
}

// submit submits a new booking.
func (r *rig) submit(change ...func(*booking.Ask)) booking.ID {
	r.t.Helper()
	r.made++
	receipt, err := r.Submit(r.t.Context(), bookingtest.Ask(change...), "key-"+strconv.Itoa(r.made), sha256.Sum256([]byte{1}))
	require.NoError(r.t, err)
	return receipt.Booking.ID
}

// get reads a booking.
func (r *rig) get(id booking.ID) *booking.Booking {
	r.t.Helper()
	b, err := r.queue.Get(r.t.Context(), id)
	require.NoError(r.t, err)
	return b
}

// until waits until a booking is as it should be, and everybody has heard of it.
func (r *rig) until(id booking.ID, is func(*booking.Booking) bool) *booking.Booking {
	r.t.Helper()
	var b *booking.Booking
	require.NoError(r.t, r.Wait(r.t.Context(), id, func() (int, bool) {
		b = r.get(id)
		return b.Version, !is(b)
	}))
	synctest.Wait()
	return b
}

// ended waits until nothing is left to do for a booking.
func (r *rig) ended(id booking.ID) *booking.Booking {
	r.t.Helper()
	return r.until(id, func(b *booking.Booking) bool { return b.Place.Phase == booking.Ended })
}

// leased counts the rows that somebody holds.
func (r *rig) leased() int {
	n := 0
	for _, b := range r.queue.All() {
		if b.Owner != "" {
			n++
		}
	}
	return n
}

// count is the value of a counter or gauge, summed over its labels.
func (r *rig) count(name string) int {
	r.t.Helper()
	families, err := r.metrics.Gather()
	require.NoError(r.t, err)
	sum := 0.0
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		for _, m := range family.GetMetric() {
			sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return int(sum)
}

// attempts is how often the history says that a step was tried, in a phase.
func (r *rig) turns(id booking.ID, phase booking.Phase, step booking.Name) []booking.Entry {
	r.t.Helper()
	history, err := r.queue.History(r.t.Context(), id)
	require.NoError(r.t, err)
	var turns []booking.Entry
	for i, e := range history {
		require.Equal(r.t, i+1, e.Version, "history has no gap")
		if e.From == (booking.Place{Phase: phase, Step: step}) && e.Verb == "turn" {
			turns = append(turns, e)
		}
	}
	return turns
}

// pass lets fake time go by.
func pass(d time.Duration) { <-time.After(d) }

// supplier says whose room is booked.
func supplier(name string) func(*booking.Ask) {
	return func(a *booking.Ask) { a.Offer.Supplier = name }
}

// decide decides as another process would: the engine under test is not told.
func (r *rig) decide(id booking.ID, d booking.Decision) {
	r.t.Helper()
	_, err := r.queue.Decide(r.t.Context(), id, func(b *booking.Booking) (booking.Entry, error) {
		return r.flow.Decide(b, d, time.Now().UTC().Truncate(time.Microsecond))
	})
	require.NoError(r.t, err)
}

// versions adds to the queue in memory what only the store has.
type versions struct{ *queuetest.Memory }

func (v versions) Versions(ctx context.Context, ids []booking.ID) (map[booking.ID]int, error) {
	found := map[booking.ID]int{}
	for _, id := range ids {
		if b, err := v.Get(ctx, id); err == nil {
			found[id] = b.Version
		}
	}
	return found, nil
}
