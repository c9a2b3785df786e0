package workers_test

import (
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"hotelbooking/booking"
	"hotelbooking/booking/bookingtest"
)

// board is where operators pause things, for all processes.
type board struct {
	mu     sync.Mutex
	paused map[string]booking.Pause
	down   error
	late   time.Duration // answers are so old when they come
}

func pinned(what ...string) *board {
	b := &board{paused: map[string]booking.Pause{}}
	for _, name := range what {
		b.paused[name] = booking.Pause{What: name, Since: time.Now(), Actor: "support:ana"}
	}
	return b
}

func (b *board) Pauses(context.Context) ([]booking.Pause, error) {
	b.mu.Lock()
	list, err, late := slices.Collect(maps.Values(b.paused)), b.down, b.late
	b.mu.Unlock()
	<-time.After(late)
	return list, err
}

func (b *board) PauseLog(context.Context, int) ([]booking.PauseEvent, error) {
	return []booking.PauseEvent{{What: booking.PauseIntake}}, nil
}

func (b *board) Pause(_ context.Context, c booking.PauseChange) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.down != nil {
		return b.down
	}
	if delete(b.paused, c.What); c.Paused {
		b.paused[c.What] = booking.Pause{What: c.What, Since: time.Now(), Actor: c.Actor}
	}
	return nil
}

func (b *board) fail(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.down = err
}

func (b *board) answerAfter(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.late = d
}

// with makes an engine look at a board.
func with(b *board) func(*parts) { return func(p *parts) { p.deps.Pauses = b } }

func (r *rig) pause(what string) {
	r.t.Helper()
	require.NoError(r.t, r.Pause(r.t.Context(), booking.PauseChange{What: what, Paused: true, Actor: "support:ana"}))
}

func (r *rig) resume(what string) {
	r.t.Helper()
	require.NoError(r.t, r.Pause(r.t.Context(), booking.PauseChange{What: what, Actor: "support:ana"}))
}

var (
	alpha   = booking.PauseOfSupplier("alpha")
	payment = booking.PauseOfPool(booking.PaymentPool)
)

func TestAPausedIntakeTakesNothingAndTheRestGoesOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, with(pinned()), func(p *parts) { slowly(p, booking.StepHold, time.Second) })
		id := r.submit()
		r.pause(booking.PauseIntake)
		require.Equal(t, "paused", refusal(t, r), "at once")
		_, err := r.Submit(t.Context(), bookingtest.Ask(), "another key", [32]byte{})
		var overloaded *booking.Overloaded
		require.ErrorAs(t, err, &overloaded)
		require.Len(t, r.queue.All(), 1, "nothing was stored")
		require.Equal(t, booking.Confirmed, r.ended(id).Result)
		r.resume(booking.PauseIntake)
		require.Empty(t, refusal(t, r))
		require.Equal(t, booking.Confirmed, r.ended(r.submit()).Result)
	})
}

func TestAPausedSupplierIsNotCalledAndTheOthersAre(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, with(pinned(alpha)))
		var paused []booking.ID
		for range 50 {
			paused = append(paused, r.submit(supplier("alpha")))
			require.Equal(t, booking.Confirmed, r.ended(r.submit(supplier("beta"))).Result)
		}
		pass(5 * time.Minute)
		for _, id := range paused {
			b := r.get(id)
			require.Equal(t, booking.StatusPending, b.Status())
			require.Empty(t, r.world.Calls(b))
			require.Equal(t, booking.Paused, r.turns(id, booking.Doing, booking.StepHold)[0].Reason, "and support can see why")
		}
		for _, line := range r.logs.FilterMessage("turn").FilterField(zap.String("reason", string(booking.Paused))).All() {
			require.Equal(t, zap.InfoLevel, line.Level, "somebody wanted it so")
		}
		require.Zero(t, r.count("booking_held"), "they do not fill the memory")

		r.resume(alpha)
		pass(30*time.Second + 2*time.Second) // and a poll
		for _, id := range paused {
			require.Equal(t, booking.Confirmed, r.get(id).Result, "within half a minute")
		}
	})
}

