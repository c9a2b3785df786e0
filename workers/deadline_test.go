package workers_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
)

func TestACallThatIgnoresItsDeadlineLosesItsTurnAndItsSlot(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var calls atomic.Int32
		r := start(t, func(p *parts) {
			p.cfg.Pools.Provider, p.cfg.PerSupplier = 1, 1
			p.cfg.Deadlines.Provider = 2 * time.Second
			hold := p.step(booking.StepHold).Do
			p.step(booking.StepHold).Do = func(ctx context.Context, b *booking.Booking) booking.Outcome {
				if calls.Add(1) == 1 {
					<-release
					b.Facts.Hold.Reference = "scribbled on late"
					return booking.Reject(booking.OfferSoldOut)
				}
				return hold(ctx, b)
			}
		})
		stuck, other := r.submit(), r.submit()
		began := time.Now()
		require.Equal(t, booking.Confirmed, r.ended(other).Result)
		require.Equal(t, 4*time.Second, time.Since(began), "twice the deadline")
		b := r.ended(stuck)
		require.Equal(t, booking.Confirmed, b.Result)
		turn := r.turns(stuck, booking.Doing, booking.StepHold)[0]
		require.Equal(t, booking.KindUnknown, turn.Outcome)
		require.Equal(t, booking.TurnDeadline, turn.Reason)
		require.NotEmpty(t, r.turns(stuck, booking.Finding, booking.StepHold), "asked before it is done again")
		require.Equal(t, 1, r.count("booking_abandoned_turns_total"))
		require.Equal(t, 1, r.count("booking_pool_left_behind"))

		close(release)
		synctest.Wait()
		require.Equal(t, 1, r.count("booking_late_results_total"))
		require.Zero(t, r.count("booking_pool_left_behind"))
		require.Zero(t, r.count("booking_pool_in_use"))
		require.Equal(t, "H-"+b.Reference, r.get(stuck).Facts.Hold.Reference)
		require.Equal(t, b.Version, r.get(stuck).Version)
	})
}

func TestACallThatHeedsItsDeadlineSettlesItsOwnTurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, func(p *parts) {
			p.cfg.Deadlines.Fraud = 2 * time.Second
			slowly(p, booking.StepScreen, time.Hour)
		})
		id := r.submit()
		pass(3 * time.Second)
		turn := r.turns(id, booking.Doing, booking.StepScreen)[0]
		require.Equal(t, booking.KindUnknown, turn.Outcome)
		require.Contains(t, turn.Detail, "the turn's deadline has passed")
		require.Equal(t, 2*time.Second, turn.Took)
		require.Zero(t, r.count("booking_abandoned_turns_total"))
	})
}

func TestCallsLeftBehindAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var running atomic.Int32
		r := start(t, func(p *parts) {
			p.cfg.Pools.Fraud = 2
			p.cfg.Deadlines.Fraud = time.Second
			p.cfg.Breaker.Minimum = 1000
			p.step(booking.StepScreen).Do = func(context.Context, *booking.Booking) booking.Outcome {
				running.Add(1)
				<-release
				return booking.Next()
			}
		})
		for range 50 {
			r.submit()
		}
		pass(5 * time.Minute)
		require.Equal(t, int32(2*4+2), running.Load(), "four left behind for each slot, and the slots taken")
		require.Equal(t, 2*4+2, r.count("booking_pool_left_behind"))
		require.Equal(t, 2, r.count("booking_pool_in_use"))
		close(release)
		synctest.Wait()
		require.Zero(t, r.count("booking_pool_in_use"))
		require.Zero(t, r.count("booking_pool_left_behind"))
	})
}

func TestAPanicIsAnUnknownOutcomeAndThePoolLives(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, name := range []booking.Name{booking.StepHold, booking.StepScreen, booking.StepAuthorize, booking.StepConfirm, booking.StepCapture, booking.StepTrack} {
			calls := 0
			r := start(t, func(p *parts) {
				p.cfg.Pools.Provider, p.cfg.Pools.Fraud, p.cfg.Pools.Payment, p.cfg.Pools.Tracking = 1, 1, 1, 1
				do := p.step(name).Do
				p.step(name).Do = func(ctx context.Context, b *booking.Booking) booking.Outcome {
					if calls++; calls == 1 {
						b.Facts.Price.Minor = 1
						panic("a defect")
					}
					return do(ctx, b)
				}
			})
			b := r.ended(r.submit())
			require.Equal(t, booking.Confirmed, b.Result, name)
			require.Equal(t, int64(34600), b.Facts.Price.Minor)
			turn := r.turns(b.ID, booking.Doing, name)[0]
			require.Equal(t, booking.KindUnknown, turn.Outcome)
			require.Equal(t, booking.TurnPanicked, turn.Reason)
			require.Equal(t, 1, r.count("booking_panics_total"))
			require.Equal(t, booking.Confirmed, r.ended(r.submit()).Result, "the slot is free")
			log := r.logs.FilterMessage("panic").All()
			require.Len(t, log, 1)
			require.Contains(t, log[0].ContextMap()["panic"], "deadline_test.go", "the stack")
		}
	})
}
