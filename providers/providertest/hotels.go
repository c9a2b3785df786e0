package providertest

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
)

// HotelsSuite is what the contract of booking.Hotels needs.
type HotelsSuite struct {
	Vendor   func(t *testing.T) Vendor                     // a fresh double
	Connect  func(t *testing.T, url string) booking.Hotels // the adapter, talking to url; secrets in it hold Canary
	Offer    string                                        // a room that can be held, booked and cancelled
	Refusal  func(code string) string                      // the vendor's JSON of a refusal
	Meanings Meanings                                      // of "hold", "release", "confirm", "cancel", "find"
}

// Hotels is the contract.
func Hotels(t *testing.T, s HotelsSuite) {
	t.Parallel()
	t.Run("a booking and its cancellation", func(t *testing.T) { t.Parallel(); s.goesWell(t) })
	t.Run("the same call again has no second effect", func(t *testing.T) { t.Parallel(); s.repeats(t) })
	t.Run("a lost answer is unclear, and asking agrees with the ledger", func(t *testing.T) { t.Parallel(); s.losses(t) })
	t.Run("what arrives late finds the reference closed", func(t *testing.T) { t.Parallel(); s.late(t) })
	t.Run("an answer about something else is unclear", func(t *testing.T) { t.Parallel(); s.falsified(t) })
	t.Run("whatever the vendor says", func(t *testing.T) { t.Parallel(); hostile(t, s.operations) })
	t.Run("refusals", func(t *testing.T) { t.Parallel(); refusals(t, s.Refusal, s.Meanings, s.operations) })
}

// hotelRig is an adapter, its vendor, and the wire between them.
type hotelRig struct {
	*wire
	booking.Hotels

	vendor Vendor
	b      *booking.Booking
}

func (s HotelsSuite) rig(t *testing.T) hotelRig {
	t.Helper()
	vendor := s.Vendor(t)
	w := newWire(t, vendor.URL)
	return hotelRig{wire: w, Hotels: s.Connect(t, w.url), vendor: vendor, b: s.booking(t)}
}

func (s HotelsSuite) booking(t *testing.T) *booking.Booking {
	t.Helper()
	return Booking(t, func(b *booking.Booking) { b.Offer.Token = s.Offer })
}

// hold and confirm as the flow does: a result is kept in the booking.
func (r *hotelRig) hold(t *testing.T) {
	t.Helper()
	held, err := r.Hold(t.Context(), r.b)
	require.NoError(t, err)
	r.b.Facts.Hold = held
}

func (r *hotelRig) confirm(t *testing.T) booking.Reservation {
	t.Helper()
	booked, err := r.Confirm(t.Context(), r.b)
	require.NoError(t, err)
	return booked
}

// stands checks the ledger, and that asking says the same.
func (r *hotelRig) stands(t *testing.T, want booking.RoomState) {
	t.Helper()
	found, err := r.Find(t.Context(), r.b)
	require.NoError(t, err)
	require.Equal(t, want, found.State)
	ledger := r.vendor.Ledger(t, r.b.Reference)
	require.Equal(t, want == booking.RoomHeld, ledger.Holds == 1, "holds: %+v", ledger)
	require.Equal(t, want == booking.RoomBooked, ledger.Reservations == 1, "reservations: %+v", ledger)
	require.LessOrEqual(t, ledger.HoldsPlaced, 1)
	require.LessOrEqual(t, ledger.Reserved, 1)
	if want == booking.RoomHeld {
		require.Equal(t, r.b.Offer.Total, found.Hold.Total)
	}
	if want == booking.RoomBooked {
		require.NotEmpty(t, found.Reservation.SupplierReference)
	}
}

func (s HotelsSuite) goesWell(t *testing.T) {
	r := s.rig(t)
	r.stands(t, booking.RoomAbsent)
	r.hold(t)
	require.Equal(t, r.b.Offer.Total, r.b.Facts.Hold.Total)
	require.False(t, r.b.Facts.Hold.TermsChanged)
	r.stands(t, booking.RoomHeld)
	require.NotEmpty(t, r.confirm(t).SupplierReference)
	r.stands(t, booking.RoomBooked)
	require.NoError(t, r.Cancel(t.Context(), r.b))
	r.stands(t, booking.RoomGone)
}

