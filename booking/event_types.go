package booking

// The types of events. A name is never changed, and never given another meaning: what is told otherwise has another name.
const (
	EventAccepted   EventType = "booking.accepted"         // stored: it will be confirmed, or fail
	EventConfirmed  EventType = "booking.confirmed"        // the supplier has confirmed
	EventFailed     EventType = "booking.failed"           // nothing remains of it
	EventCancelled  EventType = "booking.cancelled"        // nothing remains of it but a fee, where one was due
	EventAttention  EventType = "booking.attention_raised" // a person should look at it, for another reason than before
	EventAuthorized EventType = "payment.authorized"       // money is reserved
	EventCaptured   EventType = "payment.captured"         // money is taken
	EventVoided     EventType = "payment.voided"           // reserved money is let go, and none of it was taken
	EventRefunded   EventType = "payment.refunded"         // money that was taken is on its way back
)

// EventTypes lists them, those of a payment last.
func EventTypes() []EventType {
	return []EventType{
		EventAccepted, EventConfirmed, EventFailed, EventCancelled, EventAttention, EventAuthorized, EventCaptured, EventVoided, EventRefunded,
	}
}

// Happening is what other systems are told of one change, in as few words as can be: see Events.
type Happening struct {
	Type  EventType
	Minor int64 // of the payment's events, how much was moved; in the currency of the price
}

// Happenings lists what became of a booking by one change, money first. before is nil where it was accepted. It costs next to
// nothing where nothing happened, which is at most turns.
func Happenings(before, after *Booking) []Happening {
	if before == nil {
		return []Happening{{Type: EventAccepted}}
	}
	var all []Happening
	add := func(is bool, event EventType, minor int64) {
		if is {
			all = append(all, Happening{event, minor})
		}
	}
	was, is := before.Facts.Money, after.Facts.Money
	add(!before.reserved() && after.reserved(), EventAuthorized, after.reservation())
	taken := after.taken() - before.taken()
	add(taken > 0, EventCaptured, taken)
	add(is.Voided && !was.Voided && is.Authorized > 0, EventVoided, is.Authorized)
	add(is.Refunded > was.Refunded, EventRefunded, is.Refunded-was.Refunded)
	if before.Result != after.Result {
		add(after.Result == Confirmed, EventConfirmed, 0)
		add(after.Result == Failed, EventFailed, 0)
		add(after.Result == Cancelled, EventCancelled, 0)
	}
	add(after.Attention != "" && after.Attention != before.Attention, EventAttention, 0)
	return all
}

// reserved tells whether the guest's money was reserved, whatever became of it.
func (b *Booking) reserved() bool {
	state := b.Mark(StepAuthorize).State
	return state == MarkDone || state == MarkUndone && b.Facts.Money.Authorized > 0
}

// reservation is how much was reserved. A vendor who does not say so has reserved what was asked for.
func (b *Booking) reservation() int64 {
	if authorized := b.Facts.Money.Authorized; authorized > 0 {
		return authorized
	}
	return b.Facts.Price.Minor
}

// taken is how much was ever captured: by the vendor's word, or else by that of our staff.
func (b *Booking) taken() int64 {
	if captured := b.Facts.Money.Captured; captured > 0 || b.Mark(StepCapture).State != MarkDone {
		return captured
	}
	return b.Facts.Price.Minor
}
