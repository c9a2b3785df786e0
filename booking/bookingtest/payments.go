package bookingtest

import (
	"context"

	"hotelbooking/booking"
)

type payments struct{ w *World }

// seen holds every key to the amount that it came with first, as PSPs do.
func (p payments) seen(key string, amount int64) string {
	if first, known := p.w.bodies[key]; known && first != amount {
		p.w.DoubleKey = true
	}
	p.w.bodies[key] = amount
	return key
}

func (p payments) Authorize(_ context.Context, b *booking.Booking) (booking.Payment, error) {
	key := p.seen(b.Key("authorize"), b.Facts.Price.Minor)
	fate, err := p.w.call("authorize", booking.PaymentDeclined, func() *booking.Fault {
		switch {
		case p.w.voided[key]:
			return &booking.Fault{Kind: booking.Refused, Reason: booking.PaymentActionExpired}
		case p.w.payments[key] == nil:
			p.w.payments[key] = &payment{amount: b.Facts.Price.Minor, reserved: true, open: true}
		}
		return nil
	})
	switch {
	case fate == Refuses:
		p.w.payments[key] = &payment{amount: b.Facts.Price.Minor, declined: true}
		return booking.Payment{State: booking.PaymentDecline, Decline: "generic_decline"}, nil
	case err != nil:
		return booking.Payment{}, err
	case fate == AsksCustomer && p.w.payments[key].open:
		p.w.payments[key].reserved, p.w.payments[key].open, p.w.payments[key].waiting = false, false, true
	}
	return p.view(b), nil
}

func (p payments) Void(_ context.Context, b *booking.Booking) (booking.Payment, error) {
	key := b.Key("authorize")
	_, err := p.w.call("void", booking.PaymentUnavailable, func() *booking.Fault {
		p.w.voided[key] = true
		if old := p.w.payments[key]; old != nil {
			old.open, old.waiting = false, false
		}
		return nil
	})
	return p.view(b), err
}

func (p payments) Capture(_ context.Context, b *booking.Booking, amount booking.Money) (booking.Payment, error) {
	key := p.seen(b.Key("capture"), amount.Minor)
	_, err := p.w.call("capture", booking.CaptureFailed, func() *booking.Fault {
		auth := p.w.payments[b.Key("authorize")]
		switch _, done := p.w.captures[key]; {
		case done:
		case auth == nil || !auth.open:
			return &booking.Fault{Kind: booking.Refused, Reason: booking.CaptureFailed}
		default:
			auth.open, auth.captured = false, true
			p.w.captures[key] = amount.Minor
			p.w.Captured += amount.Minor
			p.w.CaptureBeforeBooked = p.w.CaptureBeforeBooked || p.w.everBooked == 0
		}
		return nil
	})
	return p.view(b), err
}

func (p payments) Refund(_ context.Context, b *booking.Booking, amount booking.Money) (booking.Payment, error) {
	key := p.seen(b.Key("refund"), amount.Minor)
	_, err := p.w.call("refund", booking.UndoRefused, func() *booking.Fault {
		switch _, done := p.w.refunds[key]; {
		case done:
		case p.w.Refunded+amount.Minor > p.w.Captured:
			return &booking.Fault{Kind: booking.Refused, Reason: booking.UndoRefused}
		default:
			p.w.refunds[key] = amount.Minor
			p.w.Refunded += amount.Minor
		}
		return nil
	})
	return p.view(b), err
}

func (p payments) Find(_ context.Context, b *booking.Booking) (booking.Payment, error) {
	if _, err := p.w.call("find payment", booking.PaymentUnavailable, func() *booking.Fault { return nil }); err != nil {
		return booking.Payment{}, err
	}
	return p.view(b), nil
}

func (p payments) view(b *booking.Booking) booking.Payment {
	key := b.Key("authorize")
	view := booking.Payment{State: booking.PaymentAbsent, Captured: p.w.Captured, Refunded: p.w.Refunded}
	auth := p.w.payments[key]
	if auth == nil {
		if p.w.voided[key] {
			view.State = booking.PaymentVoided
		}
		return view
	}
	view.Reference = "P-" + key
	if auth.reserved && !p.w.voided[key] { // nothing is reserved any more, as vendors see it
		view.Authorized = auth.amount
	}
	switch {
	case auth.captured:
		view.State = booking.PaymentCaptured
	case p.w.voided[key]:
		view.State = booking.PaymentVoided
	case auth.declined:
		view.State, view.Decline = booking.PaymentDecline, "generic_decline"
	case auth.waiting:
		view.State, view.ActionURL = booking.PaymentNeedsAction, "https://bank.example/3ds"
	default:
		view.State = booking.PaymentAuthorized
	}
	return view
}
