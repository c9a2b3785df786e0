package store_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"hotelbooking/booking"
	"hotelbooking/store"
	"hotelbooking/store/storetest"
)

// Submissions under keys that are used again: one after the other, at once, in one batch, by several clients, with other
// contents, after the booking has moved and after its guests were erased. A client's key makes one booking, for ever.
func TestIdempotencyMachine(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		storetest.Machine(t, func(rt *rapid.T) { runKeys(rt, s) })
	})
}

// keysModel is which booking each key of each client has made.
type keysModel struct {
	store *store.Store
	ctx   context.Context
	made  map[clientKey]*keyed
	name  string // of this run: the clients are its own
}

type clientKey struct{ client, key string }

// keyed is what a key has made.
type keyed struct {
	first   booking.Acceptance
	lines   []string // of its history: the verbs
	erased  bool
	entries int
}

func runKeys(t *rapid.T, s *store.Store) {
	m := &keysModel{store: s, ctx: context.Background(), made: map[clientKey]*keyed{}, name: fmt.Sprint("c", machineBookings.Add(1))}
	t.Repeat(map[string]func(*rapid.T){
		"submit": m.submit, "submit at once": m.atOnce, "submit in one batch": m.together, "repeat the very same": m.same,
		"move": m.move, "erase": m.erase, "": m.check,
	})
}

// draw is a submission under one of a few keys, with one of two contents.
func (m *keysModel) draw(t *rapid.T) booking.Acceptance {
	client := m.name + rapid.SampledFrom([]string{"a", "b"}).Draw(t, "client")
	b, entry := machineBooking(func(a *booking.Ask) { a.Client = client })
	a := booking.Acceptance{
		Booking: b, Entry: entry, Key: rapid.SampledFrom([]string{"k1", "k2", "k3", "K1"}).Draw(t, "key"),
		Fingerprint: [32]byte{byte(rapid.IntRange(1, 2).Draw(t, "content"))},
	}
	if rapid.Bool().Draw(t, "leased") {
		a.Owner, a.Lease = "p.1", time.Minute
	}
	return a
}

func keyOf(a booking.Acceptance) clientKey { return clientKey{a.Booking.Client, a.Key} }

// answered holds the answers to submissions, of which nobody knows the order, against the model: of those of one new key just
// one makes the booking, and the others are answered as if it had been there.
func (m *keysModel) answered(t *rapid.T, asked []booking.Acceptance, receipts []booking.Receipt, errs []error) {
	for i, a := range asked {
		if errs[i] != nil || receipts[i].Replayed {
			continue
		}
		require.Nil(t, m.made[keyOf(a)], "a second booking of one key")
		require.Equal(t, a.Booking.ID, receipts[i].Booking.ID)
		require.Equal(t, a.Owner, receipts[i].Booking.Owner)
		m.made[keyOf(a)] = &keyed{first: a, lines: []string{"accept"}}
	}
	for i, a := range asked {
		made := m.made[keyOf(a)]
		require.NotNil(t, made, "no booking of a key that was answered: %v", errs[i])
		switch {
		case a.Booking.ID == made.first.Booking.ID:
			require.NoError(t, errs[i])
			continue
		case a.Fingerprint != made.first.Fingerprint:
			require.ErrorIs(t, errs[i], booking.ErrKeyReused)
		default:
			require.NoError(t, errs[i])
			require.True(t, receipts[i].Replayed)
			require.Equal(t, made.first.Booking.ID, receipts[i].Booking.ID)
			require.Len(t, made.lines, receipts[i].Booking.Version, "as it is by now")
			require.Zero(t, receipts[i].Booking.Contact, "without its people")
		}
		_, err := m.store.Get(m.ctx, a.Booking.ID)
		require.ErrorIs(t, err, booking.ErrNotFound, "nothing else was stored")
	}
}

