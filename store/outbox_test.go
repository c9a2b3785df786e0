package store_test

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
	"hotelbooking/store"
	"hotelbooking/store/storetest"
)

// toldTo makes a store whose events somebody wants.
func toldTo(subscribers ...string) func(*store.Config) {
	return func(c *store.Config) { c.Subscribers = subscribers }
}

// turnTold is a turn as the engine makes it, with what other systems are told.
func turnTold(t testing.TB, s *store.Store, b *booking.Booking, o booking.Outcome) *booking.Booking {
	t.Helper()
	after, entry := turn(b, o)
	entry.Happenings = booking.Happenings(b, after)
	require.NoError(t, s.Save(t.Context(), after, entry, time.Minute))
	return after
}

// walked takes booking number n to its end: it is accepted, authorised, confirmed and captured.
func walked(t testing.TB, s *store.Store, n int) *booking.Booking {
	t.Helper()
	b := accepted(t, s, n, leased)
	for b.Place.Phase != booking.Ended {
		owner := b.Owner
		b = turnTold(t, s, b, booking.Next())
		b.Owner = owner
	}
	return b
}

// walks is what is told of a booking that walked gave.
var walks = []string{"1 booking.accepted", "4 payment.authorized", "5 booking.confirmed", "6 payment.captured"}

func claim(owner string, change ...func(*booking.EventClaim)) booking.EventClaim {
	c := booking.EventClaim{Subscriber: "one", Owner: owner, Limit: 1000, Lease: time.Minute}
	for _, f := range change {
		f(&c)
	}
	return c
}

// drained claims and settles until nothing is left, and gives what was told of each booking.
func drained(t testing.TB, s *store.Store, c booking.EventClaim) map[booking.ID][]string {
	t.Helper()
	told := map[booking.ID][]string{}
	for {
		events, err := s.ClaimEvents(t.Context(), c)
		require.NoError(t, err)
		if len(events) == 0 {
			return told
		}
		hear(told, events)
		require.NoError(t, s.SettleEvents(t.Context(), c, events))
	}
}

func hear(told map[booking.ID][]string, events []booking.Event) {
	for _, e := range events {
		told[e.Booking] = append(told[e.Booking], fmt.Sprintf("%d %s", e.Version, e.Type))
	}
}

func ids(events []booking.Event) (all []string) {
	for _, e := range events {
		all = append(all, e.ID)
	}
	return all
}

func TestEventsLeaveInTheOrderOfEachBooking(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		want := map[booking.ID][]string{}
		for n := range 40 {
			want[walked(t, s, n).ID] = walks
		}
		small := claim("a", func(c *booking.EventClaim) { c.Limit = 7 })
		require.Equal(t, want, drained(t, s, small))
	}, toldTo("one"))
}

func TestAnEventIsWhatWasSaidOfTheChange(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		a := acceptance(1)
		_, err := s.Accept(t.Context(), a)
		require.NoError(t, err)
		want, err := booking.Events(a.Booking, a.Entry)
		require.NoError(t, err)
		want[0].At = want[0].At.UTC().Truncate(time.Microsecond)

		got, err := s.ClaimEvents(t.Context(), claim("a"))

		require.NoError(t, err)
		require.Equal(t, want, got)
	}, toldTo("one"))
}

func TestDecisionsAreToldToo(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		b := accepted(t, s, 1)
		parked := saved(t, s, claimedOne(t, s), booking.Park(booking.Staff, booking.FraudReview))
		require.Equal(t, b.ID, parked.ID)
		_, err := s.Decide(t.Context(), b.ID, func(b *booking.Booking) (booking.Entry, error) {
			before := b.Clone()
			entry := flow().Apply(b, booking.Reject(booking.OfferSoldOut), time.Now())
			entry.Happenings = booking.Happenings(before, b)
			return entry, nil
		})
		require.NoError(t, err)
		require.Equal(t, map[booking.ID][]string{b.ID: {"1 booking.accepted", "3 booking.failed"}}, drained(t, s, claim("a")))
	}, toldTo("one"))
}

