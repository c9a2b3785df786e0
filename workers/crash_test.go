package workers_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
	"hotelbooking/booking/bookingtest"
	"hotelbooking/workers"
)

// beside makes a second engine on the queue and the world of the first, with its own line to the database.
func beside(r *rig, change ...func(*parts)) func(*parts) {
	return func(p *parts) {
		p.memory, p.queue, p.world, p.script = r.queue, r.queue, r.world, r.world.Script
		p.flow = booking.NewFlow(p.world.Outside(), booking.DefaultLimits())
		for _, f := range change {
			f(p)
		}
	}
}

func TestABookingOfADeadProcessIsAskedAboutBeforeAnythingIsRepeated(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var cut line
		first := build(t, func(p *parts) { // it books the room, and is never heard of again
			cut.Queue = p.memory
			p.queue = &cut
			confirm := p.step(booking.StepConfirm).Do
			p.step(booking.StepConfirm).Do = func(ctx context.Context, b *booking.Booking) booking.Outcome {
				cut.down.Store(true)
				return confirm(ctx, b)
			}
		})
		require.NoError(t, first.Start(t.Context()))
		id := first.submit()
		synctest.Wait()
		require.Equal(t, booking.StepConfirm, first.get(id).Place.Step)
		began := time.Now()

		second := start(t, beside(first))
		b := second.ended(id)
		require.Equal(t, booking.Confirmed, b.Result)
		require.LessOrEqual(t, time.Since(began), 17*time.Second, "the lease and a poll")
		require.Equal(t, []string{"hold", "screen", "authorize", "confirm", "find room", "capture", "track"}, second.world.Calls(b))
		turn := second.turns(id, booking.Doing, booking.StepConfirm)[0]
		require.Equal(t, booking.ProcessStopped, turn.Reason)
		require.Equal(t, 1, second.count("booking_crashed_total"))

		cut.down.Store(false)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		require.NoError(t, first.Stop(ctx))
		require.Equal(t, b.Version, first.get(id).Version, "the zombie wrote nothing")
	})
}

func TestThreeCrashesParkABooking(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		first := build(t)
		require.NoError(t, first.Start(t.Context()))
		id := first.submit()
		first.ended(id) // only to have a queue
		require.NoError(t, first.Stop(t.Context()))

		r := build(t, beside(first, func(p *parts) { p.deps.Boot = "x" }))
		ask := bookingtest.Ask(func(a *booking.Ask) { a.ID, a.CreatedAt = "poison", time.Now() })
		b, entry := r.flow.Begin(ask, time.Now())
		_, err := r.queue.Accept(t.Context(), booking.Acceptance{Booking: b, Entry: entry, Key: "poison", Owner: "dead", Lease: time.Second})
		require.NoError(t, err)
		for range 2 { // two more processes claim it and die
			pass(2 * time.Second)
			got, err := r.queue.Claim(t.Context(), booking.Claim{Pool: booking.ProviderPool, Limit: 1, Owner: "dead", Lease: time.Second})
			require.NoError(t, err)
			require.Len(t, got, 1)
		}
		pass(2 * time.Second)
		require.NoError(t, r.Start(t.Context()))
		parked := r.until("poison", func(b *booking.Booking) bool { return b.Place.Phase == booking.Parked })
		require.Equal(t, booking.CrashedRepeatedly, parked.Attention)
		require.Empty(t, r.world.Calls(parked), "nothing was tried again")
		require.NoError(t, r.Stop(t.Context()))
	})
}

func TestALeaseThatALiveProcessLostIsNoDeath(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := build(t, func(p *parts) { p.deps.Boot = "x" })
		ask := bookingtest.Ask(func(a *booking.Ask) { a.ID, a.CreatedAt = "innocent", time.Now() })
		b, entry := r.flow.Begin(ask, time.Now())
		_, err := r.queue.Accept(t.Context(), booking.Acceptance{Booking: b, Entry: entry, Key: "innocent", Owner: "a.1", Lease: time.Second})
		require.NoError(t, err)
		for _, owner := range []string{"b.1", "x.1"} { // two processes died; the third is ours, and was too slow to keep it
			pass(2 * time.Second)
			_, err := r.queue.Claim(t.Context(), booking.Claim{Pool: booking.ProviderPool, Limit: 1, Owner: owner, Lease: time.Second})
			require.NoError(t, err)
		}
		pass(2 * time.Second)
		require.NoError(t, r.Start(t.Context()))
		require.Equal(t, booking.Confirmed, r.ended("innocent").Result)
		require.Equal(t, booking.ProcessStopped, r.turns("innocent", booking.Doing, booking.StepHold)[0].Reason, "it is asked about all the same")
		require.NoError(t, r.Stop(t.Context()))
	})
}