func TestWhatWaitsInMemoryIsHeldBackAndWhatRunsEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, with(pinned()), func(p *parts) {
			p.cfg.PerSupplier = 2
			slowly(p, booking.StepHold, 3*time.Second)
		})
		for range 10 {
			r.submit(supplier("alpha"))
			synctest.Wait()
		}
		require.Equal(t, 2, r.count("booking_pool_in_use"))
		require.Equal(t, 8, r.count("booking_pool_ready"))
		r.pause(alpha)
		pass(time.Minute)
		held := 0
		for _, b := range r.queue.All() {
			calls := r.world.Calls(b)
			if len(calls) == 0 {
				require.Equal(t, booking.StatusPending, b.Status())
				continue
			}
			held++
			require.Equal(t, []string{"hold", "screen", "authorize"}, calls, "other systems go on, up to the next call to the supplier")
			require.Equal(t, booking.Place{Phase: booking.Doing, Step: booking.StepConfirm}, b.Place)
		}
		require.Equal(t, 2, held, "what was under way ended as it would have")
		r.resume(alpha)
		for _, b := range r.queue.All() {
			require.Equal(t, booking.Confirmed, r.ended(b.ID).Result)
		}
	})
}

func TestAnHourWithoutPaymentsIsShortInTheHistory(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, with(pinned()), func(p *parts) { p.flow.Limits.BookingDeadline = 24 * time.Hour })
		r.pause(payment)
		id := r.submit()
		pass(time.Hour)
		require.Equal(t, booking.Place{Phase: booking.Doing, Step: booking.StepAuthorize}, r.get(id).Place)
		turns := r.turns(id, booking.Doing, booking.StepAuthorize)
		require.InDelta(t, 150, len(turns), 30)
		require.Greater(t, turns[10].At.Sub(turns[9].At), turns[1].At.Sub(turns[0].At), "the longer, the more patient")
		r.resume(payment)
		pass(30*time.Second + time.Millisecond)
		b := r.get(id)
		require.Equal(t, booking.Confirmed, b.Result)
		require.Equal(t, 1, b.Mark(booking.StepAuthorize).Attempts, "being held back was no attempt")
		require.Equal(t, 1, r.world.Look(b).Captures())
	})
}

func TestABookingCanBeCancelledDuringAPause(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, with(pinned(payment)))
		id := r.submit()
		pass(time.Minute)
		_, err := r.Decide(t.Context(), id, booking.Decision{Verb: booking.VerbCancel, Actor: booking.CustomerActor})
		require.NoError(t, err)
		pass(2 * time.Second)
		b := r.get(id)
		require.Equal(t, booking.Cancelled, b.Result, "before it is due again")
		require.Equal(t, []string{"hold", "screen", "release"}, r.world.Calls(b))
	})
}

func TestDeadlinesGoOnDuringAPause(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, with(pinned(payment, alpha)))
		begun, untouched := r.submit(), r.submit(supplier("alpha"))
		pass(9 * time.Minute)
		require.Equal(t, booking.StatusProcessing, r.get(begun).Status())
		require.Equal(t, booking.StatusPending, r.get(untouched).Status())
		pass(2 * time.Minute)
		for _, id := range []booking.ID{begun, untouched} {
			require.Equal(t, booking.Failed, r.get(id).Result)
			require.Equal(t, booking.BookingDeadlineExceeded, r.get(id).Facts.Failure.Code)
		}
		require.Equal(t, []string{"hold", "screen", "release"}, r.world.Calls(r.get(begun)))
		require.Empty(t, r.world.Calls(r.get(untouched)))
	})
}

func TestWhatHasToBeGivenBackWaitsForTheEndOfAPause(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, with(pinned()), func(p *parts) { slowly(p, booking.StepConfirm, 3*time.Second) })
		id := r.submit()
		pass(time.Second)
		r.pause(booking.PauseOfSupplier("sandbox"))
		r.pause(payment)
		_, err := r.Decide(t.Context(), id, booking.Decision{Verb: booking.VerbCancel, Actor: booking.CustomerActor})
		require.NoError(t, err)
		pass(time.Hour)
		b := r.get(id)
		require.Equal(t, booking.StatusCancelling, b.Status())
		require.True(t, r.world.Look(b).Reserved(), "the call that was under way ended as it would have")
		r.resume(booking.PauseOfSupplier("sandbox"))
		pass(31 * time.Second)
		require.False(t, r.world.Look(b).Reserved())
		require.Equal(t, 1, r.world.Look(b).Open(), "money is given back once payments go on")
		r.resume(payment)
		require.Equal(t, booking.Cancelled, r.ended(id).Result)
		require.Zero(t, r.world.Look(b).Open())
	})
}