func claimedOne(t testing.TB, s *store.Store) *booking.Booking {
	t.Helper()
	claimed, err := s.Claim(t.Context(), booking.Claim{Pool: booking.ProviderPool, Limit: 1, Owner: "test.1", Lease: time.Minute})
	require.NoError(t, err)
	require.Len(t, claimed, 1)
	return claimed[0]
}

func TestWhereNobodyWantsToKnowNothingIsWritten(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		walked(t, s, 1)
		for _, count := range []string{"SELECT COUNT(*) FROM outbox", "SELECT COUNT(*) FROM relays", "SELECT COUNT(events) FROM history"} {
			lines, err := s.Lines(t.Context(), count)
			require.NoError(t, err)
			require.Equal(t, []string{"0"}, lines, count)
		}
	})
}

func TestWhatWasRefusedIsNotTold(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		b := accepted(t, s, 1, leased)
		replay := acceptance(1)
		replay.Booking.ID = "01945e2a-7c00-7000-8000-0000000000ff"
		_, err := s.Accept(t.Context(), replay)
		require.NoError(t, err)
		late, entry := turn(b, booking.Reject(booking.OfferSoldOut))
		entry.Happenings, late.Owner = booking.Happenings(b, late), "another.1"
		require.ErrorIs(t, s.Save(t.Context(), late, entry, 0), booking.ErrLost)

		require.Equal(t, map[booking.ID][]string{b.ID: {"1 booking.accepted"}}, drained(t, s, claim("a")))
	}, toldTo("one"))
}

func TestASaveThatIsRepeatedIsToldOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		b := accepted(t, s, 1, leased)
		after, entry := turn(b, booking.Reject(booking.OfferSoldOut))
		entry.Happenings = booking.Happenings(b, after)
		for range 2 {
			require.NoError(t, s.Save(t.Context(), after, entry, 0))
		}
		require.Equal(t, map[booking.ID][]string{b.ID: {"1 booking.accepted", "2 booking.failed"}}, drained(t, s, claim("a")))
	}, toldTo("one"))
}

func TestOneRelayAtATimeTellsOfABooking(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		walked(t, s, 1)
		first, err := s.ClaimEvents(t.Context(), claim("a"))
		require.NoError(t, err)
		require.Len(t, first, 4)

		others, err := s.ClaimEvents(t.Context(), claim("b"))
		require.NoError(t, err)
		require.Empty(t, others, "somebody is at it")

		require.NoError(t, s.SettleEvents(t.Context(), claim("a"), nil))
		again, err := s.ClaimEvents(t.Context(), claim("b"))
		require.NoError(t, err)
		require.Equal(t, ids(first), ids(again), "the subscriber did not take them")

		require.NoError(t, s.SettleEvents(t.Context(), claim("b"), again))
		require.Empty(t, drained(t, s, claim("c")))
	}, toldTo("one"))
}

func TestWhatADeadRelayHadComesAgainWithTheSameIds(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		walked(t, s, 1)
		brief := func(c *booking.EventClaim) { c.Lease = 0 }
		published, err := s.ClaimEvents(t.Context(), claim("dead", brief))
		require.NoError(t, err)
		require.Len(t, published, 4)

		again, err := s.ClaimEvents(t.Context(), claim("next"))

		require.NoError(t, err)
		require.Equal(t, ids(published), ids(again))
		require.NoError(t, s.SettleEvents(t.Context(), claim("dead"), nil), "a late word of the dead one changes nothing")
		none, err := s.ClaimEvents(t.Context(), claim("third"))
		require.NoError(t, err)
		require.Empty(t, none)
	}, toldTo("one"))
}

func TestEachSubscriberIsToldByItself(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		b := walked(t, s, 1)
		want := map[booking.ID][]string{b.ID: walks}
		require.Equal(t, want, drained(t, s, claim("a")))
		b2 := walked(t, s, 2)
		require.Equal(t, map[booking.ID][]string{b2.ID: walks}, drained(t, s, claim("a")))

		two := claim("b", func(c *booking.EventClaim) { c.Subscriber = "two" })
		want[b2.ID] = walks
		require.Equal(t, want, drained(t, s, two), "who was down has missed nothing")
	}, toldTo("one", "two"))
}