func TestATurnThatCanNeverBeSavedIsNotRepeatedForEver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, func(p *parts) { p.queue = choosy{p.memory} })
		parked := r.until(r.submit(), func(b *booking.Booking) bool { return b.Place.Phase == booking.Parked })
		require.Equal(t, booking.CrashedRepeatedly, parked.Attention)
	})
}

// choosy saves nothing but what is parked.
type choosy struct{ workers.Queue }

func (c choosy) Save(ctx context.Context, b *booking.Booking, e booking.Entry, lease time.Duration) error {
	if b.Place.Phase != booking.Parked {
		return errors.New("this row cannot be written")
	}
	return c.Queue.Save(ctx, b, e, lease)
}

func TestLeasesAreRenewedForWhatRunsOrWaitsLong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		first := start(t, func(p *parts) {
			p.cfg.Pools.Provider, p.cfg.PerSupplier = 1, 1
			p.cfg.Deadlines.Provider = 2 * time.Minute
			slowly(p, booking.StepHold, 100*time.Second)
		})
		running, waiting := first.submit(), first.submit()
		second := start(t, beside(first))
		pass(90 * time.Second)
		require.Equal(t, 1, first.get(running).Version)
		require.Equal(t, 1, first.get(waiting).Version)
		require.Equal(t, booking.Confirmed, first.ended(running).Result)
		require.Equal(t, booking.Confirmed, first.ended(waiting).Result)
		require.Zero(t, second.count("booking_crashed_total"))
		require.Zero(t, second.count("booking_claimed_total"), "nobody took what was held")
	})
}

func TestATurnPastItsHardDeadlineIsNotRenewed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var cut line
		first := build(t, func(p *parts) {
			cut.Queue = p.memory
			p.queue = &cut
			p.cfg.Deadlines.Provider = 20 * time.Second
			p.step(booking.StepHold).Do = func(context.Context, *booking.Booking) booking.Outcome {
				<-release
				return booking.Next()
			}
		})
		require.NoError(t, first.Start(t.Context()))
		id := first.submit()
		pass(39 * time.Second)
		require.NotEmpty(t, first.get(id).Owner)
		require.False(t, first.get(id).DueAt.Before(time.Now()), "the lease is kept while the call may still answer")
		pass(2 * time.Second)
		require.Equal(t, booking.Finding, first.turns(id, booking.Doing, booking.StepHold)[0].To.Phase)
		close(release)
		require.NoError(t, first.Stop(t.Context()))
	})
}

func TestALostLeaseCancelsTheCallAndItsResultIsRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		causes := make(chan error, 1)
		r := start(t, func(p *parts) {
			p.cfg.Deadlines.Provider = 5 * time.Minute
			first := true
			hold := p.step(booking.StepHold).Do
			p.step(booking.StepHold).Do = func(ctx context.Context, b *booking.Booking) booking.Outcome {
				if !first {
					return hold(ctx, b)
				}
				first = false
				<-ctx.Done()
				causes <- context.Cause(ctx)
				return booking.Unknown(booking.OutcomeUnknown)
			}
		})
		id := r.submit()
		synctest.Wait()
		// As if this process had slept until its lease was over, and somebody had taken the booking and given it back.
		owner := r.get(id).Owner
		lost, err := r.queue.Renew(t.Context(), []booking.Lease{{ID: id, Owner: owner}}, 0)
		require.NoError(t, err)
		require.Empty(t, lost)
		require.Equal(t, booking.Confirmed, r.ended(id).Result)
		require.ErrorContains(t, <-causes, "lease")
		synctest.Wait()
		require.Positive(t, r.count("booking_fenced_writes_total"))
		require.Positive(t, r.count("booking_leases_lost_total"))
	})
}

func TestACallIsCancelledBeforeALeaseThatCannotBeRenewedRunsOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cut, again := line{hangs: true}, false
		stopped := make(chan time.Time, 10)
		r := start(t, func(p *parts) {
			cut.Queue = p.memory
			p.queue = &cut
			p.cfg.Deadlines.Provider = 5 * time.Minute
			hold := p.step(booking.StepHold).Do
			p.step(booking.StepHold).Do = func(ctx context.Context, b *booking.Booking) booking.Outcome {
				if again {
					return hold(ctx, b)
				}
				again = true
				cut.down.Store(true)
				<-ctx.Done()
				stopped <- time.Now()
				return booking.Unknown(booking.OutcomeUnknown)
			}
		})
		began := time.Now()
		id := r.submit()
		require.Less(t, (<-stopped).Sub(began), 15*time.Second)
		pass(time.Minute)
		cut.down.Store(false)
		b := r.ended(id)
		require.Equal(t, booking.Confirmed, b.Result)
		require.Equal(t, booking.ProcessStopped, r.turns(id, booking.Doing, booking.StepHold)[0].Reason)
	})
}

