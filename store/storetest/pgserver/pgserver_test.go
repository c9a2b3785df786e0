package pgserver_test

import (
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"hotelbooking/store/storetest/pgserver"
)

// found skips what needs the binaries where there are none: these tests install nothing.
func found(t *testing.T) string {
	t.Helper()
	bin, err := pgserver.Find(t.Context())
	if errors.Is(err, pgserver.ErrNotFound) && os.Getenv("CI") == "" {
		t.Skip("no PostgreSQL is installed")
	}
	require.NoError(t, err)
	return bin
}

func TestServerIsThereUntilItIsStopped(t *testing.T) {
	t.Parallel()
	server, err := pgserver.Start(t.Context(), pgserver.Options{Bin: found(t)})
	require.NoError(t, err)
	conn, err := pgx.Connect(t.Context(), server.URL())
	require.NoError(t, err)
	var database, listens string
	require.NoError(t, conn.QueryRow(t.Context(), "SELECT current_database(), current_setting('listen_addresses')").Scan(&database, &listens))
	require.Equal(t, "booking", database)
	require.Empty(t, listens, "it must be out of reach of others")

	require.NoError(t, server.Stop(), "although a connection is open")
	require.Error(t, conn.Ping(t.Context()))
	address, err := url.Parse(server.URL())
	require.NoError(t, err)
	_, err = os.Stat(address.Query().Get("host"))
	require.ErrorIs(t, err, fs.ErrNotExist, "its files are gone")
	require.NoError(t, server.Stop(), "again does nothing")
}

func TestDurableServerKeepsFsync(t *testing.T) {
	t.Parallel()
	server, err := pgserver.Start(t.Context(), pgserver.Options{Bin: found(t), Durable: true})
	require.NoError(t, err)
	defer func() { require.NoError(t, server.Stop()) }()
	conn, err := pgx.Connect(t.Context(), server.URL())
	require.NoError(t, err)
	var fsync string
	require.NoError(t, conn.QueryRow(t.Context(), "SHOW fsync").Scan(&fsync))
	require.Equal(t, "on", fsync)
}

func TestStartReportsWhatTheServerSaid(t *testing.T) {
	t.Parallel()
	bin := t.TempDir()
	script(t, bin, "initdb", "echo no space left; exit 1")
	parent := t.TempDir()
	_, err := pgserver.Start(t.Context(), pgserver.Options{Bin: bin, Dir: parent})
	require.ErrorContains(t, err, "no space left")
	left, err := os.ReadDir(parent)
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestFindRefusesAnOldOrBrokenPGTEST_BIN(t *testing.T) {
	for name, body := range map[string]string{
		"old":    "echo 'postgres (PostgreSQL) 14.9'",
		"broken": "exit 1",
		"other":  "echo hello",
	} {
		t.Run(name, func(t *testing.T) {
			bin := t.TempDir()
			script(t, bin, "initdb", body)
			script(t, bin, "postgres", body)
			t.Setenv("PGTEST_BIN", bin)
			_, err := pgserver.Find(t.Context())
			require.ErrorContains(t, err, "PGTEST_BIN="+bin)
			require.NotErrorIs(t, err, pgserver.ErrNotFound, "what was asked for is not replaced by another")
		})
	}
}

func script(t *testing.T, dir, name, body string) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+body+"\n"), 0o755))
	require.NoError(t, os.Chmod(filepath.Dir(dir), 0o755), "the server's own user runs it")
}
