package jetstream

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"go.uber.org/zap"

	"hotelbooking/booking"
)

// Overdue finds what hints were lost of: *store.Store.
type Overdue interface {
	// Overdue lists up to limit bookings of a pool that nobody has leased, or whose lease ran out, and that have been due for at
	// least so long; the longest first.
	Overdue(ctx context.Context, pool booking.Pool, since time.Duration, limit int) ([]booking.Hint, error)
}

const (
	// missing is for how long a booking has been due whose hint was lost, where the broker has no others; and patient where it
	// has, because then it only waits its turn.
	missing = 500 * time.Millisecond
	patient = 30 * time.Second
	// sweptAtOnce bounds what one round says for each pool.
	sweptAtOnce = 1000
)

// Sweep says again, every so often until ctx ends, what is overdue in the database. Any number of processes may do it.
func (q *Queue) Sweep(ctx context.Context, rows Overdue, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if err := q.sweepOnce(ctx, rows, every); err != nil && ctx.Err() == nil {
			q.log.Warn("sweep", zap.Error(err))
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (q *Queue) sweepOnce(ctx context.Context, rows Overdue, every time.Duration) error {
	// The broker drops what it has had before, so each round's are others; those of several sweepers at one time are not.
	round := ":swept" + strconv.FormatInt(time.Now().UnixNano()/int64(max(every, missing)), 36)
	for _, pool := range booking.Pools() {
		since, err := q.overdueAfter(ctx, pool)
		if err != nil {
			return err
		}
		hints, err := rows.Overdue(ctx, pool, since, sweptAtOnce)
		if err != nil {
			return fmt.Errorf("look what is overdue in pool %s: %w", pool, err)
		}
		for _, h := range hints {
			if pool != booking.ProviderPool {
				h.Supplier = ""
			}
			if !q.has(h) {
				continue
			}
			q.publish(h, round)
			q.metrics.swept.Inc()
		}
	}
	return nil
}

// overdueAfter is how long a booking of a pool may have been due before its hint counts as lost.
func (q *Queue) overdueAfter(ctx context.Context, pool booking.Pool) (time.Duration, error) {
	for _, l := range q.lanes {
		if l.pool != pool {
			continue
		}
		waits, err := q.waiting(ctx, l)
		if err != nil {
			return 0, err
		}
		if waits {
			return patient, nil
		}
	}
	return missing, nil
}
