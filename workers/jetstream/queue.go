package jetstream

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"hotelbooking/booking"
	"hotelbooking/workers"
)

// Queue is a workers.Queue whose processes tell one another over a stream which bookings to look at. All it promises is kept
// by the queue below; the hints save the polls, divide the work, and bound it for the whole fleet. A hint that is lost costs a
// delay, until the sweep or a poll finds the row; one that comes twice, or late, finds nothing due.
//
// A hint is answered after what it led to was saved: then it is done (ack), to be given out again when the booking is due
// (nak), or, while its turn runs, in progress.
type Queue struct {
	workers.Queue

	cfg       Config
	flow      booking.Flow
	js        jetstream.JetStream
	connected func() bool // as far as anybody knows
	log       *zap.Logger
	metrics   *metrics
	wake      func(booking.Pool) // hints of a pool have come

	lanes  []*lane
	unsaid chan saying

	mu      sync.Mutex
	working map[booking.Lease]*message // hints by the leases that they led to
	polled  map[booking.Pool]time.Time

	running sync.WaitGroup
	quit    context.CancelFunc
}

// New puts a Queue around the one that keeps the bookings. pools are those that this process works in. wake must not be called
// before Start. cfg must be valid.
func New(below workers.Queue, flow booking.Flow, conn *nats.Conn, cfg Config, pools []booking.Pool, log *zap.Logger, wake func(booking.Pool)) (*Queue, error) {
	var q *Queue
	// Without a time-out a confirmation that went with its stream was waited for until the end of Stop.
	js, err := jetstream.New(conn, jetstream.WithPublishAsyncErrHandler(func(jetstream.JetStream, *nats.Msg, error) {
		q.metrics.lost.Inc()
	}), jetstream.WithPublishAsyncMaxPending(mostUnsaid), jetstream.WithPublishAsyncTimeout(askFor))
	if err != nil {
		return nil, err
	}
	q = Over(below, flow, js, conn.IsConnected, cfg, pools, log, wake)
	return q, nil
}

// Over is New for a stream that is reached in another way.
func Over(below workers.Queue, flow booking.Flow, js jetstream.JetStream, connected func() bool, cfg Config, pools []booking.Pool, log *zap.Logger, wake func(booking.Pool)) *Queue {
	q := &Queue{
		Queue: below, cfg: cfg, flow: flow, js: js, connected: connected, log: log, metrics: newMetrics(), wake: wake,
		unsaid:  make(chan saying, mostUnsaid),
		working: map[booking.Lease]*message{}, polled: map[booking.Pool]time.Time{},
	}
	q.lay(pools)
	return q
}

// lay makes the lanes.
func (q *Queue) lay(pools []booking.Pool) {
	for _, pool := range booking.Pools() {
		q.polled[pool] = time.Now() // what is due has its hint, and if that was lost there is time
		suppliers := []string{""}
		if pool == booking.ProviderPool {
			suppliers = q.cfg.Suppliers
		}
		for _, supplier := range suppliers {
			q.lanes = append(q.lanes, &lane{
				name: laneName(pool, supplier), pool: pool, supplier: supplier,
				mine: slices.Contains(pools, pool), wake: make(chan struct{}, 1),
			})
		}
	}
}

// Start begins to fetch hints, and to say them.
func (q *Queue) Start(ctx context.Context) {
	ctx, q.quit = context.WithCancel(context.WithoutCancel(ctx))
	q.running.Go(func() { q.speak(ctx) })
	for _, l := range q.lanes {
		if l.mine {
			q.running.Go(func() { q.fetch(ctx, l) })
		}
	}
}

// Stop ends both, after the engine. What was not said yet is found by the sweep.
func (q *Queue) Stop(ctx context.Context) {
	q.quit()
	q.running.Wait()
	for _, l := range q.lanes {
		for _, m := range l.take(len(l.here), q.cfg.AckWait) {
			q.answer("nak", m.msg.Nak()) // for somebody else, at once
		}
	}
	select {
	case <-q.js.PublishAsyncComplete():
	case <-ctx.Done():
	}
}