func (s HotelsSuite) repeats(t *testing.T) {
	r := s.rig(t)
	r.hold(t)
	first := r.b.Facts.Hold
	r.hold(t)
	require.Equal(t, first, r.b.Facts.Hold)
	require.Equal(t, r.confirm(t), r.confirm(t))
	r.stands(t, booking.RoomBooked)
	for range 2 {
		require.NoError(t, r.Cancel(t.Context(), r.b))
		require.NoError(t, r.Release(t.Context(), r.b))
	}
	r.stands(t, booking.RoomGone)

	twice := s.rig(t)
	twice.set(mode{twice: true})
	twice.hold(t)
	twice.confirm(t)
	twice.stands(t, booking.RoomBooked)
	require.NoError(t, twice.Cancel(t.Context(), twice.b))
	twice.stands(t, booking.RoomGone)
}

func (s HotelsSuite) losses(t *testing.T) {
	for name, c := range map[string]struct {
		before   func(t *testing.T, r *hotelRig)
		call     func(ctx context.Context, r *hotelRig) error
		from, to booking.RoomState
	}{
		"hold": {
			call: func(ctx context.Context, r *hotelRig) error { _, err := r.Hold(ctx, r.b); return err },
			from: booking.RoomAbsent, to: booking.RoomHeld,
		},
		"release": {
			before: func(t *testing.T, r *hotelRig) { r.hold(t) },
			call:   func(ctx context.Context, r *hotelRig) error { return r.Release(ctx, r.b) },
			from:   booking.RoomHeld, to: booking.RoomGone,
		},
		"confirm": {
			before: func(t *testing.T, r *hotelRig) { r.hold(t) },
			call:   func(ctx context.Context, r *hotelRig) error { _, err := r.Confirm(ctx, r.b); return err },
			from:   booking.RoomHeld, to: booking.RoomBooked,
		},
		"cancel": {
			before: func(t *testing.T, r *hotelRig) { r.hold(t); r.confirm(t) },
			call:   func(ctx context.Context, r *hotelRig) error { return r.Cancel(ctx, r.b) },
			from:   booking.RoomBooked, to: booking.RoomGone,
		},
	} {
		for loss, m := range map[string]mode{"answer": {loseAnswer: true}, "request": {loseRequest: true}} {
			t.Run(name+" loses its "+loss, func(t *testing.T) {
				t.Parallel()
				r := s.rig(t)
				if c.before != nil {
					c.before(t, &r)
				}
				r.during(m, func() {
					require.Equal(t, booking.Unclear, fault(t, c.call(t.Context(), &r)).Kind)
					_, err := r.Find(t.Context(), r.b)
					require.Equal(t, booking.NotDone, fault(t, err).Kind, "no answer to a question is no answer")
				})
				want := c.from
				if m.loseAnswer {
					want = c.to
				}
				r.stands(t, want)
				require.NoError(t, c.call(t.Context(), &r), "the same call again")
				r.stands(t, c.to)
			})
		}
	}
}

