package booking_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
	"hotelbooking/booking/bookingtest"
)

// heldBack is a turn under a pause: what Before has to say comes first, and nobody is asked.
func (j *journey) heldBack(wait time.Duration) booking.Entry {
	j.Helper()
	if j.b.DueAt.After(j.now) {
		j.now = j.b.DueAt
	}
	outcome, instead := j.flow.Before(j.b, j.now)
	if !instead {
		outcome = booking.HeldBack(wait)
	}
	line := j.flow.Apply(j.b, outcome, j.now)
	j.lines = append(j.lines, line)
	return line
}

func TestABookingThatIsHeldBackHasNotBeenTried(t *testing.T) {
	t.Parallel()
	for name, j := range map[string]*journey{
		"doing":   start(t, nil).until(at(booking.Doing, booking.StepAuthorize)),
		"finding": start(t, map[string][]bookingtest.Fate{"confirm": {bookingtest.LosesReply}}).until(at(booking.Finding, booking.StepConfirm)),
		"undoing": start(t, map[string][]bookingtest.Fate{"confirm": {bookingtest.Refuses}}).until(at(booking.Undoing, booking.StepAuthorize)),
		"asking what was undone": start(t, map[string][]bookingtest.Fate{
			"confirm": {bookingtest.Refuses}, "void": {bookingtest.LosesReply},
		}).until(at(booking.Finding, booking.StepAuthorize)),
		"after the stay is confirmed": start(t, nil).until(at(booking.Doing, booking.StepCapture)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before := j.b.Clone()
			for range 100 {
				line := j.heldBack(3 * time.Second)
				require.Equal(t, booking.Paused, line.Reason)
				require.Equal(t, before.Place, j.b.Place)
				require.Equal(t, before.Facts.Marks, j.b.Facts.Marks, "no attempt, no try, no question")
				require.Equal(t, before.Status(), j.b.Status())
				require.Equal(t, j.now.Add(3*time.Second), j.b.DueAt)
			}
			j.until(ended)
		})
	}
}

func TestABookingThatIsHeldBackBeforeItsFirstCallStaysPending(t *testing.T) {
	t.Parallel()
	j := start(t, nil)
	for range 10 {
		j.heldBack(2 * time.Second)
		require.Equal(t, booking.StatusPending, j.b.Status())
	}
	j.until(ended)
	require.Equal(t, booking.StatusConfirmed, j.b.Status())
	require.Equal(t, 1, j.b.Mark(booking.StepHold).Attempts)
}

func TestAPauseDoesNotStopTheDeadline(t *testing.T) {
	t.Parallel()
	for name, j := range map[string]*journey{
		"before the payment": start(t, nil).until(at(booking.Doing, booking.StepAuthorize)),
		"asking about the payment": start(t, map[string][]bookingtest.Fate{
			"authorize": {bookingtest.LosesReply},
		}).until(at(booking.Finding, booking.StepAuthorize)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			deadline, calls := j.b.Facts.Deadline, len(j.world.Calls)
			for range 1000 {
				if j.heldBack(30 * time.Second); j.b.Goal == booking.Fail {
					break
				}
			}
			require.Equal(t, booking.Fail, j.b.Goal)
			require.InDelta(t, 0, j.now.Sub(deadline), float64(31*time.Second))
			require.Len(t, j.world.Calls, calls, "nobody was asked")
			require.Equal(t, booking.Undoing, j.b.Place.Phase, "what there may be is given back after the pause")
			j.heldBack(30 * time.Second)
			require.Equal(t, booking.Undoing, j.b.Place.Phase)
			j.until(ended)
			require.Equal(t, booking.StatusFailed, j.b.Status())
			require.Zero(t, j.world.Captures())
			require.Zero(t, j.world.Open())
			require.False(t, j.world.Held())
		})
	}
}

func TestAWishToCancelIsFollowedDuringAPause(t *testing.T) {
	t.Parallel()
	j := start(t, nil).until(at(booking.Doing, booking.StepAuthorize))
	j.heldBack(30 * time.Second)
	j.decide(booking.Decision{Verb: booking.VerbCancel, Actor: booking.CustomerActor})
	line := j.heldBack(30 * time.Second)
	require.Equal(t, booking.KindCompensate, line.Outcome)
	j.until(ended)
	require.Equal(t, booking.StatusCancelled, j.b.Status())
	require.Equal(t, []string{"hold", "screen", "release"}, j.world.Calls, "what was never asked for is not given back")
}

// A pause of hours would keep guests waiting for the release of what nobody ever asked for.
func TestABookingThatNeverMadeItsFirstCallFailsAtItsDeadlineThoughThePauseGoesOn(t *testing.T) {
	t.Parallel()
	j := start(t, nil)
	for !j.b.Terminal() {
		require.Equal(t, booking.StatusPending, j.b.Status())
		j.heldBack(30 * time.Second)
	}
	require.Equal(t, booking.StatusFailed, j.b.Status())
	require.Equal(t, booking.BookingDeadlineExceeded, j.b.Facts.Failure.Code)
	require.InDelta(t, 0, j.now.Sub(j.b.Facts.Deadline), float64(31*time.Second))
	require.Empty(t, j.world.Calls)
}

// Whoever died on a step may have called; that nobody came back to say so does not make it untried.
func TestWhatAProcessDiedOnCountsAsTried(t *testing.T) {
	t.Parallel()
	j := start(t, nil)
	j.b.Crashed, j.b.Crashes = true, 3 // and nobody lived to write it down
	j.heldBack(2 * time.Second)
	require.Equal(t, booking.Parked, j.b.Place.Phase)
	require.Equal(t, 1, j.b.Mark(booking.StepHold).Attempts)
	j.decide(booking.Decision{Verb: booking.VerbCancel, Actor: booking.CustomerActor})
	j.until(ended)
	require.Contains(t, j.world.Calls, "release")
}

// A question that nobody could ask is no reason to call a person; staff see all the same that it is open.
func TestAnUnknownOutcomeIsAskedAboutAfterThePauseHoweverLongItWas(t *testing.T) {
	t.Parallel()
	j := start(t, map[string][]bookingtest.Fate{"confirm": {bookingtest.LosesReply}}).until(at(booking.Finding, booking.StepConfirm))
	for range 200 { // longer than unknown outcomes are asked about
		j.heldBack(30 * time.Second)
	}
	require.Equal(t, booking.Place{Phase: booking.Finding, Step: booking.StepConfirm}, j.b.Place)
	require.Equal(t, booking.OutcomeUnknown, j.b.Attention)
	j.turn()
	require.Equal(t, booking.StatusConfirmed, j.b.Status())
	require.Empty(t, j.b.Attention)
}

// Processes that die while a booking is held back are counted as ever, and forgiven only by a call that was survived.
func TestDeathsAreNotForgivenByAPause(t *testing.T) {
	t.Parallel()
	j := start(t, map[string][]bookingtest.Fate{"confirm": {bookingtest.LosesReply}}).until(at(booking.Finding, booking.StepConfirm))
	for died := 1; died <= 2; died++ {
		j.b.Crashed = true
		j.b.Crashes++
		j.heldBack(2 * time.Second)
		require.Equal(t, died, j.b.Crashes)
		require.False(t, j.b.Crashed)
	}
	j.b.Crashed = true
	j.b.Crashes++
	j.heldBack(2 * time.Second)
	require.Equal(t, booking.Parked, j.b.Place.Phase)
	require.Equal(t, booking.CrashedRepeatedly, j.b.Facts.Waiting.Reason)
}
