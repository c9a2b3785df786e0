package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
	"hotelbooking/store"
	"hotelbooking/store/storetest"
)

func TestWhatIsOverdueIsWhatNobodyWorksOn(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		due := func(in time.Duration) func(*booking.Acceptance) {
			return func(a *booking.Acceptance) { a.Booking.DueAt = a.Booking.UpdatedAt.Add(in) }
		}
		accepted(t, s, 1, due(time.Hour))
		accepted(t, s, 2)         // just now
		accepted(t, s, 3, leased) // somebody works on it
		second := accepted(t, s, 4, due(-time.Minute))
		first := accepted(t, s, 5, due(-time.Hour))
		lease := func(runsOut time.Duration) func(*booking.Acceptance) {
			return func(a *booking.Acceptance) { a.Owner, a.Lease = "dead.1", runsOut }
		}
		orphan := accepted(t, s, 6, lease(-30*time.Second))
		fresh := accepted(t, s, 7, lease(-time.Millisecond)) // nobody but the sweep will say that it is due
		hint := func(b *booking.Booking) booking.Hint {
			return booking.Hint{ID: b.ID, Version: 1, Pool: booking.ProviderPool, Supplier: b.Offer.Supplier}
		}

		all, err := s.Overdue(t.Context(), booking.ProviderPool, 10*time.Second, 10)
		require.NoError(t, err)
		require.Equal(t, []booking.Hint{hint(first), hint(second), hint(orphan), hint(fresh)}, all)
		some, err := s.Overdue(t.Context(), booking.ProviderPool, 10*time.Second, 2)
		require.NoError(t, err)
		require.Equal(t, all[:2], some)
		none, err := s.Overdue(t.Context(), booking.FraudPool, 10*time.Second, 10)
		require.NoError(t, err)
		require.Empty(t, none)
	})
}
