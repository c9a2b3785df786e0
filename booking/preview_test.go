package booking_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
	"hotelbooking/booking/bookingtest"
)

type fates = map[string][]bookingtest.Fate

const ada = "support:ada"

// nowhere are fates in which nobody learns whether the hotel has confirmed.
func nowhere() fates {
	return fates{"confirm": {bookingtest.LosesReply}, "find room": {bookingtest.IsBusy}}
}

// settled is where a booking stays until somebody decides.
func settled(b *booking.Booking) bool { return ended(b) || b.Place.Phase == booking.Parked }

// TestAPreviewSaysWhatTheDecisionThenDoes holds every sentence against the world in which the decision is then carried out.
func TestAPreviewSaysWhatTheDecisionThenDoes(t *testing.T) {
	t.Parallel()
	wished := func(j *journey) { j.decide(booking.Decision{Verb: booking.VerbCancel, Actor: booking.CustomerActor}) }
	cases := map[string]struct {
		fates  fates
		until  func(*booking.Booking) bool
		before func(*journey) // what happens beside it before the decision
		mends  bool           // from the decision on everything outside obeys
		verb   booking.Decision
		says   string
		status booking.Status
		place  booking.Place // where it rests; zero: at its end
		took   int64         // of the guest's money, by the world's own ledger, at rest
		back   int64
	}{
		"cancel before the hotel was asked": {
			until: at(booking.Doing, booking.StepAuthorize), verb: booking.Decision{Verb: booking.VerbCancel},
			says:   "The hotel has not been asked to confirm, so cancelling is free. The booking stops before its next step, and what was reserved is given back. Nothing is charged.",
			status: booking.StatusCancelled,
		},
		"cancel with a fee what is charged": {
			until: ended, before: later, verb: booking.Decision{Verb: booking.VerbCancel},
			says:   "The room is cancelled at the supplier (S-%s). A fee of 69.20 EUR is kept. 276.80 EUR goes back to the card. Should the supplier refuse, the stay stands.",
			status: booking.StatusCancelled, took: 34600, back: 27680,
		},
		"cancel without a fee what is charged": {
			until: ended, verb: booking.Decision{Verb: booking.VerbCancel},
			says:   "The room is cancelled at the supplier (S-%s). There is no fee. 346.00 EUR goes back to the card. Should the supplier refuse, the stay stands.",
			status: booking.StatusCancelled, took: 34600, back: 34600,
		},
		"cancel, and waive the fee": {
			until: ended, before: later, verb: booking.Decision{Verb: booking.VerbCancel, WaiveFee: true},
			says:   "The room is cancelled at the supplier (S-%s). The fee of 69.20 EUR is waived. 346.00 EUR goes back to the card. Should the supplier refuse, the stay stands.",
			status: booking.StatusCancelled, took: 34600, back: 34600,
		},
		"cancel what was refunded in part": {
			until: ended, before: func(j *journey) {
				j.decide(booking.Decision{Verb: booking.VerbRefund, Actor: ada, Amount: booking.Money{Minor: 5000, Currency: "EUR"}})
				j.until(ended)
				later(j)
			}, verb: booking.Decision{Verb: booking.VerbCancel},
			says: "The room is cancelled at the supplier (S-%s). A fee of 69.20 EUR is kept. 226.80 EUR goes back to the card, beside the 50.00 EUR that went back already. " +
				"Should the supplier refuse, the stay stands.",
			status: booking.StatusCancelled, took: 34600, back: 27680,
		},
		"cancel what is reserved and not charged": {
			until: at(booking.Doing, booking.StepCapture), before: later, verb: booking.Decision{Verb: booking.VerbCancel},
			says: "The room is cancelled at the supplier (S-%s). A fee of 69.20 EUR is charged to the card. Of the 346.00 EUR reserved on the card, 276.80 EUR is released. " +
				"Should the supplier refuse, the stay stands.",
			status: booking.StatusCancelled, took: 6920,
		},
		"cancel where the supplier refuses": {
			fates: fates{"cancel": {bookingtest.Refuses}}, until: ended, verb: booking.Decision{Verb: booking.VerbCancel},
			says:   "The room is cancelled at the supplier (S-%s). There is no fee. 346.00 EUR goes back to the card. Should the supplier refuse, the stay stands.",
			status: booking.StatusConfirmed, took: 34600,
		},
		"cancel what the hotel may have confirmed": {
			fates: nowhere(), until: at(booking.Finding, booking.StepConfirm), mends: true, verb: booking.Decision{Verb: booking.VerbCancel},
			says: "The hotel may have been asked to confirm already. If it has not confirmed, cancelling costs nothing. If it has, the room is cancelled at once: There is no fee. " +
				"Of the 346.00 EUR reserved on the card, 346.00 EUR is released. Should the supplier refuse, the stay stands.",
			status: booking.StatusCancelled,
		},
		"cancel what waits for staff": {
			fates: nowhere(), until: at(booking.Parked, booking.StepConfirm), verb: booking.Decision{Verb: booking.VerbCancel},
			says: "The hotel may have been asked to confirm already. If it has not confirmed, cancelling costs nothing. If it has, the room is cancelled at once: A fee of 69.20 EUR is charged to the card. " +
				"Of the 346.00 EUR reserved on the card, 276.80 EUR is released. All this waits until somebody has settled the open question (confirming the room with the supplier): then retry or resolve the booking. " +
				"Should the supplier refuse, the stay stands.",
			status: booking.StatusCancelling, place: booking.Place{Phase: booking.Parked, Step: booking.StepConfirm},
		},
		"cancel what counts as paid in another way": {
			fates: fates{"capture": {bookingtest.Refuses}}, until: at(booking.Parked, booking.StepCapture), mends: true,
			before: func(j *journey) {
				j.decide(booking.Decision{Verb: booking.VerbResolve, Actor: ada, Happened: true})
				j.until(ended)
			}, verb: booking.Decision{Verb: booking.VerbCancel, WaiveFee: true},
			says: "The room is cancelled at the supplier (S-%s). There is no fee. The stay counts as paid in another way, and the service cannot give that back. " +
				"What is still reserved on the card is released. Should the supplier refuse, the stay stands.",
			status: booking.StatusCancelled,
		},
		"retry what nobody knows, after waiting": {
			fates: nowhere(), until: at(booking.Finding, booking.StepConfirm), mends: true, verb: booking.Decision{Verb: booking.VerbRetry},
			says:   "The service asks the other side at once, instead of waiting, whether this happened: confirming the room with the supplier. Nothing is repeated before it knows.",
			status: booking.StatusConfirmed, took: 34600,
		},
		"retry what nobody could find out": {
			fates: nowhere(), until: at(booking.Parked, booking.StepConfirm), mends: true, verb: booking.Decision{Verb: booking.VerbRetry},
			says:   "The service first asks the other side whether this happened: confirming the room with the supplier. Only if it did not is it done again.",
			status: booking.StatusConfirmed, took: 34600,
		},
		"retry what is to come": {
			fates: fates{"hold": {bookingtest.IsBusy, bookingtest.Obeys}}, until: func(b *booking.Booking) bool { return b.Version == 2 }, verb: booking.Decision{Verb: booking.VerbRetry},
			says:   "The service goes on at once, instead of waiting: checking price and availability.",
			status: booking.StatusConfirmed, took: 34600,
		},
		"retry what somebody has cancelled": {
			until: at(booking.Doing, booking.StepAuthorize), before: wished, verb: booking.Decision{Verb: booking.VerbRetry},
			says: "The booking does not go on. The cancellation that was asked for is followed at once.", status: booking.StatusCancelled,
		},
		"retry what is too late": {
			until: at(booking.Doing, booking.StepAuthorize), before: func(j *journey) { j.now = j.now.Add(24 * time.Hour) }, verb: booking.Decision{Verb: booking.VerbRetry},
			says: "The booking does not go on. Its time is up, so it is given up at once, and what was reserved is given back. " +
				"The guest is told: The booking took too long and was stopped. Nothing was charged; please try again.",
			status: booking.StatusFailed,
		},
		"retry a charge that was refused": {
			fates: fates{"capture": {bookingtest.Refuses, bookingtest.Obeys}}, until: at(booking.Parked, booking.StepCapture), verb: booking.Decision{Verb: booking.VerbRetry},
			says: "346.00 EUR is charged to the card, as a new attempt: the one before was refused.", status: booking.StatusConfirmed, took: 34600,
		},
		"retry a screening that nobody could make": {
			fates: fates{"screen": {bookingtest.IsBusy}}, until: at(booking.Parked, booking.StepScreen), mends: true, verb: booking.Decision{Verb: booking.VerbRetry},
			says: "The service takes it up again at once: screening for fraud.", status: booking.StatusConfirmed, took: 34600,
		},
		"retry what is not given back yet": {
			fates: fates{"authorize": {bookingtest.LosesReply}, "find payment": {bookingtest.IsBusy}, "void": {bookingtest.IsBusy, bookingtest.IsBusy, bookingtest.Obeys}},
			until: at(booking.Undoing, booking.StepAuthorize), mends: true, verb: booking.Decision{Verb: booking.VerbRetry},
			says: "The service tries at once again: releasing the card. Whatever happened already is not done twice.", status: booking.StatusFailed,
		},
		"retry a refund whose answer was lost": {
			fates: fates{"refund": {bookingtest.LosesReply}, "find payment": {bookingtest.IsBusy}}, until: ended, mends: true,
			before: func(j *journey) {
				j.decide(booking.Decision{Verb: booking.VerbRefund, Actor: ada})
				j.until(at(booking.Finding, booking.StepCapture))
			}, verb: booking.Decision{Verb: booking.VerbRetry},
			says:   "The service asks the other side at once whether this was done: refunding the card. If it was not, it is done again.",
			status: booking.StatusConfirmed, took: 34600, back: 34600,
		},
		"approve": {
			fates: fates{"screen": {bookingtest.AsksStaff}}, until: at(booking.Parked, booking.StepScreen), verb: booking.Decision{Verb: booking.VerbApprove},
			says:   "The fraud question is answered with yes. The booking goes on at once: 346.00 EUR is reserved on the card, then the hotel is asked to confirm.",
			status: booking.StatusConfirmed, took: 34600,
		},
		"approve what somebody has cancelled": {
			fates: fates{"screen": {bookingtest.AsksStaff}}, until: at(booking.Parked, booking.StepScreen), before: wished, verb: booking.Decision{Verb: booking.VerbApprove},
			says:   "The fraud question is answered with yes, but the booking does not go on. The cancellation that was asked for is followed at once.",
			status: booking.StatusCancelled,
		},
		"reject": {
			fates: fates{"screen": {bookingtest.AsksStaff}}, until: at(booking.Parked, booking.StepScreen), verb: booking.Decision{Verb: booking.VerbReject},
			says:   "The booking fails, and what was reserved is given back. The guest is told: The booking could not be accepted. Nothing was charged.",
			status: booking.StatusFailed,
		},
		"reject what somebody has cancelled": {
			fates: fates{"screen": {bookingtest.AsksStaff}}, until: at(booking.Parked, booking.StepScreen), before: wished, verb: booking.Decision{Verb: booking.VerbReject},
			says: "The booking is cancelled, as was asked for, and what was reserved is given back. Nothing is charged.", status: booking.StatusCancelled,
		},
		"resolve: the hotel has it": {
			fates: nowhere(), until: at(booking.Parked, booking.StepConfirm), verb: booking.Decision{Verb: booking.VerbResolve, Happened: true, SupplierReference: "S-1"},
			says:   "The booking is confirmed on your word, under the supplier's number that you enter. The guest is told so, and 346.00 EUR is charged to the card.",
			status: booking.StatusConfirmed, took: 34600,
		},
		"resolve: the hotel does not have it": {
			fates: nowhere(), until: at(booking.Parked, booking.StepConfirm), verb: booking.Decision{Verb: booking.VerbResolve},
			says: "The booking fails on your word. The supplier is told to let go of whatever stands under %s after all, and the 346.00 EUR on the card are released. " +
				"The guest is told: The hotel did not confirm this booking. Nothing was charged; please choose another.",
			status: booking.StatusFailed,
		},
		"resolve: the hotel has what somebody has cancelled": {
			fates: nowhere(), until: at(booking.Parked, booking.StepConfirm), before: wished,
			verb: booking.Decision{Verb: booking.VerbResolve, Happened: true, SupplierReference: "S-1"},
			says: "The booking counts as confirmed on your word, under the supplier's number that you enter, and is then cancelled at once, as was asked for. " +
				"A fee of 69.20 EUR is charged to the card. Of the 346.00 EUR reserved on the card, 276.80 EUR is released.",
			status: booking.StatusCancelled, took: 6920,
		},
		"resolve: the hotel does not have what somebody has cancelled": {
			fates: nowhere(), until: at(booking.Parked, booking.StepConfirm), before: wished, verb: booking.Decision{Verb: booking.VerbResolve},
			says: "The room counts as not booked, on your word, and the booking is cancelled, as was asked for, for nothing. " +
				"The supplier is told to let go of whatever stands under %s after all, and the 346.00 EUR on the card are released.",
			status: booking.StatusCancelled,
		},
		"resolve: it was paid in another way": {
			fates: fates{"capture": {bookingtest.Refuses}}, until: at(booking.Parked, booking.StepCapture), verb: booking.Decision{Verb: booking.VerbResolve, Happened: true},
			says: "The stay counts as paid, on your word: 346.00 EUR in another way. The service does not charge the card for it.", status: booking.StatusConfirmed,
		},
		"resolve: it was not paid": {
			fates: fates{"capture": {bookingtest.Refuses, bookingtest.Obeys}}, until: at(booking.Parked, booking.StepCapture), verb: booking.Decision{Verb: booking.VerbResolve},
			says: "346.00 EUR is charged to the card, as a new attempt: the one before was refused.", status: booking.StatusConfirmed, took: 34600,
		},
		"resolve: the refund is made": {
			fates: fates{"refund": {bookingtest.Refuses}}, until: ended, before: refused, verb: booking.Decision{Verb: booking.VerbResolve, Happened: true},
			says: "The refund of 50.00 EUR counts as done, on your word, and the stay stands. The service sends nothing further, and goes on showing what the payment system said: 0.00 EUR refunded.",

			status: booking.StatusConfirmed, took: 34600,
		},
		"resolve: the refund is not wanted": {
			fates: fates{"refund": {bookingtest.Refuses}}, until: ended, before: refused, verb: booking.Decision{Verb: booking.VerbResolve},
			says:   "What is still to be refunded counts as not wanted any more: nothing further goes back to the guest, and the stay stands.",
			status: booking.StatusConfirmed, took: 34600,
		},
		"resolve: what could not be released is": {
			fates: fates{"confirm": {bookingtest.Refuses}, "void": {bookingtest.Refuses}}, until: at(booking.Parked, booking.StepAuthorize),
			verb:   booking.Decision{Verb: booking.VerbResolve, Happened: true},
			says:   "It counts as done, on your word: releasing the card. Nothing further is asked of the other side about it; what else is to be given back, is.",
			status: booking.StatusFailed,
		},
		"resolve: what could not be released is not": {
			fates: fates{"confirm": {bookingtest.Refuses}, "void": {bookingtest.Refuses}}, until: at(booking.Parked, booking.StepAuthorize), mends: true,
			verb: booking.Decision{Verb: booking.VerbResolve},
			says: "The service tries at once again: releasing the card. Whatever happened already is not done twice.", status: booking.StatusFailed,
		},
		"refund all": {
			until: ended, verb: booking.Decision{Verb: booking.VerbRefund},
			says: "346.00 EUR goes back to the card. So far 346.00 EUR was charged and 0.00 EUR refunded; afterwards we keep 0.00 EUR. The stay stands. A refund cannot be taken back.",

			status: booking.StatusConfirmed, took: 34600, back: 34600,
		},
		"refund some": {
			until: ended, verb: booking.Decision{Verb: booking.VerbRefund, Amount: booking.Money{Minor: 5000, Currency: "EUR"}},
			says: "50.00 EUR goes back to the card. So far 346.00 EUR was charged and 0.00 EUR refunded; afterwards we keep 296.00 EUR. The stay stands. A refund cannot be taken back.",

			status: booking.StatusConfirmed, took: 34600, back: 5000,
		},
		"note": {
			until: ended, verb: booking.Decision{Verb: booking.VerbNote},
			says: "The text is written into the timeline. Nothing else changes, and the guest sees nothing of it.", status: booking.StatusConfirmed, took: 34600,
		},
		"reveal": {
			until: ended, verb: booking.Decision{Verb: booking.VerbReveal},
			says:   "The guests' names, addresses, numbers and wishes are shown to you, this once. That you looked, and why, stays in the timeline.",
			status: booking.StatusConfirmed, took: 34600,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j := start(t, c.fates).until(c.until)
			if c.before != nil {
				c.before(j)
			}
			c.verb.Actor, c.verb.Reason = ada, "because"
			stood := *j.b.Clone()
			preview, err := j.flow.Preview(j.b, c.verb, j.now)
			require.NoError(t, err)
			require.Equal(t, stood, *j.b, "a preview changes nothing")
			require.Equal(t, named(c.says, j.b), preview.Text)
			if c.mends {
				j.world.Script = nil
			}
			c.verb.Shown = preview.Digest
			j.decide(c.verb)
			j.until(settled)
			if c.place == (booking.Place{}) {
				c.place.Phase = booking.Ended
			}
			require.Equal(t, c.place, j.b.Place)
			require.Equal(t, c.status, j.b.Status())
			require.Equal(t, c.took, j.world.Captured)
			require.Equal(t, c.back, j.world.Refunded)
			require.Equal(t, c.status == booking.StatusConfirmed, j.world.Reserved() && c.place.Phase == booking.Ended, "the room")
		})
	}
}

