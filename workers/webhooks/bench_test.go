package webhooks

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
	"hotelbooking/store"
	"hotelbooking/store/storetest"
)

// BenchmarkDeliveries is how fast an endpoint that answers at once is told: four events of each booking, in order.
func BenchmarkDeliveries(b *testing.B) {
	b.Run("sqlite", func(b *testing.B) { benchmarkDeliveries(b, storetest.SQLite(b)) })
	b.Run("postgres", func(b *testing.B) { benchmarkDeliveries(b, storetest.OnPostgres(b)) })
}

func benchmarkDeliveries(b *testing.B, db *store.Store) {
	const events = 4
	var came atomic.Int64
	all := make(chan struct{})
	total := int64(b.N * events)
	shop := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		if came.Add(1) == total {
			close(all)
		}
	}))
	b.Cleanup(shop.Close)
	cfg := quick
	cfg.PerEndpoint, cfg.Source = 8, "/hotelbooking"
	cfg.Endpoints = []Endpoint{{Name: "shop", URL: shop.URL, Secrets: []string{secret}, AllowPrivate: true}}
	s, err := New(cfg, Deps{Queue: db, Upkeep: db, Events: past(nil), Boot: "boot"})
	require.NoError(b, err)
	var batch []booking.Event
	for n := range b.N {
		for v := range events {
			e := happened(n+1, v+1)
			e.ID = fmt.Sprintf("%s:%d", e.ID, v)
			batch = append(batch, e)
		}
	}
	require.NoError(b, s.Take(b.Context(), batch))
	b.ResetTimer()
	require.NoError(b, s.Start())
	<-all
	b.StopTimer()
	require.NoError(b, s.Stop(b.Context()))
	b.ReportMetric(float64(total)/b.Elapsed().Seconds(), "deliveries/s")
}
