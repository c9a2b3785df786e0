package store_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
	"hotelbooking/store"
	"hotelbooking/store/storetest"
)

// overflow makes n more bookings out of one, each with a line that one subscriber was not told of, and so many that it was.
func (c *crowds) overflow(t *testing.T, n int) {
	t.Helper()
	c.grow(t, n)
	kind := string(c.kinds[0].ID)
	for _, statement := range []string{
		`INSERT INTO history (booking_id, version, attempt, at, took_us, actor, verb, from_phase, from_step, to_phase, to_step, outcome, status, written_by, reason, detail, events)
		 SELECT b.id, h.version, h.attempt, h.at, h.took_us, h.actor, h.verb, h.from_phase, h.from_step, h.to_phase, h.to_step, h.outcome, h.status, h.written_by, h.reason, h.detail, h.events
		 FROM bookings AS b JOIN history AS h ON h.booking_id = ` + fmt.Sprintf(c.id, "'"+kind+"'") + ` AND h.version = 1
		 WHERE NOT EXISTS (SELECT 1 FROM history AS o WHERE o.booking_id = b.id AND o.version = 1)`,
		`INSERT INTO outbox (subscriber, shard, booking_id, version)
		 SELECT r.subscriber, r.shard, h.booking_id, h.version FROM relays AS r, history AS h
		 WHERE h.events IS NOT NULL AND (r.subscriber = 'two' OR r.shard < 3)
		   AND NOT EXISTS (SELECT 1 FROM outbox AS o WHERE o.subscriber = r.subscriber AND o.shard = r.shard AND o.booking_id = h.booking_id AND o.version = h.version)`,
	} {
		require.NoError(t, c.Exec(t.Context(), statement))
	}
}

func outboxQueries() map[string]query {
	return map[string]query{
		"take shards": {store.ClaimShards, []string{"SEARCH o EXISTS USING PRIMARY KEY (subscriber=? AND shard=?)"}, true},
		"read them":   {store.WaitingEvents, []string{"SEARCH outbox USING PRIMARY KEY (subscriber=? AND shard=?)", "SEARCH h USING PRIMARY KEY (booking_id=? AND version=?)"}, true},
		"count them":  {store.EventFiguresOf, []string{"SEARCH outbox USING PRIMARY KEY (subscriber=?)", "SEARCH h USING"}, false},
	}
}

func TestWhatTheOutboxReadsOnSQLiteIsFoundInAnIndex(t *testing.T) {
	t.Parallel()
	s := storetest.SQLite(t, toldTo("one", "two"))
	newCrowds(t, s, "printf('%%012x', %s)", "%s").overflow(t, 100)
	for _, statistics := range []string{"SELECT 1", "ANALYZE"} {
		require.NoError(t, s.Exec(t.Context(), statistics))
		for name, q := range outboxQueries() {
			plan := explained(t, s.Explain, "EXPLAIN QUERY PLAN ", q, s)
			for _, index := range q.sqlite {
				require.Contains(t, plan, index, name)
			}
			require.NotRegexp(t, `(?m)^\s*SCAN (outbox|history|h)\b`, plan, name)
		}
	}
}

func TestWhatTheOutboxReadsOnPostgresDoesNotGrowWithTheTables(t *testing.T) {
	t.Parallel()
	s := storetest.OnPostgres(t, toldTo("one", "two"))
	c := newCrowds(t, s, "lpad(to_hex(%s), 12, '0')", "CAST(%s AS UUID)")
	c.overflow(t, 200)
	require.NoError(t, s.Exec(t.Context(), "VACUUM (ANALYZE) bookings, places, history, outbox, relays"))
	few := buffers(t, s, outboxQueries())
	c.overflow(t, 2000)
	require.NoError(t, s.Exec(t.Context(), "VACUUM (ANALYZE) bookings, places, history, outbox, relays"))
	many := buffers(t, s, outboxQueries())
	delete(many, "count them") // up to ten thousand, and that is more
	require.Empty(t, grown(few, many))
	require.NoError(t, s.Exec(t.Context(), "ALTER TABLE outbox DROP CONSTRAINT outbox_pkey"))
	require.NotEmpty(t, grown(few, buffers(t, s, outboxQueries())), "nothing is read with the primary key")
}

func TestHowFarBehindASubscriberIsCanBeAsked(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		figures, err := s.EventFigures(t.Context(), "one")
		require.NoError(t, err)
		require.Zero(t, figures)

		walked(t, s, 1)
		require.NoError(t, s.SettleEvents(t.Context(), claim("a"), nil))
		figures, err = s.EventFigures(t.Context(), "one")
		require.NoError(t, err)
		require.Equal(t, len(walks), figures.Waiting)
		require.Positive(t, figures.Lag)

		drained(t, s, claim("a"))
		figures, err = s.EventFigures(t.Context(), "one")
		require.NoError(t, err)
		require.Equal(t, booking.EventFigures{}, figures)
	}, toldTo("one"))
}
