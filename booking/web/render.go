package web

import (
	"time"

	"hotelbooking/booking"
)

// render is the booking as the customer sees it.
func render(b *booking.Booking) Booking {
	status := b.Status()
	out := Booking{
		Id: string(b.ID), Reference: b.Reference, Version: b.Version,
		Status: Status(status), Terminal: b.Terminal(), Stage: string(b.Stage()),
		Steps: make([]Step, len(b.Facts.Marks)), PaymentStatus: PaymentStatus(b.PaymentStatus()),
		Price: money(b.Facts.Price), ClientReference: b.ClientReference,
		CreatedAt: instant(b.CreatedAt), UpdatedAt: instant(b.UpdatedAt),
	}
	for i, m := range b.Facts.Marks {
		out.Steps[i] = Step{Name: string(m.Step), State: StepState(m.State), Attempts: m.Attempts}
	}
	if status == booking.StatusFailed {
		out.Failure = failure(b.Facts.Failure)
	}
	if action, ok := b.Action(); ok {
		out.Action = Action{
			Type: ActionType(action.Type), Code: action.Code, Message: booking.Explain(b.Facts.Waiting.Reason).Message,
			Url: action.URL, ClientSecret: action.ClientSecret, NewTotal: money(action.NewTotal), ExpiresAt: instant(b.Facts.Waiting.Until),
		}
	}
	if b.Result == booking.Confirmed || b.Result == booking.Cancelled {
		out.Confirmation = Confirmation{
			SupplierReference: b.Facts.Reservation.SupplierReference, HotelConfirmation: b.Facts.Reservation.HotelConfirmation,
		}
	}
	if wish := b.Facts.Cancellation; wish != nil {
		out.Cancellation = Cancellation{RequestedAt: instant(wish.At), Code: string(wish.Code), Fee: money(wish.Fee), Refused: string(wish.Refuse)}
		if status == booking.StatusCancelled {
			back := b.Facts.Price.Of(0) // nothing comes back of what was never taken nor reserved
			if m := b.Facts.Money; m.Captured > 0 || m.Authorized > 0 {
				back = b.Facts.Price.Of(b.Facts.Price.Minor - wish.Fee.Minor)
			}
			out.Cancellation.Refund = money(back)
		}
	}
	return out
}

func failure(f booking.Failure) Failure {
	meaning := booking.Explain(f.Code)
	return Failure{
		Code: string(f.Code), DeclineCode: f.Decline, Retryable: meaning.Retryable,
		UserAction: UserAction(meaning.UserAction), Message: meaning.Message,
	}
}

// money of no currency is no money: it is left out.
func money(m booking.Money) Money {
	if m.Currency == "" {
		return Money{}
	}
	return Money{Amount: m.Decimal(), Currency: m.Currency}
}

func quote(q booking.Quote) CancellationQuote {
	out := CancellationQuote{Fee: money(q.Fee), Refund: money(q.Refund)}
	if !q.ValidUntil.IsZero() {
		out.ValidUntil = instant(q.ValidUntil)
	}
	return out
}

func renderAll(list []*booking.Booking) []Booking {
	out := make([]Booking, len(list))
	for i, b := range list {
		out[i] = render(b)
	}
	return out
}

// instant is as precise as anybody needs, and no more than what every database keeps: an answer reads the same for ever.
func instant(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }
