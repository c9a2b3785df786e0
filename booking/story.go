package booking

import (
	"fmt"
	"strings"
	"time"
)

// Story is a booking in the words that a support agent can read to the guest on the phone.
type Story struct {
	Happened string // what happened so far
	Next     string // what happens next, and who has to do something
	Charged  string // whether the guest was charged, and how much
}

// Tell is the booking's story as of now.
func Tell(b *Booking, now time.Time) Story {
	return Story{Happened: b.happened(), Next: b.next(now), Charged: b.charged()}
}

func (b *Booking) happened() string {
	failure := b.Facts.Failure.Code
	unclear := b.Mark(b.Place.Step).State == MarkUnclear
	switch b.Status() {
	case StatusPending:
		return "The booking was accepted and is waiting for its turn."
	case StatusConfirmed:
		text := fmt.Sprintf("The hotel's supplier confirmed the booking on %s under %s.", moment(b.Facts.ConfirmedAt), b.Facts.Reservation.SupplierReference)
		if wish := b.Facts.Cancellation; wish != nil && wish.Refuse != "" {
			text += " A cancellation was asked for, and the supplier refused it: the stay stands."
		}
		return text
	case StatusFailed:
		return fmt.Sprintf("The booking failed (%s): %s", failure, Explain(failure).Message)
	case StatusCancelled:
		return fmt.Sprintf("The booking was cancelled by %s on %s, for a fee of %s.", b.Facts.Cancellation.who(), moment(b.Facts.Cancellation.At), b.Facts.Cancellation.Fee)
	case StatusCancelling:
		return fmt.Sprintf("A cancellation was asked for by %s on %s, for a fee of %s.", b.Facts.Cancellation.who(), moment(b.Facts.Cancellation.At), b.Facts.Cancellation.Fee)
	case StatusRequiresAction:
		if b.Facts.Waiting.Reason == PaymentAuthenticationNeeded {
			return "The booking waits for the guest: the guest's bank wants the payment confirmed."
		}
		return "The booking waits for the guest: " + Explain(b.Facts.Waiting.Reason).Message
	case StatusInReview:
		if b.Facts.Waiting.Reason == FraudReview {
			return "The fraud screening asks for a person's judgement."
		}
		return "The fraud screening could not be reached, so a person has to judge."
	case StatusProcessing:
		if b.Goal == Fail {
			return fmt.Sprintf("The booking could not be made (%s), and what was reserved is being given back.", failure)
		}
		if unclear {
			return fmt.Sprintf("The booking is on its way, but one answer is missing: nobody knows yet whether %s worked.", plainStep(b.Place.Step))
		}
		return fmt.Sprintf("The booking is on its way: %s.", plainStep(b.Place.Step))
	default:
		return "The booking is in a state that has no words yet."
	}
}

func (b *Booking) next(now time.Time) string {
	wait := b.Facts.Waiting
	when := soon(b.DueAt, now)
	if b.Owner != "" {
		when = "now" // a process is at it, and DueAt is the end of its lease
	}
	switch b.Place.Phase {
	case Ended:
		return "Nothing: the booking is at rest."
	case Parked:
		if wait.Who == Customer {
			return fmt.Sprintf("The guest has until %s to act; then the booking is given up and nothing is charged.", moment(wait.Until))
		}
		if b.Place.Step == StepScreen {
			return fmt.Sprintf("Somebody with the right to do so approves or rejects it by %s; then it is given up.", moment(wait.Until))
		}
		text := b.todo()
		if !wait.Until.IsZero() {
			text += fmt.Sprintf(" The service asks again by itself at %s.", moment(wait.Until))
		}
		return text
	case Finding:
		return fmt.Sprintf("Nobody knows yet whether it worked: %s. The service asks the other side %s, and repeats nothing until it knows.", plainStep(b.Place.Step), when)
	case Undoing:
		return fmt.Sprintf("The service gives back what was taken (%s), %s, and tries until it succeeds.", plainUndo(b.Place.Step), when)
	case Doing:
		return fmt.Sprintf("The service goes on %s: %s.", when, plainStep(b.Place.Step))
	default:
		return "The booking is in a phase that has no words yet."
	}
}

// todo is what staff are asked to do about a booking that waits for them.
func (b *Booking) todo() string {
	wait := b.Facts.Waiting
	what, advice := plainStep(b.Place.Step), ""
	switch {
	case wait.From == Undoing || b.Goal != Confirm:
		what = plainUndo(b.Place.Step)
		advice = "Find out why; then retry, or resolve it once it is settled in another way"
	case b.Place.Step == StepConfirm:
		advice = fmt.Sprintf("Ask the supplier whether it has %s; then resolve it as happened or not_happened", b.Reference)
	case b.Place.Step == StepCapture:
		advice = "Retry when the card may be charged again, resolve it once it is paid in another way, or cancel"
	default:
		advice = "Find out why, and retry"
	}
	return fmt.Sprintf("A person has to look at it: %s (%s). %s.", what, wait.Reason, advice)
}

