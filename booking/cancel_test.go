package booking_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
	"hotelbooking/booking/bookingtest"
)

func TestCancelBeforeThePivotUnwindsForNothing(t *testing.T) {
	t.Parallel()
	j := start(t, nil).until(at(booking.Doing, booking.StepConfirm))
	j.decide(booking.Decision{Verb: booking.VerbCancel, Actor: booking.CustomerActor})
	require.Equal(t, booking.StatusCancelling, j.b.Status())
	j.until(ended)
	require.Equal(t, booking.StatusCancelled, j.b.Status())
	require.NotContains(t, j.world.Calls, "confirm")
	require.Zero(t, j.world.EverBooked()+j.world.Open())
	require.Equal(t, booking.PaymentStatusVoided, j.b.PaymentStatus())
}

func TestCancelDuringThePivotWaitsForTheAnswerAndThenCancels(t *testing.T) {
	t.Parallel()
	j := start(t, map[string][]bookingtest.Fate{"confirm": {bookingtest.LosesReply}, "find room": {bookingtest.IsBusy, bookingtest.Obeys}})
	j.until(at(booking.Finding, booking.StepConfirm))
	j.decide(booking.Decision{Verb: booking.VerbCancel, Actor: booking.CustomerActor})
	j.turn()
	require.Equal(t, booking.Finding, j.b.Place.Phase, "nobody answered: nothing is taken back yet")
	j.until(ended)
	require.Equal(t, booking.StatusCancelled, j.b.Status())
	require.Equal(t, 1, j.world.EverBooked())
	require.False(t, j.world.Reserved())
	require.Zero(t, j.world.Captured)
}

func TestCancelDuringThePivotCostsThePolicyOnlyIfTheRoomWasBooked(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fate bookingtest.Fate
		kept int64
	}{
		"booked":     {bookingtest.LosesReply, 6920},
		"not booked": {bookingtest.LosesRequest, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j := start(t, map[string][]bookingtest.Fate{"confirm": {test.fate}}).until(at(booking.Finding, booking.StepConfirm))
			j.now = j.now.Add(time.Minute)
			fee := j.b.CancelQuote(j.now).Fee
			require.Equal(t, "69.20 EUR", fee.String(), "what it can cost is said before")
			j.decide(booking.Decision{Verb: booking.VerbCancel, Actor: booking.CustomerActor, ExpectedFee: &fee})
			j.until(ended)
			require.Equal(t, booking.StatusCancelled, j.b.Status())
			require.Equal(t, test.kept, j.world.Captured-j.world.Refunded)
			require.Equal(t, test.kept, j.b.Facts.Cancellation.Fee.Minor)
			require.Zero(t, j.world.Open())
		})
	}
}

func TestCancelAfterThePivotCostsTheFeeOfThePolicy(t *testing.T) {
	t.Parallel()
	for name, captured := range map[string]bool{"captured": true, "not captured yet": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j := start(t, nil).until(at(booking.Doing, booking.StepCapture))
			if captured {
				j.until(ended)
			}
			j.now = j.now.Add(time.Hour)
			quote := j.b.CancelQuote(j.now)
			require.Equal(t, "69.20 EUR", quote.Fee.String())
			require.Equal(t, "276.80 EUR", quote.Refund.String())
			nothing := quote.Fee.Of(0)
			_, err := j.flow.Decide(j.b, booking.Decision{Verb: booking.VerbCancel, Actor: booking.CustomerActor, ExpectedFee: &nothing}, j.now)
			require.ErrorIs(t, err, booking.ErrFeeChanged)
			j.decide(booking.Decision{Verb: booking.VerbCancel, Actor: booking.CustomerActor, ExpectedFee: &quote.Fee})
			j.until(ended)
			require.Equal(t, booking.StatusCancelled, j.b.Status())
			require.Equal(t, int64(6920), j.world.Captured-j.world.Refunded)
			require.Zero(t, j.world.Open())
		})
	}
}

func TestCancellationThatTheSupplierRefusesLeavesTheStayAndTheCharge(t *testing.T) {
	t.Parallel()
	j := start(t, map[string][]bookingtest.Fate{"cancel": {bookingtest.Refuses}}).until(ended)
	j.decide(booking.Decision{Verb: booking.VerbCancel, Actor: booking.CustomerActor})
	j.until(ended)
	require.Equal(t, booking.StatusConfirmed, j.b.Status())
	require.Equal(t, booking.CancelRefusedBySupplier, j.b.Facts.Cancellation.Refuse)
	require.Zero(t, j.world.Refunded)
}

// Each line of the history leaves the place that the one before led to; a decision that moved a booking at rest said that it left
// the place that it led to.
func TestADecisionLeavesThePlaceWhereTheBookingStood(t *testing.T) {
	t.Parallel()
	for name, decision := range map[string]booking.Decision{
		"a cancellation": {Verb: booking.VerbCancel, Actor: booking.CustomerActor},
		"a refund":       {Verb: booking.VerbRefund, Actor: "support:ana", Reason: "noise", Amount: booking.Money{Minor: 100, Currency: "EUR"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j := start(t, nil).until(ended)
			j.decide(decision)
			j.until(ended)
			for i, line := range j.lines[1:] {
				require.Equal(t, j.lines[i].To, line.From, "version %d", line.Version)
			}
		})
	}
}
