package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
	"hotelbooking/store"
	"hotelbooking/store/storetest"
)

func TestTheTraceOfItsAcceptanceIsReadWithTheBookingWhoeverGoesOnWithIt(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		const traced = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
		b := accepted(t, s, 1, func(a *booking.Acceptance) { a.Booking.Trace = traced })
		untraced := accepted(t, s, 2)
		require.Equal(t, traced, get(t, s, b.ID).Trace)
		require.Empty(t, get(t, s, untraced.ID).Trace)

		replayed, err := s.Accept(t.Context(), acceptance(1, func(a *booking.Acceptance) { a.Booking.ID, a.Booking.Trace = untraced.ID, "another" }))
		require.NoError(t, err)
		require.True(t, replayed.Replayed)
		require.Equal(t, traced, replayed.Booking.Trace, "it is written once")

		claim := booking.Claim{Pool: booking.ProviderPool, Limit: 10, Owner: "a.1", Process: "a", Lease: time.Minute}
		claimed, err := s.Claim(t.Context(), claim)
		require.NoError(t, err)
		require.Len(t, claimed, 2)
		for _, c := range claimed {
			require.Equal(t, get(t, s, c.ID).Trace, c.Trace)
			saved(t, s, c, booking.Next())
		}
		require.Equal(t, traced, get(t, s, b.ID).Trace, "turns leave it as it is")
	})
}
