package store_test

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"hotelbooking/store"
	"hotelbooking/store/storetest"
)

func TestAPostgresThatMayLoseCommitsIsRefused(t *testing.T) {
	t.Parallel()
	cfg := storetest.PostgresConfig(t)
	core, complaints := observer.New(zap.ErrorLevel)
	with := func(synchronousCommit string, unsafe bool) error {
		t.Helper()
		address, err := url.Parse(cfg.URL)
		require.NoError(t, err)
		query := address.Query()
		query.Set("synchronous_commit", synchronousCommit)
		address.RawQuery = query.Encode()
		cfg.URL, cfg.UnsafeDurability = address.String(), unsafe
		s, err := store.Open(t.Context(), cfg, zap.New(core))
		if err == nil {
			require.NoError(t, s.Close())
		}
		return err
	}
	for _, lossy := range []string{"off", "local"} {
		require.ErrorContains(t, with(lossy, false), "synchronous_commit is "+lossy)
		require.NoError(t, with(lossy, true), "unsafe, and called so")
	}
	complaints.TakeAll()
	for _, safe := range []string{"on", "remote_apply", "remote_write"} {
		require.NoError(t, with(safe, false))
	}
	fsync, err := storetest.Open(t, cfg).Lines(t.Context(), "SHOW fsync")
	require.NoError(t, err)
	if fsync[0] == "off" { // as that of the private server is
		require.Equal(t, 3, complaints.FilterMessageSnippet("fsync is off").Len())
	}
}

func TestMoreConnectionsThanTheServerAllowsAreRefused(t *testing.T) {
	t.Parallel()
	cfg := storetest.PostgresConfig(t)
	cfg.MaxConns = 100_000
	_, err := store.Open(t.Context(), cfg, zap.NewNop())
	require.ErrorContains(t, err, "100000 connections")
}

func TestADatabaseInMemoryIsForTestsOnly(t *testing.T) {
	t.Parallel()
	_, err := store.Open(t.Context(), store.Config{Dir: ":memory:", Keys: storetest.Keys()}, zap.NewNop())
	require.ErrorContains(t, err, "loses everything")
}

func TestReadersOfSQLiteCannotWrite(t *testing.T) {
	t.Parallel()
	s := storetest.SQLite(t)
	require.ErrorContains(t, s.ExecAsReader(t.Context(), "DELETE FROM bookings"), "readonly")
}
