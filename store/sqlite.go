package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"github.com/glebarez/sqlite"
	"github.com/pressly/goose/v3"
	"go.uber.org/zap"
	"gorm.io/gorm"
)

const (
	inMemory   = ":memory:"
	sqliteFile = "booking.db"
	// sqliteOldest, 3.51.3, is the first version without the WAL-reset bug, which loses committed transactions when two
	// connections write and checkpoint: https://sqlite.org/wal.html#the_wal_reset_bug
	sqliteOldest = 3_051_003
)

// openSQLite opens one connection that writes, and a pool of others that cannot.
func (s *Store) openSQLite(ctx context.Context, log *zap.Logger) error {
	s.sql = s.cfg.sqlite()
	if s.cfg.Dir == inMemory {
		return s.openMemory(ctx, log)
	}
	_, err := migrateSQLite(ctx, s.cfg.Dir, log)
	if err != nil {
		return err
	}
	if s.write, err = sqlitePool(s.cfg.Dir, 1, writerOptions()); err != nil {
		return err
	}
	if s.read, err = sqlitePool(s.cfg.Dir, s.cfg.MaxConns, readerOptions()); err != nil {
		return err
	}
	if s.cfg.UnsafeDurability {
		return nil
	}
	return checkSQLite(ctx, s.write)
}

// sqlite is SQLite's SQL, by the clock of the configuration.
func (c Config) sqlite() dialect {
	d := sqliteDialect
	d.now = func() string { return fmt.Sprint(c.Now().UnixMicro()) }
	return d
}

// openMemory has one connection for all, because each would have a database of its own.
func (s *Store) openMemory(ctx context.Context, log *zap.Logger) error {
	if !s.cfg.UnsafeDurability {
		return errors.New("a database in memory loses everything")
	}
	var err error
	if s.write, err = sqlitePool(inMemory, 1, writerOptions()); err != nil {
		return err
	}
	s.read = s.write
	pool, err := s.write.DB()
	if err != nil {
		return err
	}
	_, err = migrate(ctx, pool, goose.DialectSQLite3, log)
	return err
}

// writerOptions begin each transaction as a writer: one that begins to read and goes on to write cannot wait for another.
func writerOptions() url.Values {
	return url.Values{"_txlock": {"immediate"}, "_pragma": {
		"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)", "cache_size(-32768)",
		"journal_size_limit(67108864)", "temp_store(MEMORY)", "secure_delete(FAST)", // what is erased is to be gone
	}}
}

func readerOptions() url.Values {
	return url.Values{"_pragma": {"busy_timeout(5000)", "query_only(1)", "cache_size(-8192)", "temp_store(MEMORY)"}}
}

func sqlitePool(dir string, conns int, options url.Values) (*gorm.DB, error) {
	pool, err := sqliteDB(dir, sqliteFile, options)
	if err != nil {
		return nil, err
	}
	pool.SetMaxOpenConns(conns)
	pool.SetMaxIdleConns(conns)
	db, err := gorm.Open(&sqlite.Dialector{Conn: pool}, gormConfig())
	if err != nil {
		return nil, errors.Join(err, pool.Close())
	}
	return db, nil
}

func sqliteDB(dir, name string, options url.Values) (*sql.DB, error) {
	if dir == inMemory {
		return sql.Open(sqlite.DriverName, inMemory+"?"+options.Encode())
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	path, err := filepath.Abs(filepath.Join(dir, name))
	if err != nil {
		return nil, err
	}
	uri := url.URL{Scheme: "file", Path: path, RawQuery: options.Encode()}
	return sql.Open(sqlite.DriverName, uri.String())
}

// checkSQLite refuses a connection that may lose a commit, whatever was asked for when it was opened.
func checkSQLite(ctx context.Context, db *gorm.DB) error {
	var got struct {
		Version     string
		JournalMode string
		Synchronous int
		ForeignKeys int
	}
	err := db.WithContext(ctx).Raw(`
SELECT sqlite_version() AS version, j.journal_mode, s.synchronous, f.foreign_keys
FROM pragma_journal_mode AS j, pragma_synchronous AS s, pragma_foreign_keys AS f`).Find(&got).Error
	if err != nil {
		return fmt.Errorf("read SQLite's settings: %w", err)
	}
	var problems []error
	refuse := func(unsafe bool, format string, args ...any) {
		if unsafe {
			problems = append(problems, fmt.Errorf(format, args...))
		}
	}
	refuse(sqliteNumber(got.Version) < sqliteOldest, "SQLite %s is older than 3.51.3", got.Version)
	refuse(got.JournalMode != "wal", "SQLite's journal_mode is %s, not wal", got.JournalMode)
	refuse(got.Synchronous < 2, "SQLite's synchronous is %d, less than FULL (2): commits could be lost", got.Synchronous)
	refuse(got.ForeignKeys != 1, "SQLite does not enforce foreign keys")
	return errors.Join(problems...)
}

// sqliteNumber is 3051003 for "3.51.3", and 0 for what is no version.
func sqliteNumber(version string) int {
	var major, minor, patch int
	if _, err := fmt.Sscanf(version, "%d.%d.%d", &major, &minor, &patch); err != nil {
		return 0
	}
	return major*1_000_000 + minor*1000 + patch
}