func named(text string, b *booking.Booking) string {
	return strings.ReplaceAll(text, "%s", b.Reference)
}

// later is when the world's hotel wants a fifth.
func later(j *journey) { j.now = j.now.Add(time.Hour) }

// refused: a refund was asked for, and the payment system does not make it.
func refused(j *journey) {
	j.decide(booking.Decision{Verb: booking.VerbRefund, Actor: ada, Amount: booking.Money{Minor: 5000, Currency: "EUR"}})
	j.until(at(booking.Parked, booking.StepCapture))
}

func TestADecisionThatWouldDoSomethingElseThanWhatWasShownIsRefused(t *testing.T) {
	t.Parallel()
	fifty := booking.Decision{Verb: booking.VerbRefund, Actor: ada, Amount: booking.Money{Minor: 5000, Currency: "EUR"}}
	cases := map[string]struct {
		fates  fates
		verb   booking.Decision
		before func(*journey)
	}{
		"the fee has moved":               {verb: booking.Decision{Verb: booking.VerbCancel, Actor: ada}, before: later},
		"somebody else refunded":          {verb: fifty, before: func(j *journey) { j.decide(fifty); j.until(ended) }},
		"a refund of it was refused once": {fates: fates{"refund": {bookingtest.Refuses}}, verb: fifty, before: func(j *journey) { refused(j); j.decide(giveUp); j.until(ended) }},
		"a cancellation was refused once": {fates: fates{"cancel": {bookingtest.Refuses}}, verb: booking.Decision{Verb: booking.VerbCancel, Actor: ada}, before: func(j *journey) {
			j.decide(booking.Decision{Verb: booking.VerbCancel, Actor: booking.CustomerActor})
			j.until(ended)
		}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j := start(t, c.fates).until(ended)
			shown, err := j.flow.Preview(j.b, c.verb, j.now)
			require.NoError(t, err)
			c.before(j)
			c.verb.Shown = shown.Digest
			stood := *j.b.Clone()
			_, err = j.flow.Decide(j.b, c.verb, j.now)
			require.ErrorIs(t, err, booking.ErrPreviewChanged)
			require.Equal(t, stood, *j.b)
		})
	}
}

