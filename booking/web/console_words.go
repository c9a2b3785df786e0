package web

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"hotelbooking/booking"
)

// reasonWords is a reason as staff read it. What customers may see reads well as it is.
func reasonWords(r booking.Reason) string {
	switch r {
	case booking.FraudReview:
		return "the screening asks for a person"
	case booking.FraudUnavailable:
		return "nobody could screen it"
	case booking.TrackingUnavailable:
		return "the report was not taken"
	case booking.OutcomeUnknown:
		return "nobody can tell whether it happened"
	case booking.SupplierPending:
		return "the supplier has not decided yet"
	case booking.PaymentPending:
		return "the payment system has not decided yet"
	case booking.CaptureFailed:
		return "a confirmed stay is not paid"
	case booking.UndoStuck:
		return "it could not be given back yet"
	case booking.UndoRefused:
		return "the other side refuses to give it back"
	case booking.ProcessStopped:
		return "our process stopped in the middle"
	case booking.TurnDeadline:
		return "no answer within the time allowed"
	case booking.TurnPanicked:
		return "a defect of ours"
	case booking.CrashedRepeatedly:
		return "our processes died of it again and again"
	case booking.CircuitOpen:
		return "not asked: the other side fails too often"
	case booking.Paused:
		return "not asked: an operator has paused it"
	case booking.Unreadable:
		return "the stored data cannot be read"
	case booking.Unclassified:
		return "an answer that nobody thought of"
	case booking.NotHappened:
		return "it did not happen"
	case booking.CustomerReturned:
		return "the guest came back"
	default:
		return strings.ReplaceAll(string(r), "_", " ")
	}
}

// doneWords says what the reader has done, by the line of history that it made. It knows no more than the history does: the
// line's number comes from an address, which anybody can write.
func doneWords(newestFirst []historyLine, actor string, version int, b *booking.Booking) string {
	at := slices.IndexFunc(newestFirst, func(l historyLine) bool { return l.Version == version })
	if at < 0 || newestFirst[at].Actor != actor {
		if b.Status() == booking.StatusCancelling || b.Status() == booking.StatusCancelled {
			return "It was cancelled before; nothing more was done."
		}
		return ""
	}
	switch booking.Verb(newestFirst[at].Verb) {
	case booking.VerbRetry:
		return "Done: it is taken up again."
	case booking.VerbApprove:
		return "Done: it is approved and goes on."
	case booking.VerbReject:
		return "Done: it is rejected, and what was reserved is given back."
	case booking.VerbResolve:
		return "Done: what you found out is written down, and the booking goes on from there."
	case booking.VerbCancel:
		if wish := b.Facts.Cancellation; wish != nil {
			return fmt.Sprintf("Done: the booking is being cancelled, for a fee of %s.", wish.Fee)
		}
		return "Done: the booking is being cancelled."
	case booking.VerbRefund:
		if m := b.Facts.Money; b.Goal == booking.GiveBack && m.RefundTarget > m.Refunded {
			return fmt.Sprintf("Done: the refund of %s is on its way. You see it here once the payment system has taken it.", b.Facts.Price.Of(m.RefundTarget-m.Refunded))
		}
		return fmt.Sprintf("Done: the refund is made; %s went back in all.", b.Facts.Price.Of(b.Facts.Money.Refunded))
	case booking.VerbNote:
		return "Done: the note is in the timeline."
	case booking.VerbReveal:
		return "The guests' data is shown below, this once. That you looked is in the timeline."
	case booking.VerbPay, booking.VerbAcceptOffer, booking.VerbNotify, booking.VerbErase:
	}
	return ""
}

func isNotFound(err error) bool { return errors.Is(err, booking.ErrNotFound) }
