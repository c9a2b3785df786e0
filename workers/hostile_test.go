package workers_test

import (
	"context"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
	"hotelbooking/booking/bookingtest"
)

// hostileRuns is how many histories of the test below are tried, each with its own seed.
const hostileRuns = 20

// Two engines on one database, whose lines to it are cut again and again, in front of an outside world that loses requests
// and replies, is busy, refuses, and acts late, with customers who cancel: whatever happens, every booking comes to rest,
// and what the outside world has done agrees with what we say.
func TestPromisesAreKeptInAHostileWorld(t *testing.T) {
	t.Parallel()
	seen := &seen{counts: map[string]int{}}
	t.Run("seeds", func(t *testing.T) {
		for seed := range uint64(hostileRuns) {
			t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) { hostile(t, seed, seen) })
			})
		}
	})
	t.Log(seen.counts)
	for _, name := range seen.wanted() {
		require.Positive(t, seen.counts[name], "%s never happened: the world was not hostile enough", name)
	}
}

// seen sums up, over all seeds, what the engines went through. A test that meets no trouble proves nothing.
type seen struct {
	mu     sync.Mutex
	counts map[string]int
}

func (*seen) wanted() []string {
	return []string{
		"booking_fenced_writes_total", "booking_crashed_total", "booking_abandoned_turns_total", "booking_late_results_total",
		"booking_leases_lost_total", "booking_queue_errors_total", "booking_forgotten_total", "booking_claimed_total", "booking_unknown_outcomes_total",
	}
}

func (s *seen) add(r *rig) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range s.wanted() {
		s.counts[name] += r.count(name)
	}
}

func hostile(t *testing.T, seed uint64, seen *seen) {
	dice := &dice{source: rand.New(rand.NewPCG(seed, 0))}
	peace := false // guarded by the dice
	fate := func(_ *booking.Booking, _ string) bookingtest.Fate {
		fates := []bookingtest.Fate{
			bookingtest.IsBusy, bookingtest.LosesRequest, bookingtest.LosesReply, bookingtest.ActsLate,
			bookingtest.Refuses, bookingtest.AsksCustomer, bookingtest.AsksStaff,
		}
		if n := dice.roll(25); !dice.is(&peace) && n < len(fates) {
			return fates[n]
		}
		return bookingtest.Obeys
	}
	lines := [2]*line{{}, {}}
	shape := func(l *line) func(*parts) {
		return func(p *parts) {
			p.script = fate
			l.Queue = p.memory
			p.queue = l
			p.cfg.Lease, p.cfg.Memory, p.cfg.Pools.Payment = 6*time.Second, 8, 3
			p.cfg.Deadlines.Provider, p.cfg.Deadlines.Payment = 3*time.Second, 3*time.Second
			limits := booking.DefaultLimits()
			limits.BookingDeadline, limits.CustomerWindow, limits.ReviewWindow = 2*time.Minute, time.Minute, time.Minute
			limits.UnknownFor, limits.UndoCap = time.Minute, 10*time.Second
			p.flow = booking.NewFlow(p.world.Outside(), limits)
			for i := range p.flow.Steps {
				s := &p.flow.Steps[i]
				s.Do, s.Undo, s.Find = dice.slow(s.Do), dice.slow(s.Undo), dice.slow(s.Find)
			}
		}
	}
	t.Cleanup(func() { pass(time.Minute) }) // deaf calls end after the engines
	first := start(t, shape(lines[0]))
	second := start(t, beside(first, shape(lines[1])))

	var ids []booking.ID
	for range 25 {
		pass(time.Duration(dice.roll(2000)) * time.Millisecond)
		ids = append(ids, first.submit())
		switch dice.roll(9) {
		case 0, 1:
			l := lines[dice.roll(2)]
			if l.down.Swap(true) {
				continue
			}
			time.AfterFunc(time.Duration(dice.roll(15))*time.Second, func() { l.down.Store(false) })
			for l == lines[0] && l.down.Load() {
				pass(time.Second) // submissions come in by this line
			}
		case 2, 3:
			_, _ = second.Decide(t.Context(), ids[dice.roll(len(ids))], cancelled) // not always possible
		case 4:
			_, _ = first.Decide(t.Context(), ids[dice.roll(len(ids))], booking.Decision{Verb: booking.VerbNote, Actor: "support:ana"})
		case 5:
			first.world.Each(func(w *bookingtest.World) { w.Authenticate(true) })
		case 6:
			first.world.Each(func(w *bookingtest.World) { w.Tick() })
		case 7, 8: // as if the process that holds it had slept through its lease
			b := first.get(ids[dice.roll(len(ids))])
			_, err := first.queue.Renew(t.Context(), []booking.Lease{{ID: b.ID, Owner: b.Owner}}, time.Nanosecond)
			require.NoError(t, err)
		}
	}
	dice.set(&peace)
	for _, l := range lines {
		l.down.Store(false)
	}
	first.world.Each(func(w *bookingtest.World) { w.Tick() })
	for _, id := range ids {
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		var b *booking.Booking
		err := first.Wait(ctx, id, func() (int, bool) {
			b = first.get(id)
			return b.Version, b.Place.Phase != booking.Ended && !ours(b)
		})
		require.NoError(t, err, "%s does not come to rest: %+v", id, b.State)
		cancel()
		judge(t, first, id)
	}
	seen.add(first)
	seen.add(second)
	require.Zero(t, first.count("booking_panics_total")+second.count("booking_panics_total"))
}

