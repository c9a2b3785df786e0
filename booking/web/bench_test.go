package web

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

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

func (s still) Glance(context.Context, booking.ID) (booking.Glance, error) { return s.b.Glance(), nil }

// sampled is a server as main sets it up, with metrics and a log, and its one booking.
func sampled(b *testing.B, admit error) (*Server, *booking.Booking) {
	b.Helper()
	ask := bookingtest.Ask(func(a *booking.Ask) { a.Client = "web" })
	flow := booking.NewFlow(booking.Outside{}, booking.DefaultLimits())
	sample, _ := flow.Begin(ask, bookingtest.Start)
	world := still{newHouse(), sample, admit}
	config := DefaultConfig()
	config.KeyRate, config.KeyBurst = 1e9, 1e9
	config.SecretKey = bytes.Repeat([]byte("k"), 32)
	config.Keys = []Key{{Name: "web", Hash: HashKey(webKey), Scope: ScopeBookings}}
	log := zap.New(zapcore.NewCore(zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), zapcore.AddSync(io.Discard), zap.InfoLevel), zap.AddCaller())
	api, err := New(config, Deps{
		Engine: world, Bookings: world, Desk: world, Notices: world, Flow: flow, Log: log, Registerer: prometheus.NewRegistry(),
		Now: func() time.Time { return bookingtest.Start },
	})
	require.NoError(b, err)
	return api, sample
}

func benchmark(b *testing.B, admit error, method, path, body string, want int) {
	b.Helper()
	api, _ := sampled(b, admit)
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

// BenchmarkPollOverTCP holds a poll against the least that echo can do: the same body, from memory.
func BenchmarkPollOverTCP(b *testing.B) {
	api, sample := sampled(b, nil)
	out := render(sample)
	body, err := encodeBooking(&out)
	require.NoError(b, err)
	bare := echo.New()
	bare.GET("/v1/bookings/:id", func(c echo.Context) error { return c.Blob(http.StatusOK, echo.MIMEApplicationJSON, body) })
	b.Run("bare", func(b *testing.B) { poll(b, &http.Server{Handler: bare, ReadHeaderTimeout: time.Minute}) })
	b.Run("api", func(b *testing.B) { poll(b, api.HTTP()) })
}

// poll asks over 64 connections, at next to no cost of its own.
func poll(b *testing.B, server *http.Server) {
	b.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it is closed by the server
	require.NoError(b, err)
	done := make(chan error)
	go func() { done <- server.Serve(listener) }()
	request := []byte("GET /v1/bookings/01945e2a-7c00-7000-8000-000000000001 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + webKey + "\r\n\r\n")
	b.ReportAllocs()
	b.SetParallelism(max(1, 64/runtime.GOMAXPROCS(0)))
	b.RunParallel(func(pb *testing.PB) {
		conn, err := net.Dial("tcp", listener.Addr().String()) //nolint:noctx // to ourselves
		if err != nil {
			b.Error(err)
			return
		}
		defer func() { _ = conn.Close() }()
		answer := make([]byte, 4096) // one answer is one write, and shorter
		for pb.Next() {
			_, wrote := conn.Write(request)
			n, read := conn.Read(answer)
			if wrote != nil || read != nil || !bytes.HasPrefix(answer[:n], []byte("HTTP/1.1 200 ")) {
				b.Errorf("%v, %v: %s", wrote, read, answer[:n])
				return
			}
		}
	})
	require.NoError(b, server.Close())
	require.ErrorIs(b, <-done, http.ErrServerClosed)
}
