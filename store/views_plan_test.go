package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
	"hotelbooking/store"
	"hotelbooking/store/storetest"
)

// newShoppers are many bookings of one guest of one client, under one name: half of them confirmed, paid and over, half failed. A
// few wait to be reserved on the card.
func newShoppers(t *testing.T, s *store.Store, number, id string) *crowds {
	t.Helper()
	for n := range 50 {
		at(t, s, 100+n, booking.StepAuthorize, booking.Retry(booking.PaymentUnavailable, time.Hour))
		at(t, s, 200+n, booking.StepCapture, booking.Park(booking.Staff, booking.CaptureFailed))
		accepted(t, s, 300+n, leased)
	}
	return &crowds{Store: s, number: number, id: id, kinds: []*booking.Booking{
		at(t, s, 1, booking.StepTrack, booking.Next()),
		at(t, s, 2, booking.StepHold, booking.Reject(booking.OfferSoldOut)),
	}}
}

// named gives all bookings the names of the first.
func (c *crowds) named(t *testing.T) {
	t.Helper()
	first := string(c.kinds[0].ID)
	for _, statement := range []string{
		"INSERT INTO people (id, email_index, key_id, sealed) SELECT b.id, p.email_index, p.key_id, p.sealed FROM bookings AS b, people AS p WHERE p.id = '" + first +
			"' AND NOT EXISTS (SELECT 1 FROM people AS o WHERE o.id = b.id)",
		"UPDATE bookings SET client_reference = 'web-4711' WHERE client_reference IS NULL",
	} {
		require.NoError(t, c.Exec(t.Context(), statement))
	}
}

// at is booking number n after so many turns that it stands at a step, and o there. It is given back.
func at(t *testing.T, s *store.Store, n int, step booking.Name, o booking.Outcome, change ...func(*booking.Acceptance)) *booking.Booking {
	t.Helper()
	return saved(t, s, reached(t, s, n, step, change...), o)
}

// reached is booking number n after so many turns that it stands at a step, leased.
func reached(t *testing.T, s *store.Store, n int, step booking.Name, change ...func(*booking.Acceptance)) *booking.Booking {
	t.Helper()
	b := accepted(t, s, n, append(change, leased)...)
	for b.Place.Step != step {
		after, entry := turn(b, booking.Next())
		require.NoError(t, s.Save(t.Context(), after, entry, booking.KeepLease))
		b = after
	}
	return b
}

func viewQueries(t *testing.T, s *store.Store) map[string]query {
	t.Helper()
	email := s.EmailIndex("ana@example.com")
	id := booking.ID("01945e2a-7c00-7000-8000-000000000001")
	unpaid := []string{"places_leased (", "places_waiting (queue=?", "places_parked"}
	list := func(f booking.Filter) func(*store.Store) (string, []any) {
		f.Uncaptured, f.Limit = true, 50
		return store.List(f)
	}
	return map[string]query{
		"unpaid":               {list(booking.Filter{}), unpaid, false},
		"unpaid of a supplier": {list(booking.Filter{Supplier: "nobody", CreatedAfter: crowdsFrom}), unpaid, false},
		"unpaid, far back":     {list(booking.Filter{After: idAt(crowdsFrom)}), unpaid, false},
		"by address":           {store.Related(id, "", "", email), []string{"people_guest ("}, false},
		"a search by address":  {store.SearchAny(email), []string{"people_guest ("}, false},
		"by name":              {store.Related(id, "web", "web-4711", nil), []string{"bookings_client_reference ("}, false},
		"by an unused name":    {store.Related(id, "web", "web-4712", nil), []string{"bookings_client_reference ("}, false},
	}
}

func TestWhatAViewReadsOnSQLiteIsFoundInAnIndex(t *testing.T) {
	t.Parallel()
	s := storetest.SQLite(t)
	c := newShoppers(t, s, "printf('%%012x', %s)", "%s")
	c.grow(t, 300)
	c.named(t)
	for _, statistics := range []string{"SELECT 1", "ANALYZE"} {
		require.NoError(t, s.Exec(t.Context(), statistics))
		for name, q := range viewQueries(t, s) {
			plan := explained(t, s.Explain, "EXPLAIN QUERY PLAN ", q, s)
			for _, index := range q.sqlite {
				require.Contains(t, plan, index, name)
			}
			require.NotRegexp(t, `(?m)^ *SCAN (places|bookings|people)( USING INDEX places_shelf)?$`, plan, name)
		}
	}
}

func TestWhatAViewReadsOnPostgresDoesNotGrowWithTheTables(t *testing.T) {
	t.Parallel()
	s := storetest.OnPostgres(t)
	c := newShoppers(t, s, "lpad(to_hex(%s), 12, '0')", "CAST(%s AS UUID)")
	c.grow(t, 1200)
	c.named(t)
	require.NoError(t, s.Exec(t.Context(), "VACUUM (ANALYZE) bookings, places, people"))
	few := buffers(t, s, viewQueries(t, s))
	c.grow(t, 12_000)
	c.named(t)
	require.NoError(t, s.Exec(t.Context(), "VACUUM (ANALYZE) bookings, places, people"))
	require.Empty(t, grown(few, buffers(t, s, viewQueries(t, s))))
	for _, index := range []string{"people_guest", "bookings_client_reference", "places_waiting", "places_parked", "places_leased"} {
		definition, err := s.Lines(t.Context(), "SELECT pg_get_indexdef(CAST(? AS regclass))", index)
		require.NoError(t, err)
		require.NoError(t, s.Exec(t.Context(), "DROP INDEX "+index))
		require.NotEmpty(t, grown(few, buffers(t, s, viewQueries(t, s))), "nothing is read with %s", index)
		require.NoError(t, s.Exec(t.Context(), definition[0]))
	}
}
