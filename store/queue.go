package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"go.uber.org/zap"
	"gorm.io/gorm"

	"hotelbooking/booking"
)

// claimDue leases what is due, the longest waiting first; {lock} passes over what another process is claiming, where there
// can be one. A row whose owner is still set was held by a process that died, or by this one, which lost its lease: only
// deaths are counted, and here, because nobody else will. What waits and what is leased have an index each; of what is leased
// there is no more than the processes' memories hold. It is MATERIALIZED so that the limit holds whatever the planner thinks of.
const claimDue = `
WITH {v}picked AS MATERIALIZED (
    SELECT id FROM (
        SELECT * FROM ({waiting}) AS waiting
        UNION ALL
        SELECT * FROM (
            SELECT id, due_at FROM places
            WHERE queue IS NULL AND due_at <= {now} AND pool = ? {except}
            ORDER BY due_at LIMIT ? {lock}) AS expired) AS due
    ORDER BY due_at LIMIT ?
)
UPDATE places SET
    crashes = crashes + CASE WHEN owner <> '' AND substr(owner, 1, ?) <> ? THEN 1 ELSE 0 END,
    crashed = CASE WHEN owner <> '' THEN 1 ELSE crashed END,
    owner = ?, queue = NULL, shelf = 'open', due_at = {now} + ?
WHERE id IN (SELECT id FROM picked)
RETURNING id`

// waitingFor is the {waiting} of a claim that leaves nobody out.
const waitingFor = `
            SELECT id, due_at FROM places
            WHERE queue = ? AND due_at <= {now}
            ORDER BY due_at LIMIT ? {lock}`

// claimed reads what was claimed, in the same transaction.
const claimed = `
WITH {rows}
SELECT ` + fullColumns + `, COALESCE(s.key_id, ''), s.data_key, s.sealed
FROM v JOIN places AS p ON p.id = v.id JOIN bookings AS b ON b.id = v.id LEFT JOIN people AS s ON s.id = v.id`

// setAside lets others try what this process cannot read, and staff see it. One bad row must not stop the claims of all.
const setAside = `
UPDATE places SET owner = '', queue = pool, shelf = status, due_at = {now} + ?, attention = ?, attention_since = {now} WHERE id IN (?)`

// named is the {waiting} of a claim that names its bookings, the table v.
const named = `
            SELECT id, due_at FROM places
            WHERE id IN (SELECT id FROM v) AND queue = ? AND due_at <= {now}
            ORDER BY due_at LIMIT ? {lock}`

const unreadableFor = time.Minute

// renewLeases extends leases that are still the caller's; giveBack ends them, and the bookings are due at once.
const (
	renewLeases = `
WITH {rows}
UPDATE places SET due_at = {now} + v.due_in
FROM v WHERE places.id = v.id AND places.owner = v.owner
RETURNING places.id`
	giveBack = `
WITH {rows}
UPDATE places SET owner = '', queue = pool, shelf = status, due_at = {now}
FROM v WHERE places.id = v.id AND places.owner = v.owner
RETURNING places.id`
)

var leasesIn = []column{{"id", isID}, {"owner", isText}, {"due_in", isInt}}

