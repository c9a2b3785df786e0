package web

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"hotelbooking/booking"
	"hotelbooking/booking/bookingtest"
)

// still is an engine and a store with one booking: what is measured is the handler.
type still struct {
	*house
	b     *booking.Booking
	admit error
}

func (s still) Admit() error { return s.admit }

func (s still) Submit(context.Context, booking.Ask, string, [32]byte) (booking.Receipt, error) {
	return booking.Receipt{Booking: s.b}, nil
}

func (s still) Get(context.Context, booking.ID) (*booking.Booking, error) { return s.b, nil }

func benchmark(b *testing.B, admit error, method, path, body string, want int) {
	b.Helper()
	ask := bookingtest.Ask(func(a *booking.Ask) { a.Client = "web" })
	flow := booking.NewFlow(booking.Outside{}, booking.DefaultLimits())
	sample, _ := flow.Begin(ask, bookingtest.Start)
	world := still{newHouse(), sample, admit}
	config := DefaultConfig()
	config.KeyRate = 0
	config.SecretKey = bytes.Repeat([]byte("k"), 32)
	config.Keys = []Key{{Name: "web", Hash: HashKey(webKey), Scope: ScopeBookings}}
	api, err := New(config, Deps{
		Engine: world, Bookings: world, Desk: world, Notices: world, Flow: flow, Log: zap.NewNop(),
		Now: func() time.Time { return bookingtest.Start },
	})
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		request := httptest.NewRequestWithContext(b.Context(), method, path, strings.NewReader(body))
		request.Header.Set("Authorization", "Bearer "+webKey)
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("Idempotency-Key", "3f0a9c1e-7d55-4a43-9a42-0b1b6c1f5e10")
		answer := httptest.NewRecorder()
		api.ServeHTTP(answer, request)
		require.Equal(b, want, answer.Code)
	}
}

func BenchmarkSubmit(b *testing.B) {
	benchmark(b, nil, http.MethodPost, "/v1/bookings", submission("", ""), http.StatusAccepted)
}

func BenchmarkShed(b *testing.B) {
	overloaded := &booking.Overloaded{RetryAfter: time.Second}
	benchmark(b, overloaded, http.MethodPost, "/v1/bookings", submission("", ""), http.StatusServiceUnavailable)
}

func BenchmarkPoll(b *testing.B) {
	benchmark(b, nil, http.MethodGet, "/v1/bookings/01945e2a-7c00-7000-8000-000000000001", "", http.StatusOK)
}
