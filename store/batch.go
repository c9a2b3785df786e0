package store

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"gorm.io/gorm"

	"hotelbooking/booking"
)

// The statements of a group commit. Each writes many rows at once; see dialect.each for {rows} and {now}, and part for
// {written}.

// part is what a write does to one table. Of several parts the first says which rows are written at all.
type part struct {
	columns []column // of the table v that it reads
	row     func(*op) []any
	sql     string
}

// The two kinds of writes, part by part, and all their parts in one.
var (
	acceptParts = []part{
		{bookingsIn, func(o *op) []any { return o.accept.booking }, insertBookings},
		{placesIn, func(o *op) []any { return o.place }, insertPlaces},
		{peopleIn, func(o *op) []any { return o.accept.people }, insertPeople},
		{linesIn, func(o *op) []any { return o.history }, insertLines},
	}
	saveParts = []part{
		{placesIn, func(o *op) []any { return o.place }, updatePlaces},
		{linesIn, func(o *op) []any { return o.history }, insertLines},
	}
	wholeAccept, wholeSave = inOne(acceptParts), inOne(saveParts)
)

var bookingsIn = []column{
	{"b_id", isID}, {"b_reference", isText}, {"b_client", isText}, {"b_client_reference", isText}, {"b_idempotency_key", isText},
	{"b_fingerprint", isBytes}, {"b_flow_version", isInt}, {"b_created_at", isInt}, {"b_offer", isText}, {"b_stay", isText},
	{"b_payment_token", isText}, {"b_attribution", isText}, {"b_return_url", isText}, {"b_trace", isText},
}

const insertBookings = `
INSERT INTO bookings (id, reference, client, client_reference, idempotency_key, fingerprint, flow_version, created_at,
    offer, stay, payment_token, attribution, return_url, trace)
SELECT b_id, b_reference, b_client, b_client_reference, b_idempotency_key, b_fingerprint, b_flow_version, b_created_at,
    b_offer, b_stay, b_payment_token, b_attribution, b_return_url, b_trace
FROM v WHERE TRUE -- or SQLite takes ON for a join's
ON CONFLICT DO NOTHING
RETURNING id`

// placesIn are the columns of a placeRow, with supplier, which is written once, and next_owner, keep_due and due_in, which
// say what becomes of owner, queue and due_at.
var placesIn = []column{
	{"id", isID}, {"phase", isText}, {"step", isText}, {"pool", isText}, {"supplier", isText}, {"goal", isText},
	{"result", isText}, {"status", isText}, {"shelf", isText}, {"version", isInt}, {"owner", isText}, {"next_owner", isText},
	{"keep_due", isInt}, {"due_in", isInt}, {"crashes", isInt}, {"crashed", isInt}, {"attention", isText},
	{"failure", isText}, {"updated_at", isInt}, {"terms", isText}, {"facts", isText}, {"money", isText}, {"marks", isText},
}

const insertPlaces = `
INSERT INTO places (id, phase, step, pool, supplier, goal, result, status, shelf, version, owner, queue, due_at, crashes, crashed,
    attention, attention_since, failure, updated_at, terms, facts, money, marks)
SELECT id, phase, step, pool, supplier, goal, result, status, shelf, version, next_owner, CASE WHEN next_owner = '' THEN pool END,
    {now} + due_in, crashes, crashed, attention, CASE WHEN attention IS NOT NULL THEN updated_at END, failure, updated_at,
    terms, facts, money, marks
FROM v WHERE {written}`

const updatePlaces = `
UPDATE places SET
    phase = v.phase, step = v.step, pool = v.pool, goal = v.goal, result = v.result, status = v.status, shelf = v.shelf,
    version = v.version, owner = v.next_owner, queue = CASE WHEN v.next_owner = '' THEN v.pool END,
    due_at = CASE WHEN v.keep_due = 1 THEN places.due_at ELSE {now} + v.due_in END,
    crashes = v.crashes, crashed = v.crashed, attention = v.attention,
    attention_since = CASE WHEN v.attention = places.attention THEN places.attention_since
                           WHEN v.attention IS NOT NULL THEN v.updated_at END,
    failure = v.failure, updated_at = v.updated_at, terms = v.terms, facts = v.facts, money = v.money, marks = v.marks
FROM v
WHERE places.id = v.id AND places.version = v.version - 1 AND places.owner = v.owner
RETURNING places.id`

