package store_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
	"hotelbooking/store"
	"hotelbooking/store/storetest"
)

// During an upgrade both versions of the service work on one database.
func TestBookingsOfALaterFlowAreLeftToThoseWhoKnowIt(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		waiting, orphan := accepted(t, s, 1), accepted(t, s, 2, func(a *booking.Acceptance) { a.Owner, a.Lease = "later.1", -time.Minute })
		parked := saved(t, s, accepted(t, s, 3, leased), booking.Park(booking.Staff, booking.OutcomeUnknown))
		own := accepted(t, s, 4)
		require.NoError(t, s.Exec(t.Context(), "UPDATE places SET pool = pool || '@2', step = 'insure', queue = queue || '@2' WHERE id <> ?", string(own.ID)))
		before, err := s.Everything(t.Context(), "places")
		require.NoError(t, err)

		steps, err := s.StepsInUse(t.Context())
		require.NoError(t, err)
		require.Equal(t, []booking.Name{booking.StepHold}, steps, "an older process can still start")
		backlog, err := s.Backlog(t.Context())
		require.NoError(t, err)
		require.LessOrEqual(t, backlog.Waiting, 2)
		var got []booking.ID
		for _, pool := range booking.Pools() {
			for _, only := range [][]booking.ID{nil, {waiting.ID, orphan.ID, parked.ID, own.ID}} {
				claimed, err := s.Claim(t.Context(), booking.Claim{Pool: pool, Limit: 10, Only: only, Owner: "older.1", Lease: time.Minute})
				require.NoError(t, err)
				for _, b := range claimed {
					got = append(got, b.ID)
				}
			}
		}
		require.Equal(t, []booking.ID{own.ID}, got)
		after, err := s.Everything(t.Context(), "places")
		require.NoError(t, err)
		kept := slices.DeleteFunc(before, func(row string) bool { return !slices.Contains(after, row) })
		require.Len(t, kept, 3, "nothing was written to the others")
	})
}
