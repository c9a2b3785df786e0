package jetstream_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
	"hotelbooking/workers"
	"hotelbooking/workers/jetstream"
)

// brief lets leases and hints of silent processes be over soon, and nothing be found without a hint.
func brief(c *jetstream.Config, w *workers.Config) {
	c.Backstop = time.Hour
	w.Lease, w.Poll, c.AckWait = 600*time.Millisecond, 100*time.Millisecond, time.Second
}

// known is what the broker knows of a pool's hints.
func (f *fleet) known(js natsjs.JetStream, consumer string) *natsjs.ConsumerInfo {
	f.Helper()
	c, err := js.Consumer(f.Context(), "look", consumer)
	if errors.Is(err, natsjs.ErrConsumerNotFound) {
		return &natsjs.ConsumerInfo{} // not made yet
	}
	require.NoError(f, err)
	return c.CachedInfo()
}

// answers counts what all processes have answered hints.
func (f *fleet) answers(how string) (n float64) {
	f.Helper()
	for _, m := range f.joined {
		registry := prometheus.NewRegistry()
		registry.MustRegister(m.queue.Collectors()...)
		families, err := registry.Gather()
		require.NoError(f, err)
		for _, family := range families {
			for _, metric := range family.GetMetric() {
				if len(metric.GetLabel()) == 1 && metric.GetLabel()[0].GetValue() == how {
					n += metric.GetCounter().GetValue()
				}
			}
		}
	}
	return n
}

// stuck lets the first turn of a step wait until it is let go of, and says that it does.
func (f *fleet) stuck(name booking.Name) (began <-chan struct{}, letGo func()) {
	entered, open := make(chan struct{}), make(chan struct{})
	var stuck atomic.Bool
	for i := range f.flow.Steps {
		if step := &f.flow.Steps[i]; step.Name == name {
			do := step.Do
			step.Do = func(ctx context.Context, b *booking.Booking) booking.Outcome {
				if stuck.CompareAndSwap(false, true) {
					close(entered)
					<-open
				}
				return do(ctx, b)
			}
		}
	}
	return entered, sync.OnceFunc(func() { close(open) })
}

func TestAHintIsNotDoneBeforeItsTurnIsSaved(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	saving, saves := make(chan struct{}), make(chan struct{})
	var held atomic.Bool
	f.memory.Fail = func(method string) error {
		if method == "Save" && held.CompareAndSwap(false, true) {
			close(saving)
			<-saves
		}
		return nil
	}
	_, js := connected(t, f.broker)
	f.join([]booking.Pool{booking.ProviderPool}, hinted)
	f.streamMade()
	id := f.submit(f.join(nil, hinted))
	<-saving
	info := f.known(js, "provider_sandbox")
	require.Equal(t, 1, info.NumAckPending)
	require.Zero(t, info.AckFloor.Consumer)
	close(saves)
	require.Eventually(t, func() bool { return f.known(js, "provider_sandbox").AckFloor.Consumer == 1 }, readyWithin, time.Millisecond)
	require.Equal(t, 2, f.get(id).Version)
}

func TestAHintWhoseTurnCannotBeSavedComesAgain(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	var saved atomic.Bool
	f.memory.Fail = func(method string) error {
		if method == "Save" && !saved.Load() {
			return errNotNow
		}
		return nil
	}
	_, js := connected(t, f.broker)
	api := f.one(func(c *jetstream.Config, w *workers.Config) {
		brief(c, w)
		c.AckWait = 4 * time.Second // long after its lease, however slow the machine is
	})
	id := f.submit(api)
	require.Eventually(t, func() bool { return f.known(js, "provider_sandbox").NumRedelivered > 0 }, 30*time.Second, time.Millisecond)
	require.Equal(t, 1, f.get(id).Version)
	saved.Store(true)
	f.allEnd([]booking.ID{id})
	require.Equal(t, 1, f.worlds.Look(f.get(id)).EverBooked())
}

func TestWhatAKilledProcessWorkedOnGoesOnInAnother(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	began, letGo := f.stuck(booking.StepHold)
	victim := f.join(booking.Pools(), brief)
	f.streamMade()
	api := f.join(nil, brief)
	ids := f.submitMany(api, 20)
	<-began
	victim.kill()
	survivor := f.join(booking.Pools(), brief)
	t.Cleanup(letGo) // before they are stopped
	f.sweeps(survivor)
	f.allEnd(ids)
	for _, id := range ids {
		world := f.worlds.Look(f.get(id))
		require.Equal(t, 1, world.EverBooked())
		require.Equal(t, 1, world.Captures())
	}
}

func TestAHintIsInProgressForAsLongAsItsTurnRuns(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	began, letGo := f.stuck(booking.StepHold)
	_, js := connected(t, f.broker)
	long := func(c *jetstream.Config, w *workers.Config) {
		brief(c, w)
		w.Lease, c.AckWait = 1500*time.Millisecond, 3*time.Second
	}
	api := f.one(long)
	f.join([]booking.Pool{booking.ProviderPool}, long) // who would be given it
	t.Cleanup(letGo)                                   // before they are stopped
	id := f.submit(api)
	<-began
	require.Eventually(t, func() bool { return f.answers("in progress") > 4 }, 30*time.Second, time.Millisecond, "two thirds of a lease apart: longer than AckWait")
	info := f.known(js, "provider_sandbox")
	require.Equal(t, 1, info.NumAckPending)
	require.Zero(t, info.NumRedelivered)
	letGo()
	f.eachOnce([]booking.ID{id})
}
