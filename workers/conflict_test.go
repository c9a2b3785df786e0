package workers_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
	"hotelbooking/booking/bookingtest"
)

var cancelled = booking.Decision{Verb: booking.VerbCancel, Actor: booking.CustomerActor}

func TestACancelDuringConfirmWaitsForTheAnswerAndThenCancels(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, func(p *parts) { slowly(p, booking.StepConfirm, 3*time.Second) })
		id := r.submit()
		pass(time.Second)
		require.Equal(t, booking.StepConfirm, r.get(id).Place.Step)
		r.decide(id, cancelled)
		r.decide(id, booking.Decision{Verb: booking.VerbNote, Actor: "support:ana", Reason: "called"})
		b := r.ended(id)
		require.Equal(t, booking.Cancelled, b.Result)
		require.Equal(t, "S-"+b.Reference, b.Facts.Reservation.SupplierReference, "what the call learned is kept")
		require.Equal(t, []string{"hold", "screen", "authorize", "confirm", "cancel", "void"}, r.world.Calls(b))
		require.Zero(t, r.world.Look(b).Open())
		turn := r.turns(id, booking.Doing, booking.StepConfirm)
		require.Len(t, turn, 1)
		require.Equal(t, booking.KindNext, turn[0].Outcome)
	})
}

func TestACancelIsHonouredBeforeThePivotThoughTheBookingWaitsInMemory(t *testing.T) {
	t.Parallel()
	for name, tell := range map[string]bool{"by this process": true, "by another": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := start(t, func(p *parts) {
					p.cfg.Pools.Provider, p.cfg.PerSupplier = 1, 1
					slowly(p, booking.StepHold, 2*time.Second)
					slowly(p, booking.StepAuthorize, 100*time.Millisecond)
				})
				id := r.submit()
				pass(time.Second)
				r.submit() // takes the only slot while the first is screened and authorised
				pass(1500 * time.Millisecond)
				b := r.get(id)
				require.Equal(t, booking.Place{Phase: booking.Doing, Step: booking.StepConfirm}, b.Place)
				require.NotEmpty(t, b.Owner, "it waits in memory")
				if tell {
					_, err := r.Decide(t.Context(), id, cancelled)
					require.NoError(t, err)
				} else {
					r.decide(id, cancelled)
				}
				b = r.ended(id)
				require.Equal(t, booking.Cancelled, b.Result)
				require.NotContains(t, r.world.Calls(b), "confirm")
				require.Zero(t, r.world.Look(b).Open())
				require.False(t, r.world.Look(b).Held())
			})
		})
	}
}

func TestACancelDuringAnEarlyStepDoesNotWaitForTheRetry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, func(p *parts) {
			p.step(booking.StepScreen).Do = func(context.Context, *booking.Booking) booking.Outcome {
				<-time.After(time.Second)
				return booking.Retry(booking.FraudUnavailable, time.Minute)
			}
		})
		id := r.submit()
		pass(time.Second / 2)
		r.decide(id, cancelled)
		began := time.Now()
		require.Equal(t, booking.Cancelled, r.ended(id).Result)
		require.Less(t, time.Since(began), 5*time.Second)
	})
}

func TestACancelDuringTheLastTurnOfAProcessDoesNotWaitForTheReview(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := build(t, func(p *parts) {
			slowly(p, booking.StepScreen, time.Second)
			p.script = func(_ *booking.Booking, operation string) bookingtest.Fate {
				if operation == "screen" {
					return bookingtest.AsksStaff
				}
				return bookingtest.Obeys
			}
		})
		require.NoError(t, r.Start(t.Context()))
		id := r.submit()
		pass(time.Second / 2)
		r.decide(id, cancelled)
		require.NoError(t, r.Stop(t.Context()))
		require.Equal(t, booking.Parked, r.get(id).Place.Phase)

		second := start(t, beside(r))
		began := time.Now()
		require.Equal(t, booking.Cancelled, second.ended(id).Result)
		require.Less(t, time.Since(began), 2*time.Second)
	})
}

func TestADecisionWinsOverATimeoutAtTheSameMoment(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var race raced
		r := start(t, func(p *parts) {
			race.Queue = p.memory
			p.queue = &race
			p.cfg.Poll = 30 * time.Second
			p.cfg.Lease = 2 * time.Minute
			p.script = func(_ *booking.Booking, operation string) bookingtest.Fate {
				if operation == "screen" {
					return bookingtest.AsksStaff
				}
				return bookingtest.Obeys
			}
		})
		id := r.submit()
		b := r.until(id, func(b *booking.Booking) bool { return b.Place.Phase == booking.Parked })
		race.before.Store(func() { // between the claim of what timed out, and its save
			race.before.Store(func() {})
			r.decide(id, booking.Decision{Verb: booking.VerbApprove, Actor: "support:ana"})
			<-time.After(time.Millisecond) // a commit takes its time
		})
		pass(time.Until(b.Facts.Waiting.Until) + time.Minute)
		require.Equal(t, booking.Confirmed, r.ended(id).Result)
		require.Empty(t, r.turns(id, booking.Parked, booking.StepScreen), "the timeout's outcome is dropped")
		require.Len(t, r.turns(id, booking.Doing, booking.StepAuthorize), 1, "and none takes its place")
	})
}

// raced does something before a save.
type raced struct {
	line
	before atomic.Value // of func()
}

func (q *raced) Save(ctx context.Context, b *booking.Booking, e booking.Entry, lease time.Duration) error {
	if before, ok := q.before.Load().(func()); ok {
		before()
	}
	return q.Queue.Save(ctx, b, e, lease)
}
