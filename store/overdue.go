package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"hotelbooking/booking"
)

// overdue is what has been due for so long, waiting or with a lease that ran out, and nobody works on.
const overdue = `
SELECT id, version, supplier FROM (
    SELECT * FROM (
        SELECT id, version, supplier, due_at FROM places
        WHERE queue = ? AND due_at <= {now} - ?
        ORDER BY due_at LIMIT ?) AS waiting
    UNION ALL
    SELECT * FROM (
        SELECT id, version, supplier, due_at FROM places
        WHERE queue IS NULL AND due_at <= {now} - ? AND pool = ?
        ORDER BY due_at LIMIT ?) AS expired) AS due
ORDER BY due_at LIMIT ?`

// Overdue lists up to limit bookings of a pool that nobody has leased, or whose lease ran out, and that have been due for at
// least so long; the longest first.
func (s *Store) Overdue(ctx context.Context, pool booking.Pool, since time.Duration, limit int) ([]booking.Hint, error) {
	ctx, cancel := s.deadline(ctx)
	defer cancel()
	var rows []struct {
		ID       booking.ID
		Version  int
		Supplier string
	}
	statement, args := s.overdue(pool, since, limit)
	if err := s.read.WithContext(ctx).Raw(statement, args...).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("list what is overdue: %w", err)
	}
	hints := make([]booking.Hint, len(rows))
	for i, r := range rows {
		hints[i] = booking.Hint{ID: r.ID, Version: r.Version, Pool: pool, Supplier: r.Supplier}
	}
	return hints, nil
}

func (s *Store) overdue(pool booking.Pool, since time.Duration, limit int) (statement string, args []any) {
	micros := since.Microseconds()
	return strings.ReplaceAll(overdue, "{now}", s.sql.now()), []any{string(pool), micros, limit, micros, string(pool), limit, limit}
}
