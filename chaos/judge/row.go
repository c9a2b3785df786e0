package judge

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// Row is a booking as the database has it.
type Row struct {
	ID, Reference, Key  string
	Phase, Step, Status string
	Version             int
	Owner, Attention    string
	Due                 bool // it has a time at which somebody will look at it
	Lines               []Line
}

// Line is one of a booking's history.
type Line struct {
	Version             int
	At                  time.Time
	Took                time.Duration
	Actor, Verb         string
	FromPhase, FromStep string
	ToPhase, ToStep     string
	Outcome, Reason     string
	Status, WrittenBy   string
}

const (
	allRows = `
SELECT CAST(b.id AS TEXT), b.reference, b.idempotency_key, p.phase, p.step, p.status, p.version, p.owner, COALESCE(p.attention, ''),
    CASE WHEN p.due_at IS NULL THEN 0 ELSE 1 END
FROM bookings AS b JOIN places AS p ON p.id = b.id`
	allLines = `
SELECT CAST(booking_id AS TEXT), version, at, took_us, actor, verb, from_phase, from_step, to_phase, to_step, outcome, reason, status, written_by
FROM history ORDER BY booking_id, version`
)

// Moving counts the bookings that go on by themselves: parked for good is what has no time at which it does.
const Moving = `SELECT count(*) FROM places WHERE phase <> 'ended' AND (phase <> 'parked' OR due_at IS NOT NULL OR owner <> '')`

// ReadRows reads all bookings, with their histories, by id.
func ReadRows(ctx context.Context, db *sql.DB) (map[string]*Row, error) {
	rows := map[string]*Row{}
	err := Each(ctx, db, allRows, func(scan func(...any) error) error {
		r := &Row{}
		if err := scan(&r.ID, &r.Reference, &r.Key, &r.Phase, &r.Step, &r.Status, &r.Version, &r.Owner, &r.Attention, &r.Due); err != nil {
			return err
		}
		rows[r.ID] = r
		return nil
	})
	if err != nil {
		return nil, err
	}
	return rows, Each(ctx, db, allLines, func(scan func(...any) error) error {
		var l Line
		var id string
		var at, took int64
		err := scan(&id, &l.Version, &at, &took, &l.Actor, &l.Verb, &l.FromPhase, &l.FromStep, &l.ToPhase, &l.ToStep, &l.Outcome, &l.Reason, &l.Status, &l.WrittenBy)
		if err != nil {
			return err
		}
		l.At, l.Took = time.UnixMicro(at), time.Duration(took)*time.Microsecond
		if rows[id] == nil {
			rows[id] = &Row{ID: id} // history of nothing: the checker will say so
		}
		rows[id].Lines = append(rows[id].Lines, l)
		return nil
	})
}

// Each calls one for every row of an answer.
func Each(ctx context.Context, db *sql.DB, query string, one func(scan func(...any) error) error) error {
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	for err == nil && rows.Next() {
		err = one(rows.Scan)
	}
	return errors.Join(err, rows.Err(), rows.Close())
}
