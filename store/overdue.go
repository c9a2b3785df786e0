package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"hotelbooking/booking"
)

// overdue is what has been waiting for so long although it was due, and what has a lease that ran out.
const overdue = `
SELECT id, version, supplier FROM (
    SELECT * FROM (
        SELECT id, version, supplier, due_at FROM places
        WHERE queue = ? AND due_at <= {now} - ?
        ORDER BY due_at LIMIT ?) AS waiting
    UNION ALL
    SELECT * FROM (
        SELECT id, version, supplier, due_at FROM places
        WHERE queue IS NULL AND due_at <= {now} AND pool = ?
        ORDER BY due_at LIMIT ?) AS expired) AS due
ORDER BY due_at LIMIT ?`

// Overdue lists up to limit bookings of a pool that nobody works on: that have been waiting since so long ago although they were
// due, or whose lease ran out; the longest due first.
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
	return strings.ReplaceAll(overdue, "{now}", s.sql.now()), []any{string(pool), since.Microseconds(), limit, string(pool), limit, limit}
}
