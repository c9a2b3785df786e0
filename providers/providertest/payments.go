package providertest

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
)

// PaymentsSuite is what the contract of booking.Payments needs.
type PaymentsSuite struct {
	Vendor   func(t *testing.T) Vendor                       // a fresh double
	Connect  func(t *testing.T, url string) booking.Payments // the adapter, talking to url; secrets in it hold Canary
	Works    string                                          // token of a card that is good for any amount
	Declined string                                          // token of a card whose issuer says no; another card can mend it
	Stolen   string                                          // token of a card that the issuer knows as stolen
	Action   string                                          // token of a card whose bank wants to see its customer; "": none
	Refusal  func(code string) string                        // the vendor's JSON of a refusal
	Meanings Meanings                                        // of "authorize", "void", "capture", "refund", "find"
}

// Payments is the contract.
func Payments(t *testing.T, s PaymentsSuite) {
	t.Parallel()
	t.Run("a payment and its refund", func(t *testing.T) { t.Parallel(); s.goesWell(t) })
	t.Run("what an issuer says", func(t *testing.T) { t.Parallel(); s.issuer(t) })
	t.Run("the same call again has no second effect", func(t *testing.T) { t.Parallel(); s.repeats(t) })
	t.Run("a lost answer is unclear, and asking agrees with the ledger", func(t *testing.T) { t.Parallel(); s.losses(t) })
	t.Run("what arrives late finds the authorisation closed", func(t *testing.T) { t.Parallel(); s.late(t) })
	t.Run("an answer about something else is unclear", func(t *testing.T) { t.Parallel(); s.falsified(t) })
	t.Run("no more than was captured is refunded", func(t *testing.T) { t.Parallel(); s.tooMuch(t) })
	t.Run("whatever the vendor says", func(t *testing.T) { t.Parallel(); hostile(t, s.operations) })
	t.Run("refusals", func(t *testing.T) { t.Parallel(); refusals(t, s.Refusal, s.Meanings, s.operations) })
}

// paymentRig is an adapter, its vendor, and the wire between them.
type paymentRig struct {
	*wire
	booking.Payments

	vendor Vendor
	b      *booking.Booking
}

func (s PaymentsSuite) rig(t *testing.T) paymentRig {
	t.Helper()
	vendor := s.Vendor(t)
	w := newWire(t, vendor.URL)
	return paymentRig{wire: w, Payments: s.Connect(t, w.url), vendor: vendor, b: s.booking(t)}
}

func (s PaymentsSuite) booking(t *testing.T) *booking.Booking {
	t.Helper()
	return Booking(t, func(b *booking.Booking) { b.Facts.Money.Token = s.Works })
}

func (r *paymentRig) authorize(t *testing.T) booking.Payment {
	t.Helper()
	paid, err := r.Authorize(t.Context(), r.b)
	require.NoError(t, err)
	return paid
}

func (r *paymentRig) capture(t *testing.T) booking.Payment {
	t.Helper()
	paid, err := r.Capture(t.Context(), r.b, r.b.Facts.Price)
	require.NoError(t, err)
	return paid
}

// stands checks the ledger, and that asking says the same.
func (r *paymentRig) stands(t *testing.T, want booking.PaymentState, refunds int) booking.Payment {
	t.Helper()
	found, err := r.Find(t.Context(), r.b)
	require.NoError(t, err)
	require.Equal(t, want, found.State)
	ledger := r.vendor.Ledger(t, r.b.Reference)
	require.Equal(t, want == booking.PaymentAuthorized, ledger.Open == 1, "open authorisations: %+v", ledger)
	require.Equal(t, want == booking.PaymentCaptured, ledger.Captures == 1, "captures: %+v", ledger)
	require.LessOrEqual(t, ledger.Authorized, 1)
	require.Equal(t, refunds, ledger.Refunds)
	if want == booking.PaymentCaptured {
		require.Equal(t, ledger.Captured, r.b.Facts.Price.Of(found.Captured).Decimal())
		require.Equal(t, ledger.Refunded, r.b.Facts.Price.Of(found.Refunded).Decimal())
	}
	return found
}

