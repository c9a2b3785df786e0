package workers

import (
	"context"
	"fmt"
	"time"

	"hotelbooking/booking"
)

// margin is how much of a lease must be left to begin something, or to go on with it: what is sent in the last moments of a
// lease may arrive when it is somebody else's.
func (w *Workers) margin() time.Duration { return w.cfg.Lease / 8 }

// renew is one round of the loop that keeps the leases of what waits or runs long. A turn past its hard deadline is not kept.
func (w *Workers) renew(context.Context, bool) error {
	now := time.Now()
	ageing := w.ledger.selected(func(h *held) bool {
		overrun := h.turn != nil && now.After(h.turn.hard)
		return !overrun && !h.lost.Load() && h.until.Sub(now) <= w.cfg.Lease/3
	})
	if len(ageing) == 0 {
		return nil
	}
	// An answer that comes when the first of them must be let go of is too late.
	patience := min(w.cfg.SaveTimeout, max(w.shortest(ageing)-w.margin(), w.cfg.Lease/100))
	ctx, cancel := context.WithTimeoutCause(context.Background(), patience, errQueueTimeout)
	defer cancel()
	asked := time.Now()
	lost, err := w.queue.Renew(ctx, leases(ageing), w.cfg.Lease)
	if err != nil {
		w.expire(ageing)
		return fmt.Errorf("renew %d leases: %w", len(ageing), err)
	}
	gone := map[booking.ID]bool{}
	for _, id := range lost {
		gone[id] = true
	}
	for _, h := range ageing {
		if gone[h.id] {
			w.metrics.leasesLost.Inc()
			w.ledger.lose(h)
			continue
		}
		w.ledger.extend(h, asked.Add(w.cfg.Lease))
	}
	return nil
}

// shortest is how long the first of some leases lasts.
func (w *Workers) shortest(held []*held) time.Duration {
	left := w.cfg.Lease
	for _, h := range held {
		left = min(left, time.Until(w.ledger.until(h)))
	}
	return left
}

// expire lets go of what could not be renewed and is about to be somebody else's, by the local clock.
func (w *Workers) expire(held []*held) {
	for _, h := range held {
		if time.Until(w.ledger.until(h)) < w.margin() {
			w.metrics.leasesLost.Inc()
			w.ledger.lose(h)
		}
	}
}

// giveBack gives up the leases of all bookings that wait in memory, so that others can go on with them at once. A booking
// whose turn has begun is never given back like that: nobody would ask what the turn has done.
func (w *Workers) giveBack() error {
	var waiting []*held
	for _, p := range w.pools {
		for _, h := range p.empty() {
			if w.ledger.drop(h) {
				waiting = append(waiting, h)
			}
		}
	}
	if len(waiting) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeoutCause(context.Background(), w.cfg.SaveTimeout, errQueueTimeout)
	defer cancel()
	if _, err := w.queue.Renew(ctx, leases(waiting), 0); err != nil {
		return fmt.Errorf("give %d leases back: %w", len(waiting), err)
	}
	return nil
}
