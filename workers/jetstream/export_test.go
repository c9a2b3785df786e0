package jetstream

import (
	"context"

	"hotelbooking/booking"
)

// Quiet tells that no hints of a pool wait, here or at the broker.
func (q *Queue) Quiet(ctx context.Context, pool booking.Pool) bool {
	for _, l := range q.lanes {
		if l.pool != pool {
			continue
		}
		c, err := q.known(ctx, l)
		if err != nil {
			return false
		}
		info, err := c.Info(ctx)
		if err != nil || info.NumPending > 0 || info.NumAckPending != q.count(l) {
			return false
		}
	}
	return len(q.unsaid) == 0
}

// count is how many hints of a lane have led to leases.
func (q *Queue) count(l *lane) (n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, m := range q.working {
		if m.lane == l {
			n++
		}
	}
	return n
}

// Here is how many hints of a pool have come that nobody has looked at.
func (q *Queue) Here(pool booking.Pool) (n int) {
	for _, l := range q.lanes {
		l.mu.Lock()
		if l.pool == pool {
			n += len(l.here)
		}
		l.mu.Unlock()
	}
	return n
}