func TestABreakerSpendsNoProbesDuringAPause(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var broken atomic.Bool
		var asked atomic.Int32
		broken.Store(true)
		r := start(t, eager, with(pinned()), func(p *parts) {
			hold := p.step(booking.StepHold).Do
			p.step(booking.StepHold).Do = func(ctx context.Context, b *booking.Booking) booking.Outcome {
				asked.Add(1)
				if broken.Load() {
					return booking.Retry(booking.SupplierUnavailable, 0)
				}
				return hold(ctx, b)
			}
		})
		var ids []booking.ID
		for range 20 {
			ids = append(ids, r.submit(supplier("alpha")))
		}
		synctest.Wait()
		require.Equal(t, booking.BreakerOpen, r.last().Breakers[0].State)
		r.pause(alpha)
		before := asked.Load()
		pass(2 * time.Minute)
		require.Equal(t, before, asked.Load())
		require.Equal(t, booking.BreakerOpen, r.last().Breakers[0].State, "not tried")
		broken.Store(false)
		r.resume(alpha)
		for _, id := range ids {
			require.Equal(t, booking.Confirmed, r.ended(id).Result)
		}
		require.Equal(t, booking.BreakerClosed, r.last().Breakers[0].State)
	})
}

func TestBookingsOfAPausedSupplierKeepNobodyElseOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		spy := &claims{}
		r := start(t, with(pinned(alpha)), func(p *parts) {
			spy.Queue = p.memory
			p.queue = spy
			p.cfg.Pools.Provider, p.cfg.PerSupplier, p.cfg.Memory = 4, 4, 20
			p.cfg.Admission.MaxAge = 30 * time.Second
			p.flow.Limits.BookingDeadline = time.Hour
			hold := p.step(booking.StepHold).Do
			p.step(booking.StepHold).Do = func(ctx context.Context, b *booking.Booking) booking.Outcome {
				if b.Mark(booking.StepHold).Tries == 0 {
					return booking.Retry(booking.SupplierUnavailable, 1500*time.Millisecond)
				}
				return hold(ctx, b)
			}
		})
		for range 600 { // more than are looked at in half a minute
			r.submit(supplier("alpha"))
		}
		for range 60 {
			pass(10 * time.Second)
			require.Empty(t, refusal(t, r), "that those bookings grow old says nothing about new ones")
			began := time.Now()
			require.Equal(t, booking.Confirmed, r.ended(r.submit(supplier("beta"))).Result)
			require.Less(t, time.Since(began), 5*time.Second, "nor do those that are due later")
		}
		require.True(t, slices.ContainsFunc(spy.made(), func(c claimed) bool { return slices.Equal(c.Except, []string{"alpha"}) }), "it is left out")
	})
}

func TestAPausedPoolClaimsNothingBetweenPolls(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		spy := &claims{}
		r := start(t, with(pinned(booking.PauseOfPool(booking.ProviderPool))), func(p *parts) {
			spy.Queue = p.memory
			p.queue = spy
			p.cfg.Poll, p.cfg.Lease, p.cfg.Memory = time.Hour, 2*time.Hour, 1
		})
		synctest.Wait()
		before := len(spy.made())
		for range 20 {
			r.submit()
		}
		pass(time.Minute)
		require.Len(t, spy.made(), before)
		r.resume(booking.PauseOfPool(booking.ProviderPool))
		synctest.Wait()
		require.Greater(t, len(spy.made()), before, "at once, not at the next poll")
	})
}

func TestWithoutABoardNothingCanBePaused(t *testing.T) {
	t.Parallel()
	r := build(t)
	require.ErrorIs(t, r.Pause(t.Context(), booking.PauseChange{What: booking.PauseIntake, Paused: true}), booking.ErrNotPausable)
	list, err := r.Pauses(t.Context())
	require.NoError(t, err)
	require.Empty(t, list)
	log, err := r.PauseLog(t.Context(), 10)
	require.NoError(t, err)
	require.Empty(t, log)
}

func TestTheBoardIsShownAsItIs(t *testing.T) {
	t.Parallel()
	r := build(t, with(pinned(alpha)))
	list, err := r.Pauses(t.Context())
	require.NoError(t, err)
	require.Len(t, list, 1)
	log, err := r.PauseLog(t.Context(), 10)
	require.NoError(t, err)
	require.Equal(t, []booking.PauseEvent{{What: booking.PauseIntake}}, log)
}