func (r *paymentRig) part(percent int) booking.Money { return r.b.Facts.Price.Percent(percent) }

func (s PaymentsSuite) goesWell(t *testing.T) {
	r := s.rig(t)
	r.stands(t, booking.PaymentAbsent, 0)
	paid := r.authorize(t)
	require.Equal(t, booking.PaymentAuthorized, paid.State)
	require.Equal(t, r.b.Facts.Price.Minor, paid.Authorized)
	require.NotEmpty(t, paid.Reference)
	require.Len(t, paid.Last4, 4)
	require.False(t, paid.CaptureBefore.IsZero())
	require.Equal(t, paid, r.stands(t, booking.PaymentAuthorized, 0))
	paid = r.capture(t)
	require.Equal(t, r.b.Facts.Price.Minor, paid.Captured)
	voided, err := r.Void(t.Context(), r.b)
	require.NoError(t, err, "too late to void")
	require.Equal(t, booking.PaymentCaptured, voided.State)
	paid, err = r.Refund(t.Context(), r.b, r.part(40))
	require.NoError(t, err)
	require.Equal(t, r.part(40).Minor, paid.Refunded)
	r.b.Facts.Money.RefundTry++
	paid, err = r.Refund(t.Context(), r.b, r.part(60))
	require.NoError(t, err)
	require.Equal(t, r.part(40).Minor+r.part(60).Minor, paid.Refunded)
	require.Equal(t, paid, r.stands(t, booking.PaymentCaptured, 2))

	less := s.rig(t) // a cancellation's fee: the rest of the authorisation is released with it
	less.authorize(t)
	paid, err = less.Capture(t.Context(), less.b, less.part(20))
	require.NoError(t, err)
	require.Equal(t, less.part(20).Minor, paid.Captured)
	less.stands(t, booking.PaymentCaptured, 0)
}

func (s PaymentsSuite) issuer(t *testing.T) {
	for token, want := range map[string]booking.Payment{
		s.Declined: {State: booking.PaymentDecline},
		s.Stolen:   {State: booking.PaymentDecline, HardDecline: true},
		s.Action:   {State: booking.PaymentNeedsAction},
	} {
		if token == "" {
			continue
		}
		r := s.rig(t)
		r.b.Facts.Money.Token = token
		paid := r.authorize(t)
		for _, said := range []booking.Payment{paid, r.stands(t, want.State, 0)} {
			require.Equal(t, want.State, said.State, token)
			require.Equal(t, want.HardDecline, said.HardDecline, token)
			require.Equal(t, want.State == booking.PaymentDecline, said.Decline != "", token)
			require.Equal(t, want.State == booking.PaymentNeedsAction, said.ActionURL != "", token)
			require.Zero(t, said.Authorized, token)
		}
		r.b.Facts.Money.Token = s.Works
		r.b.Facts.Money.Generation++
		require.Equal(t, booking.PaymentAuthorized, r.authorize(t).State, "another card is another payment")
		found, err := r.Find(t.Context(), r.b)
		require.NoError(t, err)
		require.Equal(t, booking.PaymentAuthorized, found.State, "and the one that is asked about")
		_, err = r.Void(t.Context(), r.b)
		require.NoError(t, err)
		r.b.Facts.Money.Generation--
		_, err = r.Void(t.Context(), r.b)
		require.NoError(t, err, "what was never authorised can be voided")
		require.Zero(t, r.vendor.Ledger(t, r.b.Reference).Open)
	}
}

