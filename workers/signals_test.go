package workers_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
	"hotelbooking/workers"
)

// air carries signals between the engines of a test.
type air struct {
	mu     sync.Mutex
	ears   map[chan string]bool
	silent bool // what is told is lost, and nobody knows
	down   bool // nobody is connected
	texts  int
}

var errNoAir = errors.New("no air")

func (a *air) Tell(_ context.Context, texts []string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.down {
		return errNoAir
	}
	a.texts += len(texts)
	for ear := range a.ears {
		for _, text := range texts {
			if !a.silent {
				ear <- text
			}
		}
	}
	return nil
}

func (a *air) Hear(ctx context.Context, hearing func(), heard func(string)) error {
	ear := make(chan string, 10_000)
	a.mu.Lock()
	down := a.down
	if !down {
		a.ears[ear] = true
	}
	a.mu.Unlock()
	if down {
		return errNoAir
	}
	hearing()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case text, connected := <-ear:
			if !connected {
				return errNoAir
			}
			heard(text)
		}
	}
}

// cut ends all connections; until restored there are no new ones.
func (a *air) cut() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.down = true
	for ear := range a.ears {
		close(ear)
	}
	clear(a.ears)
}

func (a *air) restored() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.down = false
}

// signalled gives engines a medium in common, and polls that come too late for any test.
func signalled() (*air, func(*parts)) {
	a := &air{ears: map[chan string]bool{}}
	return a, func(p *parts) {
		p.deps.Signals = a
		p.cfg.Poll, p.cfg.Lease = 10*time.Hour, 20*time.Hour
	}
}

var note = booking.Decision{Verb: booking.VerbNote, Actor: "support:ana", Reason: "called"}

func (r *rig) noted(id booking.ID) *booking.Booking {
	r.t.Helper()
	b, err := r.Decide(r.t.Context(), id, note)
	require.NoError(r.t, err)
	return b
}

func TestReadersSeeAChangeOfAnotherProcessAtOnceWhereItIsSignalled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, signals := signalled()
		one := start(t, signals)
		other := start(t, beside(one, signals))
		b := one.ended(one.submit())
		changed := waiter(t, other, b.ID, b.Version)
		pass(time.Hour)
		require.Empty(t, changed)
		one.noted(b.ID)
		pass(100 * time.Millisecond)
		require.Len(t, changed, 1)
		require.Positive(t, other.count("booking_signals_heard_total"))
		require.Zero(t, one.count("booking_signals_heard_total"), "what it says itself it knows")
	})
}

func TestReadersSeeTurnsOfAnotherProcessAtOnceWhereTheyAreSignalled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, signals := signalled()
		one := start(t, signals, func(p *parts) { slowly(p, booking.StepHold, 3*time.Second) })
		other := start(t, beside(one, signals))
		id := one.submit()
		began := time.Now()
		require.Equal(t, booking.Confirmed, other.ended(id).Result)
		require.Less(t, time.Since(began), 4*time.Second)
	})
}

func TestAChangeThatIsHeardOfDuringALookIsNotMissed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, signals := signalled()
		one := start(t, signals)
		other := start(t, beside(one, signals))
		b := one.ended(one.submit())
		looks, began := 0, time.Now()
		require.NoError(t, other.Wait(t.Context(), b.ID, func() (int, bool) {
			if looks++; looks > 1 {
				return b.Version + 1, false
			}
			one.noted(b.ID)
			pass(time.Second) // it is heard of, by a reader who has not said yet what they have seen
			return b.Version, true
		}))
		require.Equal(t, time.Second, time.Since(began))
	})
}

func TestWhatAReaderHasSeenWakesNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, signals := signalled()
		one := start(t, signals)
		other := start(t, beside(one, signals))
		b := one.ended(one.submit())
		one.noted(b.ID)
		synctest.Wait()
		after, looks := one.noted(b.ID), 0 // of which others are told a moment later
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		require.ErrorIs(t, other.Wait(ctx, b.ID, func() (int, bool) {
			looks++
			return after.Version, true
		}), context.DeadlineExceeded)
		require.Equal(t, 1, looks)
	})
}

func TestWhatWasMissedIsLookedAtAsSoonAsSomethingIsHeardAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		medium, signals := signalled()
		board := pinned()
		one := start(t, signals, with(board), works())
		other := start(t, beside(one, signals, with(board)))
		b := other.ended(one.submit())
		changed := waiter(t, other, b.ID, b.Version)
		require.Equal(t, 1, other.count("booking_signals_hearing"))

		medium.cut()
		pass(time.Minute)
		require.Zero(t, other.count("booking_signals_hearing"))
		require.NoError(t, other.Healthy(), "it is a delay and no more")
		one.noted(b.ID)
		waits := one.submit()
		one.pause(alpha)
		pass(time.Minute)
		require.Positive(t, one.count("booking_signals_dropped_total"))
		require.Empty(t, changed)
		require.Zero(t, other.count("booking_paused"))

		medium.restored()
		pass(10 * time.Second)
		require.Len(t, changed, 1)
		require.Equal(t, booking.Ended, other.get(waits).Place.Phase)
		require.Equal(t, 1, other.count("booking_paused"))
		require.Equal(t, 1, other.count("booking_signals_hearing"))
		require.Equal(t, 2, other.count("booking_signals_connects_total"))
	})
}

