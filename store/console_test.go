package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
	"hotelbooking/store"
	"hotelbooking/store/storetest"
)

func TestTheCallsOfATurnAreInItsLineAndStayThere(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		b := accepted(t, s, 1, leased)
		after, entry := turn(b, booking.Next())
		entry.Calls = []booking.Call{
			{Vendor: "sandbox hotel", Operation: "hold", RequestID: "r-1", Key: "k-1", Status: 503, Code: "busy", Fault: booking.NotDone, Took: time.Second},
			{Vendor: "sandbox hotel", Operation: "find", RequestID: "r-2", Took: time.Millisecond, Fault: booking.Unclear},
		}
		require.NoError(t, s.Save(t.Context(), after, entry, 0))
		_, err := s.Decide(t.Context(), b.ID, noteOf("it was busy"))
		require.NoError(t, err)
		calls := func() [][]booking.Call {
			lines, err := s.History(t.Context(), b.ID)
			require.NoError(t, err)
			var calls [][]booking.Call
			for _, line := range lines {
				calls = append(calls, line.Calls)
			}
			return calls
		}
		require.Equal(t, [][]booking.Call{nil, entry.Calls, nil}, calls())

		for _, change := range []string{"NULL", "'1'", "calls || 'x'"} {
			require.ErrorContains(t, s.Exec(t.Context(), "UPDATE history SET detail = 'erased', calls = "+change+" WHERE version = 2"), "only ever appended", change)
		}
		_, err = s.Erase(t.Context(), b.ID, erasure)
		require.NoError(t, err)
		require.Equal(t, [][]booking.Call{nil, entry.Calls, nil, nil}, calls(), "they name nobody")
		_, findings := verified(t, s, "")
		require.Empty(t, findings)
	})
}

func TestWhereTheBankSendsTheGuestBackToIsReadWithTheBooking(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		const back = "https://shop.example/return?booking=1"
		b := accepted(t, s, 1, func(a *booking.Acceptance) { a.Booking.ReturnURL = back })
		nowhere := accepted(t, s, 2)
		require.Equal(t, back, get(t, s, b.ID).ReturnURL)
		require.Empty(t, get(t, s, nowhere.ID).ReturnURL)
		bookings, err := s.List(t.Context(), booking.Filter{Limit: 10})
		require.NoError(t, err)
		require.Equal(t, []string{"", back}, []string{bookings[0].ReturnURL, bookings[1].ReturnURL})
		claimed, err := s.Claim(t.Context(), booking.Claim{Pool: booking.ProviderPool, Limit: 10, Owner: "a.1", Process: "a", Lease: time.Minute})
		require.NoError(t, err)
		require.Len(t, claimed, 2)
		for _, c := range claimed {
			require.Equal(t, get(t, s, c.ID).ReturnURL, c.ReturnURL)
		}
	})
}
