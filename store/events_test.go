package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
	"hotelbooking/store"
	"hotelbooking/store/storetest"
)

// pages reads all pages of a list, each of at most limit lines.
func pages(t testing.TB, s *store.Store, f booking.EventFilter) map[booking.ID][]string {
	t.Helper()
	told := map[booking.ID][]string{}
	for range 100 {
		page, err := s.Events(t.Context(), f)
		require.NoError(t, err)
		if len(page) == 0 {
			return told
		}
		require.LessOrEqual(t, len(page), f.Limit)
		hear(told, page)
		f = f.Next(page)
	}
	require.Fail(t, "the list does not end")
	return nil
}

func TestEventsOfABookingCanBeReadAgain(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		b := walked(t, s, 1)
		walked(t, s, 2)
		first, err := s.ClaimEvents(t.Context(), claim("a", func(c *booking.EventClaim) { c.Limit = 10_000 }))
		require.NoError(t, err)
		require.NoError(t, s.SettleEvents(t.Context(), claim("a"), first))
		for _, limit := range []int{1, 2, 3, 100} {
			require.Equal(t, map[booking.ID][]string{b.ID: walks}, pages(t, s, booking.EventFilter{Booking: b.ID, Limit: limit}))
		}
		again, err := s.Events(t.Context(), booking.EventFilter{Booking: b.ID, Limit: 100})
		require.NoError(t, err)
		require.Subset(t, first, again, "what is read again is what was told")
		none, err := s.Events(t.Context(), booking.EventFilter{Booking: "no booking's", Limit: 100})
		require.NoError(t, err)
		require.Empty(t, none)
	}, toldTo("one"))
}

func TestEventsOfATimeSpanCanBeReadPageByPage(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		before := walked(t, s, 1)
		from := time.Now()
		want := map[booking.ID][]string{}
		for n := 2; n < 12; n++ {
			want[walked(t, s, n).ID] = walks
		}
		to := time.Now()
		walked(t, s, 20)
		require.True(t, before.UpdatedAt.Before(from))
		for _, limit := range []int{1, 3, 7, 40, 1000} {
			require.Equal(t, want, pages(t, s, booking.EventFilter{From: from.Add(time.Microsecond), To: to.Add(time.Microsecond), Limit: limit}))
		}
	}, toldTo("one"))
}

func TestWhatIsToldOfALineCannotBeChanged(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		walked(t, s, 1)
		require.Error(t, s.Exec(t.Context(), "UPDATE history SET events = '[]' WHERE version = 1"))
	}, toldTo("one"))
}

// What staff did to a booking is told to others, and that is as much a part of the audit as the action is.
func TestWhatIsToldOfAnActionIsInTheAudit(t *testing.T) {
	t.Parallel()
	for database, config := range databases() {
		t.Run(database, func(t *testing.T) {
			t.Parallel()
			cfg := config(t)
			s := storetest.Open(t, cfg, toldTo("one"))
			b := accepted(t, s, 1)
			_, err := s.Decide(t.Context(), b.ID, func(b *booking.Booking) (booking.Entry, error) {
				entry, err := noteOf("a call")(b)
				entry.Happenings = []booking.Happening{{Type: booking.EventCaptured, Minor: 34600}}
				return entry, err
			})
			require.NoError(t, err)
			require.Equal(t, []string{"1 booking.accepted", "2 payment.captured"}, drained(t, s, claim("a"))[b.ID])
			report, findings := verified(t, s, "")
			require.Empty(t, findings)
			require.EqualValues(t, 1, report.Actions)

			undefended(t, s, cfg.URL != "")
			for _, events := range []string{"NULL", "'[]'", "replace(events, '346.00', '1.00')"} {
				mended(t, s)
				require.NoError(t, s.Exec(t.Context(), "UPDATE history SET events = "+events+" WHERE version = 2"))
				requireNamed(t, s, tampering{seq: 1, only: true, names: []string{"its line of history was changed"}})
			}
		})
	}
}