// Accept stores a booking, and says so unless it is leased from the start.
func (q *Queue) Accept(ctx context.Context, a booking.Acceptance) (booking.Receipt, error) {
	receipt, err := q.Queue.Accept(ctx, a)
	if err == nil && !receipt.Replayed && a.Owner == "" {
		q.tell(a.Booking)
	}
	return receipt, err
}

// Save stores a turn, and then answers the hint that led to it.
func (q *Queue) Save(ctx context.Context, b *booking.Booking, e booking.Entry, lease time.Duration) error {
	if err := q.Queue.Save(ctx, b, e, lease); err != nil {
		return err // what becomes of the booking is not known: the hint comes again, after AckWait
	}
	m := q.done(booking.Lease{ID: b.ID, Owner: b.Owner})
	if m == nil {
		if lease == 0 {
			q.tell(b)
		}
		return nil
	}
	in := b.DueAt.Sub(b.UpdatedAt)
	if h, ok := q.hint(b); lease == 0 && ok && !b.DueAt.IsZero() && in <= soon && laneName(h.Pool, h.Supplier) == m.lane.name {
		q.answer("nak", m.msg.NakWithDelay(max(in, 0)+late))
		return nil
	}
	q.answer("ack", m.msg.Ack())
	if lease == 0 {
		q.tell(b)
	}
	return nil
}

// Renew extends leases, and the hints that led to them; with 0 it gives both back.
func (q *Queue) Renew(ctx context.Context, held []booking.Lease, lease time.Duration) (lost []booking.ID, err error) {
	if lost, err = q.Queue.Renew(ctx, held, lease); err != nil {
		return nil, err
	}
	for _, l := range held {
		switch {
		case lease > 0:
			if m := q.led(l); m != nil {
				q.answer("in progress", m.msg.InProgress())
			}
		default:
			if m := q.done(l); m != nil {
				q.answer("nak", m.msg.Nak())
			}
		}
	}
	return lost, nil
}

// Decide writes a decision, and says where the booking is due because of it.
func (q *Queue) Decide(ctx context.Context, id booking.ID, decide func(*booking.Booking) (booking.Entry, error)) (*booking.Booking, error) {
	b, err := q.Queue.Decide(ctx, id, decide)
	if err == nil && b.Owner == "" {
		q.tell(b)
	}
	return b, err
}

// tell says that b is due, if it soon is.
func (q *Queue) tell(b *booking.Booking) {
	if h, ok := q.hint(b); ok && !b.DueAt.IsZero() {
		q.say(h, b.DueAt.Sub(b.UpdatedAt))
	}
}

// hint is about b where it stands.
func (q *Queue) hint(b *booking.Booking) (h booking.Hint, ok bool) {
	step, ok := q.flow.Step(b.Place.Step)
	h = booking.Hint{ID: b.ID, Version: b.Version, Pool: step.Pool, Trace: b.Trace}
	if step.Pool == booking.ProviderPool {
		h.Supplier = b.Offer.Supplier
	}
	return h, ok
}

// done forgets the hint that led to a lease, and led only looks at it; nil where there was none.
func (q *Queue) done(l booking.Lease) *message {
	q.mu.Lock()
	defer q.mu.Unlock()
	m := q.working[l]
	delete(q.working, l)
	return m
}

func (q *Queue) led(l booking.Lease) *message {
	q.mu.Lock()
	defer q.mu.Unlock()
	m := q.working[l]
	if m != nil {
		m.came = time.Now()
	}
	return m
}

// answer notes what was answered. An answer that is lost costs a second look at the booking.
func (q *Queue) answer(how string, err error) {
	if err != nil {
		how = "lost"
	}
	q.metrics.answers.WithLabelValues(how).Inc()
}
