package store

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"hotelbooking/booking"
)

// clientReferenceLimit bounds how many of a client's bookings are listed that it gave the same name.
const clientReferenceLimit = 100

// ByClientReference finds a client's own bookings by the name it gave them, newest first, at most 100.
func (s *Store) ByClientReference(ctx context.Context, client, clientReference string) ([]*booking.Booking, error) {
	if clientReference == "" || !storable(clientReference) {
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
	if !storable(reference) {
		return "", booking.ErrNotFound
	}
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

// searchAny finds ids by each kind of identifier; each part has an index. An agency's address may have any number of bookings,
// so of those it reads the newest alone, in the order of the index, as list does.
const searchAny = `
SELECT id FROM (
    SELECT id FROM bookings WHERE id = ?
    UNION SELECT id FROM bookings WHERE reference = ?
    UNION SELECT id FROM bookings WHERE client_reference = ?
    UNION SELECT id FROM bookings WHERE idempotency_key = ?
    UNION SELECT booking_id FROM history WHERE reference = ?
    UNION SELECT id FROM (SELECT id FROM people WHERE (email_index, id) >= ( ?, ?) AND (email_index, id) <= ( ?, ?) AND email_index IS NOT NULL
        ORDER BY email_index DESC, id DESC LIMIT ?) AS guest
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
	found, err := s.newest(ctx, searchAny, s.sql.id(strings.ToLower(q)), reference, q, q, q,
		email, uuid.Nil.String(), email, uuid.Max.String(), limit, limit)
	if err != nil {
		return nil, fmt.Errorf("search bookings: %w", err)
	}
	return found, nil
}

// newest reads the bookings whose ids a statement finds, newest first.
func (s *Store) newest(ctx context.Context, statement string, args ...any) ([]*booking.Booking, error) {
	ids, err := s.ids(ctx, statement, args...)
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	return s.find(ctx, func(db *gorm.DB) *gorm.DB { return db.Where("p.id IN ?", ids).Order("p.id DESC") })
}

func (s *Store) ids(ctx context.Context, statement string, args ...any) ([]booking.ID, error) {
	ctx, cancel := s.deadline(ctx)
	defer cancel()
	var ids []booking.ID
	err := s.read.WithContext(ctx).Raw(statement, args...).Find(&ids).Error
	return ids, err
}

// List selects bookings for support, newest first, after f.After. What it reads is bounded by f.Limit and by how many are
// leased, for each of these: nothing, a time of creation, a supplier, statuses, a supplier with statuses, what needs a look,
// an attention, a failure, and any of them with a time. For others together, by how many have the attention or the failure.
// What is not paid yet is looked for as uncaptured says.
func (s *Store) List(ctx context.Context, f booking.Filter) ([]*booking.Booking, error) {
	statement, args, err := s.selection(ctx, f, min(max(f.Limit, 1), 100))
	if err != nil || statement == "" {
		return nil, err
	}
	found, err := s.newest(ctx, statement, args...)
	if err != nil {
		return nil, fmt.Errorf("list bookings: %w", err)
	}
	return found, nil
}

// selection is list of a filter as it came; empty where it can select nothing.
func (s *Store) selection(ctx context.Context, f booking.Filter, limit int) (statement string, args []any, err error) {
	if f.After != "" && s.sql.id(string(f.After)) == nil || !storable(f.Supplier+string(f.Attention)+string(f.Failure)) {
		return "", nil, nil
	}
	for _, status := range f.Statuses {
		if !storable(string(status)) {
			return "", nil, nil
		}
	}
	var attentions []booking.Reason
	if f.NeedsLook && f.Attention == "" {
		if attentions, err = s.attentions(ctx); err != nil || len(attentions) == 0 {
			return "", nil, err
		}
	}
	statement, args = s.list(f, attentions, limit)
	return statement, args, nil
}

// leasedMost is more than all processes hold together.
const leasedMost = 100_000

// attentions lists why bookings need a look, skipping from one reason to the next in the index. There are only ours.
func (s *Store) attentions(ctx context.Context) (reasons []booking.Reason, err error) {
	ctx, cancel := s.deadline(ctx)
	defer cancel()
	if err = s.read.WithContext(ctx).Raw(attentionsInUse).Find(&reasons).Error; err != nil {
		return nil, fmt.Errorf("list why bookings need a look: %w", err)
	}
	return reasons, nil
}

const attentionsInUse = `
WITH RECURSIVE reasons (attention, n) AS (
    SELECT (SELECT attention FROM places WHERE attention IS NOT NULL ORDER BY attention LIMIT 1), 1
    UNION ALL
    SELECT (SELECT attention FROM places WHERE attention > reasons.attention ORDER BY attention LIMIT 1), n + 1
    FROM reasons WHERE attention IS NOT NULL AND n < 100
)
SELECT attention FROM reasons WHERE attention IS NOT NULL`

// list finds the ids of a page of limit, in the order of an index, from where the page begins. The index is told by comparing and
// ordering by all its columns, because a planner may take a walk along the primary key for shorter.
func (s *Store) list(f booking.Filter, attentions []booking.Reason, limit int) (statement string, args []any) {
	from, to := span(f)
	var parts []string
	part := func(query string, values ...any) {
		parts = append(parts, fmt.Sprintf("SELECT id FROM ("+query+" LIMIT ?) AS part%d WHERE id >= ?", len(parts)))
		args = append(append(args, values...), limit, from)
	}
	// The rest of the filter says nothing of the columns, or PostgreSQL would begin where those are equal, and not at the id.
	walk := func(by string, columns []string, values []any, only string, rest booking.Filter) {
		where, with := narrowed(rest)
		first := from
		if len(columns) > 0 && !f.CreatedAfter.IsZero() {
			// Backwards along several columns PostgreSQL goes on until the first of them changes, whatever the id. So what is
			// older than the page ends it, as if it were wanted, and is left out of it.
			where, with = " AND (p.id < ? OR TRUE"+where+")", append([]any{from}, with...)
			first = uuid.Nil.String()
		}
		columns = append(columns, "p.id")
		key, marks := strings.Join(columns, ", "), strings.Repeat(", ?", len(columns))[2:]
		part(fmt.Sprintf("SELECT p.id FROM places AS p %s WHERE (%s) >= (%s) AND (%s) < (%s)%s%s ORDER BY %s DESC", by, key, marks, key, marks, only, where,
			strings.Join(columns, " DESC, ")), slices.Concat(values, []any{first}, values, []any{to}, with)...)
	}
	rest := f
	switch {
	case f.Uncaptured:
		where, with := narrowed(f)
		for _, look := range s.uncaptured(from, to) {
			part("SELECT p.id FROM ("+look.sql+") AS p WHERE p.id >= ? AND p.id < ?"+isUncaptured+where+" ORDER BY p.id DESC",
				slices.Concat(look.args, []any{from, to}, with)...)
		}
	case f.Attention != "" || f.NeedsLook:
		rest.NeedsLook = false
		if rest.Attention = ""; f.Attention != "" {
			attentions = []booking.Reason{f.Attention}
		}
		for _, attention := range attentions {
			walk(s.sql.by("places_attention"), []string{"p.attention"}, []any{string(attention)}, " AND p.attention IS NOT NULL", rest)
		}
	case f.Failure != "":
		rest.Failure = ""
		walk(s.sql.by("places_failure"), []string{"p.failure"}, []any{string(f.Failure)}, " AND p.failure IS NOT NULL", rest)
	case f.Supplier != "" || len(f.Statuses) > 0:
		by, columns, values, statuses := "places_shelf", []string{"p.shelf"}, []any(nil), f.Statuses
		if f.Supplier != "" {
			by, columns, values = "places_supplier", []string{"p.supplier", "p.shelf"}, []any{f.Supplier}
		}
		if len(statuses) == 0 {
			statuses = booking.Statuses()
		}
		rest.Supplier, rest.Statuses = "", nil
		for _, status := range slices.Compact(slices.Sorted(slices.Values(statuses))) {
			walk(s.sql.by(by), columns, append(slices.Clone(values), string(status)), " AND p.queue IS NOT NULL", rest)
		}
		where, with := narrowed(f)
		part("SELECT id FROM (SELECT p.id FROM places AS p "+s.sql.by("places_leased")+" WHERE p.queue IS NULL AND p.due_at IS NOT NULL"+where+
			" ORDER BY p.due_at LIMIT ?) AS leased WHERE id >= ? AND id < ? ORDER BY id DESC", slices.Concat(with, []any{leasedMost, from, to})...)
	default:
		walk("", nil, nil, "", rest)
	}
	return strings.Join(parts, " UNION ALL ") + " ORDER BY id DESC LIMIT ?", append(args, limit)
}

// narrowed is what a filter asks of each row.
func narrowed(f booking.Filter) (where string, args []any) {
	and := func(asked bool, condition string, arg any) {
		if asked {
			where, args = where+" AND "+condition, append(args, arg)
		}
	}
	and(len(f.Statuses) > 0, "p.status IN ?", f.Statuses)
	if f.NeedsLook {
		where += " AND p.attention IS NOT NULL"
	}
	and(f.Supplier != "", "p.supplier = ?", f.Supplier)
	and(f.Attention != "", "p.attention = ?", string(f.Attention))
	and(f.Failure != "", "p.failure = ?", string(f.Failure))
	and(!f.CreatedAfter.IsZero(), "(SELECT created_at FROM bookings WHERE id = p.id) > ?", f.CreatedAfter.UnixMicro())
	and(!f.CreatedBefore.IsZero(), "(SELECT created_at FROM bookings WHERE id = p.id) < ?", f.CreatedBefore.UnixMicro())
	return where, args
}

// ahead is how far an id's time may be from the moment of creation. An id's goes on where the clock stands still, is set back,
// or is asked more than four times in a microsecond.
const ahead = time.Minute

// span is the ids of a page: the first, and the first no more.
func span(f booking.Filter) (from, to string) {
	from, to = uuid.Nil.String(), uuid.Max.String()
	if !f.CreatedAfter.IsZero() {
		from = idAt(f.CreatedAfter.Add(-ahead))
	}
	if !f.CreatedBefore.IsZero() {
		to = idAt(f.CreatedBefore.Add(ahead))
	}
	if f.After != "" {
		to = min(to, string(f.After))
	}
	return from, to
}

// idAt is less than all ids of a moment: a UUIDv7 begins with its 48 bits of milliseconds since 1970.
func idAt(at time.Time) string {
	var id uuid.UUID
	ms := uint64(min(max(at.UnixMilli(), 0), 1<<48-1))
	binary.BigEndian.PutUint64(id[:8], ms<<16)
	return id.String()
}
