package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"gorm.io/gorm"

	"hotelbooking/booking"
)

// Accept stores a booking, with its first line of history, its people and its idempotency key, in one transaction. The
// receipt's booking is the accepted one, or, for a key that was used before for the same request, the one it made then,
// without personal data. booking.ErrKeyReused when the request was another one. After any other error the key decides:
// the same Accept may be repeated.
func (s *Store) Accept(ctx context.Context, a booking.Acceptance) (booking.Receipt, error) {
	o, err := s.acceptOp(a)
	if err != nil {
		return booking.Receipt{}, err
	}
	if err := s.writer.write(ctx, o); err != nil {
		return booking.Receipt{}, fmt.Errorf("accept booking %s: %w", a.Booking.ID, err)
	}
	return s.receipt(ctx, a, o.accept.taken)
}

// receipt is the answer to an accept that was written, or whose key was taken.
func (s *Store) receipt(ctx context.Context, a booking.Acceptance, taken *keyRow) (booking.Receipt, error) {
	switch {
	case taken == nil || taken.ID == string(a.Booking.ID):
		accepted := a.Booking.Clone()
		accepted.Owner = a.Owner
		return booking.Receipt{Booking: accepted}, nil
	case !bytes.Equal(taken.Fingerprint, a.Fingerprint[:]):
		return booking.Receipt{}, booking.ErrKeyReused
	}
	before, err := s.Get(ctx, booking.ID(taken.ID))
	if err != nil {
		return booking.Receipt{}, err
	}
	return booking.Receipt{Booking: before, Replayed: true}, nil
}

// bookingsWith reads whole bookings, but for personal data.
const bookingsWith = `
WITH {rows}
SELECT ` + fullColumns + `
FROM v JOIN places AS p ON p.id = v.id JOIN bookings AS b ON b.id = v.id`

// Get reads a booking without personal data. While it is leased, it is due at the lease's end. booking.ErrNotFound.
func (s *Store) Get(ctx context.Context, id booking.ID) (*booking.Booking, error) {
	row, err := s.bookings.read(ctx, id)
	if errors.Is(err, booking.ErrNotFound) {
		return nil, err
	}
	if err != nil {
		return nil, fmt.Errorf("read booking %s: %w", id, err)
	}
	return row.booking(s.steps)
}

// Versions reads the versions of those of ids that exist.
func (s *Store) Versions(ctx context.Context, ids []booking.ID) (map[booking.ID]int, error) {
	ctx, cancel := s.deadline(ctx)
	defer cancel()
	versions := make(map[booking.ID]int, len(ids))
	err := byKey(ctx, s, versionsOf, ids, (*versionRow).fields, func(row *versionRow) { versions[booking.ID(row.ID)] = int(row.Version) })
	if err != nil {
		return nil, fmt.Errorf("read versions: %w", err)
	}
	return versions, nil
}

const versionsOf = `
WITH {rows}
SELECT p.id, p.version FROM v JOIN places AS p ON p.id = v.id`

type versionRow struct {
	ID      string
	Version int64
}

func (r *versionRow) fields() []any { return []any{&r.ID, &r.Version} }

// StepsInUse lists steps at which bookings stand that have not ended: of a thousand that wait for each pool, of a thousand that
// are leased, the longest due first, and of the thousand oldest that are parked. Which others there are nobody has looked: a
// million may wait, and they must not keep the service from its start. A claim that meets one of those sets it aside.
//
// A version of the flow whose bookings older processes must leave alone queues them in pools of other names, "provider@2":
// what is not in a pool that this version has is not looked at, here or by any claim.
func (s *Store) StepsInUse(ctx context.Context) ([]booking.Name, error) {
	ctx, cancel := s.deadline(ctx)
	defer cancel()
	var steps []booking.Name
	statement, args := s.stepsInUse()
	if err := s.read.WithContext(ctx).Raw(statement, args...).Find(&steps).Error; err != nil {
		return nil, fmt.Errorf("list the steps in use: %w", err)
	}
	return steps, nil
}

const stepsOf = 1000

func (s *Store) stepsInUse() (statement string, args []any) {
	const of = "SELECT step FROM (SELECT step FROM places WHERE %s LIMIT ?) AS %s"
	var parts []string
	for _, pool := range booking.Pools() {
		parts = append(parts, fmt.Sprintf(of, "queue = ? AND due_at IS NOT NULL ORDER BY due_at", pool))
		args = append(args, string(pool), stepsOf)
	}
	parts = append(parts, fmt.Sprintf(of, "queue IS NULL AND due_at IS NOT NULL AND pool IN (?) ORDER BY due_at", "leased"),
		fmt.Sprintf(of, "phase = 'parked' AND pool IN (?) ORDER BY id", "parked"))
	return strings.Join(parts, " UNION "), append(args, booking.Pools(), stepsOf, booking.Pools(), stepsOf)
}

