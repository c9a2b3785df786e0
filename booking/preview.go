package booking

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Preview is what a decision would do, for whoever is about to make it.
type Preview struct {
	Text   string // in plain words
	Digest string // of the text and of what it depends on; sent back as Decision.Shown
}

// ErrPreviewChanged: the decision would not do any more what its actor was shown.
var ErrPreviewChanged = errors.New("the decision would do something else than what was shown")

// Preview says what a decision would do to b now. It changes nothing; its errors are those of Decide.
func (f Flow) Preview(b *Booking, d Decision, now time.Time) (Preview, error) {
	d.Shown = ""
	after := b.Clone()
	if _, err := f.Decide(after, d, now); err != nil {
		return Preview{}, err
	}
	text := f.foretell(b, after, d, now)
	return Preview{Text: text, Digest: digest(b, d, text)}, nil
}

// digest of a preview: its words, and what of the booking can change without changing them. Two decisions in a row that read
// alike are two things to agree to: what the first of them has moved is in here, so a form that is sent twice acts once.
func digest(b *Booking, d Decision, text string) string {
	m, hash := b.Facts.Money, sha256.New()
	_, _ = fmt.Fprintf(hash, "%s\n%s\n", d.Verb, text)
	switch d.Verb {
	case VerbNote, VerbReveal: // whatever else moves meanwhile, they do the same
	case VerbCancel:
		if wish := b.Facts.Cancellation; wish != nil {
			_, _ = fmt.Fprintf(hash, "%d\n", wish.At.UnixMilli())
		}
	case VerbRetry, VerbResolve, VerbApprove, VerbReject, VerbRefund, VerbPay, VerbAcceptOffer, VerbNotify, VerbErase:
		_, _ = fmt.Fprintf(hash, "%v %s %s %d %d %d %d %d", b.Place, b.Goal, b.Result, m.Captured, m.Refunded, m.CaptureTry, m.RefundTry, b.Facts.Waiting.Since.UnixMilli())
	}
	return hex.EncodeToString(hash.Sum(nil)[:12])
}

// foretell puts the difference between before and after into words; both are only looked at.
func (f Flow) foretell(before, after *Booking, d Decision, now time.Time) string {
	switch d.Verb {
	case VerbCancel:
		return f.foretellCancel(before, after, d, now)
	case VerbRetry:
		return f.foretellRetry(before, after, now)
	case VerbApprove:
		if text, turns := f.foretellTurn(after, now); turns {
			return "The fraud question is answered with yes, but the booking does not go on. " + text
		}
		return fmt.Sprintf("The fraud question is answered with yes. The booking goes on at once: %s is reserved on the card, then the hotel is asked to confirm.", before.Facts.Price)
	case VerbReject:
		if after.Goal == Cancel {
			return "The booking is cancelled, as was asked for, and what was reserved is given back. Nothing is charged."
		}
		return "The booking fails, and what was reserved is given back. The guest is told: " + Explain(ReviewRejected).Message
	case VerbResolve:
		return f.foretellResolve(before, after, d.Happened, now)
	case VerbRefund:
		return foretellRefund(before, after)
	case VerbNote:
		return "The text is written into the timeline. Nothing else changes, and the guest sees nothing of it."
	case VerbReveal:
		return "The guests' names, addresses, numbers and wishes are shown to you, this once. That you looked, and why, stays in the timeline."
	case VerbPay, VerbAcceptOffer, VerbNotify, VerbErase:
	}
	return "This is not decided at a desk."
}

// foretellTurn is what becomes of a booking that does not go on at its next turn, but back.
func (f Flow) foretellTurn(after *Booking, now time.Time) (text string, turns bool) {
	if after.Goal == Cancel || f.TurnsRound(after, now) {
		return "The cancellation that was asked for is followed at once.", true
	}
	if o, decided := f.Before(after, now); decided && o.kind == KindCompensate {
		return fmt.Sprintf("Its time is up, so it is given up at once, and what was reserved is given back. The guest is told: %s", Explain(o.reason).Message), true
	}
	return "", false
}

func (f Flow) foretellCancel(before, after *Booking, d Decision, now time.Time) string {
	if before.Result != Confirmed && !before.Mark(StepConfirm).State.remains() {
		return "The hotel has not been asked to confirm, so cancelling is free. The booking stops before its next step, and what was reserved is given back. Nothing is charged."
	}
	quote := before.CancelQuote(now)
	fee := after.Facts.Cancellation.Fee
	if before.Result != Confirmed {
		fee = quote.Fee // what it is at most
		if d.WaiveFee {
			fee = fee.Of(0)
		}
	}
	var text []string
	if before.Result == Confirmed {
		text = append(text, fmt.Sprintf("The room is cancelled at the supplier (%s).", orNone(before.Facts.Reservation.SupplierReference)))
	} else {
		text = append(text, "The hotel may have been asked to confirm already. If it has not confirmed, cancelling costs nothing. If it has, the room is cancelled at once:")
	}
	text = append(text, before.foretellFee(quote, fee, d.WaiveFee), before.foretellBack(fee))
	if after.Place.Phase == Parked && !f.TurnsRound(after, now) {
		text = append(text, fmt.Sprintf("All this waits until somebody has settled the open question (%s): then retry or resolve the booking.", plainStep(after.Place.Step)))
	}
	return strings.Join(append(text, "Should the supplier refuse, the stay stands."), " ")
}

func (b *Booking) foretellFee(quote Quote, fee Money, waived bool) string {
	switch {
	case fee.IsZero() && waived && !quote.Fee.IsZero():
		return fmt.Sprintf("The fee of %s is waived.", quote.Fee)
	case fee.IsZero():
		return "There is no fee."
	case b.Facts.Money.Captured > 0:
		return fmt.Sprintf("A fee of %s is kept.", fee)
	default:
		return fmt.Sprintf("A fee of %s is charged to %s.", fee, b.Facts.Money.card())
	}
}

