package jetstream

import (
	"context"
	"slices"
	"time"

	"hotelbooking/booking"
)

// again is when a hint is given out again whose booking could not be looked at, because the database did not answer.
const again = time.Second

// mostNamed is how many bookings a claim can name.
const mostNamed = 1024

// Claim leases what hints have come for. Once in a while, and at once where the broker does not answer, it looks for what is
// due without a hint, too; but not in a pool that the fleet limits while hints wait at the broker: they are what bounds it.
func (q *Queue) Claim(ctx context.Context, c booking.Claim) ([]*booking.Booking, error) {
	if len(c.Only) > 0 {
		return q.Queue.Claim(ctx, c)
	}
	polls := q.polls(ctx, c.Pool) // which may ask the broker: before there are leases that run out meanwhile
	claimed, err := q.claimHinted(ctx, c)
	if err != nil && len(claimed) == 0 {
		return nil, err
	}
	if rest := c.Limit - len(claimed); rest > 0 && polls {
		unhinted := c
		unhinted.Limit = rest
		more, err := q.Queue.Claim(ctx, unhinted)
		if err != nil && len(claimed) == 0 {
			return nil, err
		}
		q.metrics.found.Add(float64(len(more)))
		claimed = append(claimed, more...)
	}
	for _, l := range q.of(c) {
		l.want(c.Limit - len(claimed))
	}
	return claimed, nil
}

// of is the lanes of the pool of a claim, but those that it leaves out.
func (q *Queue) of(c booking.Claim) []*lane {
	var lanes []*lane
	for _, l := range q.lanes {
		if l.pool == c.Pool && !slices.Contains(c.Except, l.supplier) {
			lanes = append(lanes, l)
		}
	}
	return lanes
}

// claimHinted claims what hints name, until it has as many bookings as were asked for, or there are no more hints.
func (q *Queue) claimHinted(ctx context.Context, c booking.Claim) (claimed []*booking.Booking, err error) {
	for len(claimed) < c.Limit {
		var messages []*message
		for _, l := range q.of(c) {
			messages = append(messages, l.take(min(c.Limit-len(claimed), mostNamed)-len(messages), q.cfg.AckWait)...)
		}
		if len(messages) == 0 {
			break
		}
		some, err := q.claimNamed(ctx, c, messages)
		if err != nil {
			return claimed, err
		}
		claimed = append(claimed, some...)
	}
	return claimed, nil
}

// claimNamed claims what some hints name. A hint whose booking is not due, or somebody else's, is done: who has the booking,
// or made it due later, sees to it.
func (q *Queue) claimNamed(ctx context.Context, c booking.Claim, messages []*message) ([]*booking.Booking, error) {
	c.Limit, c.Except, c.Only = len(messages), nil, nil
	for _, m := range messages {
		c.Only = append(c.Only, m.hint.ID)
	}
	claimed, err := q.Queue.Claim(ctx, c)
	if err != nil {
		for _, m := range messages {
			q.answer("nak", m.msg.NakWithDelay(again))
		}
		return nil, err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	leases := map[booking.ID]booking.Lease{}
	for _, b := range claimed {
		leases[b.ID] = booking.Lease{ID: b.ID, Owner: b.Owner}
	}
	for _, m := range messages {
		lease, ok := leases[m.hint.ID]
		if _, taken := q.working[lease]; !ok || taken {
			q.metrics.idle.Inc()
			q.answer("ack", m.msg.Ack())
			continue
		}
		q.working[lease] = m
	}
	q.prune()
	return claimed, nil
}

// prune forgets hints whose turns were never saved: the broker has given them out again. The queue is locked.
func (q *Queue) prune() {
	if len(q.working) < pruneFrom {
		return
	}
	for lease, m := range q.working {
		if time.Since(m.came) > 2*q.cfg.AckWait {
			delete(q.working, lease)
		}
	}
}

const pruneFrom = 10_000

// polls tells whether it is time to look for what is due without hints.
func (q *Queue) polls(ctx context.Context, pool booking.Pool) bool {
	interval := q.cfg.Backstop
	sick := !q.connected()
	for _, l := range q.lanes {
		sick = sick || l.pool == pool && l.sick.Load()
	}
	if sick {
		interval = 0
	}
	q.mu.Lock()
	now := time.Now()
	early := now.Sub(q.polled[pool]) < interval
	if !early {
		q.polled[pool] = now
	}
	q.mu.Unlock()
	if early || sick {
		return sick
	}
	if q.cfg.Limits.Of(pool) == 0 {
		return true // a stream that elects its leader has hints, and gives none
	}
	for _, l := range q.lanes {
		if l.pool != pool {
			continue
		}
		if waits, err := q.waiting(ctx, l); err == nil && waits {
			return false
		}
	}
	return true
}
