package workers_test

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
	"hotelbooking/booking/bookingtest"
	"hotelbooking/workers"
)

// eager opens after four calls of which half failed.
func eager(p *parts) {
	p.cfg.Breaker = workers.Breaker{Failures: 50, Minimum: 4, Window: 30 * time.Second, Delay: 5 * time.Second, Probes: 2}
}

func TestAnOpenBreakerAsksNobodyAndProbesBoundedly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var broken atomic.Bool
		var asked, at, most atomic.Int32
		r := start(t, eager, func(p *parts) {
			hold := p.step(booking.StepHold).Do
			p.step(booking.StepHold).Do = func(ctx context.Context, b *booking.Booking) booking.Outcome {
				if b.Offer.Supplier == "sound" {
					return hold(ctx, b)
				}
				asked.Add(1)
				if n := at.Add(1); n > most.Load() {
					most.Store(n)
				}
				defer at.Add(-1)
				<-time.After(100 * time.Millisecond)
				if broken.Load() {
					return booking.Retry(booking.SupplierUnavailable, 0)
				}
				return hold(ctx, b)
			}
		})
		broken.Store(true)
		for range 20 {
			r.submit(supplier("broken"))
		}
		pass(3 * time.Second)
		opened := asked.Load()
		require.LessOrEqual(t, opened, int32(20), "those under way when it opened, and no retry")
		most.Store(0)
		id := r.submit(supplier("broken"))
		synctest.Wait()
		turn := r.turns(id, booking.Doing, booking.StepHold)[0]
		require.Equal(t, booking.CircuitOpen, turn.Reason)
		require.Equal(t, booking.KindRetry, turn.Outcome)
		require.Equal(t, opened, asked.Load())
		require.Equal(t, 2, r.count("booking_breaker_state"))
		require.Equal(t, booking.Confirmed, r.ended(r.submit(supplier("sound"))).Result, "each supplier has its own")

		pass(10 * time.Second)
		require.LessOrEqual(t, most.Load(), int32(2), "half-open, so many are asked at once")
		broken.Store(false)
		pass(20 * time.Second)
		require.Zero(t, r.count("booking_breaker_state"))
		require.Equal(t, booking.Confirmed, r.ended(r.submit(supplier("broken"))).Result)
	})
}

func TestWhoeverComesDuringAProbeWaitsForWhatItFindsOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var broken atomic.Bool
		broken.Store(true)
		r := start(t, eager, func(p *parts) {
			slowly(p, booking.StepHold, time.Second)
			hold := p.step(booking.StepHold).Do
			p.step(booking.StepHold).Do = func(ctx context.Context, b *booking.Booking) booking.Outcome {
				if broken.Load() {
					return booking.Retry(booking.SupplierUnavailable, time.Minute)
				}
				return hold(ctx, b)
			}
		})
		for range 4 {
			r.submit()
		}
		synctest.Wait()
		require.Equal(t, 2, r.count("booking_breaker_state"))
		broken.Store(false)
		pass(5 * time.Second)
		var ids []booking.ID
		for range 10 {
			ids = append(ids, r.submit())
		}
		synctest.Wait()
		require.Equal(t, 1, r.count("booking_breaker_state"))
		require.Equal(t, 2, r.count("booking_pool_in_use"))
		require.Equal(t, 8, r.count("booking_pool_ready"))
		for _, id := range ids {
			require.Equal(t, booking.Confirmed, r.ended(id).Result)
			require.Len(t, r.turns(id, booking.Doing, booking.StepHold), 1, "none was turned away")
		}
	})
}

