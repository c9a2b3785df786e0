package store

import (
	"context"
	"fmt"
	"strings"

	"gorm.io/gorm"

	"hotelbooking/booking"
)

// clientReferenceLimit bounds how many of a client's bookings are listed that it gave the same name.
const clientReferenceLimit = 100

// ByClientReference finds a client's own bookings by the name it gave them, newest first, at most 100.
func (s *Store) ByClientReference(ctx context.Context, client, clientReference string) ([]*booking.Booking, error) {
	if clientReference == "" {
		return nil, nil
	}
	found, err := s.find(ctx, func(q *gorm.DB) *gorm.DB {
		return q.Where("b.client_reference = ? AND b.client = ?", clientReference, client).Order("b.id DESC").Limit(clientReferenceLimit)
	})
	if err != nil {
		return nil, fmt.Errorf("find bookings by client reference: %w", err)
	}
	return found, nil
}

// ByReference finds a booking by its reference, as stored. booking.ErrNotFound.
func (s *Store) ByReference(ctx context.Context, reference string) (booking.ID, error) {
	return s.one(ctx, "id", "reference = ?", reference)
}

// IdempotencyKey is the key that a booking was submitted with. booking.ErrNotFound.
func (s *Store) IdempotencyKey(ctx context.Context, id booking.ID) (string, error) {
	key, err := s.one(ctx, "idempotency_key", "id = ?", s.sql.id(string(id)))
	return string(key), err
}

func (s *Store) one(ctx context.Context, column, where string, arg any) (booking.ID, error) {
	ctx, cancel := s.deadline(ctx)
	defer cancel()
	var found []booking.ID
	if err := s.read.WithContext(ctx).Table("bookings").Select(column).Where(where, arg).Limit(1).Find(&found).Error; err != nil {
		return "", fmt.Errorf("find the %s of a booking: %w", column, err)
	}
	if len(found) == 0 {
		return "", booking.ErrNotFound
	}
	return found[0], nil
}

// searchAny finds ids by each kind of identifier; each part has an index.
const searchAny = `
SELECT id FROM (
    SELECT id FROM bookings WHERE id = ?
    UNION SELECT id FROM bookings WHERE reference = ?
    UNION SELECT id FROM bookings WHERE client_reference = ?
    UNION SELECT id FROM bookings WHERE idempotency_key = ?
    UNION SELECT booking_id FROM history WHERE reference = ?
    UNION SELECT id FROM people WHERE email_index = ?
) AS found
ORDER BY id DESC
LIMIT ?`

// Search finds bookings by any identifier, newest first: id, reference as people write it, client reference, the
// outside's reference of a hold, a screening, a payment or a reservation, idempotency key, or the guest's e-mail address.
func (s *Store) Search(ctx context.Context, q string, limit int) ([]*booking.Booking, error) {
	q = clean(strings.TrimSpace(q), textLimit)
	if q == "" || limit <= 0 {
		return nil, nil
	}
	reference, err := booking.ParseReference(q)
	if err != nil {
		reference = q // then it is not one, and finds nothing
	}
	var email []byte
	if strings.Contains(q, "@") {
		email = s.cfg.Keys.emailIndex(q)
	}
	var ids []booking.ID
	if ids, err = s.searchIDs(ctx, s.sql.id(strings.ToLower(q)), reference, q, q, q, email, limit); err != nil || len(ids) == 0 {
		return nil, err
	}
	found, err := s.find(ctx, func(db *gorm.DB) *gorm.DB { return db.Where("p.id IN ?", ids).Order("p.id DESC") })
	if err != nil {
		return nil, fmt.Errorf("search bookings: %w", err)
	}
	return found, nil
}

func (s *Store) searchIDs(ctx context.Context, args ...any) ([]booking.ID, error) {
	ctx, cancel := s.deadline(ctx)
	defer cancel()
	var ids []booking.ID
	if err := s.read.WithContext(ctx).Raw(searchAny, args...).Find(&ids).Error; err != nil {
		return nil, fmt.Errorf("search bookings: %w", err)
	}
	return ids, nil
}

// List selects bookings for support, newest first, after f.After.
func (s *Store) List(ctx context.Context, f booking.Filter) ([]*booking.Booking, error) {
	found, err := s.find(ctx, func(q *gorm.DB) *gorm.DB {
		where := func(asked bool, condition string, arg any) {
			if asked {
				q = q.Where(condition, arg)
			}
		}
		if len(f.Statuses) > 0 {
			q = q.Where("p.status IN ? AND p.shelf IN ?", f.Statuses, shelves(f.Statuses))
		}
		where(f.Attention != "", "p.attention = ?", string(f.Attention))
		where(f.Supplier != "", "p.supplier = ?", f.Supplier)
		where(f.Failure != "", "p.failure = ?", string(f.Failure))
		where(!f.CreatedAfter.IsZero(), "b.created_at > ?", f.CreatedAfter.UnixMicro())
		where(!f.CreatedBefore.IsZero(), "b.created_at < ?", f.CreatedBefore.UnixMicro())
		where(f.After != "", "p.id < ?", s.sql.id(string(f.After)))
		if f.NeedsLook {
			q = q.Where("p.attention IS NOT NULL")
		}
		return q.Order("p.id DESC").Limit(min(max(f.Limit, 1), 100))
	})
	if err != nil {
		return nil, fmt.Errorf("list bookings: %w", err)
	}
	return found, nil
}

// shelves are where bookings of some statuses are.
func shelves(statuses []booking.Status) []string {
	var all []string
	for _, status := range statuses {
		all = append(all, string(status))
		switch status {
		case booking.StatusRequiresAction, booking.StatusInReview: // only at rest
		case booking.StatusPending, booking.StatusProcessing, booking.StatusConfirmed, booking.StatusFailed,
			booking.StatusCancelling, booking.StatusCancelled:
			all = append(all, open)
		}
	}
	return all
}