func TestAResultIsSavedOnceTheDatabaseIsBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var cut line
		r := start(t, func(p *parts) {
			cut.Queue = p.memory
			p.queue = &cut
			confirm := p.step(booking.StepConfirm).Do
			p.step(booking.StepConfirm).Do = func(ctx context.Context, b *booking.Booking) booking.Outcome {
				cut.down.Store(true)
				time.AfterFunc(3*time.Second, func() { cut.down.Store(false) })
				return confirm(ctx, b)
			}
		})
		b := r.ended(r.submit())
		require.Equal(t, booking.Confirmed, b.Result)
		require.Equal(t, []string{"hold", "screen", "authorize", "confirm", "capture", "track"}, r.world.Calls(b))
		require.Positive(t, r.count("booking_queue_errors_total"))
	})
}

func TestASaveWhoseAnswerWasLostIsNotDoneTwice(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, lease := range []string{"kept", "given back"} {
			var saves atomic.Int64
			r := start(t, func(p *parts) {
				p.queue = &deaf{Queue: p.memory, saves: &saves, lost: map[string]int64{"kept": 2, "given back": 6}[lease]}
			})
			b := r.ended(r.submit())
			require.Equal(t, booking.Confirmed, b.Result)
			require.Equal(t, 7, b.Version)
			require.Len(t, r.world.Calls(b), 6)
			pass(time.Second)
			require.Equal(t, int64(7), saves.Load())
			require.Zero(t, r.leased())
		}
	})
}

func TestAProcessThatLosesTheDatabaseForLongLetsGo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var cut line
		first := start(t, func(p *parts) {
			cut.Queue = p.memory
			p.queue = &cut
		})
		var ids []booking.ID
		for range 50 {
			ids = append(ids, first.submit())
		}
		cut.down.Store(true)
		second := start(t, beside(first))
		for _, id := range ids {
			require.Equal(t, booking.Confirmed, second.ended(id).Result)
		}
		pass(30 * time.Second)
		require.Zero(t, first.count("booking_held"))
		require.Error(t, first.Healthy())
		cut.down.Store(false)
		pass(10 * time.Second)
		require.NoError(t, first.Healthy())
	})
}

// line is an engine's line to the database, which can be cut.
type line struct {
	workers.Queue
	down  atomic.Bool
	hangs bool // it does not say that it is down
}

func (l *line) err(ctx context.Context) error {
	if l.down.Load() && l.hangs {
		<-ctx.Done()
	}
	if l.down.Load() {
		return errDown
	}
	return nil
}

func (l *line) Accept(ctx context.Context, a booking.Acceptance) (booking.Receipt, error) {
	if err := l.err(ctx); err != nil {
		return booking.Receipt{}, err
	}
	return l.Queue.Accept(ctx, a)
}

func (l *line) Claim(ctx context.Context, c booking.Claim) ([]*booking.Booking, error) {
	if err := l.err(ctx); err != nil {
		return nil, err
	}
	return l.Queue.Claim(ctx, c)
}

func (l *line) Save(ctx context.Context, b *booking.Booking, e booking.Entry, lease time.Duration) error {
	if err := l.err(ctx); err != nil {
		return err
	}
	return l.Queue.Save(ctx, b, e, lease)
}

func (l *line) Renew(ctx context.Context, held []booking.Lease, lease time.Duration) ([]booking.ID, error) {
	if err := l.err(ctx); err != nil {
		return nil, err
	}
	return l.Queue.Renew(ctx, held, lease)
}

func (l *line) Get(ctx context.Context, id booking.ID) (*booking.Booking, error) {
	if err := l.err(ctx); err != nil {
		return nil, err
	}
	return l.Queue.Get(ctx, id)
}

// deaf loses the answer of one save.
type deaf struct {
	workers.Queue
	saves *atomic.Int64
	lost  int64
}

func (d *deaf) Save(ctx context.Context, b *booking.Booking, e booking.Entry, lease time.Duration) error {
	err := d.Queue.Save(ctx, b, e, lease)
	if d.saves.Add(1) == d.lost {
		return errors.New("no answer")
	}
	return err
}
