package queuetest

import (
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
)

func saveKeepsLease(s *scene) {
	b := s.leased(minute)
	after, entry := s.turn(b, booking.Next())
	require.NoError(s, s.queue.Save(s.ctx, after, entry, minute))
	got := s.get(b.ID)
	require.Equal(s, after.Place, got.Place)
	require.Equal(s, after.Facts.Marks, got.Facts.Marks)
	require.Equal(s, 2, got.Version)
	require.Equal(s, b.Owner, got.Owner)
	require.Empty(s, s.claim("a.1", func(c *booking.Claim) { c.Pool = booking.FraudPool }))

	after, entry = s.turn(after, booking.Next())
	require.NoError(s, s.queue.Save(s.ctx, after, entry, minute))
	s.history(b.ID, "accept", "turn", "turn")
}

func saveLeavesLease(s *scene) {
	b := s.leased(minute)
	until := s.get(b.ID).DueAt
	after, entry := s.turn(b, booking.Next())
	require.NoError(s, s.queue.Save(s.ctx, after, entry, booking.KeepLease))
	got := s.get(b.ID)
	require.Equal(s, until, got.DueAt)
	require.Equal(s, b.Owner, got.Owner)
	require.Equal(s, after.Place, got.Place)
	for _, pool := range booking.Pools() {
		require.Empty(s, s.claim("a.1", func(c *booking.Claim) { c.Pool = pool }))
	}
	s.expire(after)
	expired := s.claim("a.2", func(c *booking.Claim) { c.Pool = booking.FraudPool })
	require.Equal(s, ids([]*booking.Booking{b}), ids(expired), "by the pool of the step that it stands at")
}

func saveGivesBack(s *scene) {
	b := s.leased(minute)
	after, entry := s.turn(b, booking.Retry(booking.SupplierUnavailable, time.Hour))
	require.NoError(s, s.queue.Save(s.ctx, after, entry, 0))
	s.nothingDue()
	got := s.get(b.ID)
	require.Empty(s, got.Owner)
	require.WithinDuration(s, time.Now().Add(time.Hour), got.DueAt, minute)

	other := s.leased(minute)
	after, entry = s.turn(other, booking.Unknown(booking.OutcomeUnknown))
	require.NoError(s, s.queue.Save(s.ctx, after, entry, 0))
	require.Equal(s, other.ID, s.claimOne("a.1").ID)
}

func saveCalls(s *scene) {
	b := s.leased(minute)
	after, entry := s.turn(b, booking.Retry(booking.SupplierUnavailable, time.Hour))
	entry.Calls = []booking.Call{
		{Vendor: "hotel", Operation: "hold", RequestID: "r-1", Key: "k-1", Status: 503, Code: "busy", Fault: booking.NotDone, Took: 70 * time.Millisecond},
		{Vendor: "hotel", Operation: "find", RequestID: "r-2", Status: 200, Took: time.Second},
	}
	require.NoError(s, s.queue.Save(s.ctx, after, entry, 0))
	if lines := s.history(b.ID); lines != nil {
		require.Empty(s, lines[0].Calls)
		require.Equal(s, entry.Calls, lines[1].Calls)
	}
}

func saveEnded(s *scene) {
	b := s.leased(minute)
	after, entry := s.turn(b, booking.Reject(booking.OfferSoldOut))
	require.Equal(s, booking.Ended, after.Place.Phase)
	require.NoError(s, s.queue.Save(s.ctx, after, entry, minute))
	got := s.get(b.ID)
	require.Equal(s, booking.StatusFailed, got.Status())
	require.Equal(s, booking.OfferSoldOut, got.Facts.Failure.Code)
	require.Empty(s, got.Owner)
	require.Zero(s, got.DueAt)
	s.nothingDue()
}

func saveAgain(s *scene) {
	b := s.leased(minute)
	after, entry := s.turn(b, booking.Next())
	entry.Calls = []booking.Call{{Vendor: "sandbox hotel", Operation: "hold", RequestID: "r-1", Status: 200, Took: time.Millisecond}}
	require.NoError(s, s.queue.Save(s.ctx, after, entry, 0))
	require.NoError(s, s.queue.Save(s.ctx, after, entry, 0), "its first answer was lost")
	require.Equal(s, 2, s.get(b.ID).Version)
	if lines := s.history(b.ID, "accept", "turn"); lines != nil {
		require.Empty(s, lines[0].Calls)
		require.Equal(s, entry.Calls, lines[1].Calls)
	}
}

