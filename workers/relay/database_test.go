package relay_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
	"hotelbooking/booking/bookingtest"
	"hotelbooking/store"
	"hotelbooking/store/storetest"
	"hotelbooking/workers/relay"
)

func TestMain(m *testing.M) { os.Exit(storetest.Run(m)) }

// told is a store with one subscriber.
func told(c *store.Config) { c.Subscribers, c.MaxConns = []string{"one"}, 8 }

// walks is what is told of a booking that walk takes to its end.
var walks = []string{"1.0 booking.accepted", "4.0 payment.authorized", "5.0 booking.confirmed", "6.0 payment.captured"}

// walk accepts booking number n and takes it to its end, as the engine does.
func walk(ctx context.Context, s *store.Store, n int) error {
	flow := booking.NewFlow(booking.Outside{}, booking.DefaultLimits())
	b, entry := flow.Begin(bookingtest.Ask(func(ask *booking.Ask) {
		ask.ID = booking.ID(fmt.Sprintf("01945e2a-7c00-7000-8000-%012x", n))
		ask.Reference = booking.NewReference([6]byte{byte(n >> 8), byte(n), 1, 2, 3, 4})
	}), time.Now())
	receipt, err := s.Accept(ctx, booking.Acceptance{Booking: b, Entry: entry, Key: fmt.Sprint(n), Owner: "test.1", Lease: time.Minute})
	if err != nil {
		return err
	}
	for b = receipt.Booking; b.Place.Phase != booking.Ended; {
		after := b.Clone()
		entry := flow.Apply(after, booking.Next(), time.Now())
		entry.Happenings = booking.Happenings(b, after)
		if err := s.Save(ctx, after, entry, time.Minute); err != nil {
			return err
		}
		after.Owner = b.Owner
		b = after
	}
	return nil
}

func walkAll(t testing.TB, s *store.Store, bookings int) {
	t.Helper()
	for n := range bookings {
		require.NoError(t, walk(t.Context(), s, n))
	}
}

func quick(c *relay.Config) { c.Poll, c.BackoffCap = 10*time.Millisecond, 10*time.Millisecond }

// requireWalked: everything was told, and for the first time in the order of each booking.
func requireWalked(t testing.TB, bookings int, events []booking.Event) {
	t.Helper()
	all := byBooking(events)
	require.Len(t, all, bookings)
	for id, is := range all {
		require.Equal(t, walks, is, id)
	}
}

func TestAllIsToldInTheOrderOfEachBooking(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		const bookings = 40
		walkAll(t, s, bookings)
		to := newHearer(takesAll)
		r := started(t, config(quick, func(c *relay.Config) { c.Batch = 7 }), relay.Deps{Outbox: s, Boot: "a"}, to)
		to.until(len(walks) * bookings)
		require.NoError(t, r.Stop(t.Context()))
		require.Len(t, to.events(), len(walks)*bookings, "each once")
		requireWalked(t, bookings, to.events())
		figures, err := s.EventFigures(t.Context(), "one")
		require.NoError(t, err)
		require.Zero(t, figures)
	}, told)
}

// mortal is the outbox of a relay that dies: from some moment on nothing that it does reaches the database.
type mortal struct {
	*store.Store
	died chan struct{}
	once *sync.Once
}

func (m mortal) SettleEvents(context.Context, booking.EventClaim, []booking.Event) error {
	m.once.Do(func() { close(m.died) })
	return errors.New("it is dead")
}

func TestWhatARelayDiedWithIsToldTwiceAndNeverMissed(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		const bookings = 20
		walkAll(t, s, bookings)
		to := newHearer(takesAll)
		dying := mortal{s, make(chan struct{}), new(sync.Once)}
		dead := relay.New(config(quick, func(c *relay.Config) { c.Timeout = 100 * time.Millisecond }), relay.Deps{Outbox: dying, Boot: "dead"}, relay.Subscription{Name: "one", To: to})
		dead.BriefLease(0)
		require.NoError(t, dead.Start())
		<-dying.died
		require.NoError(t, dead.Stop(t.Context()))
		published := to.events()
		require.NotEmpty(t, published)

		r := started(t, config(quick), relay.Deps{Outbox: s, Boot: "next"}, to)
		to.untilHeard(len(walks)*bookings + len(published))
		require.NoError(t, r.Stop(t.Context()))
		requireWalked(t, bookings, to.events())
		require.Len(t, to.events(), len(walks)*bookings+len(published), "those that were published before it died, twice")
	}, told)
}

// Whoever takes a part and says no is told of all of it again.
func TestASubscriberThatTakesAPartMissesNothing(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		const bookings = 20
		walkAll(t, s, bookings)
		to := newHearer(func(_ context.Context, n int, events []booking.Event) (int, error) {
			if n%3 != 0 {
				return rand.IntN(len(events) + 1), errDown
			}
			return len(events), nil
		})
		r := started(t, config(quick), relay.Deps{Outbox: s, Boot: "a"}, to)
		to.until(len(walks) * bookings)
		require.NoError(t, r.Stop(t.Context()))
		requireWalked(t, bookings, to.events())
	}, told)
}

func TestRelaysThatCompeteKeepTheOrderOfEachBooking(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		const bookings, writers = 120, 6
		to := newHearer(func(_ context.Context, n int, events []booking.Event) (int, error) {
			if n%5 == 0 { // and now and then it takes a part
				return rand.IntN(len(events) + 1), errDown
			}
			return len(events), nil
		})
		var relays []*relay.Relay
		for i := range 3 {
			cfg := config(quick, func(c *relay.Config) { c.Batch = 5 + 20*i })
			relays = append(relays, started(t, cfg, relay.Deps{Outbox: s, Boot: fmt.Sprint(i)}, to))
		}
		var writing sync.WaitGroup
		problems := make([]error, writers)
		for w := range writers {
			writing.Go(func() {
				for n := w; n < bookings && problems[w] == nil; n += writers {
					problems[w] = walk(t.Context(), s, n)
				}
			})
		}
		writing.Wait()
		require.NoError(t, errors.Join(problems...))
		to.until(len(walks) * bookings)
		for _, r := range relays {
			require.NoError(t, r.Stop(t.Context()))
		}
		requireWalked(t, bookings, to.events())
	}, told)
}

// The store tells its own process of a commit, and the relay looks at once: the poll here comes after an hour.
func TestACommitWakesTheRelayOfItsProcess(t *testing.T) {
	t.Parallel()
	var r *relay.Relay
	s := storetest.SQLite(t, told, func(c *store.Config) { c.Told = func() { r.Wake() } })
	to := newHearer(takesAll)
	r = started(t, config(func(c *relay.Config) { c.Poll = time.Hour }), relay.Deps{Outbox: s, Boot: "a"}, to)
	walkAll(t, s, 5)
	to.until(5 * len(walks))
	requireWalked(t, 5, to.events())
}
