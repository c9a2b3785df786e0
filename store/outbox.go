package store

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"hotelbooking/booking"
)

// The outbox has, for each subscriber, the lines of history that it has not been told of. They are written with the lines,
// and deleted once the subscriber has them. A relay takes whole shards of bookings, so that nobody else tells of the same
// bookings meanwhile, and reads them from their beginning: lines become visible in another order than that of their ids, or of
// their times, and whoever went on after the last one that he saw would miss some. Of one booking they become visible in order.

const (
	shards      = 16 // of each subscriber
	shardsClaim = 4  // that one claim takes at most, so that several relays have something to do
)

var (
	relaysIn = []column{{"subscriber", isText}, {"shard", isInt}}
	outboxIn = []column{{"subscriber", isText}, {"shard", isInt}, {"booking_id", isID}, {"version", isInt}}
)

const (
	insertRelays = `
WITH {rows}
INSERT INTO relays (subscriber, shard, owner, until) SELECT subscriber, shard, '', 0 FROM v WHERE TRUE -- or SQLite takes ON for a join's
ON CONFLICT (subscriber, shard) DO NOTHING`
	insertOutbox = `
WITH {rows}
INSERT INTO outbox (subscriber, shard, booking_id, version) SELECT subscriber, shard, booking_id, version FROM v`
	claimShards = `
WITH picked AS MATERIALIZED (
    SELECT shard FROM relays AS r
    WHERE subscriber = ? AND until <= {now} AND EXISTS (SELECT 1 FROM outbox AS o WHERE o.subscriber = r.subscriber AND o.shard = r.shard)
    ORDER BY until LIMIT ? {lock})
UPDATE relays SET owner = ?, until = {now} + ?
WHERE subscriber = ? AND shard IN (SELECT shard FROM picked)
RETURNING shard`
	waitingIn    = `SELECT * FROM (SELECT booking_id, version FROM outbox WHERE subscriber = ? AND shard = ? ORDER BY booking_id, version LIMIT ?) AS s`
	deleteOutbox = `
WITH {rows}
DELETE FROM outbox WHERE (subscriber, shard, booking_id, version) IN (SELECT subscriber, shard, booking_id, version FROM v)`
	releaseShards = `UPDATE relays SET owner = '', until = {now} WHERE subscriber = ? AND owner = ?`
)

// shardOf divides bookings among the shards of each subscriber.
func shardOf(id booking.ID) int64 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(id))
	return int64(h.Sum32() % shards)
}

// subscribe makes the shards of subscribers that the database does not know yet.
func (s *Store) subscribe(ctx context.Context) error {
	if len(s.cfg.Subscribers) == 0 {
		return nil
	}
	ctx, cancel := s.deadline(ctx)
	defer cancel()
	var rows [][]any
	for _, subscriber := range s.cfg.Subscribers {
		for shard := range shards {
			rows = append(rows, []any{subscriber, int64(shard)})
		}
	}
	err := s.transact(ctx, func(tx *gorm.DB) error {
		return s.sql.each(insertRelays, relaysIn, rows, func(statement string, args []any) error { return tx.Exec(statement, args...).Error })
	})
	if err != nil {
		return fmt.Errorf("subscribe to events: %w", err)
	}
	return nil
}

// post puts the lines that other systems are told of into the outbox, and says whether there were any.
func (s *Store) post(tx *gorm.DB, written ...[]*op) (news bool, err error) {
	var rows [][]any
	for _, o := range slices.Concat(written...) {
		for _, subscriber := range s.cfg.Subscribers {
			if o.told {
				rows = append(rows, []any{subscriber, shardOf(o.id), string(o.id), o.entry.Version})
			}
		}
	}
	if len(rows) == 0 {
		return false, nil
	}
	err = s.sql.each(insertOutbox, outboxIn, rows, func(statement string, args []any) error { return tx.Exec(statement, args...).Error })
	if err != nil {
		return false, fmt.Errorf("post events: %w", err)
	}
	return true, nil
}

