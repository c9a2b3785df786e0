package bench

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // registers the driver "pgx"

	"hotelbooking/store"
	"hotelbooking/store/storetest/pgserver"
)

const (
	onPostgres = "postgres"
	onSQLite   = "sqlite"

	startWithin = 10 * time.Minute // of a private PostgreSQL, with an installation over a slow line
	dropWithin  = time.Minute
)

var allDatabases = []string{onPostgres, onSQLite}

// database is an empty database of its own for one measurement.
type database struct {
	kind   string
	dir    string // keys, and SQLite's files
	url    string // of a schema of its own on PostgreSQL
	admin  *sql.DB
	schema string
}

// open makes an empty database of a kind; the caller closes it.
func (b *bench) open(ctx context.Context, kind string) (*database, error) {
	dir, err := os.MkdirTemp("", "booking-bench-")
	if err != nil {
		return nil, err
	}
	d := &database{kind: kind, dir: dir}
	if kind == onPostgres {
		if err := b.openSchema(ctx, d); err != nil {
			return nil, errors.Join(err, d.close())
		}
	}
	return d, nil
}

func (b *bench) openSchema(ctx context.Context, d *database) error {
	address := b.DatabaseURL
	if address == "" {
		if b.postgres == nil {
			b.say("starting a private PostgreSQL, fsync on")
			starting, cancel := context.WithTimeout(ctx, startWithin)
			defer cancel()
			server, err := pgserver.Start(starting, pgserver.Options{Durable: true, Log: b.Log})
			if err != nil {
				return err
			}
			b.postgres = server
		}
		address = b.postgres.URL()
	}
	u, err := url.Parse(address)
	if err != nil {
		return errors.New("--database-url is no URL: postgres://user:password@host:5432/name")
	}
	if d.admin, err = sql.Open("pgx", address); err != nil {
		return err
	}
	d.admin.SetMaxOpenConns(2)
	d.schema = "bench_" + strings.ToLower(rand.Text()[:12])
	if _, err := d.admin.ExecContext(ctx, "CREATE SCHEMA "+d.schema); err != nil {
		return fmt.Errorf("make a schema to measure in: %w", err)
	}
	query := u.Query()
	query.Set("search_path", d.schema)
	u.RawQuery = query.Encode()
	d.url = u.String()
	if err := b.settings(ctx, d.admin); err != nil {
		return err
	}
	// What an earlier measurement left to be written is not this one's.
	_, err = d.admin.ExecContext(ctx, "CHECKPOINT")
	if err != nil {
		b.say("no checkpoint before the measurement: %v", err)
	}
	return nil
}

// settings names once what PostgreSQL is and how it is set up, as far as figures depend on it.
func (b *bench) settings(ctx context.Context, admin *sql.DB) error {
	if b.named {
		return nil
	}
	var all string
	err := admin.QueryRowContext(ctx, `
SELECT 'PostgreSQL ' || current_setting('server_version') || ', ' || string_agg(name || ' ' || current_setting(name), ', ' ORDER BY name)
FROM pg_settings WHERE name IN ('fsync', 'synchronous_commit', 'full_page_writes', 'wal_compression', 'shared_buffers', 'max_wal_size')`).Scan(&all)
	if err != nil {
		return fmt.Errorf("read PostgreSQL's settings: %w", err)
	}
	b.named = true
	b.report.note("%s", all)
	return nil
}

// close drops what open made.
func (d *database) close() error {
	var problems []error
	if d.admin != nil {
		ctx, cancel := context.WithTimeout(context.Background(), dropWithin)
		defer cancel()
		_, err := d.admin.ExecContext(ctx, "DROP SCHEMA IF EXISTS "+d.schema+" CASCADE")
		problems = append(problems, err, d.admin.Close())
	}
	return errors.Join(append(problems, os.RemoveAll(d.dir))...)
}

// config opens the store in this process.
func (d *database) config() store.Config {
	return store.Config{URL: d.url, Dir: d.dir, Keys: store.Keys{
		Current: "bench", Wrap: map[string][]byte{"bench": []byte(strings.Repeat("w", 32))}, Index: []byte(strings.Repeat("i", 32)),
	}}
}

// environ lets a process of its own work on the database.
func (d *database) environ() []string {
	key := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 32)))
	return []string{
		"BOOKING_DATA_DIR=" + filepath.Join(d.dir, "data"), "BOOKING_DATABASE__URL=" + d.url, "BOOKING_SECRETS__PEOPLE_KEY=" + key,
		"BOOKING_SECRETS__EMAIL_INDEX_KEY=" + key, "BOOKING_SECRETS__CLIENT_SECRET_KEY=" + key,
	}
}

// logFile takes what a service logs, as a file does in production.
func (d *database) logFile() (io.WriteCloser, error) {
	return os.Create(filepath.Join(d.dir, "service.log"))
}

// counters are a database's running totals. SQLite counts none of them.
type counters struct {
	commits float64 // transactions committed, those that only read among them
	wal     float64 // bytes
	syncs   float64 // of the WAL
	cpu     float64 // seconds, of all its processes
}

func (c counters) minus(before counters) counters {
	return counters{c.commits - before.commits, c.wal - before.wal, c.syncs - before.syncs, c.cpu - before.cpu}
}

// counters reads the running totals. PostgreSQL's sessions report theirs only when they have been idle for a second.
func (d *database) counters(ctx context.Context) (counters, error) {
	if d.kind == onSQLite {
		return counters{}, nil
	}
	select {
	case <-time.After(statsDelay):
	case <-ctx.Done():
		return counters{}, context.Cause(ctx)
	}
	var c counters
	var backend int
	err := d.admin.QueryRowContext(ctx, `
SELECT d.xact_commit, pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0'), w.wal_sync, pg_backend_pid()
FROM pg_stat_database AS d, pg_stat_wal AS w WHERE d.datname = current_database()`).Scan(&c.commits, &c.wal, &c.syncs, &backend)
	if err != nil {
		return counters{}, fmt.Errorf("read PostgreSQL's counters: %w", err)
	}
	c.cpu, err = clusterCPU(backend)
	return c, err
}

const statsDelay = 1500 * time.Millisecond
