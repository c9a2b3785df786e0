package store_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
	"hotelbooking/store"
	"hotelbooking/store/storetest"
)

// BenchmarkReads reads one booking after the other, alone and with 64 readers at once.
func BenchmarkReads(b *testing.B) {
	b.Run("sqlite", func(b *testing.B) { benchmarkReads(b, storetest.SQLite(b)) })
	b.Run("postgres", func(b *testing.B) { benchmarkReads(b, storetest.OnPostgres(b)) })
}

func benchmarkReads(b *testing.B, s *store.Store) {
	const stored, atOnce = 100, 64
	ids := make([]booking.ID, stored)
	for i := range ids {
		ids[i] = accepted(b, s, i).ID
	}
	for name, read := range map[string]func(booking.ID) error{
		"get":    func(id booking.ID) error { _, err := s.Get(b.Context(), id); return err },
		"glance": func(id booking.ID) error { _, err := s.Glance(b.Context(), id); return err },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				require.NoError(b, read(ids[i%stored]))
			}
		})
		b.Run(name+" by many", func(b *testing.B) {
			b.ReportAllocs()
			b.SetParallelism(atOnce / 4)
			b.RunParallel(func(pb *testing.PB) {
				for i := 0; pb.Next(); i++ {
					if err := read(ids[i%stored]); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}