// ClaimEvents gives events that the subscriber has not been told of, in the order of their bookings and versions; none where
// there are none, or others tell of them. Until SettleEvents, or the end of the lease, nobody else is given any of the same
// bookings for this subscriber.
func (s *Store) ClaimEvents(ctx context.Context, c booking.EventClaim) ([]booking.Event, error) {
	if c.Subscriber == "" || c.Owner == "" || c.Limit < 1 {
		return nil, errors.New("claim events: no subscriber, no owner or no limit")
	}
	ctx, cancel := s.deadline(ctx)
	defer cancel()
	var events []booking.Event
	err := s.transact(ctx, func(tx *gorm.DB) error {
		var claimed []int64
		err := tx.Raw(s.sql.clocked(claimShards), c.Subscriber, shardsClaim, c.Owner, c.Lease.Microseconds(), c.Subscriber).Find(&claimed).Error
		if err != nil || len(claimed) == 0 {
			return err
		}
		events, err = s.waiting(tx, c, claimed)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("claim events: %w", err)
	}
	return events, nil
}

// waiting reads the first events of some shards: an equal part of each.
func (s *Store) waiting(tx *gorm.DB, c booking.EventClaim, shards []int64) ([]booking.Event, error) {
	statement, args := waitingLines(toldColumns, c.Subscriber, shards, max(1, c.Limit/len(shards)))
	var rows []*toldRow
	if err := scan(tx.Raw(statement, args...), (*toldRow).fields, func(row *toldRow) { rows = append(rows, row) }); err != nil {
		return nil, err
	}
	return tellers(rows)
}

// waitingLines is a query for so many lines of each shard.
func waitingLines(columns, subscriber string, shards []int64, each int) (statement string, args []any) {
	parts := make([]string, len(shards))
	for i, shard := range shards {
		parts[i], args = waitingIn, append(args, subscriber, shard, each)
	}
	return "SELECT " + columns + " FROM (" + strings.Join(parts, " UNION ALL ") + ") AS o JOIN history AS h ON h.booking_id = o.booking_id AND h.version = o.version", args
}

const (
	eventsCounted = 10_000 // of what waits, at most
	eventsLooked  = 64     // in each shard, for the oldest: about those that are told of next
)

// EventFigures counts what a subscriber was not told of, up to ten thousand, and tells how long the first of it waits.
func (s *Store) EventFigures(ctx context.Context, subscriber string) (booking.EventFigures, error) {
	ctx, cancel := s.deadline(ctx)
	defer cancel()
	statement, args := s.eventFigures(subscriber)
	var row struct {
		Waiting int
		Lag     *int64
	}
	if err := s.read.WithContext(ctx).Raw(statement, args...).Scan(&row).Error; err != nil {
		return booking.EventFigures{}, fmt.Errorf("count the events for %s: %w", subscriber, err)
	}
	figures := booking.EventFigures{Waiting: row.Waiting}
	if row.Lag != nil {
		figures.Lag = max(time.Duration(*row.Lag)*time.Microsecond, 0)
	}
	return figures, nil
}

func (s *Store) eventFigures(subscriber string) (statement string, args []any) {
	var all []int64
	for shard := range shards {
		all = append(all, int64(shard))
	}
	first, args := waitingLines("MIN(h.at)", subscriber, all, eventsLooked)
	return s.sql.clocked("SELECT {now} - (" + first + ") AS lag, (SELECT COUNT(*) FROM (SELECT 1 FROM outbox WHERE subscriber = ? LIMIT ?) AS w) AS waiting"),
		append(args, subscriber, eventsCounted)
}

// SettleEvents ends a claim. The subscriber has what is in taken, and is not told of it again.
func (s *Store) SettleEvents(ctx context.Context, c booking.EventClaim, taken []booking.Event) error {
	ctx, cancel := s.deadline(ctx)
	defer cancel()
	var rows [][]any
	for i, e := range taken {
		if i == 0 || e.Booking != taken[i-1].Booking || e.Version != taken[i-1].Version {
			rows = append(rows, []any{c.Subscriber, shardOf(e.Booking), string(e.Booking), int64(e.Version)})
		}
	}
	err := s.transact(ctx, func(tx *gorm.DB) error {
		err := s.sql.each(deleteOutbox, outboxIn, rows, func(statement string, args []any) error { return tx.Exec(statement, args...).Error })
		if err != nil {
			return err
		}
		return tx.Exec(s.sql.clocked(releaseShards), c.Subscriber, c.Owner).Error
	})
	if err != nil {
		return fmt.Errorf("settle events: %w", err)
	}
	return nil
}