var peopleIn = []column{
	{"s_id", isID}, {"s_email_index", isBytes}, {"s_key_id", isText}, {"s_data_key", isBytes}, {"s_sealed", isBytes},
}

const insertPeople = `
INSERT INTO people (id, email_index, key_id, data_key, sealed)
SELECT s_id, s_email_index, s_key_id, s_data_key, s_sealed
FROM v WHERE {written}`

var linesIn = []column{
	{"h_id", isID}, {"h_version", isInt}, {"h_at", isInt}, {"h_actor", isText}, {"h_verb", isText}, {"h_from_phase", isText},
	{"h_from_step", isText}, {"h_to_phase", isText}, {"h_to_step", isText}, {"h_attempt", isInt}, {"h_outcome", isText},
	{"h_reason", isText}, {"h_detail", isText}, {"h_took_us", isInt}, {"h_status", isText}, {"h_written_by", isText},
	{"h_reference", isText}, {"h_calls", isText}, {"h_events", isText},
}

const insertLines = `
INSERT INTO history (booking_id, version, at, actor, verb, from_phase, from_step, to_phase, to_step, attempt, outcome,
    reason, detail, took_us, status, written_by, reference, calls, events)
SELECT h_id, h_version, h_at, h_actor, h_verb, h_from_phase, h_from_step, h_to_phase, h_to_step, h_attempt, h_outcome,
    h_reason, h_detail, h_took_us, h_status, h_written_by, h_reference, h_calls, h_events
FROM v WHERE {written}`

var idsIn = []column{{"id", isID}}

const ownersOf = `
WITH {rows}
SELECT p.id, p.owner FROM v JOIN places AS p ON p.id = v.id`

var lineKeys = []column{{"id", isID}, {"version", isInt}}

const writtenLines = `
WITH {rows}
SELECT h.booking_id, h.version, h.at, h.actor, h.verb, h.from_phase, h.from_step, h.to_phase, h.to_step, h.attempt,
    h.outcome, h.reason, h.detail, h.took_us, h.status, h.written_by
FROM v JOIN history AS h ON h.booking_id = v.id AND h.version = v.version`

var acceptKeys = []column{{"idempotency_key", isText}, {"client", isText}}

const keysTaken = `
WITH {rows}
SELECT b.id, b.client, b.idempotency_key, b.fingerprint
FROM v JOIN bookings AS b ON b.idempotency_key = v.idempotency_key AND b.client = v.client`

// keyRow is the booking that a key made.
type keyRow struct {
	ID             string
	Client         string
	IdempotencyKey string
	Fingerprint    []byte
}

// insertAccepted writes what is new and returns it. The others' keys are taken, and op.accept.taken says by which booking.
func (s *Store) insertAccepted(tx *gorm.DB, ops []*op) ([]*op, error) {
	if len(ops) == 0 {
		return nil, nil
	}
	fresh, err := s.writeParts(tx, acceptParts, wholeAccept, ops)
	if err != nil {
		return nil, err
	}
	var accepted, refused []*op
	for _, o := range ops {
		if o.accept.taken = nil; fresh[string(o.id)] {
			accepted = append(accepted, o)
		} else {
			refused = append(refused, o)
		}
	}
	return accepted, s.findTaken(tx, refused)
}

// findTaken finds the bookings whose keys were used again. An op that has none met another's id or reference.
func (s *Store) findTaken(tx *gorm.DB, ops []*op) error {
	if len(ops) == 0 {
		return nil
	}
	rows := make([][]any, len(ops))
	for i, o := range ops {
		rows[i] = []any{o.accept.key, o.accept.client}
	}
	type clientKey struct{ client, key string }
	taken := map[clientKey]*keyRow{}
	err := s.sql.each(keysTaken, acceptKeys, rows, func(statement string, args []any) error {
		var found []keyRow
		if err := tx.Raw(statement, args...).Find(&found).Error; err != nil {
			return err
		}
		for _, row := range found {
			taken[clientKey{row.Client, row.IdempotencyKey}] = &row
		}
		return nil
	})
	for _, o := range ops {
		if o.accept.taken = taken[clientKey{o.accept.client, o.accept.key}]; o.accept.taken == nil {
			o.err = errIdentityTaken
		}
	}
	return err
}

