package store_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
	"hotelbooking/booking/bookingtest"
	"hotelbooking/store"
	"hotelbooking/store/storetest"
)

// BenchmarkBookings accepts bookings and saves six turns of each, with 64 bookings under way at once.
func BenchmarkBookings(b *testing.B) {
	b.Run("sqlite", func(b *testing.B) { benchmarkBookings(b, storetest.SQLite(b)) })
	b.Run("postgres", func(b *testing.B) { benchmarkBookings(b, storetest.OnPostgres(b)) })
}

func benchmarkBookings(b *testing.B, s *store.Store) {
	const atOnce, turns = 64, 6
	flow := booking.NewFlow(booking.Outside{}, booking.DefaultLimits())
	var made atomic.Int64
	b.SetParallelism(atOnce / 4)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			n := made.Add(1)
			accepted, entry := flow.Begin(bookingtest.Ask(func(ask *booking.Ask) {
				ask.ID = booking.ID(fmt.Sprintf("01945e2a-7c00-7000-8000-%012x", n))
				ask.Reference = booking.NewReference([6]byte{byte(n >> 16), byte(n >> 8), byte(n), 1, 2, 3})
			}), time.Now())
			receipt, err := s.Accept(b.Context(), booking.Acceptance{
				Booking: accepted, Entry: entry, Key: string(accepted.ID), Owner: "bench.1", Lease: time.Minute,
			})
			require.NoError(b, err)
			turn := receipt.Booking
			for i := range turns {
				entry := flow.Apply(turn, booking.Next(), time.Now())
				lease := time.Minute
				if i == turns-1 {
					lease = 0
				}
				require.NoError(b, s.Save(b.Context(), turn, entry, lease))
			}
		}
	})
	b.StopTimer()
	counts := s.Counts()
	require.Equal(b, (turns+1)*made.Load(), counts.Rows)
	b.ReportMetric(float64(made.Load())/b.Elapsed().Seconds(), "bookings/s")
	b.ReportMetric(float64(counts.Rows)/float64(counts.Commits), "rows/commit")
	b.ReportMetric(float64(counts.Commits)/float64(made.Load()), "commits/booking")
}
