package booking_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
	"hotelbooking/booking/bookingtest"
)

// tell is the story as support staff read it.
func (j *journey) tell() booking.Story { return booking.Tell(j.b, j.now) }

func TestTheStoryOfADeclinedCardSpeaksOfNoReservation(t *testing.T) {
	t.Parallel()
	j := start(t, map[string][]bookingtest.Fate{"authorize": {bookingtest.Refuses}}).until(status(booking.StatusRequiresAction))
	require.Equal(t, "No: the card was declined, and nothing is reserved on it.", j.tell().Charged)
	j.until(ended)
	require.Equal(t, booking.PaymentFailed, j.b.PaymentStatus())
	require.Equal(t, "No: the card was declined.", j.tell().Charged)
}

func TestTheStoryOfAReleasedReservationSaysThatThereWasOne(t *testing.T) {
	t.Parallel()
	j := start(t, map[string][]bookingtest.Fate{"confirm": {bookingtest.Refuses}}).until(ended)
	require.Equal(t, booking.StatusFailed, j.b.Status())
	require.Equal(t, "No: the reservation on the card was released; the bank may show it for a few days.", j.tell().Charged)
	require.Equal(t, j.b.Facts.Price.Minor, j.b.Facts.Money.Authorized)
}

func TestTheStoryOfAGuestWhoComesBackFromTheBankWithoutFinishing(t *testing.T) {
	t.Parallel()
	j := start(t, map[string][]bookingtest.Fate{"authorize": {bookingtest.AsksCustomer}}).until(status(booking.StatusRequiresAction))
	first := j.tell()
	require.Contains(t, first.Charged, "until the guest's bank has confirmed")
	j.decide(booking.Decision{Verb: booking.VerbPay, Actor: booking.CustomerActor})
	require.Equal(t, booking.PaymentUnknown, j.b.PaymentStatus())
	j.until(status(booking.StatusRequiresAction))
	require.Equal(t, booking.PaymentRequiresAction, j.b.PaymentStatus(), "it was asked, so it is not unknown")
	require.Equal(t, first, j.tell())
	j.until(ended)
	require.Equal(t, "No: nothing was reserved on the card.", j.tell().Charged)
}

func TestTheStoryTellsStaffWhatToDo(t *testing.T) {
	t.Parallel()
	j := start(t, map[string][]bookingtest.Fate{"confirm": {bookingtest.LosesRequest}, "find room": {bookingtest.IsBusy}})
	j.until(at(booking.Finding, booking.StepConfirm))
	require.Contains(t, j.tell().Happened, "nobody knows yet whether confirming the room with the supplier worked")
	j.until(at(booking.Parked, booking.StepConfirm))
	require.Contains(t, j.tell().Next, "Ask the supplier whether it has "+j.b.Reference)

	j = start(t, map[string][]bookingtest.Fate{"capture": {bookingtest.Refuses}}).until(at(booking.Parked, booking.StepCapture))
	require.Contains(t, j.tell().Next, "Retry when the card may be charged again")
	j.decide(booking.Decision{Verb: booking.VerbResolve, Actor: "support:ana", Happened: true, Reason: "paid by transfer"})
	j.until(ended)
	require.Equal(t, booking.PaymentStatusCaptured, j.b.PaymentStatus())
	require.Equal(t, "Yes, says our staff: 346.00 EUR was paid. The payment system itself knows of no charge.", j.tell().Charged)

	j = start(t, map[string][]bookingtest.Fate{"capture": {bookingtest.Refuses}}).until(at(booking.Parked, booking.StepCapture))
	j.now = j.now.Add(time.Hour) // there is a fee by then
	j.decide(booking.Decision{Verb: booking.VerbCancel, Actor: booking.CustomerActor})
	j.until(at(booking.Parked, booking.StepAuthorize))
	require.Contains(t, j.tell().Next, "releasing the card (undo_refused)")
	require.NotContains(t, j.tell().Charged, "is being released")
}

func TestTheStoryDoesNotTakeTheEndOfALeaseForAWait(t *testing.T) {
	t.Parallel()
	j := start(t, nil).until(at(booking.Doing, booking.StepConfirm))
	j.b.Owner, j.b.DueAt = "one", j.now.Add(15*time.Second)
	require.Equal(t, "The service goes on now: confirming the room with the supplier.", j.tell().Next)
	j.b.Owner = ""
	require.Equal(t, "The service goes on in 15s: confirming the room with the supplier.", j.tell().Next)
}

func TestWhatStaffRefundedIsNotQuotedAgain(t *testing.T) {
	t.Parallel()
	j := start(t, nil).until(ended)
	j.now = j.now.Add(time.Hour)
	j.decide(booking.Decision{Verb: booking.VerbRefund, Actor: "support:ana", Reason: "noise", Amount: booking.Money{Minor: 30000, Currency: "EUR"}})
	j.until(ended)
	quote := j.b.CancelQuote(j.now)
	require.Equal(t, "46.00 EUR", quote.Fee.String(), "the fee is 69.20 EUR, and no more than that is left")
	require.Equal(t, "0.00 EUR", quote.Refund.String())
	j.decide(booking.Decision{Verb: booking.VerbCancel, Actor: booking.CustomerActor, ExpectedFee: &quote.Fee})
	j.until(ended)
	require.Equal(t, int64(4600), j.world.Captured-j.world.Refunded)
}