// ours tells that a booking waits for staff, and for nothing else.
func ours(b *booking.Booking) bool {
	return b.Place.Phase == booking.Parked && b.Facts.Waiting.Who == booking.Staff
}

// judge compares what we say of a booking with what the outside world has seen.
func judge(t *testing.T, r *rig, id booking.ID) {
	t.Helper()
	b := r.get(id)
	_ = r.turns(id, "", "") // no gap
	w := r.world.Look(b)
	require.LessOrEqual(t, w.EverBooked(), 1)
	require.False(t, w.DoubleKey)
	require.False(t, w.CaptureBeforeBooked)
	if b.Place.Phase != booking.Ended {
		require.NotEmpty(t, b.Attention)
		return
	}
	require.Empty(t, b.Owner)
	require.Zero(t, w.Open(), "%+v", b.State)
	require.False(t, w.Held())
	kept := w.Captured - w.Refunded
	switch b.Result {
	case booking.Confirmed:
		require.True(t, w.Reserved())
		require.Equal(t, b.Facts.Price.Minor, kept)
	case booking.Failed:
		require.False(t, w.Reserved())
		require.Zero(t, kept)
	case booking.Cancelled:
		require.False(t, w.Reserved())
		require.Equal(t, b.Facts.Cancellation.Fee.Minor, kept)
	default:
		require.Fail(t, "ended without a result")
	}
}

// dice are shared by all that is left to chance.
type dice struct {
	mu     sync.Mutex
	source *rand.Rand
}

func (d *dice) roll(n int) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.source.IntN(n)
}

func (d *dice) is(flag *bool) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return *flag
}

func (d *dice) set(flag *bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	*flag = true
}

// slow makes a body take up to a second, now and then far too long, and sometimes deaf to its deadline.
func (d *dice) slow(act booking.Act) booking.Act {
	if act == nil {
		return nil
	}
	return func(ctx context.Context, b *booking.Booking) booking.Outcome {
		takes, deaf := time.Duration(d.roll(1000))*time.Millisecond, false
		if d.roll(30) == 0 {
			takes, deaf = 10*time.Second, d.roll(2) == 0
		}
		done := ctx.Done()
		if deaf {
			done = nil
		}
		select {
		case <-time.After(takes):
			return act(ctx, b)
		case <-done:
			return booking.Unknown(booking.OutcomeUnknown)
		}
	}
}
