package booking_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
	"hotelbooking/booking/bookingtest"
)

// journey is one booking on its way, with time standing still unless a test moves it.
type journey struct {
	*testing.T
	flow  booking.Flow
	world *bookingtest.World
	b     *booking.Booking
	now   time.Time
	lines []booking.Entry
}

// start begins a booking in a world where an operation meets its fates in turn, the last one for ever.
func start(t *testing.T, fates map[string][]bookingtest.Fate, change ...func(*booking.Ask)) *journey {
	t.Helper()
	world := bookingtest.NewWorld(func(operation string) bookingtest.Fate {
		list := fates[operation]
		if len(list) == 0 {
			return bookingtest.Obeys
		}
		if len(list) > 1 {
			fates[operation] = list[1:]
		}
		return list[0]
	})
	j := &journey{T: t, world: world, now: bookingtest.Start, flow: booking.NewFlow(world.Outside(), booking.DefaultLimits())}
	var entry booking.Entry
	j.b, entry = j.flow.Begin(bookingtest.Ask(change...), j.now)
	j.lines = append(j.lines, entry)
	return j
}

// turn runs one turn as the engine does, at the moment the booking is due.
func (j *journey) turn() {
	j.Helper()
	require.False(j, j.b.DueAt.IsZero(), "nothing is due: %v", j.b.Place)
	if j.b.DueAt.After(j.now) {
		j.now = j.b.DueAt.Add(time.Millisecond)
	}
	outcome, instead := j.flow.Before(j.b, j.now)
	if !instead {
		step, _ := j.flow.Step(j.b.Place.Step)
		act := map[booking.Phase]booking.Act{booking.Doing: step.Do, booking.Finding: step.Find, booking.Undoing: step.Undo}[j.b.Place.Phase]
		outcome = act(context.Background(), j.b)
	}
	j.lines = append(j.lines, j.flow.Apply(j.b, outcome, j.now))
}

// until runs turns until the booking has a status or stands at a place.
func (j *journey) until(reached func(*booking.Booking) bool) *journey {
	j.Helper()
	for range 500 {
		if reached(j.b) {
			return j
		}
		j.turn()
	}
	require.Fail(j, "never reached", "at %v, %s", j.b.Place, j.b.Status())
	return j
}

func (j *journey) decide(d booking.Decision) {
	j.Helper()
	entry, err := j.flow.Decide(j.b, d, j.now)
	require.NoError(j, err)
	j.lines = append(j.lines, entry)
}

func ended(b *booking.Booking) bool { return b.Place.Phase == booking.Ended }

func at(phase booking.Phase, step booking.Name) func(*booking.Booking) bool {
	return func(b *booking.Booking) bool { return b.Place == booking.Place{Phase: phase, Step: step} }
}

func status(want booking.Status) func(*booking.Booking) bool {
	return func(b *booking.Booking) bool { return b.Status() == want }
}

func TestBookingIsConfirmedForTheCustomerBeforeItIsCaptured(t *testing.T) {
	t.Parallel()
	j := start(t, nil).until(status(booking.StatusConfirmed))
	require.Zero(t, j.world.Captured)
	require.True(t, j.b.Terminal())
	require.Equal(t, "S-"+j.b.Reference, j.b.Facts.Reservation.SupplierReference)
	j.until(ended)
	require.Equal(t, []string{"hold", "screen", "authorize", "confirm", "capture", "track"}, j.world.Calls)
	require.Equal(t, booking.PaymentStatusCaptured, j.b.PaymentStatus())
	for i, line := range j.lines {
		require.Equal(t, i+1, line.Version, "lines are numbered without a gap")
	}
}

func TestThreeDSecureWaitsForTheCustomerAndIsAskedAboutNotBelieved(t *testing.T) {
	t.Parallel()
	j := start(t, map[string][]bookingtest.Fate{"authorize": {bookingtest.AsksCustomer}}).until(status(booking.StatusRequiresAction))
	until := j.b.Facts.Waiting.Until
	action, asked := j.b.Action()
	require.True(t, asked)
	require.Equal(t, booking.ActionThreeDS, action.Type)
	j.now = j.now.Add(time.Minute)
	j.decide(booking.Decision{Verb: booking.VerbPay, Actor: booking.CustomerActor})
	j.turn()
	require.Equal(t, booking.StatusRequiresAction, j.b.Status(), "they came back without doing it")
	require.Equal(t, until, j.b.Facts.Waiting.Until, "coming back does not buy time")
	j.world.Authenticate(true)
	j.decide(booking.Decision{Verb: booking.VerbNotify, Actor: "webhook:psp"})
	j.until(ended)
	require.Equal(t, booking.StatusConfirmed, j.b.Status())
}