func TestASystemThatIsDownForLongDoesNotKeepBookingsFromTheirDeadlines(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		spy := &claims{}
		r := start(t, eager, func(p *parts) {
			spy.Queue = p.memory
			p.queue = spy
			p.cfg.Poll, p.cfg.Lease = 10*time.Second, time.Minute
			p.flow.Limits.BookingDeadline = time.Minute
			fails := func(context.Context, *booking.Booking) booking.Outcome {
				<-time.After(100 * time.Millisecond)
				return booking.Retry(booking.SupplierUnavailable, 0)
			}
			hold := p.step(booking.StepHold).Do
			p.step(booking.StepHold).Tries, p.step(booking.StepConfirm).Tries = 1, 1_000_000
			p.step(booking.StepHold).Undo, p.step(booking.StepConfirm).Undo = nil, nil // nothing ever succeeds there
			p.step(booking.StepConfirm).Do = fails
			p.step(booking.StepHold).Do = func(ctx context.Context, b *booking.Booking) booking.Outcome {
				if b.Offer.Token == "early" {
					return hold(ctx, b)
				}
				return fails(ctx, b)
			}
		})
		var early []booking.ID
		for range 10 {
			early = append(early, r.submit(func(a *booking.Ask) { a.Offer.Token = "early" }))
		}
		for range 6000 { // whoever comes takes each chance to ask before the claimer does
			pass(20 * time.Millisecond)
			r.submit()
		}
		for _, id := range early {
			b := r.get(id)
			require.Equal(t, booking.Fail, b.Goal, "given up, if not given back yet")
			require.Equal(t, booking.BookingDeadlineExceeded, b.Facts.Failure.Code)
		}
		require.True(t, slices.ContainsFunc(spy.made(), func(c claimed) bool { return len(c.Except) == 1 }), "between polls it is left alone")
	})
}

func TestRefusalsAndPendingAnswersOpenNoBreaker(t *testing.T) {
	t.Parallel()
	for name, outcome := range map[string]booking.Outcome{
		"sold out":  booking.Reject(booking.OfferSoldOut),
		"parked":    booking.Park(booking.Staff, booking.FraudReview),
		"undecided": booking.Retry(booking.SupplierPending, 0),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := start(t, eager, func(p *parts) {
					p.step(booking.StepHold).Do = func(context.Context, *booking.Booking) booking.Outcome { return outcome }
				})
				for range 50 {
					r.submit()
				}
				pass(2 * time.Second)
				require.Zero(t, r.count("booking_breaker_state"))
			})
		})
	}
}

func TestAPanicOpensNoBreaker(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, eager, func(p *parts) {
			p.step(booking.StepHold).Do = func(context.Context, *booking.Booking) booking.Outcome { panic("ours") }
		})
		for range 50 {
			r.submit()
		}
		synctest.Wait()
		require.Zero(t, r.count("booking_breaker_state"))
	})
}

func TestAProbeThatIsNeverAnsweredDoesNotHoldTheBreakerHalfOpen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mood atomic.Value
		mood.Store("fails")
		release := make(chan struct{})
		r := start(t, eager, func(p *parts) {
			p.cfg.Deadlines.Provider = 2 * time.Second
			hold := p.step(booking.StepHold).Do
			p.step(booking.StepHold).Tries = 1000
			p.step(booking.StepHold).Do = func(ctx context.Context, b *booking.Booking) booking.Outcome {
				switch mood.Load() {
				case "fails":
					return booking.Retry(booking.SupplierUnavailable, 0)
				case "is deaf":
					<-release
				}
				return hold(ctx, b)
			}
		})
		for range 10 {
			r.submit()
		}
		synctest.Wait()
		require.Equal(t, 2, r.count("booking_breaker_state"))
		mood.Store("is deaf")
		pass(15 * time.Second) // the breaker's delay, as much again at most to spread the tries, and twice the deadline
		require.Positive(t, r.count("booking_abandoned_turns_total"))
		mood.Store("answers")
		for _, b := range r.queue.All() {
			require.Equal(t, booking.Confirmed, r.ended(b.ID).Result)
		}
		require.Zero(t, r.count("booking_breaker_state"))
		close(release)
		synctest.Wait()
	})
}

func TestABrokenSupplierHeals(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var broken atomic.Bool
		r := start(t, eager, func(p *parts) {
			p.script = func(_ *booking.Booking, operation string) bookingtest.Fate {
				if broken.Load() && (operation == "confirm" || operation == "find room") {
					return bookingtest.LosesReply
				}
				return bookingtest.Obeys
			}
		})
		broken.Store(true)
		var ids []booking.ID
		for range 30 {
			ids = append(ids, r.submit())
		}
		pass(40 * time.Second)
		broken.Store(false)
		confirmed := 0
		for _, id := range ids {
			b, booked := r.ended(id), 0
			if b.Result == booking.Confirmed {
				booked = 1
			}
			world := r.world.Look(b)
			require.Equal(t, booked, world.EverBooked())
			require.Equal(t, booked, world.Captures())
			require.Zero(t, world.Open())
			confirmed += booked
		}
		require.Positive(t, confirmed)
	})
}
