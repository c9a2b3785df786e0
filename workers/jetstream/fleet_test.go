package jetstream_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"hotelbooking/booking"
	"hotelbooking/booking/bookingtest"
	"hotelbooking/workers"
	"hotelbooking/workers/jetstream"
	"hotelbooking/workers/queuetest"
)

// fleet is engines on one queue, one broker and one world.
type fleet struct {
	*testing.T
	broker *broker
	memory *queuetest.Memory
	worlds *bookingtest.Worlds
	flow   booking.Flow
	made   int
	joined []*member

	over func(natsjs.JetStream) natsjs.JetStream // unless nil: what the members that join now have instead of the stream
}

func newFleet(t *testing.T) *fleet {
	f := &fleet{T: t, broker: startBroker(t), memory: queuetest.NewMemory(), worlds: &bookingtest.Worlds{}}
	f.flow = booking.NewFlow(f.worlds.Outside(), booking.DefaultLimits())
	return f
}

// member is a process of the fleet.
type member struct {
	*workers.Workers
	queue *jetstream.Queue
	conn  *nats.Conn
	below *mortal
}

// mortal is the database as one process sees it: not at all, once that is dead.
type mortal struct {
	workers.Queue
	dead atomic.Bool
}

var errDead = errors.New("this process is dead")

func (m *mortal) Claim(ctx context.Context, c booking.Claim) ([]*booking.Booking, error) {
	if m.dead.Load() {
		return nil, errDead
	}
	return m.Queue.Claim(ctx, c)
}

func (m *mortal) Save(ctx context.Context, b *booking.Booking, e booking.Entry, lease time.Duration) error {
	if m.dead.Load() {
		return errDead
	}
	return m.Queue.Save(ctx, b, e, lease)
}

func (m *mortal) Renew(ctx context.Context, held []booking.Lease, lease time.Duration) ([]booking.ID, error) {
	if m.dead.Load() {
		return nil, errDead
	}
	return m.Queue.Renew(ctx, held, lease)
}

// kill ends a process as a crash would: nobody hears of it again.
func (m *member) kill() {
	m.below.dead.Store(true)
	m.conn.Close()
}

// hinted lets nothing be found without a hint, for the length of a test.
func hinted(c *jetstream.Config, w *workers.Config) {
	c.Backstop, w.Poll = time.Hour, time.Minute
	w.Lease = time.Hour
}

func (f *fleet) join(pools []booking.Pool, change ...func(*jetstream.Config, *workers.Config)) *member {
	f.Helper()
	hints, cfg := jetstream.DefaultConfig(), workers.DefaultConfig()
	hints.Suppliers, cfg.Works = []string{bookingtest.Ask().Offer.Supplier}, pools
	for _, c := range change {
		c(&hints, &cfg)
	}
	for pool, n := range hints.Limits {
		if n > 0 {
			cfg.Governed = append(cfg.Governed, pool)
		}
	}
	require.NoError(f, cfg.Validate())
	require.NoError(f, hints.Validate())
	m := &member{below: &mortal{Queue: f.memory}}
	m.conn, _ = connected(f, f.broker)
	js, err := natsjs.New(m.conn, natsjs.WithPublishAsyncTimeout(time.Second))
	require.NoError(f, err)
	if f.over != nil {
		js = f.over(js)
	}
	m.queue = jetstream.Over(m.below, f.flow, js, m.conn.IsConnected, hints, pools, zap.NewNop(), func(p booking.Pool) { m.Wake(p) })
	f.joined = append(f.joined, m)
	m.Workers = workers.New(f.flow, m.queue, cfg, workers.Deps{Log: zap.NewNop()})
	require.NoError(f, m.Workers.Start(f.Context()))
	m.queue.Start(f.Context())
	f.Cleanup(func() {
		if err := m.Stop(context.Background()); !m.below.dead.Load() {
			require.NoError(f, err)
		}
		m.queue.Stop(context.Background())
	})
	return m
}

func (f *fleet) submit(m *member) booking.ID {
	f.Helper()
	f.made++
	receipt, err := m.Submit(f.Context(), bookingtest.Ask(), "key-"+strconv.Itoa(f.made), sha256.Sum256([]byte{1}))
	require.NoError(f, err)
	return receipt.Booking.ID
}

// streamMade waits until there is a stream: what is said before that is lost, and nothing is found without hints in most tests.
func (f *fleet) streamMade() {
	f.Helper()
	_, js := connected(f, f.broker)
	require.Eventually(f, func() bool {
		_, err := js.Stream(f.Context(), "look")
		return err == nil
	}, readyWithin, time.Millisecond)
}

