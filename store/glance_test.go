package store_test

import (
	"errors"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
	"hotelbooking/store"
	"hotelbooking/store/storetest"
)

func TestAGlanceIsThatOfTheWholeBooking(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		b := accepted(t, s, 1, leased)
		for _, outcome := range []booking.Outcome{booking.Next(), booking.Reject(booking.OfferSoldOut)} {
			g, err := s.Glance(t.Context(), b.ID)
			require.NoError(t, err)
			whole := get(t, s, b.ID)
			require.Equal(t, whole.Glance(), g)
			require.Equal(t, whole.Terminal(), g.Status.Terminal())
			owner := b.Owner
			after, entry := turn(b, outcome)
			after.Owner = owner
			require.NoError(t, s.Save(t.Context(), after, entry, booking.KeepLease))
			b = after
		}
		g, err := s.Glance(t.Context(), b.ID)
		require.NoError(t, err)
		require.Equal(t, get(t, s, b.ID).Glance(), g)
	})
}

func TestThereIsNothingToGlanceAtWhereThereIsNoBooking(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		accepted(t, s, 1)
		for _, id := range []booking.ID{"01945e2a-7c00-7000-8000-0000000000ff", "no id", ""} {
			_, err := s.Glance(t.Context(), id)
			require.ErrorIs(t, err, booking.ErrNotFound)
			_, err = s.Get(t.Context(), id)
			require.ErrorIs(t, err, booking.ErrNotFound)
		}
	})
}

func TestReadersOfOneProcessSeeWhatAnotherHasCommitted(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]func(testing.TB) store.Config{"sqlite": storetest.SQLiteConfig, "postgres": storetest.PostgresConfig} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := config(t)
			writes, reads := storetest.Open(t, cfg), storetest.Open(t, cfg)
			var callers sync.WaitGroup
			for i := range 40 { // more than one statement reads on SQLite
				id := accepted(t, writes, i).ID
				callers.Go(func() {
					for range 10 {
						committed, err := writes.Decide(t.Context(), id, noted)
						g, glanceErr := reads.Glance(t.Context(), id)
						whole, getErr := reads.Get(t.Context(), id)
						if err := errors.Join(err, glanceErr, getErr); err != nil {
							t.Error(err)
							return
						}
						if g != committed.Glance() || whole.Glance() != committed.Glance() {
							t.Errorf("committed %+v, a glance %+v, the whole %+v", committed.Glance(), g, whole.Glance())
						}
					}
				})
			}
			callers.Wait()
		})
	}
}

func noted(b *booking.Booking) (booking.Entry, error) {
	return flow().Decide(b, booking.Decision{Verb: booking.VerbNote, Actor: "support:ana", Reason: "called"}, b.UpdatedAt)
}