// History lists a booking's entries, oldest first; none where there is no booking.
func (s *Store) History(ctx context.Context, id booking.ID) ([]booking.Entry, error) {
	ctx, cancel := s.deadline(ctx)
	defer cancel()
	var rows []struct {
		Line  historyRow `gorm:"embedded"`
		Calls *string
	}
	err := s.read.WithContext(ctx).Table("history").Select(historyColumns+", calls").
		Where("booking_id = ?", s.sql.id(string(id))).Order("version").Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("read the history of booking %s: %w", id, err)
	}
	entries := make([]booking.Entry, len(rows))
	for i, row := range rows {
		entries[i] = row.Line.entry(row.Calls)
	}
	return entries, nil
}

// find reads bookings without personal data, as narrow selects and orders them. p is places, b is bookings.
func (s *Store) find(ctx context.Context, narrow func(*gorm.DB) *gorm.DB) ([]*booking.Booking, error) {
	ctx, cancel := s.deadline(ctx)
	defer cancel()
	var rows []*fullRow
	q := s.read.WithContext(ctx).Table("places AS p").Select(fullColumns).Joins("JOIN bookings AS b ON b.id = p.id")
	if err := scan(narrow(q), (*fullRow).fields, func(row *fullRow) { rows = append(rows, row) }); err != nil {
		return nil, err
	}
	bookings := make([]*booking.Booking, len(rows))
	for i, row := range rows {
		b, err := row.booking(s.steps)
		if err != nil {
			return nil, err
		}
		bookings[i] = b
	}
	return bookings, nil
}

// afterwards is who holds a booking after a write, and when it is looked at next.
type afterwards struct {
	owner   string
	dueIn   *int64 // microseconds from the commit, by the database's clock; nil: never
	keepDue bool   // due_at stays as it is
}

// dueIn is when a booking is due, seen from the moment of its last change: so it does not matter whose clock that was.
func dueIn(b *booking.Booking) *int64 {
	if b.DueAt.IsZero() {
		return nil
	}
	return micros(b.DueAt.Sub(b.UpdatedAt))
}

func micros(d time.Duration) *int64 {
	n := d.Microseconds()
	return &n
}

func (s *Store) acceptOp(a booking.Acceptance) (*op, error) {
	b := a.Booking
	asked, err := newBookingRow(a)
	if err != nil {
		return nil, fmt.Errorf("accept booking %s: %w", b.ID, err)
	}
	people, err := s.cfg.Keys.seal(b)
	if err != nil {
		return nil, fmt.Errorf("seal the people of booking %s: %w", b.ID, err)
	}
	next := afterwards{owner: a.Owner, dueIn: micros(a.Lease)}
	if a.Owner == "" {
		next = afterwards{dueIn: dueIn(b)}
	}
	o, err := s.saveOp(b, a.Entry, "", "", next)
	if err != nil {
		return nil, err
	}
	o.accept = &acceptOp{client: b.Client, key: a.Key, booking: asked.values(), people: people.values()}
	return o, nil
}

// saveOp is the write of b's state and its line of history, if owner still holds it. by tells it from another's write of the
// same version: the same for a write that is repeated, and for no other.
func (s *Store) saveOp(b *booking.Booking, e booking.Entry, owner, by string, next afterwards) (*op, error) {
	pool, known := s.pools[b.Place.Step]
	switch {
	case e.Version != b.Version || b.Version < 1:
		return nil, fmt.Errorf("save booking %s: the entry's version is %d, the booking's %d", b.ID, e.Version, b.Version)
	case b.Place.Phase == booking.Ended:
		next = afterwards{} // nothing is left to do, so nobody holds it
	case !known:
		return nil, fmt.Errorf("save booking %s: no pool runs step %q", b.ID, b.Place.Step)
	case next.dueIn == nil && !next.keepDue && b.Place.Phase != booking.Parked:
		return nil, fmt.Errorf("save booking %s: %w", b.ID, errNeverDue)
	}
	place, err := newPlaceRow(b)
	if err != nil {
		return nil, fmt.Errorf("save booking %s: %w", b.ID, err)
	}
	line, texts := newHistoryRow(e, by), lineTexts{Reference: nullable(b.ReferenceAt(e.From.Step), textLimit), Calls: writeCalls(e.Calls)}
	if texts.Events, err = s.tell(b, e); err != nil {
		return nil, fmt.Errorf("save booking %s: %w", b.ID, err)
	}
	audit, err := s.cfg.Keys.auditOf(b.ID, e, line, texts)
	if err != nil {
		return nil, fmt.Errorf("audit booking %s: %w", b.ID, err)
	}
	return &op{
		id: b.ID, owner: owner, entry: line, history: line.values(string(b.ID), texts), audit: audit, told: texts.Events != nil,
		place: place.values(string(b.ID), string(pool), b.Offer.Supplier, owner, next),
	}, nil
}

// errNeverDue: it would wait for ever for something that only it can do.
var errNeverDue = errors.New("it is not at rest, and would never be looked at again")
