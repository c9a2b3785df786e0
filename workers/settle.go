package workers

import (
	"context"
	"errors"
	"time"

	"hotelbooking/booking"
)

const (
	// contests is how often a turn's result is applied again because decisions came between.
	contests = 10
	// afresh is how long a booking may have waited in memory before the pivot looks at its row again: a wish to cancel is
	// honoured until the pivot begins.
	afresh = 250 * time.Millisecond
)

// settle applies the outcome to what the call learned, saves it, and sends the booking on its way.
func (w *Workers) settle(t *turn, learned *booking.Booking, o booking.Outcome) {
	h, before := t.held, t.held.b
	took, calls := time.Since(t.began), t.calls.Made()
	for range contests {
		now := w.now()
		after := learned.Clone()
		entry := w.flow.Apply(after, o, now)
		entry.Took, entry.Calls, entry.Happenings = took, calls, booking.Happenings(before, after)
		if w.flow.TurnsRound(after, now) {
			after.DueAt = now // a wish that came while the turn ran does not wait for a retry, or for a person
		}
		asked := time.Now()
		next, lease, until := w.next(h, after, now, asked)
		err := w.insist(h, func(ctx context.Context) error { return w.save(ctx, t, after, entry, lease) })
		switch {
		case err == nil:
			w.ledger.saved(h.id)
			w.record(t, before, after, entry)
			h.b, h.read = after, time.Now()
			w.passOn(t, next, until)
			return
		case errors.Is(err, booking.ErrConflict) && w.graft(h, before, learned): // and again
		case errors.Is(err, booking.ErrConflict) && before.Place.Phase == booking.Parked && w.reread(h) == nil:
			// Decided about at the moment when its time ran out: the decision stands.
			if due(h.b, w.now()) { // now, because that is when a row read again is due
				w.passAlong(t)
				return
			}
			before, learned, o = h.b, h.b.Clone(), booking.Outcome{}
		case errors.Is(err, booking.ErrLost):
			w.metrics.fenced.Inc()
			w.ledger.drop(h)
			w.finish(t)
			return
		default:
			w.log.Warn("turn", turnLost(h, err)...)
			w.ledger.notSaved(h.id)
			w.forget(t)
			return
		}
	}
	w.forget(t)
}

// next is the pool in which b goes on at once in memory, the lease to save it with, and that lease's end by the local clock;
// nil and a lease of 0 where it does not. A lease that is long enough stays as it is: the queue has less to write then.
func (w *Workers) next(h *held, b *booking.Booking, now, asked time.Time) (p *pool, lease time.Duration, until time.Time) {
	if w.stopping.Load() || b.DueAt.IsZero() || b.DueAt.After(now) || b.Place.Phase == booking.Parked && !w.flow.TurnsRound(b, now) {
		return nil, 0, time.Time{}
	}
	p = w.poolOf(b)
	if p == nil || !p.room(b, false, w.ledger.free()) {
		return nil, 0, time.Time{}
	}
	if until = w.ledger.until(h); until.Sub(asked) > w.cfg.Lease/2 {
		return p, booking.KeepLease, until
	}
	return p, w.cfg.Lease, asked.Add(w.cfg.Lease)
}

// due tells whether b is to be looked at now.
func due(b *booking.Booking, now time.Time) bool {
	switch b.Place.Phase {
	case booking.Doing, booking.Finding, booking.Undoing:
		return !b.DueAt.After(now)
	case booking.Parked:
		until := b.Facts.Waiting.Until
		return wished(b) || !until.IsZero() && !until.After(now)
	case booking.Ended:
	}
	return false
}

// wished tells whether a wish to cancel waits to be followed.
func wished(b *booking.Booking) bool {
	wish := b.Facts.Cancellation
	return wish != nil && !wish.Begun && wish.Refuse == ""
}

// passOn ends the turn, and lets the booking wait for its next one, or go.
func (w *Workers) passOn(t *turn, next *pool, until time.Time) {
	h := t.held
	if next == nil {
		w.ledger.drop(h)
		w.finish(t)
		// The queue counts from when it wrote, by its own clock.
		in := h.b.DueAt.Sub(h.b.UpdatedAt)
		if p := w.poolOf(h.b); p != nil && !h.b.DueAt.IsZero() && in < w.cfg.Poll {
			p.dueAt(time.Now().Add(max(in, 0) + time.Millisecond))
		}
		return
	}
	w.ledger.extend(h, until)
	w.finish(t)
	next.push(h)
}

