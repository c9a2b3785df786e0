package storetest

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"net/url"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // registers the driver "pgx"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"hotelbooking/store"
)

// dropWithin bounds the clearing up after a test, whose own context has ended.
const dropWithin = 30 * time.Second

// Each runs test on a fresh store of each database, as subtests "sqlite" and "postgres".
func Each(t *testing.T, test func(t *testing.T, s *store.Store), change ...func(*store.Config)) {
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, SQLite(t, change...))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		test(t, OnPostgres(t, change...))
	})
}

// SQLite is a fresh store in a file.
func SQLite(t testing.TB, change ...func(*store.Config)) *store.Store {
	t.Helper()
	return Open(t, SQLiteConfig(t), change...)
}

// Memory is a fresh store in memory, on one connection: the one that works in a synctest bubble.
func Memory(t testing.TB, change ...func(*store.Config)) *store.Store {
	t.Helper()
	return Open(t, store.Config{Dir: ":memory:", Keys: Keys(), UnsafeDurability: true}, change...)
}

// OnPostgres is a fresh store in a schema of its own; without a PostgreSQL the test is skipped, as Postgres says.
func OnPostgres(t testing.TB, change ...func(*store.Config)) *store.Store {
	t.Helper()
	return Open(t, PostgresConfig(t), change...)
}

// SQLiteConfig opens a fresh database in a directory that goes with the test.
func SQLiteConfig(t testing.TB) store.Config {
	return store.Config{Dir: t.TempDir(), Keys: Keys()}
}

// PostgresConfig opens a fresh schema that is dropped after the test.
func PostgresConfig(t testing.TB) store.Config {
	t.Helper()
	return store.Config{URL: PostgresSchema(t), Keys: Keys(), MaxConns: 6, UnsafeDurability: true} // the test server's fsync may be off
}

// Open opens a store that is closed after the test.
func Open(t testing.TB, cfg store.Config, change ...func(*store.Config)) *store.Store {
	t.Helper()
	for _, f := range change {
		f(&cfg)
	}
	s, err := store.Open(t.Context(), cfg, zap.NewNop())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// PostgresSchema is the address of a fresh, empty schema that is dropped after the test.
func PostgresSchema(t testing.TB) string {
	t.Helper()
	address, err := url.Parse(Postgres(t))
	require.NoError(t, err)
	db, err := sql.Open("pgx", address.String())
	require.NoError(t, err)
	schema := "test_" + hex.EncodeToString(random(8))
	_, err = db.ExecContext(t.Context(), "CREATE SCHEMA "+schema)
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), dropWithin)
		defer cancel()
		_, err := db.ExecContext(ctx, "DROP SCHEMA "+schema+" CASCADE")
		require.NoError(t, err)
		require.NoError(t, db.Close())
	})
	query := address.Query()
	query.Set("search_path", schema)
	address.RawQuery = query.Encode()
	return address.String()
}

// Keys are for tests only.
func Keys() store.Keys {
	return store.Keys{
		Current: "test", Wrap: map[string][]byte{"test": bytes.Repeat([]byte{1}, 32)}, Index: bytes.Repeat([]byte{2}, 32),
	}
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return b
}