func TestThreeDSecureThatNobodyCompletesUnwinds(t *testing.T) {
	t.Parallel()
	j := start(t, map[string][]bookingtest.Fate{"authorize": {bookingtest.AsksCustomer}}).until(ended)
	require.Equal(t, booking.StatusFailed, j.b.Status())
	require.Equal(t, booking.PaymentActionExpired, j.b.Facts.Failure.Code)
	require.Zero(t, j.world.Open())
	require.False(t, j.world.Held())
}

func TestDeclinedCardCanBeReplacedWhileTheOfferLives(t *testing.T) {
	t.Parallel()
	j := start(t, map[string][]bookingtest.Fate{"authorize": {bookingtest.Refuses, bookingtest.Obeys}}, func(a *booking.Ask) {
		a.Offer.ExpiresAt = bookingtest.Start.Add(5 * time.Minute)
	}).until(status(booking.StatusRequiresAction))
	require.Equal(t, bookingtest.Start.Add(5*time.Minute), j.b.Facts.Waiting.Until, "never past the offer")
	first := j.b.Key("authorize")
	j.decide(booking.Decision{Verb: booking.VerbPay, Actor: booking.CustomerActor, PaymentToken: "pm_other"})
	require.NotEqual(t, first, j.b.Key("authorize"), "another card is another authorisation")
	j.until(ended)
	require.Equal(t, booking.StatusConfirmed, j.b.Status())
	require.Empty(t, j.b.Facts.Failure)
}

func TestDeclinedCardThatNobodyReplacesFailsWithTheDecline(t *testing.T) {
	t.Parallel()
	j := start(t, map[string][]bookingtest.Fate{"authorize": {bookingtest.Refuses}}).until(ended)
	require.Equal(t, booking.Failure{Code: booking.PaymentDeclined, Decline: "generic_decline"}, j.b.Facts.Failure)
}

func TestHigherPriceNeedsConsentToExactlyThatPrice(t *testing.T) {
	t.Parallel()
	j := start(t, map[string][]bookingtest.Fate{"hold": {bookingtest.AsksCustomer}}).until(status(booking.StatusRequiresAction))
	_, err := j.flow.Decide(j.b, booking.Decision{Verb: booking.VerbAcceptOffer, Actor: booking.CustomerActor, AcceptedTotal: j.b.Facts.Price}, j.now)
	require.ErrorIs(t, err, booking.ErrTotalChanged)
	j.decide(booking.Decision{Verb: booking.VerbAcceptOffer, Actor: booking.CustomerActor, AcceptedTotal: j.b.Facts.Offered})
	j.until(ended)
	require.Equal(t, int64(46133), j.world.Captured)
}

func TestHigherPriceWithinTheToleranceIsOursToBear(t *testing.T) {
	t.Parallel()
	j := start(t, map[string][]bookingtest.Fate{"hold": {bookingtest.AsksCustomer}}, func(a *booking.Ask) { a.Offer.TolerancePercent = 34 }).until(ended)
	require.Equal(t, int64(34600), j.world.Captured)
}

func TestReviewIsDecidedByAPersonOrExpires(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		verb booking.Verb
		ends booking.Status
		code booking.Reason
	}{
		"approved": {booking.VerbApprove, booking.StatusConfirmed, ""},
		"rejected": {booking.VerbReject, booking.StatusFailed, booking.ReviewRejected},
		"nobody":   {"", booking.StatusFailed, booking.ReviewExpired},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j := start(t, map[string][]bookingtest.Fate{"screen": {bookingtest.AsksStaff}}).until(status(booking.StatusInReview))
			require.Equal(t, booking.FraudReview, j.b.Attention)
			if test.verb != "" {
				j.decide(booking.Decision{Verb: test.verb, Actor: "support:ana", Reason: "known guest"})
			}
			j.until(ended)
			require.Equal(t, test.ends, j.b.Status())
			require.Equal(t, test.code, j.b.Facts.Failure.Code)
		})
	}
}

