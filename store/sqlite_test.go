package store

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestASQLiteThatMayLoseCommitsIsRefused(t *testing.T) {
	t.Parallel()
	check := func(change func(pragmas []string)) error {
		options := writerOptions()
		change(options["_pragma"])
		db, err := sqlitePool(t.TempDir(), 1, options)
		require.NoError(t, err)
		pool, err := db.DB()
		require.NoError(t, err)
		defer pool.Close()
		return checkSQLite(t.Context(), db)
	}
	replace := func(pragma, by string) func([]string) {
		return func(pragmas []string) {
			for i := range pragmas {
				if pragmas[i] == pragma {
					pragmas[i], pragma = by, ""
				}
			}
			require.Empty(t, pragma, "it was not there to be replaced")
		}
	}
	require.NoError(t, check(func([]string) {}))
	require.ErrorContains(t, check(replace("synchronous(FULL)", "synchronous(NORMAL)")), "synchronous is 1")
	require.ErrorContains(t, check(replace("synchronous(FULL)", "synchronous(OFF)")), "synchronous is 0")
	require.ErrorContains(t, check(replace("journal_mode(WAL)", "journal_mode(DELETE)")), "journal_mode is delete")
	require.ErrorContains(t, check(replace("foreign_keys(1)", "foreign_keys(0)")), "foreign keys")
	require.Equal(t, url.Values{"_txlock": {"immediate"}}.Get("_txlock"), writerOptions().Get("_txlock"))
}

func TestOldSQLiteIsTold(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]bool{"3.41.2": false, "3.51.2": false, "3.51.3": true, "3.54.1": true, "4.0.0": true, "?": false} {
		require.Equal(t, want, sqliteNumber(version) >= sqliteOldest, version)
	}
}
