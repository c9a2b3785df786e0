package chaos_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	_ "github.com/glebarez/go-sqlite"  // the driver "sqlite"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	"github.com/stretchr/testify/require"

	"hotelbooking/store/storetest/pgserver"
)

// storage is where the service keeps bookings, and the harness's own way there. The two may differ: a case may put a proxy or
// a limited role in the service's way, and what checks must not be starved with what is checked.
type storage struct {
	dir     string   // data_dir of all instances: keys, and SQLite's files
	environ []string // lets an instance use it
	driver  string   // of the harness: sqlite or pgx
	source  string
}

func onSQLite(t *testing.T) storage {
	t.Helper()
	dir := t.TempDir()
	return storage{dir: dir, driver: "sqlite", source: "file:" + filepath.Join(dir, "booking.db") + "?mode=ro&_pragma=busy_timeout(5000)"}
}

// onPostgres gives all instances one database on server.
func onPostgres(t *testing.T, server *pgserver.Server) storage {
	t.Helper()
	return storage{dir: t.TempDir(), environ: []string{"BOOKING_DATABASE__URL=" + server.URL()}, driver: "pgx", source: server.URL()}
}

// ownPostgres is a server of the case's own, as durable as in production, for it may be restarted.
func ownPostgres(t *testing.T) *pgserver.Server {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute) // with an installation over a slow line
	defer cancel()
	server, err := pgserver.Start(ctx, pgserver.Options{Durable: true, Log: os.Stderr})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	return server
}

// row is a booking as the database has it.
type row struct {
	ID, Reference, Key  string
	Phase, Step, Status string
	Version             int
	Owner, Attention    string
	Due                 bool // it has a time at which somebody will look at it
	Lines               []line
}

// line is one of a booking's history.
type line struct {
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
	// Parked for good is what has no time at which it goes on by itself.
	moving = `SELECT count(*) FROM places WHERE phase <> 'ended' AND (phase <> 'parked' OR due_at IS NOT NULL OR owner <> '')`
	leased = `SELECT CAST(id AS TEXT), owner, version FROM places WHERE owner <> ''`
)

// writtenBy finds who wrote a line of a booking's history, by its key.
func (s storage) writtenBy() string {
	id := "$1"
	if s.driver == "pgx" {
		id = "CAST($1 AS UUID)"
	}
	return "SELECT written_by FROM history WHERE version = $2 AND booking_id = " + id
}

// open connects the harness. It waits for nothing for long: what is asked can be asked again.
func (s storage) open(t *testing.T) *sql.DB {
	t.Helper()
	db, err := sql.Open(s.driver, s.source)
	require.NoError(t, err)
	db.SetMaxOpenConns(2)
	t.Cleanup(func() { _ = db.Close() }) // it was only read
	return db
}

func readRows(ctx context.Context, db *sql.DB) (map[string]*row, error) {
	rows := map[string]*row{}
	err := each(ctx, db, allRows, func(scan func(...any) error) error {
		r := &row{}
		if err := scan(&r.ID, &r.Reference, &r.Key, &r.Phase, &r.Step, &r.Status, &r.Version, &r.Owner, &r.Attention, &r.Due); err != nil {
			return err
		}
		rows[r.ID] = r
		return nil
	})
	if err != nil {
		return nil, err
	}
	return rows, each(ctx, db, allLines, func(scan func(...any) error) error {
		var l line
		var id string
		var at, took int64
		err := scan(&id, &l.Version, &at, &took, &l.Actor, &l.Verb, &l.FromPhase, &l.FromStep, &l.ToPhase, &l.ToStep, &l.Outcome, &l.Reason, &l.Status, &l.WrittenBy)
		if err != nil {
			return err
		}
		l.At, l.Took = time.UnixMicro(at), time.Duration(took)*time.Microsecond
		if rows[id] == nil {
			rows[id] = &row{ID: id} // history of nothing: the checker will say so
		}
		rows[id].Lines = append(rows[id].Lines, l)
		return nil
	})
}

func each(ctx context.Context, db *sql.DB, query string, one func(scan func(...any) error) error) error {
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	for err == nil && rows.Next() {
		err = one(rows.Scan)
	}
	return errors.Join(err, rows.Err(), rows.Close())
}

func count(ctx context.Context, db *sql.DB, query string) (n int, err error) {
	err = db.QueryRowContext(ctx, query).Scan(&n)
	return n, err
}
