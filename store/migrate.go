package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/pressly/goose/v3"
	"go.uber.org/zap"
)

//go:embed migrations
var migrations embed.FS

// migrateIn bounds how long a process waits for others that migrate, and for its own migrations.
const migrateIn = 10 * time.Minute

// Migration is one numbered step of the schema.
type Migration struct {
	Version int64
	Name    string
	Applied time.Time // zero: not applied yet
}

// MigrateUp applies the migrations that are missing, and names them. Of N processes at once each migration is applied by
// one, and the others wait for it.
func MigrateUp(ctx context.Context, cfg Config, log *zap.Logger) (applied []string, err error) {
	if cfg.URL == "" {
		return migrateSQLite(ctx, cfg.Dir, log)
	}
	server, err := pgx.ParseConfig(cfg.URL)
	if err != nil {
		return nil, err
	}
	return migratePostgres(ctx, server, log)
}

// MigrateStatus lists all migrations in order.
func MigrateStatus(ctx context.Context, cfg Config) (list []Migration, err error) {
	db, dialect := (*sql.DB)(nil), goose.DialectSQLite3
	if cfg.URL == "" {
		db, err = sqliteDB(cfg.Dir, sqliteFile, writerOptions())
	} else {
		dialect = goose.DialectPostgres
		db, err = sql.Open("pgx", cfg.URL)
	}
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	provider, err := newProvider(db, dialect)
	if err != nil {
		return nil, err
	}
	all, err := provider.Status(ctx)
	if err != nil {
		return nil, fmt.Errorf("read which migrations were applied: %w", err)
	}
	for _, m := range all {
		list = append(list, Migration{Version: m.Source.Version, Name: m.Source.Path, Applied: m.AppliedAt})
	}
	return list, nil
}

// migrateSQLite migrates the file of dir.
func migrateSQLite(ctx context.Context, dir string, log *zap.Logger) (applied []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, migrateIn)
	defer cancel()
	unlock, err := lockDir(ctx, dir)
	if err != nil {
		return nil, fmt.Errorf("wait for other processes that migrate: %w", err)
	}
	defer func() { err = errors.Join(err, unlock()) }()
	db, err := sqliteDB(dir, sqliteFile, writerOptions())
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return migrate(ctx, db, goose.DialectSQLite3, log)
}

// lockDir keeps other processes from migrating the database of dir. The lock is SQLite's own, on an empty file beside it:
// a transaction of the database itself could not span the migrations'.
func lockDir(ctx context.Context, dir string) (unlock func() error, err error) {
	db, err := sqliteDB(dir, "migrations.lock", url.Values{"_pragma": {fmt.Sprintf("busy_timeout(%d)", migrateIn.Milliseconds())}})
	if err != nil {
		return nil, err
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	if _, err := conn.ExecContext(ctx, "BEGIN EXCLUSIVE"); err != nil {
		return nil, errors.Join(err, conn.Close(), db.Close())
	}
	return func() error { return errors.Join(conn.Close(), db.Close()) }, nil
}

func migratePostgres(ctx context.Context, server *pgx.ConnConfig, log *zap.Logger) (applied []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, migrateIn)
	defer cancel()
	// No time limits of the server's: a migration takes as long as it takes.
	server.RuntimeParams["statement_timeout"], server.RuntimeParams["lock_timeout"] = "0", "0"
	db := sharingPool(server, 4)
	defer func() { err = errors.Join(err, db.Close()) }()
	return migrate(ctx, db, goose.DialectPostgres, log, goose.WithSessionLocker(advisoryLock{}))
}

// advisoryLock is PostgreSQL's lock of whoever migrates, one for each schema. goose's own asks once a second at most.
type advisoryLock struct{}

const advisoryKey = "hashtextextended('hotelbooking migrations of ' || current_schema(), 0)"

// SessionLock waits until no other process migrates.
func (advisoryLock) SessionLock(ctx context.Context, conn *sql.Conn) error {
	_, err := conn.ExecContext(ctx, "SELECT pg_advisory_lock("+advisoryKey+")")
	return err
}

// SessionUnlock lets the next one.
func (advisoryLock) SessionUnlock(ctx context.Context, conn *sql.Conn) error {
	_, err := conn.ExecContext(ctx, "SELECT pg_advisory_unlock("+advisoryKey+")")
	return err
}

func migrate(ctx context.Context, db *sql.DB, dialect goose.Dialect, log *zap.Logger, options ...goose.ProviderOption) ([]string, error) {
	provider, err := newProvider(db, dialect, options...)
	if err != nil {
		return nil, err
	}
	results, err := provider.Up(ctx)
	if err != nil {
		return nil, fmt.Errorf("migrate: %w", err)
	}
	var applied []string
	for _, result := range results {
		applied = append(applied, result.Source.Path)
		log.Info("migrated", zap.String("migration", result.Source.Path), zap.Duration("took", result.Duration))
	}
	return applied, nil
}

func newProvider(db *sql.DB, dialect goose.Dialect, options ...goose.ProviderOption) (*goose.Provider, error) {
	dir := "migrations/sqlite"
	if dialect == goose.DialectPostgres {
		dir = "migrations/postgres"
	}
	files, err := fs.Sub(migrations, dir)
	if err != nil {
		return nil, err
	}
	options = append(options, goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()))
	return goose.NewProvider(dialect, db, files, options...)
}