func TestSignalsThatAreLostCostAPollAndNoMore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		medium, signals := signalled()
		medium.silent = true
		polling := func(p *parts) { p.cfg.Poll, p.cfg.Lease = time.Second, 15*time.Second }
		one := start(t, signals, polling, works())
		other := start(t, beside(one, signals, polling))
		b := one.ended(one.submit())
		changed := waiter(t, other, b.ID, b.Version)
		one.noted(b.ID)
		pass(time.Second)
		require.Len(t, changed, 1)
		require.Positive(t, medium.texts)
	})
}

func TestABookingGoesFromProcessToProcessWithoutWaitingForAPoll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, signals := signalled()
		api, _ := fleet(t, signals)
		synctest.Wait()
		began := time.Now()
		var ids []booking.ID
		for range 50 {
			ids = append(ids, api.submit())
		}
		for _, id := range ids {
			require.Equal(t, booking.Confirmed, api.ended(id).Result)
		}
		require.Less(t, time.Since(began), time.Second)
	})
}

func TestABookingThatStaffDecideAboutInOneProcessGoesOnInAnother(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, signals := signalled()
		desk := start(t, signals, works())
		worker := start(t, beside(desk, signals))
		b := desk.ended(desk.submit())
		pass(time.Minute) // nobody is awake any more
		_, err := desk.Decide(t.Context(), b.ID, booking.Decision{Verb: booking.VerbCancel, Actor: booking.CustomerActor})
		require.NoError(t, err)
		pass(time.Second)
		require.Equal(t, booking.Cancelled, worker.get(b.ID).Result)
	})
}

func TestWhatAProcessGivesBackAtItsEndGoesOnInAnother(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, signals := signalled()
		ending := start(t, signals, func(p *parts) {
			p.cfg.Pools.Provider, p.cfg.PerSupplier = 1, 1
			slowly(p, booking.StepHold, 3*time.Second)
		})
		var ids []booking.ID
		for range 5 {
			ids = append(ids, ending.submit())
		}
		synctest.Wait()
		staying := start(t, beside(ending, signals))
		pass(time.Second)
		require.NoError(t, ending.Stop(t.Context()))
		pass(5 * time.Second)
		for _, id := range ids {
			require.Equal(t, booking.Ended, staying.get(id).Place.Phase)
		}
	})
}

func TestTheLastTurnOfAProcessIsHeardOf(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, signals := signalled()
		ending := start(t, signals, func(p *parts) { slowly(p, booking.StepHold, 3*time.Second) })
		reading := start(t, beside(ending, signals, works()))
		ending.submit()
		pass(10 * time.Millisecond) // when the last one ends, word of the first has just gone out
		changed := waiter(t, reading, ending.submit(), 1)
		pass(time.Second)
		require.NoError(t, ending.Stop(t.Context()))
		synctest.Wait()
		require.Len(t, changed, 1)
	})
}

func TestAPauseIsHeardOfAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, signals := signalled()
		board := pinned()
		one := start(t, signals, with(board))
		other := start(t, beside(one, signals, with(board)))
		one.pause(alpha)
		pass(100 * time.Millisecond)
		require.Equal(t, 1, other.count("booking_paused"))
		one.resume(alpha)
		pass(100 * time.Millisecond)
		require.Zero(t, other.count("booking_paused"))
	})
}

func TestThousandsOfAcceptancesWakeAnIdleProcessNowAndThen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		medium, signals := signalled()
		api := start(t, signals, works())
		idle := start(t, beside(api, signals, works(booking.TrackingPool, booking.ProviderPool), func(p *parts) {
			p.queue = empty{p.memory}
		}))
		pass(time.Second)
		before := idle.count("booking_claims_total")
		for range 2000 {
			api.submit()
			pass(time.Millisecond)
		}
		woken := idle.count("booking_claims_total") - before
		require.Positive(t, woken)
		require.LessOrEqual(t, woken, 100, "of one pool, and not more than 50 times a second")
		require.LessOrEqual(t, medium.texts, 101)
	})
}

func TestAnEngineIsNotKeptBySignalsThatHang(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, func(p *parts) { p.deps.Signals = tar{} })
		for range 100 {
			require.Equal(t, booking.Confirmed, r.ended(r.submit()).Result)
		}
		require.NoError(t, r.Healthy())
	})
}

// empty has never anything for those who claim.
type empty struct{ workers.Queue }

func (empty) Claim(context.Context, booking.Claim) ([]*booking.Booking, error) { return nil, nil }

// tar never gets anything done.
type tar struct{}

func (tar) Tell(ctx context.Context, _ []string) error {
	<-ctx.Done()
	return ctx.Err()
}

func (tar) Hear(ctx context.Context, _ func(), _ func(string)) error {
	<-ctx.Done()
	return ctx.Err()
}
