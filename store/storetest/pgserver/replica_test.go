package pgserver_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"hotelbooking/store/storetest/pgserver"
)

func TestAStandbyTakesOverWhatWasCommitted(t *testing.T) {
	t.Parallel()
	bin := found(t)
	if _, err := exec.LookPath(filepath.Join(bin, "pg_basebackup")); err != nil && os.Getenv("CI") == "" {
		t.Skip("there is no pg_basebackup beside PostgreSQL's other binaries")
	}
	first, err := pgserver.Start(t.Context(), pgserver.Options{Bin: bin})
	require.NoError(t, err)
	defer func() { require.NoError(t, first.Stop()) }()
	second, err := pgserver.StartStandby(t.Context(), first, pgserver.Options{Bin: bin})
	require.NoError(t, err)
	defer func() { require.NoError(t, second.Stop()) }()

	for _, turn := range []struct{ primary, standby *pgserver.Server }{{first, second}, {second, first}} {
		execute(t, turn.primary, "ALTER SYSTEM SET synchronous_standby_names = '*'", "SELECT pg_reload_conf()")
		require.Eventually(t, func() bool {
			return count(t, turn.primary, "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'") == 1
		}, 20*time.Second, 20*time.Millisecond)
		execute(t, turn.primary, "CREATE TABLE IF NOT EXISTS kept (n int)", "INSERT INTO kept VALUES (1)")
		require.NoError(t, turn.primary.Kill())
		require.NoError(t, turn.standby.Promote(t.Context()))
		execute(t, turn.standby, "ALTER SYSTEM SET synchronous_standby_names = ''", "SELECT pg_reload_conf()", "INSERT INTO kept VALUES (1)")
		require.NoError(t, turn.primary.Follow(t.Context(), turn.standby), "as the new standby, under the address that it had")
	}
	require.Equal(t, 4, count(t, first, "SELECT count(*) FROM kept"))
}

func TestARestartForgetsNothingThatWasCommitted(t *testing.T) {
	t.Parallel()
	server, err := pgserver.Start(t.Context(), pgserver.Options{Bin: found(t), Settings: []string{"max_connections=20"}})
	require.NoError(t, err)
	defer func() { require.NoError(t, server.Stop()) }()
	execute(t, server, "CREATE TABLE kept AS SELECT 1 AS n")
	conn, err := pgx.Connect(t.Context(), server.URL())
	require.NoError(t, err)
	require.NoError(t, server.Restart(t.Context()))
	require.Error(t, conn.Ping(t.Context()), "connections do not outlive it")
	require.Equal(t, 1, count(t, server, "SELECT count(*) FROM kept"))
	require.Equal(t, 20, count(t, server, "SELECT current_setting('max_connections')::int"))
}

func execute(t *testing.T, server *pgserver.Server, statements ...string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), server.URL())
	require.NoError(t, err)
	for _, statement := range statements {
		_, err = conn.Exec(t.Context(), statement)
		require.NoError(t, err)
	}
	require.NoError(t, conn.Close(t.Context()))
}

func count(t *testing.T, server *pgserver.Server, query string) (n int) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), server.URL())
	require.NoError(t, err)
	require.NoError(t, conn.QueryRow(t.Context(), query).Scan(&n))
	require.NoError(t, conn.Close(t.Context()))
	return n
}
