package chaos_test

import (
	"context"
	"errors"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"hotelbooking/store/storetest/pgserver"
)

// pair is a primary and a standby that takes its place when the primary is lost.
type pair struct {
	*testing.T
	primary, standby *pgserver.Server
	standbys         string // synchronous or asynchronous
	url              string // names both; connects to whichever takes writes
}

// standbys say, as synchronous_standby_names, whether a commit waits until the standby has it.
const (
	synchronous  = "*"
	asynchronous = ""
)

func newPair(t *testing.T, standbys string) *pair {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute) // with an installation over a slow line
	defer cancel()
	bin, err := pgserver.Find(ctx)
	if errors.Is(err, pgserver.ErrNotFound) {
		bin, err = pgserver.Install(ctx, os.Stderr)
	}
	require.NoError(t, err)
	if _, err := exec.LookPath(filepath.Join(bin, "pg_basebackup")); err != nil && os.Getenv("CI") == "" {
		t.Skipf("no standby can be made: there is no pg_basebackup in %s", bin)
	}
	p := &pair{T: t, standbys: standbys}
	p.primary, err = pgserver.Start(ctx, pgserver.Options{Bin: bin, Durable: true})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.primary.Stop()) })
	// Before there is a standby, so that it has the setting, too: when it is promoted, it waits for a standby of its own.
	p.execute("ALTER SYSTEM SET synchronous_standby_names = '" + standbys + "'")
	p.execute("SELECT pg_reload_conf()")
	p.standby, err = pgserver.StartStandby(ctx, p.primary, pgserver.Options{Bin: bin, Durable: true})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.standby.Stop()) })
	p.standing()
	p.url = bothHosts(t, p.primary.URL(), p.standby.URL())
	return p
}

// storage is the pair's for the service and, by connections of its own, for the harness.
func (p *pair) storage() storage {
	return storage{dir: p.TempDir(), environ: []string{"BOOKING_DATABASE__URL=" + p.url}, driver: "pgx", source: p.url}
}

// bothHosts is a URL that connects to that one of two servers which takes writes.
func bothHosts(t *testing.T, one, other string) string {
	t.Helper()
	first, err := url.Parse(one)
	require.NoError(t, err)
	second, err := url.Parse(other)
	require.NoError(t, err)
	query := first.Query()
	query.Set("host", first.Query().Get("host")+","+second.Query().Get("host"))
	query.Set("port", first.Query().Get("port")+","+second.Query().Get("port"))
	query.Set("target_session_attrs", "read-write")
	first.RawQuery = query.Encode()
	return first.String()
}

// failover loses the primary's machine, a second after it was last able to tell the standby anything, and promotes the
// standby. It returns when that takes writes, with the moment of the loss.
func (p *pair) failover() (lost time.Time) {
	p.Helper()
	for _, pid := range p.pids("SELECT pid FROM pg_stat_replication") {
		require.NoError(p, syscall.Kill(pid, syscall.SIGSTOP))
	}
	<-time.After(time.Second)
	lost = time.Now()
	require.NoError(p, p.primary.Kill())
	ctx, cancel := context.WithTimeout(p.Context(), time.Minute)
	defer cancel()
	require.NoError(p, p.standby.Promote(ctx))
	p.primary, p.standby = p.standby, p.primary
	return lost
}

// rejoin makes a standby of the server that was lost.
func (p *pair) rejoin() {
	p.Helper()
	ctx, cancel := context.WithTimeout(p.Context(), time.Minute)
	defer cancel()
	require.NoError(p, p.standby.Follow(ctx, p.primary))
	p.standing()
}

// standing waits until the standby has the part that it is to have.
func (p *pair) standing() {
	p.Helper()
	state := "async"
	if p.standbys == synchronous {
		state = "sync"
	}
	require.Eventually(p, func() bool {
		return len(p.pids("SELECT pid FROM pg_stat_replication WHERE state = 'streaming' AND sync_state = '"+state+"'")) == 1
	}, 30*time.Second, poll, "the standby does not follow")
}

func (p *pair) pids(query string) (pids []int) {
	p.Helper()
	conn := p.connect()
	defer func() { _ = conn.Close(p.Context()) }() // it was only read
	rows, err := conn.Query(p.Context(), query)
	require.NoError(p, err)
	pids, err = pgx.CollectRows(rows, pgx.RowTo[int])
	require.NoError(p, err)
	return pids
}

func (p *pair) execute(statement string) {
	p.Helper()
	conn := p.connect()
	defer func() { _ = conn.Close(p.Context()) }() // what it did is done
	_, err := conn.Exec(p.Context(), statement)
	require.NoError(p, err)
}

func (p *pair) connect() *pgx.Conn {
	p.Helper()
	conn, err := pgx.Connect(p.Context(), p.primary.URL())
	require.NoError(p, err)
	return conn
}
