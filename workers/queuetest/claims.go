package queuetest

import (
	"fmt"
	"sync"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
)

func claimWhole(s *scene) {
	b := s.stored()
	claimed := s.claimOne("a.1")
	require.Equal(s, b.ID, claimed.ID)
	require.Equal(s, b.Contact, claimed.Contact)
	require.Equal(s, b.Stay, claimed.Stay)
	require.Equal(s, b.Offer, claimed.Offer)
	require.Equal(s, "a.1", claimed.Owner)
	require.Equal(s, 1, claimed.Version)
	require.False(s, claimed.Crashed)
	require.Zero(s, claimed.Crashes)
	require.Equal(s, "a.1", s.get(b.ID).Owner)
	s.history(b.ID, "accept")
	s.nothingDue()
}

func claimKeepsTo(s *scene) {
	for _, supplier := range []string{"x", "x", "y"} {
		s.stored(func(b *booking.Booking) { b.Offer.Supplier = supplier })
	}
	require.Empty(s, s.claim("a.1", func(c *booking.Claim) { c.Pool = booking.PaymentPool }))
	require.Empty(s, s.claim("a.2", func(c *booking.Claim) { c.Limit = 0 }))
	require.Empty(s, s.claim("a.3", func(c *booking.Claim) { c.Except = []string{"y", "x"} }))
	claimed := s.claim("a.4", func(c *booking.Claim) { c.Except = []string{"x"} })
	require.Len(s, claimed, 1)
	require.Equal(s, "y", claimed[0].Offer.Supplier)
	require.Len(s, s.claim("a.5", func(c *booking.Claim) { c.Limit = 1 }), 1)
	require.Len(s, s.claim("a.6"), 1)

	after, entry := s.turn(claimed[0], booking.Next())
	require.NoError(s, s.queue.Save(s.ctx, after, entry, 0))
	s.nothingDue()
	require.Len(s, s.claim("a.7", func(c *booking.Claim) { c.Pool = booking.FraudPool }), 1, "it went to the next step's pool")
}

func claimNamed(s *scene) {
	wanted, later := s.stored(), s.stored(due(time.Hour))
	held, orphan := s.leased(minute), s.leased(-time.Second)
	s.stored()
	only := []booking.ID{wanted.ID, later.ID, held.ID, orphan.ID, "01945e2a-7c00-7000-8000-00000000ffff"}
	named := func(c *booking.Claim) { c.Only = only }
	require.Empty(s, s.claim("a.1", named, func(c *booking.Claim) { c.Pool = booking.FraudPool }))
	claimed := s.claim("a.2", named)
	require.ElementsMatch(s, ids([]*booking.Booking{wanted, orphan}), ids(claimed))
	for _, b := range claimed {
		require.Equal(s, b.ID == orphan.ID, b.Crashed)
	}
	require.Empty(s, s.claim("a.3", named))
	require.Len(s, s.claim("a.4"), 1, "the one that was not named")
}

func claimLongest(s *scene) {
	second, first := s.stored(due(-2*time.Minute)), s.stored(due(-3*time.Minute))
	s.stored(due(-time.Minute))
	claimed := s.claim("a.1", func(c *booking.Claim) { c.Limit = 2 })
	require.Equal(s, ids([]*booking.Booking{first, second}), ids(claimed))
}

func claimPassesOver(s *scene) {
	s.stored(due(time.Hour))
	for _, o := range []booking.Outcome{
		booking.Park(booking.Staff, booking.OutcomeUnknown),
		booking.Park(booking.Customer, booking.PaymentDeclined).Asking(booking.Action{}, time.Hour),
		booking.Reject(booking.OfferSoldOut), // nothing to take back: it ends
		booking.Retry(booking.SupplierUnavailable, time.Hour),
	} {
		s.stored(due(-time.Second))
		after, entry := s.turn(s.claimOne("a.1"), o)
		require.NoError(s, s.queue.Save(s.ctx, after, entry, 0))
		s.nothingDue()
	}
}

func claimAtOnce(s *scene) {
	const stored, claimers = 60, 6
	for range stored {
		s.stored()
	}
	var done sync.WaitGroup
	claims := make([][]*booking.Booking, claimers)
	for i := range claimers {
		done.Go(func() {
			for n := 0; n <= stored; n++ {
				got, err := s.queue.Claim(s.ctx, booking.Claim{
					Pool: booking.ProviderPool, Limit: 3, Owner: fmt.Sprintf("%d.%d", i, n), Lease: minute,
				})
				if err != nil || len(got) > 3 {
					s.Errorf("claimed %d: %v", len(got), err)
					return
				}
				if claims[i] = append(claims[i], got...); len(got) == 0 {
					return
				}
			}
		})
	}
	done.Wait()
	holders := map[booking.ID]string{}
	for _, claimed := range claims {
		for _, b := range claimed {
			require.Empty(s, holders[b.ID], "claimed twice")
			require.False(s, b.Crashed)
			holders[b.ID] = b.Owner
		}
	}
	// A claim may find nothing because others are at it, so some may be left.
	for _, b := range s.claim("last.1") {
		require.Empty(s, holders[b.ID], "claimed twice")
		holders[b.ID] = b.Owner
	}
	require.Len(s, holders, stored)
	for id, owner := range holders {
		require.Equal(s, owner, s.get(id).Owner)
	}
}

func claimExpired(s *scene) {
	s.leased(-time.Second)
	for n := 1; n <= 3; n++ {
		b := s.claimOne(fmt.Sprintf("a.%d", n))
		require.True(s, b.Crashed)
		require.Equal(s, n, b.Crashes)
		require.Equal(s, 1, b.Version)
		s.nothingDue()
		s.expire(b)
	}
}

func claimOwnExpired(s *scene) {
	s.leased(-time.Second) // by first.1
	for _, next := range []struct {
		process, owner string
		crashes        int
	}{
		{"first", "first.2", 0}, {"first", "first.3", 0}, {"other", "other.1", 1}, {"first", "first.4", 2},
		{"firs", "firs.1", 3}, // a name is compared as a whole
		{"firs", "firs.2", 3},
	} {
		claimed := s.claim(next.owner, func(c *booking.Claim) { c.Process = next.process })
		require.Len(s, claimed, 1)
		require.True(s, claimed[0].Crashed)
		require.Equal(s, next.crashes, claimed[0].Crashes, next.owner)
		s.expire(claimed[0])
	}
}

func crashRemembered(s *scene) {
	s.leased(-time.Second)
	b := s.claimOne("a.1")
	lost, err := s.queue.Renew(s.ctx, []booking.Lease{{ID: b.ID, Owner: b.Owner}}, 0)
	require.NoError(s, err)
	require.Empty(s, lost)

	b = s.claimOne("b.1")
	require.True(s, b.Crashed, "given back before anybody asked what the dead process had done")
	require.Equal(s, 1, b.Crashes, "and still one crash only")

	after, entry := s.turn(b, booking.Unknown(booking.ProcessStopped))
	require.NoError(s, s.queue.Save(s.ctx, after, entry, 0))
	b = s.claimOne("c.1")
	require.False(s, b.Crashed)
	require.Equal(s, 1, b.Crashes)
}
