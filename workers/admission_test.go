package workers_test

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
	"hotelbooking/booking/bookingtest"
)

// refusal is why a new booking is not taken; empty where it would be.
func refusal(t *testing.T, r *rig) string {
	t.Helper()
	err := r.Admit()
	if err == nil {
		return ""
	}
	var overloaded *booking.Overloaded
	require.ErrorAs(t, err, &overloaded)
	require.GreaterOrEqual(t, overloaded.RetryAfter, time.Second)
	require.LessOrEqual(t, overloaded.RetryAfter, 90*time.Second)
	return overloaded.Why
}

func TestTooLongABacklogIsRefusedAndNothingIsStored(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, func(p *parts) {
			p.cfg.Admission.MaxBacklog, p.cfg.Memory = 100, 10
			p.cfg.Deadlines.Provider = time.Hour
			slowly(p, booking.StepHold, 30*time.Second)
		})
		synctest.Wait() // the first sample is taken, and no other one in this instant
		for range 120 {
			if r.Admit() == nil {
				r.submit()
			}
		}
		require.Equal(t, "backlog", refusal(t, r), "also between two samples")
		stored := len(r.queue.All())
		require.InDelta(t, 105, stored, 5, "a hundred, and what is in memory")
		_, err := r.Submit(t.Context(), bookingtest.Ask(), "one too many", [32]byte{})
		var overloaded *booking.Overloaded
		require.ErrorAs(t, err, &overloaded)
		require.Len(t, r.queue.All(), stored)
		pass(10 * time.Minute)
		require.Empty(t, refusal(t, r), "drained")
	})
}

func TestALongPredictedWaitIsRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, func(p *parts) {
			p.cfg.Admission.MaxAge = time.Minute
			p.cfg.Pools.Provider, p.cfg.PerSupplier, p.cfg.Memory = 5, 5, 10
			p.cfg.Deadlines.Provider = time.Hour
			slowly(p, booking.StepHold, time.Second)
		})
		for range 600 { // five a second
			r.submit()
		}
		pass(2 * time.Second)
		require.Empty(t, refusal(t, r), "no rate is known yet, and nobody has waited long")
		pass(20 * time.Second)
		require.Equal(t, "predicted_wait", refusal(t, r))
		require.InDelta(t, 100, r.count("booking_backlog_wait_seconds"), 20)
		pass(3 * time.Minute)
		require.Empty(t, refusal(t, r))
	})
}

// Who takes bookings and reserves rooms ends only those that are sold out, whatever the others do.
func TestAProcessWithAPartOfThePoolsPredictsNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, works(booking.ProviderPool), func(p *parts) {
			p.cfg.Pools.Provider, p.cfg.PerSupplier, p.cfg.Memory = 5, 5, 10
			slowly(p, booking.StepHold, 100*time.Millisecond)
			n := 0
			p.script = func(_ *booking.Booking, operation string) bookingtest.Fate {
				if n++; operation == "hold" && n%100 == 0 {
					return bookingtest.Refuses
				}
				return bookingtest.Obeys
			}
		})
		start(t, beside(r, works(booking.FraudPool, booking.PaymentPool, booking.TrackingPool)))
		for range 1500 {
			r.submit()
		}
		for range 40 {
			pass(500 * time.Millisecond)
			require.Empty(t, refusal(t, r), "all will have ended in half a minute")
		}
		require.NotZero(t, r.count("booking_backlog_wait_seconds"), "there is a backlog, and how old it is is known")
	})
}

func TestABacklogThatNobodyTouchesIsRefusedByItsAge(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, func(p *parts) {
			p.cfg.Pools.Provider, p.cfg.PerSupplier, p.cfg.Memory = 1, 1, 1
			p.cfg.Deadlines.Provider = time.Hour
			slowly(p, booking.StepHold, 30*time.Minute)
		})
		r.submit()
		r.submit()
		pass(time.Minute)
		require.Empty(t, refusal(t, r))
		pass(2 * time.Minute)
		require.Equal(t, "predicted_wait", refusal(t, r))
	})
}

func TestABurstOnAnIdleServiceIsTaken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t)
		r.ended(r.submit())
		pass(2 * time.Minute)
		for range 2000 {
			require.Empty(t, refusal(t, r))
			r.submit()
		}
	})
}

func TestNothingIsAdmittedBeforeTheStart(t *testing.T) {
	t.Parallel()
	r := build(t)
	require.Equal(t, "not_running", refusal(t, r))
	require.NoError(t, r.Stop(t.Context()))
}

func TestRefusingCostsNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int64
		r := start(t, func(p *parts) {
			p.cfg.Admission.MaxBacklog, p.cfg.Memory = 1, 1
			p.cfg.Deadlines.Provider = time.Hour
			slowly(p, booking.StepHold, 30*time.Minute)
			p.memory.Fail = func(string) error { calls.Add(1); return nil }
		})
		synctest.Wait() // the first rounds of all loops are over
		r.submit()
		r.submit()
		synctest.Wait()
		before := calls.Load()
		for range 1000 {
			require.Equal(t, "backlog", refusal(t, r))
		}
		require.Equal(t, before, calls.Load(), "it asks no database")
	})
}