func (s HotelsSuite) late(t *testing.T) {
	t.Run("a hold after a release", func(t *testing.T) {
		t.Parallel()
		r := s.rig(t)
		r.during(mode{late: true}, func() {
			_, err := r.Hold(t.Context(), r.b)
			require.Equal(t, booking.Unclear, fault(t, err).Kind)
		})
		r.stands(t, booking.RoomAbsent)
		require.NoError(t, r.Release(t.Context(), r.b), "of nothing")
		r.land()
		r.stands(t, booking.RoomGone)
	})
	t.Run("a confirmation after a cancellation", func(t *testing.T) {
		t.Parallel()
		r := s.rig(t)
		r.hold(t)
		r.during(mode{late: true}, func() {
			_, err := r.Confirm(t.Context(), r.b)
			require.Equal(t, booking.Unclear, fault(t, err).Kind)
		})
		r.stands(t, booking.RoomHeld)
		require.NoError(t, r.Cancel(t.Context(), r.b))
		r.land()
		r.stands(t, booking.RoomGone)
	})
	t.Run("a hold and a confirmation after the same were repeated", func(t *testing.T) {
		t.Parallel()
		r := s.rig(t)
		r.during(mode{late: true}, func() { _, _ = r.Hold(t.Context(), r.b) })
		r.hold(t)
		r.during(mode{late: true}, func() { _, _ = r.Confirm(t.Context(), r.b) })
		r.confirm(t)
		r.land()
		r.stands(t, booking.RoomBooked)
	})
	t.Run("a call after a release is refused", func(t *testing.T) {
		t.Parallel()
		r := s.rig(t)
		require.NoError(t, r.Release(t.Context(), r.b))
		_, err := r.Hold(t.Context(), r.b)
		require.Equal(t, booking.Refused, fault(t, err).Kind)
		_, err = r.Confirm(t.Context(), r.b)
		require.Equal(t, booking.Refused, fault(t, err).Kind)
	})
}

func (s HotelsSuite) falsified(t *testing.T) {
	amount := func(b *booking.Booking) (string, string) { return b.Offer.Total.Decimal(), "1.00" }
	currency := func(b *booking.Booking) (string, string) { return `"` + b.Offer.Total.Currency + `"`, `"XTS"` }
	reference := func(b *booking.Booking) (string, string) { return b.Reference, "ANOTHER99" }
	held := func(t *testing.T, r *hotelRig) { r.hold(t) }
	for name, c := range map[string]struct {
		what   func(*booking.Booking) (old, new string)
		before func(t *testing.T, r *hotelRig)
		call   func(ctx context.Context, r *hotelRig) error
	}{
		"hold of another reference":    {reference, nil, func(ctx context.Context, r *hotelRig) error { _, err := r.Hold(ctx, r.b); return err }},
		"hold in another currency":     {currency, nil, func(ctx context.Context, r *hotelRig) error { _, err := r.Hold(ctx, r.b); return err }},
		"confirm of another reference": {reference, held, func(ctx context.Context, r *hotelRig) error { _, err := r.Confirm(ctx, r.b); return err }},
		"confirm in another currency":  {currency, held, func(ctx context.Context, r *hotelRig) error { _, err := r.Confirm(ctx, r.b); return err }},
		"confirm at another price":     {amount, held, func(ctx context.Context, r *hotelRig) error { _, err := r.Confirm(ctx, r.b); return err }},
		"release of another reference": {reference, held, func(ctx context.Context, r *hotelRig) error { return r.Release(ctx, r.b) }},
		"cancel of another reference":  {reference, held, func(ctx context.Context, r *hotelRig) error { return r.Cancel(ctx, r.b) }},
		"find of another reference":    {reference, held, func(ctx context.Context, r *hotelRig) error { _, err := r.Find(ctx, r.b); return err }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := s.rig(t)
			if c.before != nil {
				c.before(t, &r)
			}
			r.set(saying(c.what(r.b)))
			require.Equal(t, booking.Unclear, fault(t, c.call(t.Context(), &r)).Kind)
		})
	}
}

func (s HotelsSuite) operations(t *testing.T, url string) []operation {
	t.Helper()
	h, b := s.Connect(t, url), s.booking(t)
	return []operation{
		{"hold", false, func(ctx context.Context) error { _, err := h.Hold(ctx, b); return err }},
		{"release", false, func(ctx context.Context) error { return h.Release(ctx, b) }},
		{"confirm", false, func(ctx context.Context) error { _, err := h.Confirm(ctx, b); return err }},
		{"cancel", false, func(ctx context.Context) error { return h.Cancel(ctx, b) }},
		{"find", true, func(ctx context.Context) error { _, err := h.Find(ctx, b); return err }},
	}
}