// graft puts the decisions that came between onto what the call learned, so that its outcome can be applied again. Under a
// lease nothing but a wish to cancel and notes may come between; where more did, it says no.
func (w *Workers) graft(h *held, before, learned *booking.Booking) bool {
	fresh, err := w.fresh(h)
	if err != nil || fresh.Place != before.Place || fresh.Goal != before.Goal || fresh.Result != before.Result {
		return false
	}
	learned.Facts.Cancellation = fresh.Facts.Cancellation
	learned.Version, learned.UpdatedAt = fresh.Version, fresh.UpdatedAt
	return true
}

// lookAgain makes sure, before a turn, that the lease is long enough, and that the row has not moved where that matters.
// moved tells that it had, and that h has the new state. Where ok is false the turn has ended.
func (w *Workers) lookAgain(t *turn) (moved, ok bool) {
	h, version := t.held, t.held.b.Version
	step, _ := w.flow.Step(h.b.Place.Step)
	pivot := step.Pivot && h.b.Place.Phase == booking.Doing
	if h.moved.Swap(false) || pivot && time.Since(h.read) > afresh {
		if err := w.reread(h); err != nil {
			w.forget(t)
			return false, false
		}
	}
	if h.lost.Load() || time.Until(w.ledger.until(h)) < w.margin() {
		w.forget(t)
		return false, false
	}
	if p := w.poolOf(h.b); p != nil && p != t.pool || w.elsewhere(h.b) {
		w.passAlong(t)
		return false, false
	}
	return h.b.Version != version, true
}

// passAlong ends a turn that did not begin, because the booking stands elsewhere by now, and lets it wait there: in this
// process, or, where that does not work in that pool, for another.
func (w *Workers) passAlong(t *turn) {
	if !w.elsewhere(t.held.b) {
		w.passOn(t, w.poolOf(t.held.b), time.Time{})
		return
	}
	ctx, cancel := context.WithTimeoutCause(context.Background(), w.cfg.SaveTimeout, errQueueTimeout)
	defer cancel()
	if _, err := w.queue.Renew(ctx, leases([]*held{t.held}), 0); err != nil {
		w.log.Warn("turn", turnLost(t.held, err)...) // the lease runs out
	}
	w.ledger.drop(t.held)
	w.finish(t)
}

// reread replaces the state that h has by the row's, where the row has moved. ErrLost: the lease is somebody else's.
func (w *Workers) reread(h *held) error {
	fresh, err := w.fresh(h)
	if err != nil {
		return err
	}
	h.read = time.Now()
	if fresh.Version == h.b.Version {
		return nil
	}
	b := &booking.Booking{Ask: h.b.Ask, State: fresh.State}
	b.Crashed = h.b.Crashed
	switch b.Place.Phase { // the row's own due time is the end of the lease
	case booking.Parked:
		b.DueAt = b.Facts.Waiting.Until
	case booking.Ended:
		b.DueAt = time.Time{}
	case booking.Doing, booking.Finding, booking.Undoing:
		b.DueAt = w.now()
	}
	h.b = b
	return nil
}

// fresh is the row as it is. ErrLost: the lease is somebody else's.
func (w *Workers) fresh(h *held) (*booking.Booking, error) {
	var fresh *booking.Booking
	err := w.insist(h, func(ctx context.Context) (err error) {
		fresh, err = w.queue.Get(ctx, h.id)
		return err
	})
	if err == nil && fresh.Owner != h.owner {
		return nil, booking.ErrLost
	}
	return fresh, err
}

// insist makes one call to the queue, again and again while the queue is out of order and the lease lasts; at least once,
// because the queue's clock decides and not ours. What it does is not cut short when the engine stops.
func (w *Workers) insist(h *held, call func(ctx context.Context) error) error {
	latest := time.Now().Add(w.cfg.Lease)
	for pause := 50 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		ctx, cancel := context.WithTimeoutCause(context.Background(), w.cfg.SaveTimeout, errQueueTimeout)
		err := call(ctx)
		cancel()
		if err == nil || errors.Is(err, booking.ErrConflict) || errors.Is(err, booking.ErrLost) || errors.Is(err, booking.ErrNotFound) {
			return err
		}
		w.metrics.queueErrors.Inc()
		again := time.Now().Add(pause)
		if again.After(latest) || again.After(w.ledger.until(h)) {
			return err
		}
		select {
		case <-time.After(pause):
		case <-w.ended:
			return err
		}
	}
}

var errQueueTimeout = errors.New("the queue did not answer in time")
