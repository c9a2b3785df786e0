package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
	"hotelbooking/store"
	"hotelbooking/store/storetest"
)

func TestWhatIsConfirmedAndNotPaidIsListedWhereverItStands(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		of := func(supplier string) func(*booking.Acceptance) {
			return func(a *booking.Acceptance) { a.Booking.Offer.Supplier = supplier }
		}
		capture := booking.StepCapture
		held := reached(t, s, 5, capture, of("x"))
		waits := at(t, s, 1, capture, booking.Retry(booking.PaymentUnavailable, time.Hour), of("x"))
		asked := at(t, s, 2, capture, booking.Unknown(booking.OutcomeUnknown), of("y"))
		parked := at(t, s, 3, capture, booking.Park(booking.Staff, booking.CaptureFailed), of("x"))
		timed := at(t, s, 4, capture, booking.Park(booking.Staff, booking.CaptureFailed).Within(time.Hour), of("y"))

		at(t, s, 11, booking.StepTrack, booking.Retry(booking.TrackingUnavailable, time.Hour)) // paid
		at(t, s, 12, booking.StepTrack, booking.Next())                                        // over
		at(t, s, 13, booking.StepConfirm, booking.Park(booking.Staff, booking.OutcomeUnknown))
		at(t, s, 14, booking.StepAuthorize, booking.Retry(booking.PaymentUnavailable, time.Hour))
		cancelled := at(t, s, 15, capture, booking.Retry(booking.PaymentUnavailable, time.Hour))
		_, err := s.Decide(t.Context(), cancelled.ID, func(b *booking.Booking) (booking.Entry, error) {
			return flow().Decide(b, booking.Decision{Verb: booking.VerbCancel, Actor: "customer"}, time.Now())
		})
		require.NoError(t, err)

		all := []booking.ID{held.ID, timed.ID, parked.ID, asked.ID, waits.ID}
		for name, c := range map[string]struct {
			filter booking.Filter
			want   []booking.ID
		}{
			"all":                  {booking.Filter{Limit: 10}, all},
			"a page":               {booking.Filter{Limit: 2}, all[:2]},
			"the next page":        {booking.Filter{Limit: 2, After: timed.ID}, all[2:4]},
			"the last page":        {booking.Filter{Limit: 2, After: asked.ID}, all[4:]},
			"of a supplier":        {booking.Filter{Limit: 10, Supplier: "x"}, []booking.ID{held.ID, parked.ID, waits.ID}},
			"that need a look":     {booking.Filter{Limit: 10, NeedsLook: true}, []booking.ID{timed.ID, parked.ID}},
			"of a supplier, too":   {booking.Filter{Limit: 10, NeedsLook: true, Supplier: "y"}, []booking.ID{timed.ID}},
			"for one reason":       {booking.Filter{Limit: 10, Attention: booking.CaptureFailed}, []booking.ID{timed.ID, parked.ID}},
			"for another":          {booking.Filter{Limit: 10, Attention: booking.OutcomeUnknown}, []booking.ID{}},
			"of their status":      {booking.Filter{Limit: 10, Statuses: []booking.Status{booking.StatusConfirmed}}, all},
			"of another":           {booking.Filter{Limit: 10, Statuses: []booking.Status{booking.StatusFailed}}, []booking.ID{}},
			"that failed":          {booking.Filter{Limit: 10, Failure: booking.OfferSoldOut}, []booking.ID{}},
			"created before":       {booking.Filter{Limit: 10, CreatedBefore: waits.CreatedAt.Add(-time.Hour)}, []booking.ID{}},
			"created after, by id": {booking.Filter{Limit: 10, CreatedAfter: waits.CreatedAt.Add(time.Hour)}, []booking.ID{}},
		} {
			c.filter.Uncaptured = true
			bookings, err := s.List(t.Context(), c.filter)
			require.Equal(t, c.want, found(t, bookings, err), name)
			for _, b := range bookings {
				require.Equal(t, booking.Confirmed, b.Result, name)
				require.Zero(t, b.Facts.Money.Captured, name)
			}
		}
		count, err := s.Count(t.Context(), booking.Filter{Uncaptured: true}, 100)
		require.NoError(t, err)
		require.Equal(t, len(all), count, "each is counted once")
	})
}

func TestWhatIsLookedAtForWhatIsNotPaidIsBounded(t *testing.T) {
	t.Parallel()
	s := storetest.SQLite(t, func(c *store.Config) { c.Timeout = time.Minute }) // on a starved machine
	list := func() []booking.ID {
		bookings, err := s.List(t.Context(), booking.Filter{Uncaptured: true, Limit: 10})
		return found(t, bookings, err)
	}
	unpaid := at(t, s, 1, booking.StepCapture, booking.Retry(booking.PaymentUnavailable, 2*time.Hour))
	other := at(t, s, 2, booking.StepAuthorize, booking.Retry(booking.PaymentUnavailable, time.Hour))
	c := &crowds{Store: s, number: "printf('%%012x', %s)", id: "%s", kinds: []*booking.Booking{other}}
	c.grow(t, store.LookedMost-2)
	require.Equal(t, []booking.ID{unpaid.ID}, list())
	c.grow(t, 1)
	require.Empty(t, list(), "so many are due before it")
}