// foretellBack is what comes back of the money, after the fee.
func (b *Booking) foretellBack(fee Money) string {
	m, price, capture := b.Facts.Money, b.Facts.Price, b.Mark(StepCapture).State
	switch {
	case m.Captured > 0 && m.Refunded > 0:
		return fmt.Sprintf("%s goes back to %s, beside the %s that went back already.", price.Of(max(0, m.Captured-m.Refunded-fee.Minor)), m.card(), price.Of(m.Refunded))
	case m.Captured > 0:
		return fmt.Sprintf("%s goes back to %s.", price.Of(max(0, m.Captured-fee.Minor)), m.card())
	case capture == MarkDone:
		return fmt.Sprintf("The stay counts as paid in another way, and the service cannot give that back. What is still reserved on %s is released.", m.card())
	case capture == MarkUnclear:
		return fmt.Sprintf("Whether %s was charged already is found out first; the rest is released or goes back.", price)
	case capture == MarkRefused:
		return fmt.Sprintf("The card was not charged for the stay. What is still reserved on %s is released.", m.card())
	default:
		return fmt.Sprintf("Of the %s reserved on %s, %s is released.", price, m.card(), price.Of(price.Minor-fee.Minor))
	}
}

func (f Flow) foretellRetry(before, after *Booking, now time.Time) string {
	step, what := before.Place.Step, plainStep(before.Place.Step)
	back := before.Goal != Confirm
	if back {
		what = plainUndo(step)
	}
	if !back {
		if text, turns := f.foretellTurn(after, now); turns {
			return "The booking does not go on. " + text
		}
	}
	switch {
	case after.Place.Phase == Finding && back:
		return fmt.Sprintf("The service asks the other side at once whether this was done: %s. If it was not, it is done again.", what)
	case after.Place.Phase == Finding && before.Place.Phase == Finding:
		return fmt.Sprintf("The service asks the other side at once, instead of waiting, whether this happened: %s. Nothing is repeated before it knows.", what)
	case after.Place.Phase == Finding:
		return fmt.Sprintf("The service first asks the other side whether this happened: %s. Only if it did not is it done again.", what)
	case back:
		return fmt.Sprintf("The service tries at once again: %s. Whatever happened already is not done twice.", what)
	case after.Facts.Money.CaptureTry > before.Facts.Money.CaptureTry:
		return fmt.Sprintf("%s is charged to %s, as a new attempt: the one before was refused.", before.Facts.Price, before.Facts.Money.card())
	case before.Place.Phase == Parked:
		return fmt.Sprintf("The service takes it up again at once: %s.", what)
	default:
		return fmt.Sprintf("The service goes on at once, instead of waiting: %s.", what)
	}
}

func (f Flow) foretellResolve(before, after *Booking, happened bool, now time.Time) string {
	price, step := before.Facts.Price, before.Place.Step
	switch {
	case before.Goal == GiveBack && !happened:
		return "What is still to be refunded counts as not wanted any more: nothing further goes back to the guest, and the stay stands."
	case before.Goal == GiveBack:
		return fmt.Sprintf("The refund of %s counts as done, on your word, and the stay stands. The service sends nothing further, and goes on showing what the payment system said: %s refunded.", before.refundOwed(), price.Of(before.Facts.Money.Refunded))
	case before.Goal != Confirm && happened:
		return fmt.Sprintf("It counts as done, on your word: %s. Nothing further is asked of the other side about it; what else is to be given back, is.", plainUndo(step))
	case before.Goal != Confirm:
		return f.foretellRetry(before, after, now)
	case step == StepConfirm && happened && after.Goal == Cancel:
		return fmt.Sprintf("The booking counts as confirmed on your word, under the supplier's number that you enter, and is then cancelled at once, as was asked for. %s %s",
			before.foretellFee(Quote{}, after.Facts.Cancellation.Fee, false), before.foretellBack(after.Facts.Cancellation.Fee))
	case step == StepConfirm && happened:
		return fmt.Sprintf("The booking is confirmed on your word, under the supplier's number that you enter. The guest is told so, and %s is charged to %s.", price, before.Facts.Money.card())
	case step == StepConfirm && after.Goal == Cancel:
		return fmt.Sprintf("The room counts as not booked, on your word, and the booking is cancelled, as was asked for, for nothing. The supplier is told to let go of whatever stands under %s after all, and the %s on the card are released.", before.Reference, price)
	case step == StepConfirm:
		return fmt.Sprintf("The booking fails on your word. The supplier is told to let go of whatever stands under %s after all, and the %s on the card are released. The guest is told: %s", before.Reference, price, Explain(SupplierNoConfirmation).Message)
	case step == StepCapture && happened && after.Goal == Cancel:
		return fmt.Sprintf("The stay counts as paid, on your word, and is then cancelled, as was asked for. What was paid in another way has to be given back in that way; the service releases what is still reserved on %s.", before.Facts.Money.card())
	case step == StepCapture && happened:
		return fmt.Sprintf("The stay counts as paid, on your word: %s in another way. The service does not charge the card for it.", price)
	default:
		return f.foretellRetry(before, after, now)
	}
}

func foretellRefund(before, after *Booking) string {
	m, price := before.Facts.Money, before.Facts.Price
	return fmt.Sprintf("%s goes back to %s. So far %s was charged and %s refunded; afterwards we keep %s. The stay stands. A refund cannot be taken back.",
		after.refundOwed(), m.card(), price.Of(m.Captured), price.Of(m.Refunded), price.Of(m.Captured-m.Refunded-after.refundOwed().Minor))
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