func (b *Booking) charged() string {
	m, price := b.Facts.Money, b.Facts.Price
	switch kept := price.Of(m.Captured - m.Refunded); b.PaymentStatus() {
	case PaymentNone:
		return "No: the card has not been touched."
	case PaymentRequiresAction:
		if b.Facts.Waiting.Action.Type == ActionNewPaymentMethod {
			return "No: the card was declined, and nothing is reserved on it."
		}
		return "No: nothing is reserved on the card until the guest's bank has confirmed the payment."
	case PaymentAuthorizing:
		return "No: a reservation of the amount on the card is being asked for."
	case PaymentStatusAuthorized, PaymentCapturing:
		return fmt.Sprintf("Not yet: %s is reserved on the card, and is taken once the hotel has confirmed.", price)
	case PaymentStatusCaptured:
		if m.Captured == 0 {
			return fmt.Sprintf("Yes, says our staff: %s was paid. The payment system itself knows of no charge.", price)
		}
		return fmt.Sprintf("Yes: %s was charged.", price.Of(m.Captured))
	case PaymentVoiding:
		if b.Place.Phase == Parked {
			return fmt.Sprintf("No: nothing was charged. What becomes of the %s on the card, a person has to settle.", price)
		}
		return fmt.Sprintf("No: the reservation of %s on the card is being released.", price)
	case PaymentStatusVoided:
		if m.Authorized == 0 {
			return "No: nothing was reserved on the card."
		}
		return "No: the reservation on the card was released; the bank may show it for a few days."
	case PaymentRefundPending:
		return fmt.Sprintf("Yes: %s was charged, of which %s is back and %s is on its way.", price.Of(m.Captured), price.Of(m.Refunded), b.refundOwed())
	case PaymentPartiallyRefunded:
		return fmt.Sprintf("Yes: %s was charged and %s refunded, so %s was kept.", price.Of(m.Captured), price.Of(m.Refunded), kept)
	case PaymentRefunded:
		return fmt.Sprintf("No longer: the %s that was charged was refunded.", price.Of(m.Captured))
	case PaymentFailed:
		if b.Result == Confirmed {
			return fmt.Sprintf("No: the stay is confirmed, but %s could not be taken. Finance has to decide.", price)
		}
		return "No: the card was declined."
	case PaymentUnknown:
		return fmt.Sprintf("Not known yet: the payment system has not said whether %s was reserved or taken. It is being asked.", price)
	default:
		return "Not known."
	}
}

// Say is one line of history in plain words.
func (e Entry) Say() string {
	if e.Verb == "accept" {
		return "The booking was accepted."
	}
	if e.Verb != "turn" {
		return strings.TrimSpace(fmt.Sprintf("%s: %s. %s", e.Actor, e.Verb, e.Detail))
	}
	what := plainStep(e.From.Step)
	if e.From.Phase == Undoing {
		what = plainUndo(e.From.Step)
	}
	if e.From.Phase == Finding {
		what = "asking about " + what
	}
	switch e.Outcome {
	case KindNext:
		return what + ": done."
	case KindAgain:
		return what + ": it did not happen, so it is done again."
	case KindRetry:
		return fmt.Sprintf("%s: not possible right now (%s).", what, e.Reason)
	case KindReject:
		return fmt.Sprintf("%s: refused (%s).", what, e.Reason)
	case KindCompensate:
		return fmt.Sprintf("%s: given up (%s).", what, e.Reason)
	case KindUnknown:
		return fmt.Sprintf("%s: no answer (%s), so the other side is asked.", what, e.Reason)
	case KindPark:
		return fmt.Sprintf("%s: a person has to act (%s).", what, e.Reason)
	default:
		return what + ": no outcome, which is a defect of ours; a person has to look."
	}
}

func (c *Cancellation) who() string {
	if c.Code == CancelledByCustomer {
		return "the guest"
	}
	return "our staff"
}

func plainStep(step Name) string {
	switch step {
	case StepHold:
		return "checking price and availability"
	case StepScreen:
		return "screening for fraud"
	case StepAuthorize:
		return "reserving the amount on the card"
	case StepConfirm:
		return "confirming the room with the supplier"
	case StepCapture:
		return "charging the card"
	case StepTrack:
		return "reporting the sale"
	default:
		return string(step)
	}
}

func plainUndo(step Name) string {
	switch step {
	case StepHold:
		return "releasing the room"
	case StepAuthorize:
		return "releasing the card"
	case StepConfirm:
		return "cancelling the room at the supplier"
	case StepCapture:
		return "refunding the card"
	case StepTrack:
		return "reporting the cancellation"
	default:
		return string(step)
	}
}

func moment(t time.Time) string {
	if t.IsZero() {
		return "no set time"
	}
	return t.UTC().Format("2 January 2006 15:04 UTC")
}

func soon(t, now time.Time) string {
	if wait := t.Sub(now).Round(time.Second); wait > 0 {
		return "in " + wait.String()
	}
	return "now"
}
