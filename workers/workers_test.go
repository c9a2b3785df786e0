package workers_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap/zapcore"

	"hotelbooking/booking"
	"hotelbooking/booking/bookingtest"
	"hotelbooking/workers"
)

func TestABookingGoesThroughAllPoolsWithoutLeavingMemory(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t)
		b := r.ended(r.submit())
		require.Equal(t, booking.Confirmed, b.Result)
		require.Equal(t, "S-"+b.Reference, b.Facts.Reservation.SupplierReference)
		require.Equal(t, []string{"hold", "screen", "authorize", "confirm", "capture", "track"}, r.world.Calls(b))
		require.Equal(t, 7, b.Version, "accepted, and one turn for each step")
		require.Zero(t, r.count("booking_claimed_total"))
		require.Zero(t, r.leased())
		require.Equal(t, 1, r.count("booking_accepted_total"))
		require.Equal(t, 1, r.count("booking_decided_total"))
		require.Zero(t, r.count("booking_held"))
	})
}

func TestTheSameKeyGetsTheSameBooking(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t)
		print := sha256.Sum256([]byte("body"))
		first, err := r.Submit(t.Context(), bookingtest.Ask(), "key", print)
		require.NoError(t, err)
		require.False(t, first.Replayed)
		again, err := r.Submit(t.Context(), bookingtest.Ask(), "key", print)
		require.NoError(t, err)
		require.True(t, again.Replayed)
		require.Equal(t, first.Booking.ID, again.Booking.ID)
		_, err = r.Submit(t.Context(), bookingtest.Ask(), "key", sha256.Sum256([]byte("other")))
		require.ErrorIs(t, err, booking.ErrKeyReused)
		synctest.Wait()
		require.Len(t, r.queue.All(), 1)
		require.Zero(t, r.count("booking_held"), "a replay keeps no place in memory")
		require.Equal(t, 1, r.count("booking_replayed_total"))
	})
}

func TestWhatIsLoggedOfATurnIsOneLineWithoutPeople(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		busy := true
		r := start(t, func(p *parts) {
			p.script = func(_ *booking.Booking, operation string) bookingtest.Fate {
				if operation == "authorize" && busy {
					busy = false
					return bookingtest.IsBusy
				}
				return bookingtest.Obeys
			}
		})
		b := r.ended(r.submit())
		lines := r.logs.FilterMessage("turn").All()
		require.Len(t, lines, b.Version-1)
		for _, line := range lines {
			fields := line.ContextMap()
			require.Equal(t, string(b.ID), fields["booking"])
			want := zapcore.InfoLevel
			if fields["outcome"] == "retry" {
				want = zapcore.WarnLevel
			}
			require.Equal(t, want, line.Level)
			for _, value := range fields {
				text, _ := value.(string)
				for _, personal := range []string{"Ana", "Núñez", "ana@example.com", "+34600000000", "pm_card_visa"} {
					require.NotContains(t, text, personal)
				}
			}
		}
	})
}

func TestAPersonsTaskIsLoggedAsAnErrorThatSaysWhatToDo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, func(p *parts) {
			p.script = func(_ *booking.Booking, operation string) bookingtest.Fate {
				if operation == "screen" {
					return bookingtest.AsksStaff
				}
				return bookingtest.Obeys
			}
		})
		id := r.submit()
		r.until(id, func(b *booking.Booking) bool { return b.Place.Phase == booking.Parked })
		synctest.Wait()
		errs := r.logs.FilterLevelExact(zapcore.ErrorLevel).All()
		require.Len(t, errs, 1)
		require.Contains(t, errs[0].ContextMap()["do"], "fraud_review")
		require.Zero(t, r.leased(), "who waits for a person is not held")

		_, err := r.Decide(t.Context(), id, booking.Decision{Verb: booking.VerbApprove, Actor: "support:ana"})
		require.NoError(t, err)
		began := time.Now()
		require.Equal(t, booking.Confirmed, r.ended(id).Result)
		require.Less(t, time.Since(began), time.Second/4, "decided, it does not wait for the next poll")
	})
}

func TestAStepThatTheTableDoesNotHaveStopsTheStart(t *testing.T) {
	t.Parallel()
	r := build(t, func(p *parts) { p.deps.Steps = steps{"hold", "teleport"} })
	require.ErrorContains(t, r.Start(t.Context()), `"teleport"`)
	require.Error(t, r.Healthy())
	require.NoError(t, r.Stop(t.Context()))

	r = build(t, func(p *parts) { p.deps.Steps = broken{} })
	require.ErrorIs(t, r.Start(t.Context()), errDown)
}

func TestConfigReportsAllProblemsTogether(t *testing.T) {
	t.Parallel()
	require.NoError(t, workers.DefaultConfig().Validate())
	cfg := workers.DefaultConfig()
	cfg.Lease, cfg.Memory, cfg.Pools.Fraud = cfg.Poll, 0, -1
	err := cfg.Validate()
	for _, key := range []string{"lease", "memory", "pools.fraud"} {
		require.ErrorContains(t, err, key)
	}
}

func TestARetryIsTriedWhenItIsDueAndNotAtTheNextPoll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		first := true
		r := start(t, func(p *parts) {
			p.cfg.Poll, p.cfg.Lease = 20*time.Second, time.Minute
			hold := p.step(booking.StepHold).Do
			p.step(booking.StepHold).Do = func(ctx context.Context, b *booking.Booking) booking.Outcome {
				if first {
					first = false
					return booking.Retry(booking.SupplierUnavailable, 3*time.Second)
				}
				return hold(ctx, b)
			}
		})
		began := time.Now()
		require.Equal(t, booking.Confirmed, r.ended(r.submit()).Result)
		require.Less(t, time.Since(began), 4*time.Second)
		require.GreaterOrEqual(t, time.Since(began), 3*time.Second)
	})
}

var errDown = errors.New("the database is down")

type steps []booking.Name

func (s steps) StepsInUse(context.Context) ([]booking.Name, error) { return s, nil }

type broken struct{}

func (broken) StepsInUse(context.Context) ([]booking.Name, error) { return nil, errDown }
