package store_test

import (
	"context"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/store"
	"hotelbooking/store/storetest"
)

func listening(c *store.Config) { c.Listen = true }

// ear is somebody who hears.
type ear struct {
	hearing chan bool
	texts   chan string
	ended   chan error
}

func hears(t *testing.T, s *store.Signals) *ear {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	e := &ear{hearing: make(chan bool, 100), texts: make(chan string, 1000), ended: make(chan error, 1)}
	go func() {
		e.ended <- s.Hear(ctx, func() { e.hearing <- true }, func(text string) { e.texts <- text })
		close(e.ended)
	}()
	t.Cleanup(func() {
		cancel()
		_ = came(t, e.ended) // that it ends is all
	})
	return e
}

func came[T any](t *testing.T, from <-chan T) T {
	t.Helper()
	select {
	case value := <-from:
		return value
	case <-time.After(time.Minute):
		require.Fail(t, "it never came")
		panic("not reached")
	}
}

func TestTextsReachAllWhoHearOnOneSchemaInTheirOrder(t *testing.T) {
	t.Parallel()
	cfg := storetest.PostgresConfig(t)
	one, two := storetest.Open(t, cfg, listening), storetest.Open(t, cfg, listening)
	elsewhere := storetest.Open(t, storetest.PostgresConfig(t), listening)
	ears, other := []*ear{hears(t, one.Signals()), hears(t, two.Signals())}, hears(t, elsewhere.Signals())
	for _, e := range append(ears, other) {
		came(t, e.hearing)
	}
	long := strings.Repeat("x", 7900)
	require.NoError(t, one.Signals().Tell(t.Context(), []string{"a", long}))
	require.NoError(t, two.Signals().Tell(t.Context(), []string{"c"}))
	require.NoError(t, elsewhere.Signals().Tell(t.Context(), []string{"elsewhere"}))
	for _, e := range ears {
		require.Equal(t, "a", came(t, e.texts))
		require.Equal(t, long, came(t, e.texts))
		require.Equal(t, "c", came(t, e.texts))
	}
	require.Equal(t, "elsewhere", came(t, other.texts), "and nothing of the first two")
}

func TestWhoIsAloneOrWantsItSoHasNoSignals(t *testing.T) {
	t.Parallel()
	require.Nil(t, storetest.Open(t, storetest.PostgresConfig(t)).Signals())
	require.Nil(t, storetest.Open(t, storetest.SQLiteConfig(t), listening).Signals())
}

func TestHearingEndsWithItsConnectionAndTellingGoesOnOnAnother(t *testing.T) {
	t.Parallel()
	cfg := storetest.PostgresConfig(t)
	address, err := url.Parse(cfg.URL)
	require.NoError(t, err)
	query := address.Query()
	query.Set("application_name", query.Get("search_path")) // which no other test has
	address.RawQuery = query.Encode()
	cfg.URL = address.String()
	s := storetest.Open(t, cfg, listening).Signals()
	e := hears(t, s)
	came(t, e.hearing)
	require.NoError(t, s.Tell(t.Context(), []string{"before"}))
	require.Equal(t, "before", came(t, e.texts))
	_, err = storetest.OnPostgres(t).Lines(t.Context(), `
SELECT CAST(pg_terminate_backend(pid) AS TEXT) FROM pg_stat_activity WHERE application_name = ?`, query.Get("search_path"))
	require.NoError(t, err)
	require.Error(t, came(t, e.ended))
	require.Error(t, s.Tell(t.Context(), []string{"lost"}), "whether it was told nobody knows")
	e = hears(t, s)
	came(t, e.hearing)
	require.NoError(t, s.Tell(t.Context(), []string{"again"}))
	require.Equal(t, "again", came(t, e.texts))
}

func TestWhoHearsNothingOfWhatIsToldSaysThatAPoolerIsBetween(t *testing.T) {
	t.Parallel()
	s, l := linked(t, listening)
	l.deaf.Store(true)
	err := s.Signals().Hear(t.Context(), func() { require.Fail(t, "it hears nothing") }, func(string) { require.Fail(t, "it hears nothing") })
	require.ErrorContains(t, err, "database.listen")
	require.NoError(t, s.Ping(t.Context()), "and all else works")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, s.Signals().Hear(ctx, nil, nil), context.Canceled, "it is not tried again for some time")
}
