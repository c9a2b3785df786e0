package chaos_test

import (
	"context"
	"database/sql"
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

const leased = `SELECT CAST(id AS TEXT), owner, version FROM places WHERE owner <> ''`

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

func count(ctx context.Context, db *sql.DB, query string) (n int, err error) {
	err = db.QueryRowContext(ctx, query).Scan(&n)
	return n, err
}
