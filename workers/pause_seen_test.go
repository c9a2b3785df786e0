package workers_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
)

func TestAnEngineThatStartsDuringAPauseCallsNobodyOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var shared *parts
		first := start(t, with(pinned()), func(p *parts) {
			shared = p
			slowly(p, booking.StepHold, time.Second)
		})
		var ids []booking.ID
		for range 200 {
			ids = append(ids, first.submit(supplier("alpha")))
		}
		pass(100 * time.Millisecond)
		require.NoError(t, first.Stop(t.Context()))
		before := supplierCalls(first, ids)
		require.Positive(t, before)

		again := start(t, with(pinned(alpha)), func(p *parts) {
			p.memory, p.queue, p.world, p.flow = shared.memory, shared.memory, shared.world, shared.flow
		})
		pass(time.Minute)
		require.Equal(t, before, supplierCalls(again, ids))
		require.Equal(t, 1, again.count("booking_paused"))
		again.resume(alpha)
		for _, id := range ids {
			require.Equal(t, booking.Confirmed, again.ended(id).Result)
		}
	})
}

func supplierCalls(r *rig, ids []booking.ID) (n int) {
	for _, id := range ids {
		for _, operation := range r.world.Calls(r.get(id)) {
			if operation != "screen" && operation != "authorize" {
				n++
			}
		}
	}
	return n
}

func TestAnEngineThatCannotLearnWhatIsPausedDoesNotStart(t *testing.T) {
	t.Parallel()
	b := pinned()
	b.fail(errors.New("no database"))
	r := build(t, with(b))
	require.ErrorContains(t, r.Start(t.Context()), "look what is paused: no database")
	require.NoError(t, r.Stop(t.Context()))
}

func TestAPauseOfAnotherProcessIsSeenAndKeptWhileTheDatabaseIsSilent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := pinned()
		r := start(t, with(b))
		require.NoError(t, b.Pause(t.Context(), booking.PauseChange{What: booking.PauseIntake, Paused: true, Actor: "support:bo"}))
		pass(2 * time.Second)
		require.Equal(t, "paused", refusal(t, r))
		require.Len(t, r.logs.FilterMessage("paused").All(), 1, "once")

		b.fail(errors.New("silent"))
		pass(time.Minute)
		require.Equal(t, "paused", refusal(t, r))
		require.ErrorContains(t, r.Pause(t.Context(), booking.PauseChange{What: booking.PauseIntake}), "silent")
		b.fail(nil)
		require.NoError(t, b.Pause(t.Context(), booking.PauseChange{What: booking.PauseIntake, Actor: "support:bo"}))
		pass(10 * time.Second)
		require.Empty(t, refusal(t, r))
		require.Len(t, r.logs.FilterMessage("resumed").All(), 1)
		require.Zero(t, r.count("booking_paused"))
	})
}

func TestAnAnswerFromBeforeAChangeDoesNotUndoIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := pinned()
		r := start(t, with(b))
		b.answerAfter(4 * time.Second)
		pass(2 * time.Second) // a poll has asked, and waits for its answer
		b.answerAfter(0)
		r.pause(booking.PauseIntake)
		b.answerAfter(time.Hour)
		pass(3 * time.Second) // the answer has come, and no later one
		require.Equal(t, "paused", refusal(t, r))
	})
}