// Claim leases at most c.Limit bookings of c.Pool that are due (with c.Only, at most 1,024 of those and without Except), with their personal data, in no particular order. Those
// whose lease ran out have Crashed set, and one crash more unless it was c.Process's own. The version stays.
func (s *Store) Claim(ctx context.Context, c booking.Claim) ([]*booking.Booking, error) {
	if c.Limit <= 0 {
		return nil, nil
	}
	if c.Owner == "" {
		return nil, errors.New("claim due bookings: no owner")
	}
	if len(c.Only) > s.sql.longest || len(c.Only) > 0 && len(c.Except) > 0 {
		return nil, fmt.Errorf("claim due bookings: %d by name, and not of %d suppliers, is too much to ask", len(c.Only), len(c.Except))
	}
	if len(c.Except) > 0 && c.Pool != booking.ProviderPool {
		return nil, fmt.Errorf("claim due bookings: pool %s knows no suppliers to leave out", c.Pool)
	}
	ctx, cancel := s.deadline(ctx)
	defer cancel()
	var bookings []*booking.Booking
	err := s.transact(ctx, func(tx *gorm.DB) (err error) {
		bookings, err = s.claim(tx, c)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("claim due bookings: %w", err)
	}
	return bookings, nil
}

func (s *Store) claim(tx *gorm.DB, c booking.Claim) ([]*booking.Booking, error) {
	var ids []string
	statement, args := s.claimDue(c)
	switch {
	case len(c.Only) > 0:
		statement, args = s.claimNamed(c)
	case len(c.Except) > 0:
		lanes, err := s.waitingLanes(tx)
		if err != nil {
			return nil, err
		}
		statement, args = s.claimLanes(c, lanes)
	}
	if err := tx.Raw(statement, args...).Find(&ids).Error; err != nil {
		return nil, err
	}
	var bookings []*booking.Booking
	var unreadable []string
	err := s.sql.each(claimed, idsIn, column1(ids), func(statement string, args []any) error {
		return scan(tx.Raw(statement, args...), (*wholeRow).fields, func(row *wholeRow) {
			b, err := s.whole(row)
			if _, known := s.pools[booking.Name(row.Place.Step)]; err == nil && !known { // StepsInUse has not seen it
				err = fmt.Errorf("booking %s stands at the step %q, which this version does not have", row.Asked.ID, row.Place.Step)
			}
			if err != nil {
				s.log.Error("a booking cannot be read: give this process the key it was sealed with, or look at its row", zap.Error(err))
				unreadable = append(unreadable, row.Asked.ID)
				return
			}
			bookings = append(bookings, b)
		})
	})
	if err != nil || len(unreadable) == 0 {
		return bookings, err
	}
	err = tx.Exec(strings.ReplaceAll(setAside, "{now}", s.sql.now()), unreadableFor.Microseconds(), string(booking.Unreadable), unreadable).Error
	return bookings, err
}

func (s *Store) claimDue(c booking.Claim) (statement string, args []any) {
	return s.claimOf(c, "", waitingFor, "", []any{string(c.Pool), c.Limit})
}

// claimNamed is claimDue for bookings that somebody named.
func (s *Store) claimNamed(c booking.Claim) (statement string, args []any) {
	v, args := s.sql.table(idsIn, column1(c.Only))
	return s.claimOf(c, v+", ", named, "AND id IN (SELECT id FROM v)", append(args, string(c.Pool), c.Limit))
}

// claimOf completes claimDue; args are of what stands before the pool.
func (s *Store) claimOf(c booking.Claim, v, waiting, except string, args []any) (string, []any) {
	statement := strings.NewReplacer("{v}", v, "{waiting}", waiting, "{except}", except).Replace(claimDue)
	mine := c.Process + "." // without a name nobody's
	return strings.NewReplacer("{now}", s.sql.now(), "{lock}", s.sql.lock).Replace(statement),
		append(args, string(c.Pool), c.Limit, c.Limit, utf8.RuneCountInString(mine), mine, c.Owner, c.Lease.Microseconds())
}

// wholeRow is a row of claimed.
type wholeRow struct {
	fullRow

	People peopleRow
}

func (r *wholeRow) fields() []any {
	return append(r.fullRow.fields(), &r.People.KeyID, &r.People.DataKey, &r.People.Sealed)
}

// whole is a booking with its personal data.
func (s *Store) whole(row *wholeRow) (*booking.Booking, error) {
	b, err := row.booking(s.steps)
	if err != nil {
		return nil, err
	}
	row.People.ID = row.Asked.ID
	p, err := s.cfg.Keys.open(row.People)
	if err != nil {
		return nil, fmt.Errorf("read the people of booking %s: %w", b.ID, err)
	}
	b.Contact = p.Contact
	if row.People.DataKey != nil {
		b.Stay.Rooms = p.Rooms
	}
	return b, nil
}

// Save stores the turn of b's owner, and its line of history: b.Version is the version that the turn made. With a lease the
// booking stays the owner's for so long, and with booking.KeepLease for as long as before, which costs less; with 0 it is
// given back, due when b.DueAt says. Nothing is written on an error:
// booking.ErrConflict if somebody decided meanwhile, booking.ErrLost if the lease is somebody else's. After any other error
// the same Save may be repeated, also where the first was written after all.
func (s *Store) Save(ctx context.Context, b *booking.Booking, e booking.Entry, lease time.Duration) error {
	if b.Owner == "" {
		return fmt.Errorf("save booking %s without an owner: %w", b.ID, booking.ErrLost)
	}
	next := afterwards{owner: b.Owner, dueIn: micros(lease)}
	switch {
	case lease == booking.KeepLease:
		next = afterwards{owner: b.Owner, keepDue: true}
	case lease <= 0:
		next = afterwards{dueIn: dueIn(b)}
	}
	o, err := s.saveOp(b, e, b.Owner, b.Owner, next)
	if err != nil {
		return err
	}
	if err := s.writer.write(ctx, o); err != nil {
		return fmt.Errorf("save booking %s: %w", b.ID, err)
	}
	return nil
}

// Renew extends leases, all in one statement; with 0 it gives them back, due at once. It lists those that were lost.
func (s *Store) Renew(ctx context.Context, held []booking.Lease, lease time.Duration) (lost []booking.ID, err error) {
	if len(held) == 0 {
		return nil, nil
	}
	ctx, cancel := s.deadline(ctx)
	defer cancel()
	template := renewLeases
	if lease == 0 {
		template = giveBack
	}
	rows := make([][]any, len(held))
	for i, l := range held {
		rows[i] = []any{string(l.ID), l.Owner, lease.Microseconds()}
	}
	kept := map[booking.ID]bool{}
	err = s.transact(ctx, func(tx *gorm.DB) error {
		return s.sql.each(template, leasesIn, rows, func(statement string, args []any) error {
			var ids []booking.ID
			if err := tx.Raw(statement, args...).Find(&ids).Error; err != nil {
				return err
			}
			for _, id := range ids {
				kept[id] = true
			}
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("renew leases: %w", err)
	}
	for _, l := range held {
		if !kept[l.ID] {
			lost = append(lost, l.ID)
		}
	}
	return lost, nil
}

// Backlog counts what is due and not leased, by all processes, up to Config.BacklogCap.
func (s *Store) Backlog(ctx context.Context) (booking.Backlog, error) {
	ctx, cancel := s.deadline(ctx)
	defer cancel()
	var row struct {
		Waiting int
		Oldest  *int64
	}
	statement, args := s.countBacklog()
	if err := s.read.WithContext(ctx).Raw(statement, args...).Find(&row).Error; err != nil {
		return booking.Backlog{}, fmt.Errorf("count the backlog: %w", err)
	}
	backlog := booking.Backlog{Waiting: row.Waiting}
	if row.Oldest != nil {
		backlog.Oldest = moment(*row.Oldest)
	}
	return backlog, nil
}

// countBacklog asks pool by pool, as the index is ordered, and then for the leases that ran out; for the oldest of all of
// them, and for the others until the cap is reached.
func (s *Store) countBacklog() (statement string, args []any) {
	const of = "SELECT due_at FROM (SELECT due_at FROM places WHERE %s AND due_at <= {now} ORDER BY due_at LIMIT ?) AS %s"
	due := func(limit int) string {
		var parts []string
		for _, pool := range booking.Pools() {
			parts, args = append(parts, fmt.Sprintf(of, "queue = ?", pool)), append(args, string(pool), limit)
		}
		parts, args = append(parts, fmt.Sprintf(of, "queue IS NULL", "expired")), append(args, limit)
		return strings.Join(parts, " UNION ALL ")
	}
	statement = "SELECT (SELECT COUNT(*) FROM (" + due(s.cfg.BacklogCap) + " LIMIT ?) AS due) AS waiting, "
	args = append(args, s.cfg.BacklogCap)
	statement += "(SELECT MIN(due_at) FROM (" + due(1) + ") AS first) AS oldest"
	return strings.ReplaceAll(statement, "{now}", s.sql.now()), args
}

// decideTries bounds how often a decision is taken again because the booking moved meanwhile.
const decideTries = 10

// Decide reads a booking without personal data, lets decide change it, and writes it if it has not moved meanwhile; else it
// begins again. A leased booking stays leased. The error of decide is returned as it is, and nothing is written.
func (s *Store) Decide(ctx context.Context, id booking.ID, decide func(*booking.Booking) (booking.Entry, error)) (*booking.Booking, error) {
	return s.decide(ctx, id, decide, func(*op) error { return nil })
}

// decide is Decide of a write that also changes.
func (s *Store) decide(ctx context.Context, id booking.ID, decide func(*booking.Booking) (booking.Entry, error), also func(*op) error) (*booking.Booking, error) {
	for try := 1; ; try++ {
		b, err := s.Get(ctx, id)
		if err != nil {
			return nil, err
		}
		owner, due := b.Owner, b.DueAt
		entry, err := decide(b)
		if err != nil {
			return nil, err
		}
		b.Owner = owner
		o, err := s.saveOp(b, entry, owner, rand.Text(), afterwards{owner: owner, dueIn: dueIn(b), keepDue: owner != "" || b.DueAt.Equal(due)})
		if err != nil {
			return nil, err
		}
		if err := also(o); err != nil {
			return nil, err
		}
		err = s.writer.write(ctx, o)
		moved := errors.Is(err, booking.ErrConflict) || errors.Is(err, booking.ErrLost)
		switch {
		case err == nil:
			return b, nil
		case !moved:
			return nil, fmt.Errorf("decide on booking %s: %w", id, err)
		case try == decideTries:
			return nil, fmt.Errorf("decide on booking %s: %w", id, booking.ErrConflict)
		}
	}
}