func TestScreeningThatIsDownAsksAPerson(t *testing.T) {
	t.Parallel()
	j := start(t, map[string][]bookingtest.Fate{"screen": {bookingtest.IsBusy}}).until(status(booking.StatusInReview))
	require.Equal(t, 3, j.b.Mark(booking.StepScreen).Attempts)
	require.NotContains(t, j.world.Calls, "authorize")
}

func TestUnknownConfirmationIsNeverGuessed(t *testing.T) {
	t.Parallel()
	j := start(t, map[string][]bookingtest.Fate{"confirm": {bookingtest.LosesRequest}, "find room": {bookingtest.IsBusy}})
	j.until(at(booking.Parked, booking.StepConfirm))
	require.Equal(t, booking.StatusProcessing, j.b.Status())
	require.Equal(t, booking.OutcomeUnknown, j.b.Attention)
	require.Equal(t, 1, j.world.Open(), "the guest's money stays reserved while nobody knows")
	_, err := j.flow.Decide(j.b, booking.Decision{Verb: booking.VerbResolve, Actor: "support:ana", Happened: true}, j.now)
	require.ErrorIs(t, err, booking.ErrEvidenceMissing)
	j.decide(booking.Decision{Verb: booking.VerbResolve, Actor: "support:ana", Reason: "the hotel knows nothing"})
	j.until(ended)
	require.Equal(t, booking.SupplierNoConfirmation, j.b.Facts.Failure.Code)
}

// dearer is a supplier that, asked what it booked, names another price than it held the room at.
type dearer struct{ booking.Hotels }

func (d dearer) Find(ctx context.Context, b *booking.Booking) (booking.Standing, error) {
	s, err := d.Hotels.Find(ctx, b)
	s.Hold.Total.Minor++
	return s, err
}

func TestARoomThatWasBookedAtAnotherPriceIsForStaffAndNotCharged(t *testing.T) {
	t.Parallel()
	j := start(t, map[string][]bookingtest.Fate{"confirm": {bookingtest.LosesReply}})
	outside := j.world.Outside()
	outside.Hotels = dearer{outside.Hotels}
	j.flow = booking.NewFlow(outside, booking.DefaultLimits())
	j.until(at(booking.Parked, booking.StepConfirm))
	require.Equal(t, booking.OutcomeUnknown, j.b.Attention)
	require.Zero(t, j.b.Facts.Money.Captured)
	require.Contains(t, j.lines[len(j.lines)-1].Detail, "and held it at")
	j.decide(booking.Decision{Verb: booking.VerbResolve, Actor: "support:ana", Happened: true, SupplierReference: "S-1", Reason: "they honour the held price"})
	j.until(ended)
	require.Equal(t, booking.StatusConfirmed, j.b.Status())
}

func TestThreeDeathsOnOneStepParkTheBooking(t *testing.T) {
	t.Parallel()
	j := start(t, nil).until(at(booking.Doing, booking.StepAuthorize))
	for died := 1; died <= 3; died++ {
		require.NotEqual(t, booking.Parked, j.b.Place.Phase)
		j.b.Crashed, j.b.Crashes = true, j.b.Crashes+1
		j.turn()
		if died < 3 {
			require.Equal(t, booking.Finding, j.b.Place.Phase, "what a dead process did is asked about")
			j.turn()
			require.Equal(t, booking.Doing, j.b.Place.Phase)
		}
	}
	require.Equal(t, booking.CrashedRepeatedly, j.b.Attention)
	require.True(t, j.b.DueAt.IsZero(), "nobody picks it up again by themselves")
	j.decide(booking.Decision{Verb: booking.VerbRetry, Actor: "support:ana", Reason: "mended"})
	j.until(ended)
	require.Equal(t, booking.StatusConfirmed, j.b.Status())
}

