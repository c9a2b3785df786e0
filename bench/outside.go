package bench

import (
	"context"
	"crypto/rand"
	"net/http"
	"time"

	"hotelbooking/booking"
)

// outside plays hotel, fraud screening, payment and tracking inside this process, with answers as long as real ones. All of
// them succeed, each after the same time, and leave the trace that a call over HTTP leaves.
type outside struct{ takes time.Duration }

func (o outside) ports() booking.Outside {
	return booking.Outside{Hotels: hotels{o}, Screener: o, Payments: payments{o}, Tracker: o}
}

// call waits as long as a call takes, and says that it was made. key is the idempotency key; empty where none is sent.
func (o outside) call(ctx context.Context, vendor, operation, key string) error {
	if o.takes > 0 {
		select {
		case <-time.After(o.takes):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	booking.Called(ctx, booking.Call{Vendor: vendor, Operation: operation, RequestID: rand.Text(), Key: key, Status: http.StatusOK, Took: o.takes})
	return nil
}

func (o outside) Screen(ctx context.Context, b *booking.Booking) (booking.Verdict, error) {
	return booking.Verdict{Ruling: booking.Accept, Reference: "SCR-" + b.Reference, Score: 7, Source: "screening"}, o.call(ctx, "sandbox fraud", "screen", "")
}

func (o outside) Track(ctx context.Context, _ booking.Conversion) error {
	return o.call(ctx, "sandbox tracking", "track", "")
}

type hotels struct{ outside }

func (h hotels) Hold(ctx context.Context, b *booking.Booking) (booking.Hold, error) {
	from, total := b.CreatedAt.Add(48*time.Hour), b.Offer.Total
	half := booking.Money{Minor: total.Minor / 2, Currency: total.Currency}
	return booking.Hold{
		Reference: "HLD-" + b.Reference, Total: total, ExpiresAt: b.CreatedAt.Add(30 * time.Minute),
		Penalties: []booking.Penalty{{From: from, Fee: half}, {From: from.Add(24 * time.Hour), Fee: total}},
	}, h.call(ctx, "sandbox hotel", "hold", "")
}

func (h hotels) Release(ctx context.Context, _ *booking.Booking) error {
	return h.call(ctx, "sandbox hotel", "release", "")
}

func (h hotels) Confirm(ctx context.Context, b *booking.Booking) (booking.Reservation, error) {
	return booking.Reservation{SupplierReference: "RES-" + b.Reference, HotelConfirmation: "H" + b.Reference}, h.call(ctx, "sandbox hotel", "confirm", "")
}

func (h hotels) Cancel(ctx context.Context, _ *booking.Booking) error {
	return h.call(ctx, "sandbox hotel", "cancel", "")
}

func (h hotels) Find(ctx context.Context, _ *booking.Booking) (booking.Standing, error) {
	return booking.Standing{State: booking.RoomAbsent, Sure: true}, h.call(ctx, "sandbox hotel", "find", "")
}

type payments struct{ outside }

func (p payments) payment(b *booking.Booking, state booking.PaymentState) booking.Payment {
	return booking.Payment{
		State: state, Reference: "pi_" + b.Reference, Authorized: b.Offer.Total.Minor, Brand: "visa", Last4: "4242",
		CaptureBefore: b.CreatedAt.Add(7 * 24 * time.Hour),
	}
}

func (p payments) Authorize(ctx context.Context, b *booking.Booking) (booking.Payment, error) {
	return p.payment(b, booking.PaymentAuthorized), p.call(ctx, "sandbox payment", "authorize", b.Key("authorize"))
}

func (p payments) Void(ctx context.Context, b *booking.Booking) (booking.Payment, error) {
	return p.payment(b, booking.PaymentVoided), p.call(ctx, "sandbox payment", "void", "")
}

func (p payments) Capture(ctx context.Context, b *booking.Booking, amount booking.Money) (booking.Payment, error) {
	captured := p.payment(b, booking.PaymentCaptured)
	captured.Captured = amount.Minor
	return captured, p.call(ctx, "sandbox payment", "capture", b.Key("capture"))
}

func (p payments) Refund(ctx context.Context, b *booking.Booking, amount booking.Money) (booking.Payment, error) {
	refunded := p.payment(b, booking.PaymentCaptured)
	refunded.Captured, refunded.Refunded = b.Offer.Total.Minor, amount.Minor
	return refunded, p.call(ctx, "sandbox payment", "refund", b.Key("refund"))
}

func (p payments) Find(ctx context.Context, b *booking.Booking) (booking.Payment, error) {
	return p.payment(b, booking.PaymentAbsent), p.call(ctx, "sandbox payment", "find", "")
}
