package bench

import (
	"context"
	"time"

	"hotelbooking/booking"
)

// outside plays hotel, fraud screening, payment and tracking inside this process, with answers as long as real ones. All of
// them succeed, each after the same time.
type outside struct{ takes time.Duration }

func (o outside) ports() booking.Outside {
	return booking.Outside{Hotels: hotels{o}, Screener: o, Payments: payments{o}, Tracker: o}
}

func (o outside) wait(ctx context.Context) error {
	if o.takes == 0 {
		return nil
	}
	select {
	case <-time.After(o.takes):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (o outside) Screen(ctx context.Context, b *booking.Booking) (booking.Verdict, error) {
	return booking.Verdict{Ruling: booking.Accept, Reference: "SCR-" + b.Reference, Score: 7, Source: "screening"}, o.wait(ctx)
}

func (o outside) Track(ctx context.Context, _ booking.Conversion) error { return o.wait(ctx) }

type hotels struct{ outside }

func (h hotels) Hold(ctx context.Context, b *booking.Booking) (booking.Hold, error) {
	from, total := b.CreatedAt.Add(48*time.Hour), b.Offer.Total
	half := booking.Money{Minor: total.Minor / 2, Currency: total.Currency}
	return booking.Hold{
		Reference: "HLD-" + b.Reference, Total: total, ExpiresAt: b.CreatedAt.Add(30 * time.Minute),
		Penalties: []booking.Penalty{{From: from, Fee: half}, {From: from.Add(24 * time.Hour), Fee: total}},
	}, h.wait(ctx)
}

func (h hotels) Release(ctx context.Context, _ *booking.Booking) error { return h.wait(ctx) }

func (h hotels) Confirm(ctx context.Context, b *booking.Booking) (booking.Reservation, error) {
	return booking.Reservation{SupplierReference: "RES-" + b.Reference, HotelConfirmation: "H" + b.Reference}, h.wait(ctx)
}

func (h hotels) Cancel(ctx context.Context, _ *booking.Booking) error { return h.wait(ctx) }

func (h hotels) Find(ctx context.Context, _ *booking.Booking) (booking.Standing, error) {
	return booking.Standing{State: booking.RoomAbsent, Sure: true}, h.wait(ctx)
}

type payments struct{ outside }

func (p payments) payment(b *booking.Booking, state booking.PaymentState) booking.Payment {
	return booking.Payment{
		State: state, Reference: "pi_" + b.Reference, Authorized: b.Offer.Total.Minor, Brand: "visa", Last4: "4242",
		CaptureBefore: b.CreatedAt.Add(7 * 24 * time.Hour),
	}
}

func (p payments) Authorize(ctx context.Context, b *booking.Booking) (booking.Payment, error) {
	return p.payment(b, booking.PaymentAuthorized), p.wait(ctx)
}

func (p payments) Void(ctx context.Context, b *booking.Booking) (booking.Payment, error) {
	return p.payment(b, booking.PaymentVoided), p.wait(ctx)
}

func (p payments) Capture(ctx context.Context, b *booking.Booking, amount booking.Money) (booking.Payment, error) {
	captured := p.payment(b, booking.PaymentCaptured)
	captured.Captured = amount.Minor
	return captured, p.wait(ctx)
}

func (p payments) Refund(ctx context.Context, b *booking.Booking, amount booking.Money) (booking.Payment, error) {
	refunded := p.payment(b, booking.PaymentCaptured)
	refunded.Captured, refunded.Refunded = b.Offer.Total.Minor, amount.Minor
	return refunded, p.wait(ctx)
}

func (p payments) Find(ctx context.Context, b *booking.Booking) (booking.Payment, error) {
	return p.payment(b, booking.PaymentAbsent), p.wait(ctx)
}
