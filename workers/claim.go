package workers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"hotelbooking/booking"
)

// claimer brings in what this process does not hold: bookings accepted past its memory, due retries, leases that ran out.
// Nothing but a claim's answer is permission to work on a booking.
type claimer struct {
	wake   chan struct{}
	wanted map[booking.Pool]*atomic.Bool // pools that asked for a claim before the next poll
	number atomic.Int64                  // of the last lease's owner

	allFirst bool // at the last poll; see claimDue
}

func newClaimer() *claimer {
	c := &claimer{wake: make(chan struct{}, 1), wanted: map[booking.Pool]*atomic.Bool{}}
	for _, p := range booking.Pools() {
		c.wanted[p] = new(atomic.Bool)
	}
	return c
}

// want asks for a claim of one pool's bookings, soon.
func (c *claimer) want(p booking.Pool) {
	c.wanted[p].Store(true)
	signal(c.wake)
}

// Wake says that the queue has something for a pool, before its next poll.
func (w *Workers) Wake(name booking.Pool) {
	for _, p := range w.pools {
		if p.name == name {
			p.told()
		}
	}
	w.claimer.want(name)
}

// owner is a new name for the holder of a lease: random for each boot, unique for each claim.
func (w *Workers) owner() string {
	return w.boot + "." + strconv.FormatInt(w.claimer.number.Add(1), 36)
}

// claimDue is one round of the claim loop: all pools at a poll, else those that asked for it. Where systems are left alone, a
// poll makes two kinds of claims: of what the other systems have waiting, and one of everything, because deadlines must be
// looked at however long a system is down. Which is first changes from poll to poll, so that neither a crowd of bookings that
// can only be sent back nor a crowd that keeps all slots taken leaves nothing to the other.
func (w *Workers) claimDue(_ context.Context, woken bool) error {
	var problems []error
	claim := func(p *pool, all bool) {
		for more := true; more && !w.stopping.Load(); {
			var err error
			if more, err = w.claimFor(p, all); err != nil {
				problems = append(problems, fmt.Errorf("claim due bookings for %s: %w", p.name, err))
			}
			more = more && !all
		}
	}
	if !woken {
		w.claimer.allFirst = !w.claimer.allFirst
	}
	for _, p := range w.pools {
		asked := w.claimer.wanted[p.name].Swap(false)
		switch {
		case woken && !asked:
		case woken || !p.leavesAny():
			claim(p, false)
		default:
			claim(p, w.claimer.allFirst)
			claim(p, !w.claimer.allFirst)
		}
	}
	return errors.Join(problems...)
}

// claimFor claims no more bookings than can start at once. more tells that more may be waiting and can start.
func (w *Workers) claimFor(p *pool, all bool) (more bool, err error) {
	slots, except := p.wants(all)
	n := w.ledger.reserve(slots)
	if n == 0 {
		return false, nil
	}
	defer w.ledger.release(n)
	p.looks(except)
	// Not the loop's context: a claim that is cut short leaves leases that nobody knows of.
	ctx, cancel := context.WithTimeoutCause(context.Background(), w.cfg.SaveTimeout, errQueueTimeout)
	defer cancel()
	claim := booking.Claim{Pool: p.name, Limit: n, Except: except, Owner: w.owner(), Process: w.boot, Lease: w.cfg.Lease}
	asked := time.Now()
	claimed, err := w.queue.Claim(ctx, claim)
	w.metrics.claims.Inc()
	if err != nil {
		return false, err
	}
	w.metrics.claimed.WithLabelValues(string(p.name)).Add(float64(len(claimed)))
	for _, b := range claimed {
		if b.Crashed {
			w.metrics.crashed.Inc()
			b.Crashes += w.ledger.unsavedTurns(b.ID)
		}
		h := &held{id: b.ID, owner: b.Owner, b: b, read: time.Now()}
		if w.ledger.put(h, asked.Add(w.cfg.Lease)) {
			w.metrics.leasesLost.Inc()
		}
		w.route(h, p)
	}
	return p.claimed(len(claimed) >= n, except), nil
}

// route lets a booking wait for its step's pool; where its step has none, or it has ended, for p.
func (w *Workers) route(h *held, p *pool) {
	if own := w.poolOf(h.b); own != nil {
		p = own
	}
	p.push(h)
}

// elsewhere tells that b stands at a step of a pool that this process does not work in.
func (w *Workers) elsewhere(b *booking.Booking) bool {
	step, ok := w.flow.Step(b.Place.Step)
	return ok && w.poolOf(b) == nil && slices.Contains(booking.Pools(), step.Pool)
}

// poolOf is the pool of the step that b stands at; nil where there is none, or it is not one that this process works in.
func (w *Workers) poolOf(b *booking.Booking) *pool {
	step, ok := w.flow.Step(b.Place.Step)
	if !ok {
		return nil
	}
	for _, p := range w.pools {
		if p.name == step.Pool {
			return p
		}
	}
	return nil
}
