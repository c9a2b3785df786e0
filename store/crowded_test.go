package store_test

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"hotelbooking/store"
	"hotelbooking/store/storetest"
)

// narrowed is a schema for a role that may have only so many connections.
func narrowed(t *testing.T, conns int) store.Config {
	t.Helper()
	cfg := storetest.PostgresConfig(t)
	address, err := url.Parse(cfg.URL)
	require.NoError(t, err)
	schema := address.Query().Get("search_path")
	role := "narrow_" + strings.TrimPrefix(schema, "test_")
	operator, err := pgx.Connect(t.Context(), cfg.URL)
	require.NoError(t, err)
	for _, statement := range []string{
		fmt.Sprintf("CREATE ROLE %s LOGIN PASSWORD 'narrow' CONNECTION LIMIT %d", role, conns),
		fmt.Sprintf("GRANT ALL ON SCHEMA %s TO %s", schema, role),
	} {
		_, err := operator.Exec(t.Context(), statement)
		require.NoError(t, err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		_, err := operator.Exec(ctx, "DROP OWNED BY "+role+" CASCADE")
		require.NoError(t, err)
		_, err = operator.Exec(ctx, "DROP ROLE "+role)
		require.NoError(t, err)
		require.NoError(t, operator.Close(ctx))
	})
	address.User = url.UserPassword(role, "narrow")
	cfg.URL = address.String()
	return cfg
}

func TestAPoolMakesDoWithTheConnectionsThatItGets(t *testing.T) {
	t.Parallel()
	cfg := narrowed(t, 6)
	one := storetest.Open(t, cfg) // six are not refused: the role may have them
	other := storetest.Open(t, cfg)
	var callers sync.WaitGroup
	for n := range 60 {
		for i, s := range []*store.Store{one, other} {
			callers.Go(func() {
				receipt, err := s.Accept(t.Context(), acceptance(1000*i+n))
				if err == nil {
					_, err = s.Get(t.Context(), receipt.Booking.ID)
				}
				if err == nil {
					_, err = s.Notices(t.Context(), 1)
				}
				if err != nil {
					t.Errorf("although connections are there: %v", err)
				}
			})
		}
	}
	callers.Wait()
}

func TestAProcessWaitsForItsFirstConnections(t *testing.T) {
	t.Parallel()
	cfg := narrowed(t, 6)
	var taken []*pgx.Conn
	for range 5 {
		conn, err := pgx.Connect(t.Context(), cfg.URL)
		require.NoError(t, err)
		taken = append(taken, conn)
	}
	opened := make(chan error, 1)
	go func() { // ends when the store is open: one connection is there, and it needs three
		s, err := store.Open(t.Context(), cfg, zap.NewNop())
		if err == nil {
			err = s.Close()
		}
		opened <- err
	}()
	require.Eventually(t, func() bool {
		var pools int
		err := taken[0].QueryRow(t.Context(), "SELECT count(*) FROM pg_stat_activity WHERE usename = current_user AND application_name = 'hotelbooking'").Scan(&pools)
		return err == nil && pools == 1
	}, 20*time.Second, 10*time.Millisecond, "it does not get the sixth")
	require.Empty(t, opened, "it cannot be open yet")
	for _, conn := range taken {
		require.NoError(t, conn.Close(t.Context()))
	}
	require.NoError(t, <-opened)
}

func TestMoreConnectionsThanTheRoleMayHaveAreRefused(t *testing.T) {
	t.Parallel()
	cfg := narrowed(t, 5)
	_, err := store.Open(t.Context(), cfg, zap.NewNop())
	require.ErrorContains(t, err, "6 connections are configured, and PostgreSQL allows us 5")
}

func TestAStandbyThatNobodyWaitsForIsComplainedAbout(t *testing.T) {
	t.Parallel()
	for hosts, complaints := range map[string]int{"%s": 0, "%s,127.0.0.1": 1} {
		cfg := storetest.PostgresConfig(t)
		server, err := pgx.ParseConfig(cfg.URL)
		require.NoError(t, err)
		address, err := url.Parse(cfg.URL)
		require.NoError(t, err)
		query := address.Query()
		query.Set("host", fmt.Sprintf(hosts, server.Host))
		query.Set("port", strings.Replace(fmt.Sprintf(hosts, fmt.Sprint(server.Port)), "127.0.0.1", "1", 1))
		query.Set("target_session_attrs", "read-write")
		address.Host, address.RawQuery = "", query.Encode()
		cfg.URL = address.String()
		core, lines := observer.New(zap.ErrorLevel)
		s, err := store.Open(t.Context(), cfg, zap.New(core))
		require.NoError(t, err)
		require.NoError(t, s.Close())
		require.Equal(t, complaints, lines.FilterMessageSnippet("synchronous_standby_names").Len())
	}
}
