package store_test

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
	"hotelbooking/booking/bookingtest"
	"hotelbooking/store"
	"hotelbooking/store/storetest"
)

func TestMain(m *testing.M) { os.Exit(storetest.Run(m)) }

func TestSmoke(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		flow := booking.NewFlow(booking.Outside{}, booking.DefaultLimits())
		b, e := flow.Begin(bookingtest.Ask(), bookingtest.Start)
		r, err := s.Accept(ctx, booking.Acceptance{Booking: b, Entry: e, Key: "k1"})
		require.NoError(t, err)
		require.False(t, r.Replayed)
		r, err = s.Accept(ctx, booking.Acceptance{Booking: b, Entry: e, Key: "k1"})
		require.NoError(t, err)
		_ = r
		got, err := s.Get(ctx, b.ID)
		require.NoError(t, err)
		t.Logf("%+v", got)
		c, err := s.Claim(ctx, booking.Claim{Pool: booking.ProviderPool, Limit: 3, Owner: "o", Lease: time.Minute})
		require.NoError(t, err)
		require.Len(t, c, 1)
		t.Logf("%+v", c[0])
		e = flow.Apply(c[0], booking.Next(), time.Now())
		require.NoError(t, s.Save(ctx, c[0], e, 0))
		require.NoError(t, s.Save(ctx, c[0], e, 0))
		bl, err := s.Backlog(ctx)
		require.NoError(t, err)
		require.Equal(t, 1, bl.Waiting)
		h, err := s.History(ctx, b.ID)
		require.NoError(t, err)
		t.Logf("%+v", h)
		f, err := s.Search(ctx, " ANA@example.com ", 3)
		require.NoError(t, err)
		require.Len(t, f, 1)
	})
}