// allEnd waits until all bookings are confirmed.
func (f *fleet) allEnd(ids []booking.ID) {
	f.Helper()
	for _, id := range ids {
		require.Eventually(f, func() bool {
			b, err := f.memory.Get(f.Context(), id)
			return err == nil && b.Place.Phase == booking.Ended
		}, 30*time.Second, 5*time.Millisecond, "booking %s is %+v", id, f.get(id).State)
		require.Equal(f, booking.Confirmed, f.get(id).Result)
	}
}

func (f *fleet) get(id booking.ID) *booking.Booking {
	f.Helper()
	b, err := f.memory.Get(f.Context(), id)
	require.NoError(f, err)
	return b
}

// eachOnce looks what the world, and the history, have seen of bookings that went straight through: no turn twice.
func (f *fleet) eachOnce(ids []booking.ID) {
	f.Helper()
	f.allEnd(ids)
	for _, id := range ids {
		require.Equal(f, []string{"hold", "screen", "authorize", "confirm", "capture", "track"}, f.worlds.Calls(f.get(id)))
		require.Equal(f, 7, f.get(id).Version)
	}
}

func TestBookingsGoThroughAFleetByHintsAlone(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	api := f.join(nil, hinted)
	for _, pool := range booking.Pools() {
		f.join([]booking.Pool{pool}, hinted)
		f.join([]booking.Pool{pool}, hinted)
	}
	f.streamMade()
	var ids []booking.ID
	for range 200 {
		ids = append(ids, f.submit(api))
	}
	f.eachOnce(ids)
}

func TestTheBrokerBoundsThePoolsOfTheWholeFleet(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	var now, most atomic.Int64
	bound := func(c *jetstream.Config, w *workers.Config) {
		hinted(c, w)
		c.Limits = jetstream.Limits{booking.PaymentPool: 3}
	}
	for i := range f.flow.Steps {
		if step := &f.flow.Steps[i]; step.Pool == booking.PaymentPool {
			do := step.Do
			step.Do = func(ctx context.Context, b *booking.Booking) booking.Outcome {
				n := now.Add(1)
				defer now.Add(-1)
				for was := most.Load(); n > was && !most.CompareAndSwap(was, n); was = most.Load() {
				}
				<-time.After(2 * time.Millisecond)
				return do(ctx, b)
			}
		}
	}
	first := f.join(booking.Pools(), bound)
	f.join(booking.Pools(), bound)
	f.streamMade()
	var ids []booking.ID
	for range 100 {
		ids = append(ids, f.submit(first))
	}
	f.eachOnce(ids)
	require.Equal(t, int64(3), most.Load())

	require.NoError(t, first.queue.SetLimit(t.Context(), booking.PaymentPool, "", 7))
	most.Store(0)
	for range 200 {
		ids = append(ids, f.submit(first))
	}
	f.eachOnce(ids[100:])
	require.Equal(t, int64(7), most.Load(), "from now on, and nothing was restarted")
}

func TestWhatTheBrokerLosesIsFoundAgain(t *testing.T) {
	t.Parallel()
	for name, happens := range map[string]func(f *fleet, js natsjs.JetStream) error{
		"the stream is purged": func(f *fleet, js natsjs.JetStream) error {
			s, err := js.Stream(f.Context(), "look")
			if err != nil {
				return err
			}
			return s.Purge(f.Context())
		},
		"the stream is deleted": func(f *fleet, js natsjs.JetStream) error { return js.DeleteStream(f.Context(), "look") },
		"a consumer is deleted": func(f *fleet, js natsjs.JetStream) error { return js.DeleteConsumer(f.Context(), "look", "payment") },
		"the broker is started again": func(f *fleet, _ natsjs.JetStream) error {
			f.broker.restart(f)
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t)
			quick := func(c *jetstream.Config, w *workers.Config) {
				w.Poll, c.Backstop = 50*time.Millisecond, 300*time.Millisecond
			}
			api := f.join(nil, quick)
			for _, pool := range booking.Pools() {
				f.join([]booking.Pool{pool}, quick)
			}
			var ids []booking.ID
			for i := range 300 {
				if i%100 == 50 {
					_, js := connected(t, f.broker)
					require.Eventually(t, func() bool { return happens(f, js) == nil }, readyWithin, 10*time.Millisecond)
				}
				ids = append(ids, f.submit(api))
			}
			f.eachOnce(ids)
		})
	}
}
