package store

import (
	"context"
	"errors"
	"fmt"

	"hotelbooking/booking"
)

// glancesOf reads what a Glance has, and no more: the row of places is small, and what was asked is looked up by key.
const glancesOf = `
WITH {rows}
SELECT p.id, b.client, p.version, p.status, b.created_at, p.updated_at
FROM v JOIN places AS p ON p.id = v.id JOIN bookings AS b ON b.id = v.id`

// Glance reads as much of a booking as decides a conditional request, for a fraction of what Get costs. booking.ErrNotFound.
func (s *Store) Glance(ctx context.Context, id booking.ID) (booking.Glance, error) {
	row, err := s.glances.read(ctx, id)
	if errors.Is(err, booking.ErrNotFound) {
		return booking.Glance{}, err
	}
	if err != nil {
		return booking.Glance{}, fmt.Errorf("glance at booking %s: %w", id, err)
	}
	return row.glance(), nil
}

type glanceRow struct {
	ID        string
	Client    string
	Version   int64
	Status    string
	CreatedAt int64
	UpdatedAt int64
}

func (r *glanceRow) fields() []any {
	return []any{&r.ID, &r.Client, &r.Version, &r.Status, &r.CreatedAt, &r.UpdatedAt}
}

func (r *glanceRow) glance() booking.Glance {
	return booking.Glance{
		ID: booking.ID(r.ID), Client: r.Client, Version: int(r.Version), Status: booking.Status(r.Status),
		CreatedAt: moment(r.CreatedAt), UpdatedAt: moment(r.UpdatedAt),
	}
}
