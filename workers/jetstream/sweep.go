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
	// Overdue lists up to limit bookings of a pool that nobody works on: that have been waiting since so long ago although they
	// were due, or whose lease ran out; the longest due first.
	Overdue(ctx context.Context, pool booking.Pool, since time.Duration, limit int) ([]booking.Hint, error)
}

const (
	// missing is since when a booking waits whose hint was lost, where the broker has no others; and patient where it has,
	// because then it only waits its turn. So often it is said again at most. One whose process died is said at once: it has no
	// hint, because its last one was answered.
	missing = 500 * time.Millisecond
	patient = 30 * time.Second
	// sweptAtOnce bounds what one round says for each pool.
	sweptAtOnce = 1000
)

// Sweep says again, every so often until ctx ends, what is overdue in the database. Any number of processes may do it.
func (q *Queue) Sweep(ctx context.Context, rows Overdue, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for failing := false; ctx.Err() == nil; {
		err := q.sweepOnce(ctx, rows, every)
		if err != nil && !failing && ctx.Err() == nil { // once: a broker may be away for hours
			q.log.Warn("sweep", zap.Error(err))
		}
		failing = err != nil
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (q *Queue) sweepOnce(ctx context.Context, rows Overdue, every time.Duration) error {
	for _, pool := range booking.Pools() {
		waits, err := q.anyWaiting(ctx, pool)
		if err != nil {
			return err
		}
		// A crowd that waits in a process, fetched and not yet claimed, looks as if its hints were lost: they are not said at each
		// round again. Half a lease is short enough for those that were lost twice, and what a process died of has waited longer.
		since, again := missing, max(every, missing, q.cfg.AckWait/4)
		if waits { // what is said now waits behind those
			since, again = patient, patient
		}
		hints, err := rows.Overdue(ctx, pool, since, sweptAtOnce)
		if err != nil {
			return fmt.Errorf("look what is overdue in pool %s: %w", pool, err)
		}
		// The broker drops what it has had before, so what is to be said again is another hint; that of several sweepers is the same.
		round := ":swept" + strconv.FormatInt(time.Now().UnixNano()/int64(again), 36)
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

// anyWaiting tells whether the broker has hints of a pool that nobody has fetched.
func (q *Queue) anyWaiting(ctx context.Context, pool booking.Pool) (bool, error) {
	for _, l := range q.lanes {
		if l.pool != pool {
			continue
		}
		if waits, err := q.waiting(ctx, l); err != nil || waits {
			return waits, err
		}
	}
	return false, nil
}