// What is committed late has a smaller id, and an earlier time, than what was relayed long ago.
func TestWhatIsCommittedInAnotherOrderThanThatOfItsIdsIsNotMissed(t *testing.T) {
	t.Parallel()
	cfg := storetest.PostgresConfig(t)
	s := storetest.Open(t, cfg, toldTo("one"))
	late := accepted(t, s, 1, leased)
	require.Len(t, drained(t, s, claim("a")), 1)
	db, err := sql.Open("pgx", cfg.URL)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	tx, err := db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	for _, statement := range []string{
		`INSERT INTO history (booking_id, version, attempt, at, took_us, actor, verb, from_phase, from_step, to_phase, to_step, outcome, status, written_by, reason, detail, events)
		 SELECT booking_id, 2, attempt, at, took_us, actor, verb, from_phase, from_step, to_phase, to_step, outcome, status, 'x', reason, detail, events
		 FROM history WHERE booking_id = $1`,
		`INSERT INTO outbox (subscriber, shard, booking_id, version) SELECT 'one', r.shard, $1, 2 FROM relays AS r WHERE r.shard = ` + fmt.Sprint(store.ShardOf(late.ID)),
	} {
		_, err = tx.ExecContext(t.Context(), statement, string(late.ID))
		require.NoError(t, err)
	}
	later := map[booking.ID][]string{}
	for n := 2; n < 60; n++ { // in all shards, that of the late one among them
		later[accepted(t, s, n).ID] = []string{"1 booking.accepted"}
	}
	require.Equal(t, later, drained(t, s, claim("a")), "all that is committed, and nothing else")

	require.NoError(t, tx.Commit())

	require.Equal(t, map[booking.ID][]string{late.ID: {"2 booking.accepted"}}, drained(t, s, claim("a")))
}

func TestTwoRelaysAtOnceKeepTheOrderOfEachBooking(t *testing.T) {
	t.Parallel()
	const bookings, writers = 160, 8
	s := storetest.OnPostgres(t, toldTo("one"), func(c *store.Config) { c.MaxConns = 12 })
	var heard sync.Mutex
	told := map[booking.ID][]string{}
	twice := 0
	var written atomic.Bool
	var writing, relaying sync.WaitGroup
	for w := range writers {
		writing.Go(func() {
			for n := w; n < bookings; n += writers {
				walked(t, s, n)
			}
		})
	}
	relay := func(owner string) {
		random := rand.New(rand.NewPCG(uint64(len(owner)), 1))
		for round := 0; ; round++ {
			c := claim(fmt.Sprintf("%s.%d", owner, round), func(c *booking.EventClaim) { c.Limit = 1 + random.IntN(40) })
			last := written.Load()
			events, err := s.ClaimEvents(t.Context(), c)
			if !noError(t, err) || last && len(events) == 0 && nothingWaits(t, s) {
				return
			}
			heard.Lock()
			hear(told, events)
			heard.Unlock()
			if random.IntN(4) == 0 { // it dies between the subscriber's word and its own
				heard.Lock()
				twice += len(events)
				heard.Unlock()
				if !noError(t, s.SettleEvents(context.WithoutCancel(t.Context()), c, nil)) {
					return
				}
				continue
			}
			if !noError(t, s.SettleEvents(t.Context(), c, events)) {
				return
			}
		}
	}
	for _, owner := range []string{"a", "bb"} {
		relaying.Go(func() { relay(owner) })
	}
	writing.Wait()
	written.Store(true)
	relaying.Wait()

	require.Len(t, told, bookings)
	require.NotZero(t, twice)
	for id, events := range told {
		var first []string
		for _, e := range events {
			if !slices.Contains(first, e) {
				first = append(first, e)
			}
		}
		require.Equal(t, walks, first, "%s: %s", id, strings.Join(events, ", "))
	}
}

// nothingWaits tells whether nothing waits, leased or not.
func nothingWaits(t testing.TB, s *store.Store) bool {
	lines, err := s.Lines(t.Context(), "SELECT COUNT(*) FROM outbox")
	return noError(t, err) && lines[0] == "0"
}

// noError is for goroutines, which cannot end a test.
func noError(t testing.TB, err error) bool {
	if err != nil {
		t.Errorf("unexpected: %v", err)
	}
	return err == nil
}
