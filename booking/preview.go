package booking

import (
	"fmt"
	"strings"
	"time"
)

// Preview says in plain words what a decision would do to b now, for whoever is about to make it. It changes nothing; its
// errors are those of Decide.
func (f Flow) Preview(b *Booking, d Decision, now time.Time) (string, error) {
	if _, err := f.Decide(b.Clone(), d, now); err != nil {
		return "", err
	}
	switch d.Verb {
	case VerbCancel:
		return f.previewCancel(b, d, now), nil
	case VerbRetry:
		return f.previewRetry(b), nil
	case VerbApprove:
		return fmt.Sprintf("The fraud question is answered with yes. The booking goes on at once: %s is reserved on the card, then the hotel is asked to confirm.", b.Facts.Price), nil
	case VerbReject:
		return "The booking fails, and what was reserved is given back. The guest is told: " + Explain(ReviewRejected).Message, nil
	case VerbResolve:
		return f.previewResolve(b, d.Happened), nil
	case VerbRefund:
		return f.previewRefund(b, d), nil
	case VerbNote:
		return "The text is written into the timeline. Nothing else changes, and the guest sees nothing of it.", nil
	case VerbReveal:
		return "The guests' names and addresses are shown to you, this once. That you looked, and why, stays in the timeline.", nil
	case VerbPay, VerbAcceptOffer, VerbNotify, VerbErase:
	}
	return "", &IllegalError{Verb: d.Verb, Status: b.Status(), Allowed: f.Allowed(b)} // not decided at a desk
}

func (f Flow) previewCancel(b *Booking, d Decision, now time.Time) string {
	quote := b.CancelQuote(now)
	if b.Result != Confirmed && !b.Mark(StepConfirm).State.remains() {
		return "The hotel has not been asked to confirm, so cancelling is free. The booking stops before its next step, and what was reserved is given back. Nothing is charged."
	}
	fee, back := quote.Fee, quote.Refund
	if d.WaiveFee {
		fee, back = fee.Of(0), back.Of(back.Minor+fee.Minor)
	}
	var text []string
	if b.Result == Confirmed {
		text = append(text, fmt.Sprintf("The room is cancelled at the supplier (%s).", orNone(b.Facts.Reservation.SupplierReference)))
	} else {
		text = append(text, "The hotel is being asked to confirm right now. If it confirms, the room is cancelled at once; if it does not, cancelling costs nothing.")
	}
	switch {
	case fee.IsZero() && d.WaiveFee && !quote.Fee.IsZero():
		text = append(text, fmt.Sprintf("The fee of %s is waived.", quote.Fee))
	case fee.IsZero():
		text = append(text, "There is no fee.")
	default:
		text = append(text, fmt.Sprintf("A fee of %s is kept.", fee))
	}
	if b.Facts.Money.Captured > 0 {
		text = append(text, fmt.Sprintf("%s goes back to %s.", back, b.Facts.Money.card()))
	} else {
		text = append(text, fmt.Sprintf("Of the %s reserved on %s, %s is released.", b.Facts.Price, b.Facts.Money.card(), back))
	}
	return strings.Join(append(text, "Should the supplier refuse, the stay stands."), " ")
}

func (f Flow) previewRetry(b *Booking) string {
	step, what := f.step(b.Place.Step), plainStep(b.Place.Step)
	if b.Place.Phase == Undoing || b.Facts.Waiting.From == Undoing && b.Place.Phase == Parked || b.Goal != Confirm {
		return fmt.Sprintf("The service tries at once again: %s. Whatever happened already is not done twice.", plainUndo(b.Place.Step))
	}
	if b.Place.Phase != Parked {
		if b.Place.Phase == Finding {
			return fmt.Sprintf("The service asks the other side at once, instead of waiting, whether this happened: %s. Nothing is repeated before it knows.", what)
		}
		return fmt.Sprintf("The service goes on at once, instead of waiting: %s.", what)
	}
	if b.Place.Step == StepCapture && b.Mark(StepCapture).State == MarkRefused {
		return fmt.Sprintf("%s is charged to %s, as a new attempt: the one before was refused.", b.Facts.Price, b.Facts.Money.card())
	}
	if b.Facts.Waiting.From == Doing && step.Find != nil {
		return fmt.Sprintf("The service first asks the other side whether this happened: %s. Only if it did not is it done again.", what)
	}
	return fmt.Sprintf("The service takes it up again at once: %s.", what)
}

func (f Flow) previewResolve(b *Booking, happened bool) string {
	switch {
	case b.Goal == GiveBack && !happened:
		return "What is still to be refunded counts as not wanted any more: nothing further goes back to the guest, and the stay stands."
	case b.Goal != Confirm && happened:
		return fmt.Sprintf("It counts as done, on your word: %s. Nothing further is asked of the other side about it.", plainUndo(b.Place.Step))
	case b.Goal != Confirm:
		return fmt.Sprintf("The service tries at once again: %s.", plainUndo(b.Place.Step))
	case b.Place.Step == StepConfirm && happened:
		return fmt.Sprintf("The booking is confirmed on your word, under the supplier's number that you enter. The guest is told so, and %s is charged to %s.", b.Facts.Price, b.Facts.Money.card())
	case b.Place.Step == StepConfirm:
		return fmt.Sprintf("The booking fails on your word. The room and the %s on the card are released. The guest is told: %s", b.Facts.Price, Explain(SupplierNoConfirmation).Message)
	case b.Place.Step == StepCapture && happened:
		return fmt.Sprintf("The stay counts as paid, on your word: %s in another way. The card is not charged for it.", b.Facts.Price)
	default:
		return f.previewRetry(b)
	}
}

func (f Flow) previewRefund(b *Booking, d Decision) string {
	m, price := b.Facts.Money, b.Facts.Price
	amount := d.Amount
	if amount.IsZero() {
		amount = price.Of(m.Captured - m.Refunded)
	}
	return fmt.Sprintf("%s goes back to %s. So far %s was charged and %s refunded; afterwards we keep %s. The stay stands. A refund cannot be taken back.",
		amount, m.card(), price.Of(m.Captured), price.Of(m.Refunded), price.Of(m.Captured-m.Refunded-amount.Minor))
}

// card is how people call the guest's card.
func (m Ledger) card() string {
	if m.Last4 == "" {
		return "the card"
	}
	return strings.TrimSpace("the " + m.Brand + " card ending in " + m.Last4)
}

func orNone(reference string) string {
	if reference == "" {
		return "without a number"
	}
	return reference
}