func TestDeathsThatWereSurvivedDoNotAddUp(t *testing.T) {
	t.Parallel()
	j := start(t, map[string][]bookingtest.Fate{"confirm": {bookingtest.LosesReply}, "find room": {bookingtest.IsBusy}})
	j.until(at(booking.Finding, booking.StepConfirm))
	for range 6 { // every other question, a process dies while asking
		j.b.Crashed, j.b.Crashes = true, j.b.Crashes+1
		j.turn()
		require.Equal(t, booking.Finding, j.b.Place.Phase)
		require.Zero(t, j.b.Crashes)
		j.turn()
	}
}

func TestToSurviveAQuestionIsNotToSurviveTheStep(t *testing.T) {
	t.Parallel()
	j := start(t, nil).until(at(booking.Doing, booking.StepAuthorize))
	for died := 1; ; died++ {
		require.LessOrEqual(t, died, 3, "the third death parks it, whatever became of those who asked in between")
		j.b.Crashed, j.b.Crashes = true, j.b.Crashes+1
		if j.turn(); j.b.Place.Phase == booking.Parked {
			break
		}
		require.Equal(t, booking.Finding, j.b.Place.Phase)
		j.b.Crashed, j.b.Crashes = true, j.b.Crashes+1 // one that asks is lost too, and its successor gets an answer
		if j.turn(); j.b.Place.Phase == booking.Parked {
			break
		}
		require.Equal(t, booking.Doing, j.b.Place.Phase)
		require.Equal(t, died, j.b.Crashes)
	}
	require.Equal(t, booking.CrashedRepeatedly, j.b.Attention)
}

func TestWhatWasNotEvenTriedIsNotSurvived(t *testing.T) {
	t.Parallel()
	j := start(t, nil).until(at(booking.Doing, booking.StepAuthorize))
	j.b.Crashed, j.b.Crashes = true, 1
	j.turn() // to be asked about
	j.turn() // it did not happen
	j.lines = append(j.lines, j.flow.Apply(j.b, booking.Retry(booking.CircuitOpen, time.Second), j.now))
	require.Equal(t, 1, j.b.Crashes)
	j.turn()
	require.Zero(t, j.b.Crashes)
}

func TestABookingThatKillsWhoeverUndoesItIsNotSaidToBeRefused(t *testing.T) {
	t.Parallel()
	j := start(t, map[string][]bookingtest.Fate{"confirm": {bookingtest.Refuses}})
	j.until(at(booking.Undoing, booking.StepAuthorize))
	j.b.Crashed, j.b.Crashes = true, 1
	j.turn()
	require.Equal(t, booking.Finding, j.b.Place.Phase)
	j.b.Crashed, j.b.Crashes = true, 3
	j.turn()
	require.Equal(t, booking.Parked, j.b.Place.Phase)
	require.Equal(t, booking.CrashedRepeatedly, j.b.Attention)
}

func TestAScreeningThatNobodyCouldMakeCanBeTriedAgain(t *testing.T) {
	t.Parallel()
	j := start(t, nil).until(at(booking.Doing, booking.StepScreen))
	j.b.Crashed, j.b.Crashes = true, 3
	j.turn()
	require.Equal(t, booking.CrashedRepeatedly, j.b.Attention)
	require.Subset(t, j.flow.Allowed(j.b), []booking.Verb{booking.VerbRetry, booking.VerbApprove, booking.VerbReject})
	j.decide(booking.Decision{Verb: booking.VerbRetry, Actor: "support:ana", Reason: "mended"})
	j.until(ended)
	require.Equal(t, booking.StatusConfirmed, j.b.Status())

	j = start(t, map[string][]bookingtest.Fate{"screen": {bookingtest.AsksStaff}}).until(at(booking.Parked, booking.StepScreen))
	require.NotContains(t, j.flow.Allowed(j.b), booking.VerbRetry, "the screening has answered")
}

func TestDeadlineStopsABookingBeforeThePivot(t *testing.T) {
	t.Parallel()
	j := start(t, nil).until(at(booking.Doing, booking.StepAuthorize))
	j.now = j.now.Add(11 * time.Minute)
	j.until(ended)
	require.Equal(t, booking.BookingDeadlineExceeded, j.b.Facts.Failure.Code)
	require.False(t, j.world.Held())
}

