package workers_test

import (
	"context"
	"crypto/sha256"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
	"hotelbooking/booking/bookingtest"
	"hotelbooking/workers"
	"hotelbooking/workers/queuetest"
)

// BenchmarkBookings is what the engine itself costs for one booking of six turns: the outside answers at once, and the queue
// is a map.
func BenchmarkBookings(b *testing.B) {
	flow := booking.NewFlow(booking.Outside{}, booking.DefaultLimits())
	for i := range flow.Steps {
		flow.Steps[i].Do = func(context.Context, *booking.Booking) booking.Outcome { return booking.Next() }
	}
	cfg := workers.DefaultConfig()
	cfg.Poll = time.Minute // the map's claim looks at every row
	cfg.Lease = 4 * cfg.Poll
	queue := queuetest.NewMemory()
	w := workers.New(flow, queue, cfg, workers.Deps{})
	require.NoError(b, w.Start(b.Context()))
	b.ReportAllocs()
	var last booking.ID
	for i := range b.N {
		receipt, err := w.Submit(b.Context(), bookingtest.Ask(), strconv.Itoa(i), sha256.Sum256(nil))
		require.NoError(b, err)
		last = receipt.Booking.ID
	}
	require.NoError(b, w.Wait(b.Context(), last, func() (int, bool) {
		got, err := queue.Get(b.Context(), last)
		require.NoError(b, err)
		return got.Version, got.Place.Phase != booking.Ended
	}))
	b.StopTimer()
	require.NoError(b, w.Stop(b.Context()))
}