func (m *keysModel) submit(t *rapid.T) {
	a := m.draw(t)
	receipt, err := m.store.Accept(m.ctx, a)
	m.answered(t, []booking.Acceptance{a}, []booking.Receipt{receipt}, []error{err})
}

func (m *keysModel) several(t *rapid.T) []booking.Acceptance {
	var asked []booking.Acceptance
	for range rapid.IntRange(2, 6).Draw(t, "submissions") {
		asked = append(asked, m.draw(t))
	}
	return asked
}

func (m *keysModel) atOnce(t *rapid.T) {
	asked := m.several(t)
	receipts, errs := make([]booking.Receipt, len(asked)), make([]error, len(asked))
	var callers sync.WaitGroup
	for i, a := range asked {
		callers.Go(func() { receipts[i], errs[i] = m.store.Accept(m.ctx, a) })
	}
	callers.Wait()
	m.answered(t, asked, receipts, errs)
}

func (m *keysModel) together(t *rapid.T) {
	asked := m.several(t)
	receipts, errs := m.store.Together(m.ctx, asked...)
	m.answered(t, asked, receipts, errs)
}

// one is a key that has made a booking.
func (m *keysModel) one(t *rapid.T) *keyed {
	var all []*keyed
	for _, made := range m.made {
		all = append(all, made)
	}
	if len(all) == 0 {
		t.Skip("no booking yet")
	}
	slices.SortFunc(all, func(a, b *keyed) int { return cmp.Compare(a.first.Booking.ID, b.first.Booking.ID) })
	return rapid.SampledFrom(all).Draw(t, "booking")
}

// same is a submission whose answer was lost, sent once more by the process that made it.
func (m *keysModel) same(t *rapid.T) {
	made := m.one(t)
	receipt, err := m.store.Accept(m.ctx, made.first)
	require.NoError(t, err)
	require.False(t, receipt.Replayed)
	require.Equal(t, made.first.Booking.ID, receipt.Booking.ID)
}

func (m *keysModel) move(t *rapid.T) {
	made := m.one(t)
	verb := rapid.SampledFrom([]booking.Verb{booking.VerbNote, booking.VerbCancel}).Draw(t, "verb")
	_, err := m.store.Decide(m.ctx, made.first.Booking.ID, func(b *booking.Booking) (booking.Entry, error) {
		return flow().Decide(b, booking.Decision{Verb: verb, Actor: booking.CustomerActor, Reason: "why"}, time.Now())
	})
	if err == nil {
		made.lines = append(made.lines, string(verb))
	}
}

func (m *keysModel) erase(t *rapid.T) {
	made := m.one(t)
	_, err := m.store.Erase(m.ctx, made.first.Booking.ID, erasure)
	require.NoError(t, err)
	made.erased = true
	made.lines = append(made.lines, string(booking.VerbErase))
}

func (m *keysModel) check(t *rapid.T) {
	want := map[string]int{}
	for key, made := range m.made {
		id := made.first.Booking.ID
		want[key.client]++
		b, err := m.store.Get(m.ctx, id)
		require.NoError(t, err)
		require.Len(t, made.lines, b.Version)
		stored, err := m.store.IdempotencyKey(m.ctx, id)
		require.NoError(t, err)
		require.Equal(t, key.key, stored)
		contact, _, err := m.store.People(m.ctx, id)
		require.NoError(t, err)
		require.Equal(t, made.erased, contact == booking.Contact{})
		if len(made.lines) == made.entries {
			continue // it was looked at before
		}
		entries, err := m.store.History(m.ctx, id)
		require.NoError(t, err)
		var verbs []string
		for _, e := range entries {
			verbs = append(verbs, e.Verb)
		}
		require.Equal(t, made.lines, verbs)
		made.entries = len(made.lines)
	}
	for client, n := range want {
		list, err := m.store.ByClientReference(m.ctx, client, "web-4711")
		require.NoError(t, err)
		require.Len(t, list, n, "bookings that no key has made")
	}
}
