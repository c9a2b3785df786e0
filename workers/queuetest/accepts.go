package queuetest

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
)

func acceptThenGet(s *scene) {
	b, entry := s.begin()
	receipt := s.accept(booking.Acceptance{Booking: b, Entry: entry, Key: "k"})
	require.False(s, receipt.Replayed)
	require.Equal(s, b.Contact, receipt.Booking.Contact, "the engine goes on with it in memory")

	got := s.get(b.ID)
	require.Equal(s, b.Reference, got.Reference)
	require.Equal(s, b.Client, got.Client)
	require.Equal(s, b.ClientReference, got.ClientReference)
	require.Equal(s, b.Offer, got.Offer)
	require.Equal(s, b.Attribution, got.Attribution)
	require.Equal(s, b.PaymentToken, got.PaymentToken)
	require.Equal(s, b.Facts.Marks, got.Facts.Marks)
	require.Equal(s, b.Place, got.Place)
	require.Equal(s, b.Goal, got.Goal)
	require.Equal(s, 1, got.Version)
	require.WithinDuration(s, b.CreatedAt, got.CreatedAt, time.Microsecond)
	require.Empty(s, got.Owner)

	require.Equal(s, booking.Contact{}, got.Contact)
	require.Len(s, got.Stay.Rooms, 1)
	require.Equal(s, 2, got.Stay.Rooms[0].Adults)
	require.Empty(s, got.Stay.Rooms[0].Guests)
	s.history(b.ID, "accept")

	_, err := s.queue.Get(s.ctx, "01945e2a-7c00-7000-8000-ffffffffffff")
	require.ErrorIs(s, err, booking.ErrNotFound)
}

func acceptAgain(s *scene) {
	first, entry := s.begin()
	s.accept(booking.Acceptance{Booking: first, Entry: entry, Key: "k", Fingerprint: [32]byte{1}})
	after, turn := s.turn(s.claimOne("a.1"), booking.Next())
	require.NoError(s, s.queue.Save(s.ctx, after, turn, 0))

	second, entry := s.begin()
	receipt := s.accept(booking.Acceptance{Booking: second, Entry: entry, Key: "k", Fingerprint: [32]byte{1}, Owner: "b.1", Lease: minute})
	require.True(s, receipt.Replayed)
	require.Equal(s, first.ID, receipt.Booking.ID)
	require.Equal(s, 2, receipt.Booking.Version, "as it is by now")
	require.Empty(s, receipt.Booking.Owner, "the second caller holds nothing")
	_, err := s.queue.Get(s.ctx, second.ID)
	require.ErrorIs(s, err, booking.ErrNotFound)
	s.history(first.ID, "accept", "turn")
}

func acceptAnother(s *scene) {
	first, entry := s.begin()
	s.accept(booking.Acceptance{Booking: first, Entry: entry, Key: "k", Fingerprint: [32]byte{1}})
	second, entry := s.begin()
	_, err := s.queue.Accept(s.ctx, booking.Acceptance{Booking: second, Entry: entry, Key: "k", Fingerprint: [32]byte{2}})
	require.ErrorIs(s, err, booking.ErrKeyReused)
	_, err = s.queue.Get(s.ctx, second.ID)
	require.ErrorIs(s, err, booking.ErrNotFound)
}

func acceptOfAnotherClient(s *scene) {
	for _, client := range []string{"web", "app"} {
		b, entry := s.begin(func(b *booking.Booking) { b.Client = client })
		require.False(s, s.accept(booking.Acceptance{Booking: b, Entry: entry, Key: "k"}).Replayed)
	}
}

func acceptAtOnce(s *scene) {
	const callers = 50
	var callersDone sync.WaitGroup
	var fresh atomic.Int64
	made := make([]booking.ID, callers)
	for i := range callers {
		b, entry := s.begin()
		callersDone.Go(func() {
			receipt, err := s.queue.Accept(s.ctx, booking.Acceptance{Booking: b, Entry: entry, Key: "k", Fingerprint: [32]byte{1}})
			if err != nil {
				s.Errorf("accept: %v", err)
				return
			}
			if made[i] = receipt.Booking.ID; !receipt.Replayed {
				fresh.Add(1)
			}
		})
	}
	callersDone.Wait()
	require.EqualValues(s, 1, fresh.Load())
	for _, id := range made {
		require.Equal(s, made[0], id)
	}
	require.Len(s, s.claim("a.1"), 1)
}

func acceptLeased(s *scene) {
	b := s.leased(minute)
	require.Equal(s, "first.1", b.Owner)
	s.nothingDue()
	require.Equal(s, "first.1", s.get(b.ID).Owner)
	after, entry := s.turn(b, booking.Next())
	require.NoError(s, s.queue.Save(s.ctx, after, entry, 0))
}

func acceptDue(s *scene) {
	later := s.stored(due(time.Hour))
	s.nothingDue()
	now := s.stored(due(-time.Second))
	require.Equal(s, []booking.ID{now.ID}, ids(s.claim("a.1")))
	require.WithinDuration(s, time.Now().Add(time.Hour), s.get(later.ID).DueAt, minute)
}

func acceptTooLate(s *scene) {
	ctx, cancel := context.WithCancel(s.ctx)
	cancel()
	b, entry := s.begin()
	_, err := s.queue.Accept(ctx, booking.Acceptance{Booking: b, Entry: entry, Key: "k"})
	require.ErrorIs(s, err, context.Canceled)
	_, err = s.queue.Get(s.ctx, b.ID)
	require.ErrorIs(s, err, booking.ErrNotFound)
}
