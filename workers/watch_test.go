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

// waiter waits for one change, and says when it came.
func waiter(t *testing.T, r *rig, id booking.ID, version int) <-chan time.Time {
	t.Helper()
	changed := make(chan time.Time, 1)
	go func() {
		if r.Wait(t.Context(), id, r.passing(id, version)) == nil {
			changed <- time.Now()
		}
	}()
	synctest.Wait()
	return changed
}

// passing looks until the booking's version is higher than version.
func (r *rig) passing(id booking.ID, version int) func() (int, bool) {
	return func() (int, bool) {
		seen := r.get(id).Version
		return seen, seen <= version
	}
}

func TestReadersSeeAChangeOfThisProcessAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, func(p *parts) { slowly(p, booking.StepHold, 3*time.Second) })
		id := r.submit()
		first, second := waiter(t, r, id, 1), waiter(t, r, id, 1)
		require.Equal(t, 1, r.count("booking_watched"))
		pass(2 * time.Second)
		require.Empty(t, first)
		pass(time.Second)
		synctest.Wait()
		require.Len(t, first, 1)
		require.Len(t, second, 1)
		require.Zero(t, r.count("booking_watched"), "what nobody waits for costs nothing")
	})
}

func TestReadersSeeADecisionOfThisProcessAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t)
		b := r.ended(r.submit())
		synctest.Wait()
		changed := waiter(t, r, b.ID, b.Version)
		_, err := r.Decide(t.Context(), b.ID, booking.Decision{Verb: booking.VerbNote, Actor: "support:ana", Reason: "called"})
		require.NoError(t, err)
		synctest.Wait()
		require.Len(t, changed, 1)
	})
}

func TestReadersSeeAChangeOfAnotherProcessWithinAPoll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t)
		b := r.ended(r.submit())
		changed := waiter(t, r, b.ID, b.Version)
		pass(10 * time.Second)
		require.Empty(t, changed)
		r.decide(b.ID, booking.Decision{Verb: booking.VerbNote, Actor: "support:ana", Reason: "called"})
		pass(time.Second)
		synctest.Wait()
		require.Len(t, changed, 1)
	})
}

func TestAReaderWhoMissedTheChangeIsNotKeptWaiting(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t)
		b := r.ended(r.submit())
		require.NoError(t, r.Wait(t.Context(), b.ID, r.passing(b.ID, b.Version-1)))
		require.Zero(t, r.count("booking_watched"))
	})
}

func TestAChangeBetweenALookAndTheWaitIsNotMissed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, who := range []string{"this process", "another"} {
			r := start(t)
			b := r.ended(r.submit())
			call := booking.Decision{Verb: booking.VerbNote, Actor: "support:ana", Reason: "called"}
			looks := 0
			began := time.Now()
			require.NoError(t, r.Wait(t.Context(), b.ID, func() (int, bool) {
				seen := r.get(b.ID).Version
				if looks++; looks > 1 {
					return seen, false
				}
				if who == "another" {
					r.decide(b.ID, call)
				} else {
					_, err := r.Decide(t.Context(), b.ID, call)
					require.NoError(t, err)
				}
				return seen, true // which is not what is stored any more
			}))
			require.Equal(t, 2, looks)
			require.LessOrEqual(t, time.Since(began), time.Second, who)
		}
	})
}

func TestAReaderWhoGoesAwayIsForgotten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t)
		b := r.ended(r.submit())
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		began := time.Now()
		require.ErrorIs(t, r.Wait(ctx, b.ID, r.passing(b.ID, b.Version)), context.DeadlineExceeded)
		require.Equal(t, 20*time.Second, time.Since(began))
		require.Zero(t, r.count("booking_watched"))
	})
}

func TestManyWatchedBookingsAreLookedUpInBoundedStatements(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var most atomic.Int64
		r := start(t, func(p *parts) { p.deps.Versions = &counted{versions{p.memory}, &most} })
		for range 1200 {
			b := r.ended(r.submit())
			synctest.Wait()
			waiter(t, r, b.ID, b.Version)
		}
		pass(5 * time.Second)
		require.Equal(t, int64(500), most.Load())
		require.Equal(t, 1200, r.count("booking_watched"))
	})
}

// counted remembers the largest question.
type counted struct {
	versions
	most *atomic.Int64
}

func (c *counted) Versions(ctx context.Context, ids []booking.ID) (map[booking.ID]int, error) {
	c.most.Store(max(c.most.Load(), int64(len(ids))))
	return c.versions.Versions(ctx, ids)
}