var giveUp = booking.Decision{Verb: booking.VerbResolve, Actor: ada}

func TestAPreviewOfWhatCannotBeDecidedIsRefusedAsTheDecisionIs(t *testing.T) {
	t.Parallel()
	j := start(t, nil)
	illegal := &booking.IllegalError{}
	_, err := j.flow.Preview(j.b, booking.Decision{Verb: booking.VerbRefund}, j.now)
	require.ErrorAs(t, err, &illegal)
	_, err = j.flow.Decide(j.b, booking.Decision{Verb: booking.VerbRefund, Shown: "0"}, j.now)
	require.ErrorAs(t, err, &illegal)
	j.until(ended)
	_, err = j.flow.Preview(j.b, booking.Decision{Verb: booking.VerbRefund, Amount: booking.Money{Minor: 34601, Currency: "EUR"}}, j.now)
	require.ErrorIs(t, err, booking.ErrAmountTooLarge)
}

func TestTheCardIsCalledAsTheGuestKnowsIt(t *testing.T) {
	t.Parallel()
	j := start(t, nil).until(ended)
	j.b.Facts.Money.Brand, j.b.Facts.Money.Last4 = "visa", "4242"
	preview, err := j.flow.Preview(j.b, booking.Decision{Verb: booking.VerbRefund}, j.now)
	require.NoError(t, err)
	require.Contains(t, preview.Text, "346.00 EUR goes back to the visa card ending in 4242.")
}
