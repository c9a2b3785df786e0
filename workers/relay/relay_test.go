package relay_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
	"hotelbooking/workers/relay"
)

var errDown = errors.New("down")

func TestWhatIsCommittedIsToldAtOnceByWhoeverIsWoken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		box, to := &shelf{}, newHearer(takesAll)
		r := started(t, config(), relay.Deps{Outbox: box}, to)
		synctest.Wait()
		begin := time.Now()
		box.put(event(1, 1))
		r.Wake()
		synctest.Wait()
		require.Len(t, to.events(), 1)
		require.Equal(t, begin, time.Now(), "nobody waited for the poll")
		require.Zero(t, box.left())
	})
}

func TestWhatOthersCommitIsToldAtThePoll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		box, to := &shelf{}, newHearer(takesAll)
		started(t, config(), relay.Deps{Outbox: box}, to)
		synctest.Wait()
		box.put(event(1, 1))
		pass(config().Poll * 5 / 4)
		require.Len(t, to.events(), 1)
	})
}

func TestASubscriberThatIsDownIsAskedLessAndLess(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var back atomic.Bool
		box := &shelf{}
		logger, lines := logged()
		to := newHearer(func(_ context.Context, _ int, events []booking.Event) (int, error) {
			if !back.Load() {
				return 0, errDown
			}
			return len(events), nil
		})
		box.put(event(1, 1), event(1, 2))
		r := started(t, config(), relay.Deps{Outbox: box, Log: logger}, to)
		asked := 0
		for _, most := range []int{9, 3, 3, 3} { // in a minute each: 1/4, 1/2, ... s apart, and then half a minute, give or take a quarter
			for range 600 {
				pass(100 * time.Millisecond)
				r.Wake() // is no reason to hurry
			}
			require.Greater(t, to.called(), asked, "it is asked again")
			require.LessOrEqual(t, to.called()-asked, most)
			asked = to.called()
		}
		require.Equal(t, []string{"warn events wait, and are told of again and again"}, messages(lines), "once")

		back.Store(true)
		pass(45 * time.Second)
		require.Equal(t, event(1, 1).ID, to.events()[0].ID)
		require.Len(t, to.events(), 2)
		pass(relay.Calm + time.Minute)
		require.Equal(t, []string{"warn events wait, and are told of again and again", "info events are told of again"}, messages(lines))
	})
}

func TestOneBookingThatIsNotTakenKeepsNothingFromTheOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		box, bad := &shelf{}, event(1, 1)
		logger, lines := logged()
		to := newHearer(func(_ context.Context, _ int, events []booking.Event) (int, error) {
			for _, e := range events {
				if e.Booking == bad.Booking {
					return 0, errDown
				}
			}
			return len(events), nil
		})
		box.put(bad)
		for n := 2; n < 500; n++ {
			box.put(event(n, 1), event(n, 2))
		}
		started(t, config(), relay.Deps{Outbox: box, Log: logger}, to)
		pass(time.Minute)
		require.Len(t, firsts(to.events()), 2*498)
		require.Len(t, to.events(), 2*498, "each once: nobody is told again because of somebody else")
		require.Equal(t, 1, box.left(), "it is not given up")
		require.Len(t, lines.All(), 1)
	})
}

func TestWhereNothingIsTakenNotAllIsTried(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		box, to := &shelf{}, newHearer(func(context.Context, int, []booking.Event) (int, error) { return 0, errDown })
		for n := range 100 {
			box.put(event(n, 1))
		}
		started(t, config(), relay.Deps{Outbox: box}, to)
		pass(2 * relay.BackoffBase) // the first round, with all at once, and the second
		require.Equal(t, 1+relay.MostRefused, to.called())
	})
}

func TestASubscriberWhoPanicsIsToldAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		box := &shelf{}
		to := newHearer(func(_ context.Context, n int, events []booking.Event) (int, error) {
			if n == 1 {
				panic("a defect")
			}
			return len(events), nil
		})
		box.put(event(1, 1))
		started(t, config(), relay.Deps{Outbox: box}, to)
		pass(time.Minute)
		require.Len(t, to.events(), 1)
		require.Zero(t, box.left())
	})
}

func TestASubscriberWhoHangsIsLeftWhenItsTimeIsUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		box := &shelf{}
		to := newHearer(func(ctx context.Context, n int, events []booking.Event) (int, error) {
			if n == 1 {
				<-ctx.Done()
				return 0, context.Cause(ctx)
			}
			return len(events), nil
		})
		box.put(event(1, 1))
		logger, lines := logged()
		started(t, config(), relay.Deps{Outbox: box, Log: logger}, to)
		pass(config().Timeout + time.Second)
		require.Len(t, to.events(), 1)
		require.Contains(t, lines.All()[0].ContextMap()["error"], "did not take the events in time")
	})
}

