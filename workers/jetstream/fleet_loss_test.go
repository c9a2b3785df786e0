package jetstream_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
	"hotelbooking/workers"
	"hotelbooking/workers/jetstream"
	"hotelbooking/workers/queuetest"
)

// meddling is a stream on the way to which something happens to hints.
type meddling struct {
	natsjs.JetStream
	meddle func(m *nats.Msg) (sent []*nats.Msg)
}

func (s meddling) PublishMsgAsync(m *nats.Msg, o ...natsjs.PublishOpt) (natsjs.PubAckFuture, error) {
	for _, m := range s.meddle(m) {
		if _, err := s.JetStream.PublishMsgAsync(m, o...); err != nil {
			return nil, err
		}
	}
	return nil, nil //nolint:nilnil // nobody looks at the future
}

// meddle lets something happen to the hints of all who join from now on.
func (f *fleet) meddle(how func(*nats.Msg) []*nats.Msg) {
	f.over = func(js natsjs.JetStream) natsjs.JetStream { return meddling{js, how} }
}

// msgID is what the broker tells a hint from its repetitions by.
func msgID(m nats.Header) string { return m.Get(natsjs.MsgIDHeader) }

// rows are what is overdue in a queue in memory.
type rows struct{ *queuetest.Memory }

func (r rows) Overdue(ctx context.Context, pool booking.Pool, since time.Duration, limit int) (hints []booking.Hint, err error) {
	flow := booking.NewFlow(booking.Outside{}, booking.DefaultLimits())
	for _, b := range r.All() {
		stored, err := r.Get(ctx, b.ID)
		if err != nil {
			return nil, err
		}
		step, _ := flow.Step(stored.Place.Step)
		for _, age := range []time.Duration{since, 0} { // what waits, and what a dead process had
			if held := stored.Owner != ""; held == (age == 0) && step.Pool == pool && !stored.DueAt.IsZero() && time.Since(stored.DueAt) >= age && len(hints) < limit {
				hints = append(hints, booking.Hint{ID: b.ID, Version: stored.Version, Pool: pool, Supplier: stored.Offer.Supplier})
			}
		}
	}
	return hints, nil
}

// sweeps lets a member sweep until the test ends.
func (f *fleet) sweeps(m *member) {
	ctx, quit := context.WithCancel(f.Context())
	var sweeping sync.WaitGroup
	sweeping.Go(func() { m.queue.Sweep(ctx, rows{f.memory}, 20*time.Millisecond) })
	f.Cleanup(func() {
		quit()
		sweeping.Wait()
	})
}

// one joins a process for each pool, and one that takes no part in any.
func (f *fleet) one(change func(*jetstream.Config, *workers.Config)) (api *member) {
	f.Helper()
	for _, pool := range booking.Pools() {
		f.join([]booking.Pool{pool}, change)
	}
	f.streamMade()
	return f.join(nil, change)
}

func (f *fleet) submitMany(m *member, n int) (ids []booking.ID) {
	f.Helper()
	for range n {
		ids = append(ids, f.submit(m))
	}
	return ids
}

func TestWhereEveryHintIsLostTheSweepFindsAllBookings(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.meddle(func(m *nats.Msg) []*nats.Msg {
		if strings.Contains(msgID(m.Header), ":swept") {
			return []*nats.Msg{m}
		}
		return nil
	})
	api := f.one(hinted)
	f.sweeps(api)
	f.eachOnce(f.submitMany(api, 50))
}

func TestWhereNothingCanBeSaidAtAllPollsFindAllBookings(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.meddle(func(*nats.Msg) []*nats.Msg { return nil })
	api := f.one(func(c *jetstream.Config, w *workers.Config) {
		c.Backstop, w.Poll = 20*time.Millisecond, 20*time.Millisecond
	})
	f.eachOnce(f.submitMany(api, 50))
}

func TestHintsThatComeTwiceOrLateChangeNothing(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	var mu sync.Mutex
	var said []*nats.Msg
	f.meddle(func(m *nats.Msg) []*nats.Msg {
		again := nats.NewMsg(m.Subject) // without its id, or the broker would see that it is a repetition
		again.Data = m.Data
		mu.Lock()
		defer mu.Unlock()
		said = append(said, again)
		return []*nats.Msg{again, m, again}
	})
	api := f.one(hinted)
	ids := f.submitMany(api, 50)
	f.eachOnce(ids)
	_, js := connected(t, f.broker)
	mu.Lock()
	defer mu.Unlock()
	require.Len(t, said, 50*6)
	for _, m := range said {
		_, err := js.PublishMsg(t.Context(), m)
		require.NoError(t, err)
	}
	f.drained(js)
	f.eachOnce(ids)
}

// drained waits until all hints are answered.
func (f *fleet) drained(js natsjs.JetStream) {
	f.Helper()
	require.Eventually(f, func() bool {
		stream, err := js.Stream(f.Context(), "look")
		return err == nil && stream.CachedInfo().State.Msgs == 0
	}, 30*time.Second, time.Millisecond)
}

func TestWithoutABrokerBookingsAreAcceptedAndEndAllTheSame(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	api := f.one(func(c *jetstream.Config, w *workers.Config) { w.Poll = 20 * time.Millisecond })
	f.eachOnce(f.submitMany(api, 10))
	f.broker.stop()
	f.eachOnce(f.submitMany(api, 50))
	f.broker.start(t)
	f.eachOnce(f.submitMany(api, 50))
}

func TestWhatAHintIsCalledSaysWhichVersionAndASweepsIsAnother(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	_, js := connected(t, f.broker)
	taker := f.join([]booking.Pool{booking.FraudPool}, hinted) // makes the stream, and takes none of what is said below
	f.streamMade()
	id := f.submit(f.join(nil, hinted))
	stream, err := js.Stream(t.Context(), "look")
	require.NoError(t, err)
	waits := func() (first *natsjs.RawStreamMsg) {
		require.Eventually(t, func() bool {
			info, err := stream.Info(t.Context())
			if err != nil || info.State.Msgs == 0 {
				return false
			}
			first, err = stream.GetMsg(t.Context(), info.State.FirstSeq)
			return err == nil
		}, readyWithin, time.Millisecond)
		return first
	}
	said := waits()
	require.Equal(t, string(id)+":1", msgID(said.Header))
	ack, err := js.PublishMsg(t.Context(), &nats.Msg{Subject: said.Subject, Header: said.Header, Data: said.Data})
	require.NoError(t, err)
	require.True(t, ack.Duplicate, "the broker has had it")

	require.NoError(t, stream.Purge(t.Context()))
	ack, err = js.PublishMsg(t.Context(), &nats.Msg{Subject: said.Subject, Header: said.Header, Data: said.Data})
	require.NoError(t, err)
	require.True(t, ack.Duplicate, "and knows so although it has lost it: who only said it again would not be heard")
	f.sweeps(taker)
	require.True(t, strings.HasPrefix(msgID(waits().Header), string(id)+":1:swept"))
}

var errNotNow = errors.New("not now")
