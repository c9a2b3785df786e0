package workers_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
	"hotelbooking/workers"
)

func TestHealthFallsWhenTheClaimLoopMakesNoProgress(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		frozen := &freezer{thaw: make(chan struct{})}
		r := start(t, func(p *parts) {
			frozen.Queue = p.memory
			p.queue = frozen
		})
		pass(30 * time.Second)
		require.NoError(t, r.Healthy())
		frozen.frozen.Store(true)
		pass(5 * time.Second)
		require.ErrorContains(t, r.Healthy(), "claim")
		frozen.frozen.Store(false)
		close(frozen.thaw)
		pass(2 * time.Second)
		require.NoError(t, r.Healthy())
	})
}

func TestALoopSurvivesErrorsAndPanicsFromItsFirstRoundOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mood atomic.Value
		mood.Store("panics")
		r := start(t, func(p *parts) {
			p.cfg.Memory = 1
			p.memory.Fail = func(method string) error {
				if method == "Accept" || method == "Get" || method == "Save" {
					return nil
				}
				switch mood.Load() {
				case "panics":
					panic(method)
				case "fails":
					return errDown
				}
				return nil
			}
		})
		a, b := r.submit(), r.submit()
		pass(20 * time.Second)
		require.Error(t, r.Healthy())
		mood.Store("fails")
		pass(20 * time.Second)
		require.Error(t, r.Healthy())
		mood.Store("works")
		require.Equal(t, booking.Confirmed, r.ended(a).Result)
		require.Equal(t, booking.Confirmed, r.ended(b).Result, "it waited in the database")
		pass(10 * time.Second)
		require.NoError(t, r.Healthy())
		require.NotEmpty(t, r.logs.FilterMessage("loop").All())
	})
}

func TestAFloodOfOneKindDoesNotKeepTheOthersFromBeingClaimed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, func(p *parts) {
			p.cfg.Memory = 50
			p.step(booking.StepScreen).Do = func(_ context.Context, b *booking.Booking) booking.Outcome {
				if b.Offer.Token == "later" && b.Mark(booking.StepScreen).Tries == 0 {
					return booking.Retry(booking.FraudUnavailable, 4*time.Second)
				}
				return booking.Next()
			}
			slowly(p, booking.StepHold, 5*time.Millisecond)
		})
		id := r.submit(func(a *booking.Ask) { a.Offer.Token = "later" })
		began := time.Now()
		flood, stop := context.WithCancel(t.Context())
		defer stop()
		go func() {
			for flood.Err() == nil {
				r.submit()
				pass(time.Millisecond)
			}
		}()
		require.Equal(t, booking.Confirmed, r.until(id, func(b *booking.Booking) bool { return b.Result != "" }).Result)
		require.Less(t, time.Since(began), 6*time.Second)
		stop()
		synctest.Wait()
	})
}

func TestNothingBeginsUnderALeaseThatIsOver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		stuck := &stuckRenewal{thaw: make(chan struct{})}
		r := start(t, func(p *parts) {
			stuck.Queue = p.memory
			p.queue = stuck
			p.cfg.Pools.Provider, p.cfg.PerSupplier = 1, 1
			p.cfg.Deadlines.Provider = time.Minute
			slowly(p, booking.StepHold, 20*time.Second)
		})
		first := r.submit()
		synctest.Wait()
		second := r.submit()
		pass(30 * time.Second)
		close(stuck.thaw)
		require.Equal(t, booking.Confirmed, r.ended(first).Result)
		require.Equal(t, booking.Confirmed, r.ended(second).Result)
		require.Equal(t, booking.ProcessStopped, r.turns(second, booking.Doing, booking.StepHold)[0].Reason, "let go of, and claimed again")
	})
}

// stuckRenewal stops in the middle of a renewal and heeds nothing.
type stuckRenewal struct {
	workers.Queue
	thaw chan struct{}
}

func (s *stuckRenewal) Renew(ctx context.Context, held []booking.Lease, lease time.Duration) ([]booking.ID, error) {
	<-s.thaw
	return s.Queue.Renew(ctx, held, lease)
}

// freezer stops in the middle of a claim and heeds nothing.
type freezer struct {
	workers.Queue
	frozen atomic.Bool
	thaw   chan struct{}
}

func (f *freezer) Claim(ctx context.Context, c booking.Claim) ([]*booking.Booking, error) {
	if f.frozen.Load() {
		<-f.thaw
	}
	return f.Queue.Claim(ctx, c)
}