// updateSaved writes those whose owner and version still stand, and returns them. The others lost their lease, or the
// booking has moved, or it is a repeated save that was written before.
func (s *Store) updateSaved(tx *gorm.DB, ops []*op) ([]*op, error) {
	if len(ops) == 0 {
		return nil, nil
	}
	moved, err := s.writeParts(tx, saveParts, wholeSave, ops)
	if err != nil {
		return nil, err
	}
	var saved, refused []*op
	for _, o := range ops {
		if moved[string(o.id)] {
			saved = append(saved, o)
		} else {
			refused = append(refused, o)
		}
	}
	return saved, s.explainRefused(tx, refused)
}

func (s *Store) explainRefused(tx *gorm.DB, ops []*op) error {
	if len(ops) == 0 {
		return nil
	}
	before, err := s.written(tx, ops)
	if err != nil {
		return err
	}
	ids := make([]booking.ID, len(ops))
	for i, o := range ops {
		ids[i] = o.id
	}
	owners := map[booking.ID]string{}
	err = s.sql.each(ownersOf, idsIn, column1(ids), func(statement string, args []any) error {
		var rows []struct {
			ID    booking.ID
			Owner string
		}
		if err := tx.Raw(statement, args...).Find(&rows).Error; err != nil {
			return err
		}
		for _, row := range rows {
			owners[row.ID] = row.Owner
		}
		return nil
	})
	for _, o := range ops {
		owner, exists := owners[o.id]
		switch {
		case before[o.id]:
		case exists && owner == o.owner:
			o.err = booking.ErrConflict
		default:
			o.err = booking.ErrLost
		}
	}
	return err
}

// inOne has all parts in one statement.
func inOne(parts []part) part {
	one := part{sql: "WITH {rows},\nwritten AS (" + parts[0].sql + ")"}
	for i, p := range parts {
		one.columns = append(one.columns, p.columns...)
		if i > 0 {
			// Bare, it would be a join, by nested loops, of what PostgreSQL takes for ten rows each; so it is a hash table.
			only := "CASE WHEN " + p.columns[0].name + " IN (SELECT id FROM written) THEN TRUE END"
			one.sql += fmt.Sprintf(",\npart%d AS (%s)", i, strings.ReplaceAll(p.sql, "{written}", only))
		}
	}
	one.sql += "\nSELECT id FROM written"
	one.row = func(o *op) []any {
		row := make([]any, 0, len(one.columns))
		for _, p := range parts {
			row = append(row, p.row(o)...)
		}
		return row
	}
	return one
}

// writeParts writes ops, in one or part by part, and returns the ids of those that were written.
func (s *Store) writeParts(tx *gorm.DB, parts []part, one part, ops []*op) (map[string]bool, error) {
	if len(ops) <= s.sql.together {
		return s.writeRows(tx, one.sql, one.columns, ops, one.row)
	}
	written, err := s.writeRows(tx, "WITH {rows}"+parts[0].sql, parts[0].columns, ops, parts[0].row)
	if err != nil {
		return nil, err
	}
	ops = slices.DeleteFunc(slices.Clone(ops), func(o *op) bool { return !written[string(o.id)] })
	if len(ops) == 0 {
		return written, nil
	}
	for _, p := range parts[1:] {
		statement := "WITH {rows}" + strings.ReplaceAll(p.sql, "{written}", "TRUE")
		if _, err := s.writeRows(tx, statement, p.columns, ops, p.row); err != nil {
			return nil, err
		}
	}
	return written, nil
}

// writeRows runs a statement for the rows of ops and returns the ids that it returned.
func (s *Store) writeRows(tx *gorm.DB, template string, columns []column, ops []*op, row func(*op) []any) (map[string]bool, error) {
	rows := make([][]any, len(ops))
	for i, o := range ops {
		rows[i] = row(o)
	}
	ids := make(map[string]bool, len(ops))
	return ids, s.sql.each(template, columns, rows, func(statement string, args []any) error {
		var returned []string
		if err := tx.Raw(statement, args...).Find(&returned).Error; err != nil {
			return err
		}
		for _, id := range returned {
			ids[id] = true
		}
		return nil
	})
}

// errIdentityTaken: two bookings were given the same id or reference, by a chance of less than one in a million. The
// caller's next try will have others.
var errIdentityTaken = errors.New("the booking's id or reference is taken")