func TestConfirmedStayIsNotCancelledBecauseACaptureFails(t *testing.T) {
	t.Parallel()
	j := start(t, map[string][]bookingtest.Fate{"capture": {bookingtest.Refuses, bookingtest.Obeys}}).until(at(booking.Parked, booking.StepCapture))
	require.Equal(t, booking.StatusConfirmed, j.b.Status())
	require.Equal(t, booking.PaymentFailed, j.b.PaymentStatus())
	require.Equal(t, booking.CaptureFailed, j.b.Attention)
	key := j.b.Key("capture")
	j.decide(booking.Decision{Verb: booking.VerbRetry, Actor: "support:ana", Reason: "the guest called the bank"})
	require.NotEqual(t, key, j.b.Key("capture"), "a PSP repeats its refusal to the old key")
	j.until(ended)
	require.Equal(t, int64(34600), j.world.Captured)
}

func TestRefundGivesMoneyBackAndLeavesTheStay(t *testing.T) {
	t.Parallel()
	j := start(t, map[string][]bookingtest.Fate{"refund": {bookingtest.LosesReply}}).until(ended)
	j.decide(booking.Decision{Verb: booking.VerbRefund, Actor: "support:ana", Reason: "noise", Amount: booking.Money{Minor: 5000, Currency: "EUR"}})
	require.Equal(t, booking.PaymentRefundPending, j.b.PaymentStatus())
	j.until(ended)
	require.Equal(t, int64(5000), j.world.Refunded)
	require.Equal(t, booking.PaymentPartiallyRefunded, j.b.PaymentStatus())
	require.Equal(t, booking.StatusConfirmed, j.b.Status())
	_, err := j.flow.Decide(j.b, booking.Decision{Verb: booking.VerbRefund, Actor: "support:ana", Amount: booking.Money{Minor: 29601, Currency: "EUR"}}, j.now)
	require.ErrorIs(t, err, booking.ErrAmountTooLarge)
}

func TestTrackingIsLetGoAndNeverHoldsABookingUp(t *testing.T) {
	t.Parallel()
	j := start(t, map[string][]bookingtest.Fate{"track": {bookingtest.IsBusy}}).until(ended)
	require.Equal(t, booking.StatusConfirmed, j.b.Status())
	require.Equal(t, booking.MarkSkipped, j.b.Mark(booking.StepTrack).State)
	require.Empty(t, j.b.Attention)
}

func TestIllegalDecisionChangesNothingAndListsTheLegalOnes(t *testing.T) {
	t.Parallel()
	j := start(t, nil).until(ended)
	before := *j.b.Clone()
	_, err := j.flow.Decide(j.b, booking.Decision{Verb: booking.VerbApprove, Actor: "support:ana"}, j.now)
	var illegal *booking.IllegalError
	require.ErrorAs(t, err, &illegal)
	require.Equal(t, []booking.Verb{booking.VerbCancel, booking.VerbRefund, booking.VerbNote, booking.VerbReveal, booking.VerbNotify}, illegal.Allowed)
	require.Equal(t, before, *j.b)
}

func TestAnOpenCircuitIsToldToTheCustomerAsAnOutage(t *testing.T) {
	t.Parallel()
	j := start(t, nil)
	for range 5 {
		j.flow.Apply(j.b, booking.Retry(booking.CircuitOpen, 0), j.now)
	}
	require.Equal(t, booking.SupplierUnavailable, j.b.Facts.Failure.Code)
}

func TestZeroOutcomeParksForStaff(t *testing.T) {
	t.Parallel()
	j := start(t, nil)
	j.flow.Apply(j.b, booking.Outcome{}, j.now)
	require.Equal(t, booking.Parked, j.b.Place.Phase)
	require.Equal(t, booking.Unclassified, j.b.Attention)
}

func TestUnclassifiedErrorIsUnclear(t *testing.T) {
	t.Parallel()
	require.Equal(t, booking.KindUnknown, booking.Judge(errors.New("who knows")).Kind())
	require.Equal(t, booking.KindUnknown, booking.Judge(&booking.Fault{}).Kind())
	require.Equal(t, booking.KindNext, booking.Judge(nil).Kind())
	require.Equal(t, booking.KindRetry, booking.Unanswered(&booking.Fault{Kind: booking.Refused}).Kind(), "being refused an answer is not an answer")
}
