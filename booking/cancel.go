package booking

import "time"

// Quote is what cancelling costs at one moment.
type Quote struct {
	Fee        Money
	Refund     Money     // what comes back, or is released, of what the guest still has in it
	ValidUntil time.Time // then the next row of the policy begins; zero: it will not change
}

// CancelQuote is what cancelling would cost now: nothing before the supplier is asked to confirm, afterwards what the policy
// says that the guest accepted, never more than the price, nor than what staff have not refunded already. While the answer
// of the supplier is awaited it is the most that it can cost: it falls to nothing if the room was not booked.
func (b *Booking) CancelQuote(now time.Time) Quote {
	price := b.Facts.Price
	left := price.Minor - b.Facts.Money.Refunded
	q := Quote{Fee: price.Of(0), Refund: price}
	if b.Result != Confirmed && !b.Mark(StepConfirm).State.remains() {
		return q
	}
	for _, p := range b.Facts.Hold.Penalties {
		if now.Before(p.From) {
			q.ValidUntil = p.From
			break
		}
		if p.Fee.Currency == price.Currency {
			q.Fee = price.Of(min(p.Fee.Minor, left))
		}
	}
	q.Refund = price.Of(left - q.Fee.Minor)
	return q
}

// feeDue is what the guest owes for a cancellation under way; nothing where there is none.
func (b *Booking) feeDue() Money {
	if b.Goal != Cancel || b.Facts.Cancellation == nil {
		return b.Facts.Price.Of(0)
	}
	return b.Facts.Cancellation.Fee
}

// refundOwed is what has been captured and is to be given back, and is not yet: all but the fee when unwinding, what staff
// decided when the stay stands.
func (b *Booking) refundOwed() Money {
	m := b.Facts.Money
	target := int64(0)
	switch b.Goal {
	case GiveBack:
		target = m.RefundTarget
	case Cancel, Fail:
		target = m.Captured - b.feeDue().Minor
	case Confirm:
	}
	return b.Facts.Price.Of(max(0, min(target, m.Captured)-m.Refunded))
}