func saveLost(s *scene) {
	b := s.leased(-time.Second)
	taken := s.claimOne("a.1")
	after, entry := s.turn(b, booking.Next())
	require.ErrorIs(s, s.queue.Save(s.ctx, after, entry, minute), booking.ErrLost)
	require.Equal(s, b.Place, s.get(b.ID).Place)
	s.history(b.ID, "accept")

	after, entry = s.turn(taken, booking.Next())
	require.NoError(s, s.queue.Save(s.ctx, after, entry, 0))
	after, entry = s.turn(b, booking.Next())
	require.ErrorIs(s, s.queue.Save(s.ctx, after, entry, minute), booking.ErrLost, "also when nobody holds it")

	nobodys := taken.Clone()
	nobodys.Owner = ""
	after, entry = s.turn(nobodys, booking.Next())
	require.ErrorIs(s, s.queue.Save(s.ctx, after, entry, minute), booking.ErrLost)

	unknown, entry := s.begin()
	unknown.Owner, unknown.Version, entry.Version = "a.1", 2, 2
	require.ErrorIs(s, s.queue.Save(s.ctx, unknown, entry, minute), booking.ErrLost)
}

func saveTwin(s *scene) {
	b := s.leased(-time.Second)
	taken := s.claimOne("a.1")
	b.Crashed, b.Crashes, b.DueAt = taken.Crashed, taken.Crashes, taken.DueAt
	moment := time.Now()
	twin := taken.Clone()
	entry := flow.Apply(twin, booking.Next(), moment)
	require.NoError(s, s.queue.Save(s.ctx, twin, entry, minute))
	late := b.Clone()
	require.Equal(s, entry, flow.Apply(late, booking.Next(), moment))
	require.ErrorIs(s, s.queue.Save(s.ctx, late, entry, minute), booking.ErrLost)
}

func saveConflict(s *scene) {
	b := s.leased(minute)
	_, err := s.queue.Decide(s.ctx, b.ID, note)
	require.NoError(s, err)
	after, entry := s.turn(b, booking.Next())
	require.ErrorIs(s, s.queue.Save(s.ctx, after, entry, minute), booking.ErrConflict)

	fresh := s.get(b.ID)
	require.Equal(s, b.Owner, fresh.Owner)
	require.Equal(s, 2, fresh.Version)
	after, entry = s.turn(fresh, booking.Next())
	require.NoError(s, s.queue.Save(s.ctx, after, entry, minute))
	s.history(b.ID, "accept", "note", "turn")
}

func renewLasts(s *scene) {
	kept, taken := s.leased(-time.Second), s.leased(-time.Second)
	held := []booking.Lease{{ID: kept.ID, Owner: kept.Owner}}
	lost, err := s.queue.Renew(s.ctx, held, minute)
	require.NoError(s, err, "an expired lease that nobody took is still its owner's")
	require.Empty(s, lost)
	require.Equal(s, taken.ID, s.claimOne("a.1").ID)

	held = append(held, booking.Lease{ID: taken.ID, Owner: taken.Owner}, booking.Lease{ID: "no-such-booking", Owner: "x.1"})
	lost, err = s.queue.Renew(s.ctx, held, minute)
	require.NoError(s, err)
	require.ElementsMatch(s, []booking.ID{taken.ID, "no-such-booking"}, lost)
	s.nothingDue()
	require.Equal(s, 1, s.get(kept.ID).Version)

	lost, err = s.queue.Renew(s.ctx, nil, minute)
	require.NoError(s, err)
	require.Empty(s, lost)
}

func renewNothing(s *scene) {
	b := s.leased(minute)
	lost, err := s.queue.Renew(s.ctx, []booking.Lease{{ID: b.ID, Owner: b.Owner}}, 0)
	require.NoError(s, err)
	require.Empty(s, lost)
	require.Empty(s, s.get(b.ID).Owner)
	claimed := s.claimOne("a.1")
	require.False(s, claimed.Crashed, "nobody died")
	require.Zero(s, claimed.Crashes)
}
