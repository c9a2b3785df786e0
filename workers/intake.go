package workers

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"

	"hotelbooking/booking"
)

// Submit stores a new booking and sets it on its way. It returns after the commit. *booking.Overloaded: nothing was
// stored. booking.ErrKeyReused: the key belongs to another request. Any other error: it may have been stored, and the same
// key will tell.
func (w *Workers) Submit(ctx context.Context, ask booking.Ask, key string, fingerprint [32]byte) (booking.Receipt, error) {
	if !w.submissions.add() {
		return booking.Receipt{}, w.shed(notRunning())
	}
	defer w.submissions.done()
	if err := w.Admit(); err != nil {
		return booking.Receipt{}, err
	}
	if err := w.name(&ask); err != nil {
		return booking.Receipt{}, err
	}
	ctx, span := w.traceAcceptance(ctx, &ask)
	defer span.End()
	b, entry := w.flow.Begin(ask, ask.CreatedAt)
	a := booking.Acceptance{Booking: b, Entry: entry, Key: key, Fingerprint: fingerprint}
	p := w.poolOf(b)
	mine := p != nil && p.room(b, true, w.ledger.free()) && w.ledger.reserve(1) == 1
	if mine {
		defer w.ledger.release(1)
		a.Owner, a.Lease = w.owner(), w.cfg.Lease
		b.Owner = a.Owner
	}
	h := &held{id: b.ID, owner: a.Owner, b: b.Clone(), read: time.Now()}

	asked := time.Now()
	// Not cut short by a caller who hangs up: the answer to a commit under way would be lost with them.
	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), w.cfg.SaveTimeout, errQueueTimeout)
	defer cancel()
	receipt, err := w.queue.Accept(ctx, a)
	w.traceAccepted(span, receipt, err)

	switch fresh := err == nil && !receipt.Replayed; {
	case fresh && mine:
		w.ledger.put(h, asked.Add(w.cfg.Lease))
		p.push(h)
	case fresh:
		w.admission.waits()
		if p != nil {
			w.claimer.want(p.name)
		}
	}
	switch {
	case err != nil:
		return receipt, fmt.Errorf("accept a booking: %w", err)
	case receipt.Replayed:
		w.metrics.replayed.Inc()
	default:
		w.metrics.stored()
	}
	return receipt, nil
}

// name gives a submission its identity.
func (w *Workers) name(ask *booking.Ask) error {
	id, err := uuid.NewRandomFromReader(w.random)
	if err != nil {
		return fmt.Errorf("make an id: %w", err)
	}
	now := w.now()
	var millis [8]byte
	binary.BigEndian.PutUint64(millis[:], uint64(now.UnixMilli()))
	copy(id[:6], millis[2:]) // version 7, made here because the library's remembers the last moment it saw, in all engines of a process
	id[6] = id[6]&0x0f | 0x70
	var six [6]byte
	if _, err := io.ReadFull(w.random, six[:]); err != nil {
		return fmt.Errorf("make a reference: %w", err)
	}
	ask.ID, ask.Reference, ask.CreatedAt = booking.ID(id.String()), booking.NewReference(six), now
	return nil
}

// Decide applies a person's or a vendor's decision, and sees to it that it is acted upon. Errors are those of
// booking.Flow.Decide and of Queue.Decide.
func (w *Workers) Decide(ctx context.Context, id booking.ID, d booking.Decision) (*booking.Booking, error) {
	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), w.cfg.SaveTimeout, errQueueTimeout)
	defer cancel()
	began := time.Now()
	var before *booking.Booking
	after, err := w.queue.Decide(ctx, id, func(b *booking.Booking) (booking.Entry, error) {
		before = b.Clone()
		return w.flow.Decide(b, d, w.now())
	})
	if err != nil {
		return nil, err // as it is: callers tell them apart, and say what was tried
	}
	w.traceDecision(ctx, began, after, d)
	w.metrics.moved(before, after)
	if h := w.ledger.find(id); h != nil {
		h.moved.Store(true)
	}
	if p := w.poolOf(after); p != nil {
		w.claimer.want(p.name)
	}
	w.hub.tell(id)
	return after, nil
}
