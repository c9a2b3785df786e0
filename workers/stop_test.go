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
	"hotelbooking/workers"
)

// slowly makes a step take so long; it heeds its context.
func slowly(p *parts, name booking.Name, takes time.Duration) {
	do := p.step(name).Do
	p.step(name).Do = func(ctx context.Context, b *booking.Booking) booking.Outcome {
		select {
		case <-time.After(takes):
			return do(ctx, b)
		case <-ctx.Done():
			return booking.Unknown(booking.OutcomeUnknown).Because(context.Cause(ctx).Error())
		}
	}
}

func TestStopLetsRunningTurnsFinish(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := build(t, func(p *parts) { slowly(p, booking.StepHold, 3*time.Second) })
		require.NoError(t, r.Start(t.Context()))
		id := r.submit()
		synctest.Wait()
		require.Equal(t, 1, r.leased())

		require.NoError(t, r.Stop(t.Context()))
		b := r.get(id)
		require.Equal(t, booking.Place{Phase: booking.Doing, Step: booking.StepScreen}, b.Place, "the turn is saved, the next not begun")
		require.Zero(t, r.leased())
		require.False(t, b.DueAt.After(time.Now()), "another process can go on at once")
		require.Error(t, r.Healthy())
	})
}

func TestDrainCancelsWithACauseWhenItsGraceIsOver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := build(t, func(p *parts) {
			p.cfg.Grace = 2 * time.Second
			slowly(p, booking.StepHold, 15*time.Second)
		})
		require.NoError(t, r.Start(t.Context()))
		id := r.submit()
		synctest.Wait()
		began := time.Now()
		require.NoError(t, r.Stop(t.Context()))
		require.Equal(t, 2*time.Second, time.Since(began))
		b := r.get(id)
		require.Equal(t, booking.Finding, b.Place.Phase, "cancelled in mid-step: nobody can tell")
		require.Contains(t, r.turns(id, booking.Doing, booking.StepHold)[0].Detail, "the engine stops")
		require.Zero(t, r.leased())
	})
}

func TestStopTakesTurnsAwayFromCallsThatDoNotCare(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		r := build(t, func(p *parts) {
			p.cfg.Grace = 2 * time.Second
			p.step(booking.StepHold).Do = func(context.Context, *booking.Booking) booking.Outcome {
				<-release
				return booking.Next()
			}
		})
		require.NoError(t, r.Start(t.Context()))
		id := r.submit()
		synctest.Wait()
		require.NoError(t, r.Stop(t.Context()))
		b := r.get(id)
		require.Equal(t, booking.Finding, b.Place.Phase)
		require.Equal(t, booking.ProcessStopped, r.turns(id, booking.Doing, booking.StepHold)[0].Reason)
		require.Zero(t, r.leased())
		require.Len(t, r.logs.FilterMessage("stop").All(), 1)
		close(release)
		synctest.Wait()
		require.Equal(t, b.Version, r.get(id).Version, "what it says in the end is dropped")
	})
}

func TestStopGivesBackWhatWaitsBeforeItWaitsForWhatRuns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := build(t, func(p *parts) {
			p.cfg.Pools.Provider, p.cfg.PerSupplier = 1, 1
			slowly(p, booking.StepHold, 5*time.Second)
		})
		require.NoError(t, r.Start(t.Context()))
		running, waiting := r.submit(), r.submit()
		synctest.Wait()
		require.Equal(t, 2, r.leased())

		stopped := make(chan error, 1)
		go func() { stopped <- r.Stop(context.Background()) }()
		synctest.Wait()
		require.Empty(t, r.get(waiting).Owner)
		require.NotEmpty(t, r.get(running).Owner)
		require.Equal(t, 1, r.get(waiting).Version)
		var overloaded *booking.Overloaded
		require.ErrorAs(t, r.Admit(), &overloaded)
		_, err := r.Submit(t.Context(), bookingtest.Ask(), "late", [32]byte{})
		require.ErrorAs(t, err, &overloaded)

		require.NoError(t, <-stopped)
		require.Zero(t, r.leased())
		require.Len(t, r.queue.All(), 2, "nothing was stored while stopping")
	})
}

func TestStopWaitsForSubmissionsUnderWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		slow := &slowAccept{takes: 2 * time.Second}
		r := build(t, func(p *parts) {
			slow.Queue = p.memory
			p.queue = slow
		})
		require.NoError(t, r.Start(t.Context()))
		submitted := make(chan booking.ID, 1)
		go func() { submitted <- r.submit() }()
		synctest.Wait()
		require.NoError(t, r.Stop(t.Context()))
		id := <-submitted
		require.Empty(t, r.get(id).Owner, "stored after Stop began, and given back")
	})
}

func TestAnotherProcessGoesOnWhereOneStopped(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		first := build(t, func(p *parts) { slowly(p, booking.StepAuthorize, 200*time.Millisecond) })
		require.NoError(t, first.Start(t.Context()))
		var ids []booking.ID
		for range 100 {
			ids = append(ids, first.submit())
		}
		pass(300 * time.Millisecond)
		require.NoError(t, first.Stop(t.Context()))
		second := start(t, func(p *parts) { p.memory, p.queue, p.world, p.flow = first.queue, first.queue, first.world, first.flow })
		for _, id := range ids {
			b := second.ended(id)
			require.Equal(t, booking.Confirmed, b.Result)
			require.Equal(t, []string{"hold", "screen", "authorize", "confirm", "capture", "track"}, second.world.Calls(b))
		}
		require.Zero(t, second.count("booking_crashed_total"))
	})
}

func TestStopGivesUpOnADatabaseThatIsDown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var down atomic.Bool
		r := build(t, func(p *parts) {
			p.cfg.Grace = time.Second
			p.memory.Fail = func(string) error {
				if down.Load() {
					return errDown
				}
				return nil
			}
			slowly(p, booking.StepHold, 100*time.Millisecond)
		})
		require.NoError(t, r.Start(t.Context()))
		id := r.submit()
		synctest.Wait()
		down.Store(true)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		began := time.Now()
		require.Error(t, r.Stop(ctx), "a lease is left to run out")
		require.LessOrEqual(t, time.Since(began), 6*time.Second)
		down.Store(false)
		require.NotEmpty(t, r.get(id).Owner)
	})
}

// slowAccept takes its time to store a booking.
type slowAccept struct {
	workers.Queue
	takes time.Duration
}

func (s *slowAccept) Accept(ctx context.Context, a booking.Acceptance) (booking.Receipt, error) {
	<-time.After(s.takes)
	return s.Queue.Accept(ctx, a)
}
