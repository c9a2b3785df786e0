package main

import (
	"database/sql"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/stretchr/testify/require"
)

// kept is everything that the service has on disk but for its keys and the sandbox's own journal: of SQLite each byte of its files,
// of PostgreSQL each text and each binary value of all tables.
func (f *fortress) kept(g *guard) string {
	g.Helper()
	var all strings.Builder
	require.NoError(g.T, filepath.WalkDir(f.cfg.DataDir, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && entry.Name() == "keys":
			return filepath.SkipDir
		case entry.IsDir() || entry.Name() == "sandbox.journal" || strings.HasSuffix(path, "-shm"):
			return nil
		}
		content, err := os.ReadFile(path)
		all.Write(content)
		return err
	}))
	if f.cfg.Database.URL == "" {
		return all.String()
	}
	db := f.database(g)
	rows, err := db.QueryContext(g.Context(), `
SELECT table_name, column_name, data_type FROM information_schema.columns
WHERE table_schema = current_schema() AND (data_type LIKE '%char%' OR data_type LIKE 'json%' OR data_type IN ('text', 'bytea', 'uuid', 'ARRAY'))
ORDER BY table_name, column_name`)
	require.NoError(g.T, err)
	defer func() { _ = rows.Close() }()
	var selects []string
	for rows.Next() {
		var table, column, kind string
		require.NoError(g.T, rows.Scan(&table, &column, &kind))
		as := fmt.Sprintf(`"%s"::text`, column)
		if kind == "bytea" {
			as = fmt.Sprintf(`encode("%s", 'escape')`, column)
		}
		selects = append(selects, fmt.Sprintf(`SELECT coalesce(%s, '') FROM "%s"`, as, table))
	}
	require.NoError(g.T, rows.Err())
	require.Greater(g.T, len(selects), 20)
	for _, each := range selects {
		values, err := db.QueryContext(g.Context(), each)
		require.NoError(g.T, err, each)
		for values.Next() {
			var value string
			require.NoError(g.T, values.Scan(&value))
			all.WriteString(value + "\n")
		}
		require.NoError(g.T, values.Err())
		require.NoError(g.T, values.Close())
	}
	return all.String()
}

// database is a way into it beside the service's own.
func (f *fortress) database(g *guard) *sql.DB {
	g.Helper()
	driver, source := "sqlite", filepath.Join(f.cfg.DataDir, "booking.db")+"?_pragma=busy_timeout(5000)"
	if f.cfg.Database.URL != "" {
		driver, source = "pgx", f.cfg.Database.URL.Reveal()
	}
	db, err := sql.Open(driver, source)
	require.NoError(g.T, err)
	g.Cleanup(func() { _ = db.Close() })
	return db
}

// breakDatabase makes every statement of the service fail, as a mistaken migration would.
func (f *fortress) breakDatabase(g *guard) {
	g.Helper()
	_, err := f.database(g).ExecContext(g.Context(), "ALTER TABLE bookings RENAME TO mislaid_bookings")
	require.NoError(g.T, err)
}

func (f *fortress) mendDatabase(g *guard) {
	g.Helper()
	_, err := f.database(g).ExecContext(g.Context(), "ALTER TABLE mislaid_bookings RENAME TO bookings")
	require.NoError(g.T, err)
}