// What a subscriber has is not forgotten because the database is away when that is to be written.
func TestWhatWasTakenIsSettledOnceTheDatabaseIsBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		box := &shelf{}
		to := newHearer(func(_ context.Context, _ int, events []booking.Event) (int, error) {
			box.fail(errDown)
			return len(events), nil
		})
		box.put(event(1, 1))
		started(t, config(), relay.Deps{Outbox: box}, to)
		pass(time.Minute)
		require.Equal(t, 1, box.left())
		box.fail(nil)
		pass(2 * relay.SettlePause)
		require.Zero(t, box.left())
		require.Len(t, to.events(), 1, "once")
	})
}

func TestADatabaseThatIsAwayIsAskedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		box, to := &shelf{}, newHearer(takesAll)
		logger, lines := logged()
		box.fail(errDown)
		box.put(event(1, 1))
		started(t, config(), relay.Deps{Outbox: box, Log: logger}, to)
		pass(time.Minute)
		require.Less(t, box.claimed(), 20)
		box.fail(nil)
		pass(time.Minute)
		require.Len(t, to.events(), 1)
		require.Equal(t, []string{"warn events wait, and are told of again and again", "info events are told of again"}, messages(lines))
	})
}

func TestAStopWaitsForWhatIsBeingTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		box, release := &shelf{}, make(chan struct{})
		to := newHearer(func(_ context.Context, _ int, events []booking.Event) (int, error) {
			<-release
			return len(events), nil
		})
		box.put(event(1, 1))
		r := started(t, config(), relay.Deps{Outbox: box}, to)
		synctest.Wait()
		time.AfterFunc(time.Second, func() {
			box.put(event(2, 1))
			close(release)
		})
		require.NoError(t, r.Stop(t.Context()))
		require.Len(t, to.events(), 1, "what came meanwhile is another's")
		require.Equal(t, 1, box.left())
	})
}

func TestAStopThatMayNotWaitLeavesItToTheNext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		box := &shelf{}
		hanging := newHearer(func(ctx context.Context, _ int, _ []booking.Event) (int, error) {
			<-ctx.Done()
			return 0, context.Cause(ctx)
		})
		box.put(event(1, 1))
		r := started(t, config(func(c *relay.Config) { c.Timeout = time.Hour }), relay.Deps{Outbox: box}, hanging)
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, r.Stop(ctx), context.DeadlineExceeded)

		to := newHearer(takesAll)
		started(t, config(), relay.Deps{Outbox: box}, to)
		synctest.Wait()
		require.Len(t, to.events(), 1, "it was given back, an hour before its lease ends")
	})
}

func TestARelayThatWasNeverStartedStops(t *testing.T) {
	t.Parallel()
	r := relay.New(config(), relay.Deps{Outbox: &shelf{}}, relay.Subscription{Name: "one", To: newHearer(takesAll)})
	r.Wake()
	require.NoError(t, r.Stop(t.Context()))
}

func TestTheFiguresSayWhatWasToldAndWhatWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		box, registry := &shelf{}, prometheus.NewRegistry()
		var down atomic.Bool
		down.Store(true)
		to := newHearer(func(_ context.Context, _ int, events []booking.Event) (int, error) {
			if down.Load() {
				return 0, errDown
			}
			return len(events), nil
		})
		box.put(event(1, 1), event(1, 2), event(2, 1))
		started(t, config(), relay.Deps{Outbox: box, Metrics: registry}, to)
		synctest.Wait()
		require.InDelta(t, 3, gauge(t, registry, "booking_events_waiting"), 0)
		require.InDelta(t, 3, gauge(t, registry, "booking_events_lag_seconds"), 0)
		require.InDelta(t, 1, gauge(t, registry, "booking_events_failures_total"), 0)
		down.Store(false)
		pass(2 * relay.WatchEvery)
		require.InDelta(t, 0, gauge(t, registry, "booking_events_waiting"), 0)
		require.InDelta(t, 3, gauge(t, registry, "booking_events_taken_total"), 0)
		problems, err := testutil.GatherAndLint(registry)
		require.NoError(t, err)
		require.Empty(t, problems)
	})
}

// gauge is the only value of a metric.
func gauge(t testing.TB, registry *prometheus.Registry, name string) float64 {
	t.Helper()
	families, err := registry.Gather()
	require.NoError(t, err)
	for _, f := range families {
		if f.GetName() == name {
			require.Len(t, f.GetMetric(), 1)
			m := f.GetMetric()[0]
			return m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	require.Failf(t, "no such metric", name)
	return 0
}