func (s PaymentsSuite) repeats(t *testing.T) {
	r := s.rig(t)
	first := r.authorize(t)
	require.Equal(t, first, r.authorize(t))
	require.Equal(t, r.capture(t), r.capture(t))
	for range 2 {
		_, err := r.Refund(t.Context(), r.b, r.part(50))
		require.NoError(t, err)
	}
	r.stands(t, booking.PaymentCaptured, 1)

	twice := s.rig(t)
	twice.set(mode{twice: true})
	twice.authorize(t)
	twice.capture(t)
	_, err := twice.Refund(t.Context(), twice.b, twice.part(50))
	require.NoError(t, err)
	twice.stands(t, booking.PaymentCaptured, 1)

	voided := s.rig(t)
	voided.authorize(t)
	for range 2 {
		paid, err := voided.Void(t.Context(), voided.b)
		require.NoError(t, err)
		require.Equal(t, booking.PaymentVoided, paid.State)
	}
	voided.stands(t, booking.PaymentVoided, 0)
}

func (s PaymentsSuite) losses(t *testing.T) {
	for name, c := range map[string]struct {
		before      func(t *testing.T, r *paymentRig)
		call        func(ctx context.Context, r *paymentRig) error
		from, to    booking.PaymentState
		refundsThen int
	}{
		"authorize": {
			call: func(ctx context.Context, r *paymentRig) error { _, err := r.Authorize(ctx, r.b); return err },
			from: booking.PaymentAbsent, to: booking.PaymentAuthorized,
		},
		"void": {
			before: func(t *testing.T, r *paymentRig) { r.authorize(t) },
			call:   func(ctx context.Context, r *paymentRig) error { _, err := r.Void(ctx, r.b); return err },
			from:   booking.PaymentAuthorized, to: booking.PaymentVoided,
		},
		"capture": {
			before: func(t *testing.T, r *paymentRig) { r.authorize(t) },
			call: func(ctx context.Context, r *paymentRig) error {
				_, err := r.Capture(ctx, r.b, r.b.Facts.Price)
				return err
			},
			from: booking.PaymentAuthorized, to: booking.PaymentCaptured,
		},
		"refund": {
			before: func(t *testing.T, r *paymentRig) { r.authorize(t); r.capture(t) },
			call:   func(ctx context.Context, r *paymentRig) error { _, err := r.Refund(ctx, r.b, r.part(30)); return err },
			from:   booking.PaymentCaptured, to: booking.PaymentCaptured, refundsThen: 1,
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
				if m.loseAnswer {
					r.stands(t, c.to, c.refundsThen)
				} else {
					r.stands(t, c.from, 0)
				}
				require.NoError(t, c.call(t.Context(), &r), "the same call again")
				r.stands(t, c.to, c.refundsThen)
			})
		}
	}
}

func (s PaymentsSuite) late(t *testing.T) {
	t.Run("an authorisation after a void", func(t *testing.T) {
		t.Parallel()
		r := s.rig(t)
		r.during(mode{late: true}, func() {
			_, err := r.Authorize(t.Context(), r.b)
			require.Equal(t, booking.Unclear, fault(t, err).Kind)
		})
		r.stands(t, booking.PaymentAbsent, 0)
		paid, err := r.Void(t.Context(), r.b)
		require.NoError(t, err, "of what nobody knows")
		require.Equal(t, booking.PaymentVoided, paid.State)
		r.land()
		r.stands(t, booking.PaymentVoided, 0)
		_, err = r.Authorize(t.Context(), r.b)
		require.Equal(t, booking.Refused, fault(t, err).Kind)
	})
	t.Run("a capture after a void", func(t *testing.T) {
		t.Parallel()
		r := s.rig(t)
		r.authorize(t)
		r.during(mode{late: true}, func() {
			_, err := r.Capture(t.Context(), r.b, r.b.Facts.Price)
			require.Equal(t, booking.Unclear, fault(t, err).Kind)
		})
		_, err := r.Void(t.Context(), r.b)
		require.NoError(t, err)
		r.land()
		r.stands(t, booking.PaymentVoided, 0)
		_, err = r.Capture(t.Context(), r.b, r.b.Facts.Price)
		require.Equal(t, booking.Refused, fault(t, err).Kind)
	})
	t.Run("all of them after the same were repeated", func(t *testing.T) {
		t.Parallel()
		r := s.rig(t)
		late := mode{late: true}
		r.during(late, func() { _, _ = r.Authorize(t.Context(), r.b) })
		r.authorize(t)
		r.during(late, func() { _, _ = r.Capture(t.Context(), r.b, r.b.Facts.Price) })
		r.capture(t)
		r.during(late, func() { _, _ = r.Refund(t.Context(), r.b, r.part(10)) })
		_, err := r.Refund(t.Context(), r.b, r.part(10))
		require.NoError(t, err)
		r.land()
		r.stands(t, booking.PaymentCaptured, 1)
	})
}

