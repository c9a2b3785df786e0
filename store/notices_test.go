package store_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
	"hotelbooking/booking/bookingtest"
	"hotelbooking/store"
	"hotelbooking/store/storetest"
)

func notice(event string) booking.Notice {
	return booking.Notice{
		Vendor: "psp", EventID: event, Reference: "REF1", Verb: booking.VerbNotify, Kind: "payment_intent.succeeded", At: bookingtest.Start,
	}
}

func TestANoticeIsKeptUntilItIsSettled(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		for _, event := range []string{"e1", "e2", "e3"} {
			fresh, err := s.ReceiveNotice(t.Context(), notice(event))
			require.NoError(t, err)
			require.True(t, fresh)
		}
		fresh, err := s.ReceiveNotice(t.Context(), notice("e2"))
		require.NoError(t, err)
		require.False(t, fresh)

		due := func(want ...booking.Notice) {
			t.Helper()
			got, err := s.Notices(t.Context(), 10)
			require.NoError(t, err)
			require.ElementsMatch(t, want, got)
		}
		due(notice("e1"), notice("e2"), notice("e3"))
		first, err := s.Notices(t.Context(), 1)
		require.NoError(t, err)
		require.Equal(t, "e1", first[0].EventID, "the oldest first")

		require.NoError(t, s.SettleNotice(t.Context(), notice("e1"), 0))
		require.NoError(t, s.SettleNotice(t.Context(), notice("e2"), time.Hour))
		due(notice("e3"))
		fresh, err = s.ReceiveNotice(t.Context(), notice("e1"))
		require.NoError(t, err)
		require.False(t, fresh, "also after it was applied")
		due(notice("e3"))
		require.NoError(t, s.SettleNotice(t.Context(), notice("e2"), time.Microsecond))
		due(notice("e2"), notice("e3"))
		require.ErrorIs(t, s.SettleNotice(t.Context(), notice("unknown"), 0), booking.ErrNotFound)
	})
}

func TestOfManyDeliveriesAtOnceOneIsFresh(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		var done sync.WaitGroup
		var fresh atomic.Int64
		for range 20 {
			done.Go(func() {
				switch first, err := s.ReceiveNotice(t.Context(), notice("e1")); {
				case err != nil:
					t.Errorf("receive: %v", err)
				case first:
					fresh.Add(1)
				}
			})
		}
		done.Wait()
		require.EqualValues(t, 1, fresh.Load())
	})
}
