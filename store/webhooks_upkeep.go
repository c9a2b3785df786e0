package store

import (
	"context"
	"fmt"
	"time"

	"hotelbooking/booking"
)

// deliveryUpkeep says what is cleared away.
type deliveryUpkeep struct {
	what string
	sql  string
	args []any
}

const (
	clearedAtOnce = 1000

	// A lease that has run out keeps nothing.
	nobodySends = "due_at IS NOT NULL AND (owner = '' OR due_at <= {now})"
	giveUp      = `
UPDATE webhook_deliveries SET dead_at = {now}, due_at = NULL, owner = '', last_error = CASE last_error WHEN '' THEN ? ELSE last_error END
WHERE id IN (SELECT id FROM webhook_deliveries WHERE `
)

// GiveUpDeliveries makes dead letters of what an endpoint has not taken for so long, a thousand at most; of one that fails, so that
// nobody would get round to them one by one.
func (s *Store) GiveUpDeliveries(ctx context.Context, endpoint string, after time.Duration) (int, error) {
	return s.clearDeliveries(ctx, deliveryUpkeep{
		what: "give up deliveries to " + endpoint,
		sql:  giveUp + "endpoint = ? AND " + nobodySends + " AND since_at < {now} - ? ORDER BY id LIMIT ? {lock})",
		args: []any{"given_up", endpoint, after.Microseconds(), clearedAtOnce},
	})
}

// AbandonDeliveries is GiveUpDeliveries for all endpoints but these: those that are configured no more.
func (s *Store) AbandonDeliveries(ctx context.Context, configured []string, after time.Duration) (int, error) {
	if len(configured) == 0 {
		configured = []string{""} // no endpoint's name; an empty list would be no SQL
	}
	return s.clearDeliveries(ctx, deliveryUpkeep{
		what: "give up deliveries to endpoints that are gone",
		sql:  giveUp + "endpoint NOT IN ? AND " + nobodySends + " AND since_at < {now} - ? ORDER BY id LIMIT ? {lock})",
		args: []any{"endpoint_gone", configured, after.Microseconds(), clearedAtOnce},
	})
}

// PurgeDeliveries removes what was delivered so long ago, a thousand at most.
func (s *Store) PurgeDeliveries(ctx context.Context, after time.Duration) (int, error) {
	return s.clearDeliveries(ctx, deliveryUpkeep{
		what: "purge deliveries",
		sql: `
DELETE FROM webhook_deliveries
WHERE id IN (SELECT id FROM webhook_deliveries WHERE delivered_at < {now} - ? ORDER BY delivered_at LIMIT ? {lock})`,
		args: []any{after.Microseconds(), clearedAtOnce},
	})
}

func (s *Store) clearDeliveries(ctx context.Context, u deliveryUpkeep) (int, error) {
	ctx, cancel := s.deadline(ctx)
	defer cancel()
	done := s.write.WithContext(ctx).Exec(s.sql.clocked(u.sql), u.args...)
	if done.Error != nil {
		return 0, fmt.Errorf("%s: %w", u.what, done.Error)
	}
	return int(done.RowsAffected), nil
}

// deliveriesCounted bounds what is counted of an endpoint.
const deliveriesCounted = 10_000

const deliveryFigures = `
SELECT (SELECT {now} - since_at FROM webhook_deliveries WHERE endpoint = ? AND due_at IS NOT NULL ORDER BY id LIMIT 1) AS lag,
    (SELECT COUNT(*) FROM (SELECT 1 FROM webhook_deliveries WHERE endpoint = ? AND due_at IS NOT NULL LIMIT ?) AS due) AS due,
    (SELECT COUNT(*) FROM (SELECT 1 FROM webhook_deliveries WHERE endpoint = ? AND dead_at IS NOT NULL LIMIT ?) AS dead) AS dead,
    EXISTS (SELECT 1 FROM pauses WHERE what = ?) AS paused`

// DeliveryFigures counts what an endpoint has not taken, each kind up to ten thousand, and tells how long the first waits.
func (s *Store) DeliveryFigures(ctx context.Context, endpoint string) (booking.DeliveryFigures, error) {
	ctx, cancel := s.deadline(ctx)
	defer cancel()
	var row struct {
		Lag       *int64
		Due, Dead int
		Paused    bool
	}
	err := s.read.WithContext(ctx).Raw(s.sql.clocked(deliveryFigures),
		endpoint, endpoint, deliveriesCounted, endpoint, deliveriesCounted, booking.PauseOfWebhook(endpoint)).Scan(&row).Error
	if err != nil {
		return booking.DeliveryFigures{}, fmt.Errorf("count the deliveries to %s: %w", endpoint, err)
	}
	figures := booking.DeliveryFigures{Due: row.Due, Dead: row.Dead, Paused: row.Paused}
	if row.Lag != nil {
		figures.Lag = max(time.Duration(*row.Lag)*time.Microsecond, 0)
	}
	return figures, nil
}