func (s PaymentsSuite) falsified(t *testing.T) {
	whats := map[string]func(*booking.Booking) (old, new string){
		"another amount":    func(b *booking.Booking) (string, string) { return `"` + b.Facts.Price.Decimal() + `"`, `"1.00"` },
		"another currency":  func(b *booking.Booking) (string, string) { return `"` + b.Facts.Price.Currency + `"`, `"XTS"` },
		"another reference": func(b *booking.Booking) (string, string) { return b.Reference, "ANOTHER99" },
	}
	authorized := func(t *testing.T, r *paymentRig) { r.authorize(t) }
	for name, c := range map[string]struct {
		before func(t *testing.T, r *paymentRig)
		call   func(ctx context.Context, r *paymentRig) error
	}{
		"authorize": {nil, func(ctx context.Context, r *paymentRig) error { _, err := r.Authorize(ctx, r.b); return err }},
		"void":      {authorized, func(ctx context.Context, r *paymentRig) error { _, err := r.Void(ctx, r.b); return err }},
		"capture": {authorized, func(ctx context.Context, r *paymentRig) error {
			_, err := r.Capture(ctx, r.b, r.b.Facts.Price)
			return err
		}},
		"find": {authorized, func(ctx context.Context, r *paymentRig) error { _, err := r.Find(ctx, r.b); return err }},
		"refund": {
			func(t *testing.T, r *paymentRig) { r.authorize(t); r.capture(t) },
			func(ctx context.Context, r *paymentRig) error {
				_, err := r.Refund(ctx, r.b, r.b.Facts.Price)
				return err
			},
		},
	} {
		for what, falsify := range whats {
			t.Run(name+" with "+what, func(t *testing.T) {
				t.Parallel()
				r := s.rig(t)
				if c.before != nil {
					c.before(t, &r)
				}
				r.set(saying(falsify(r.b)))
				require.Equal(t, booking.Unclear, fault(t, c.call(t.Context(), &r)).Kind)
			})
		}
	}
}

func (s PaymentsSuite) tooMuch(t *testing.T) {
	r := s.rig(t)
	r.authorize(t)
	_, err := r.Refund(t.Context(), r.b, r.part(10))
	require.Equal(t, booking.Refused, fault(t, err).Kind, "nothing is captured")
	r.capture(t)
	r.b.Facts.Money.RefundTry++
	_, err = r.Refund(t.Context(), r.b, r.part(101))
	require.Equal(t, booking.Refused, fault(t, err).Kind)
	r.stands(t, booking.PaymentCaptured, 0)
}

func (s PaymentsSuite) operations(t *testing.T, url string) []operation {
	t.Helper()
	p, b := s.Connect(t, url), s.booking(t)
	b.Facts.Money.Token = "pm_" + Canary
	return []operation{
		{"authorize", false, func(ctx context.Context) error { _, err := p.Authorize(ctx, b); return err }},
		{"void", false, func(ctx context.Context) error { _, err := p.Void(ctx, b); return err }},
		{"capture", false, func(ctx context.Context) error { _, err := p.Capture(ctx, b, b.Facts.Price); return err }},
		{"refund", false, func(ctx context.Context) error { _, err := p.Refund(ctx, b, b.Facts.Price); return err }},
		{"find", true, func(ctx context.Context) error { _, err := p.Find(ctx, b); return err }},
	}
}
