package webhooks

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"hotelbooking/booking"
	"hotelbooking/store/storetest"
)

func TestMain(m *testing.M) { os.Exit(storetest.Run(m)) }

const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// database is the store, of which only tests know more.
type database interface {
	Queue
	Upkeep
	Deliveries(ctx context.Context, f booking.DeliveryFilter) ([]booking.Delivery, error)
	RetryDelivery(ctx context.Context, order booking.DeliveryOrder) error
	Pause(ctx context.Context, change booking.PauseChange) error
}

func each(t *testing.T, test func(t *testing.T, db database)) {
	t.Run("sqlite", func(t *testing.T) { t.Parallel(); test(t, storetest.SQLite(t)) })
	t.Run("postgres", func(t *testing.T) { t.Parallel(); test(t, storetest.OnPostgres(t)) })
}

// got is a request as an endpoint receives it.
type got struct {
	header http.Header
	body   string
}

func (g got) id() string { return g.header.Get("webhook-id") }

// receiver is an endpoint. What it answers is for the test to say.
type receiver struct {
	*httptest.Server
	mu   sync.Mutex
	all  []got
	came chan got
}

// receive starts an endpoint; status says what its n-th answer is, from 1.
func receive(t *testing.T, status func(n int, g got) int) *receiver {
	t.Helper()
	r := &receiver{came: make(chan got, 1000)}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		body, _ := io.ReadAll(request.Body)
		g := got{request.Header, string(body)}
		r.mu.Lock()
		r.all = append(r.all, g)
		n := len(r.all)
		r.mu.Unlock()
		w.WriteHeader(status(n, g))
		r.came <- g
	}))
	t.Cleanup(r.Close)
	return r
}

func always(status int) func(int, got) int { return func(int, got) int { return status } }

func (r *receiver) received() []got {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.all)
}

func (r *receiver) endpoint(name string) Endpoint {
	return Endpoint{Name: name, URL: r.URL + "/hooks?token=canary-token", Secrets: []string{secret}, AllowPrivate: true}
}

// rig is a sender that runs, on a database that may be another's, too.
type rig struct {
	*Sender
	t    *testing.T
	db   database
	logs *observer.ObservedLogs
}

type parts struct {
	cfg    Config
	deps   Deps
	settle time.Duration
}

func start(t *testing.T, db database, endpoints []Endpoint, change ...func(*parts)) *rig {
	t.Helper()
	core, logs := observer.New(zapcore.DebugLevel)
	p := parts{cfg: quick, deps: Deps{Queue: db, Upkeep: db, Events: past(nil), Boot: "boot", Log: zap.New(core), Metrics: prometheus.NewRegistry()}, settle: settleFor}
	p.cfg.Endpoints, p.cfg.Source = endpoints, "/hotelbooking"
	for _, f := range change {
		f(&p)
	}
	s, err := New(p.cfg, p.deps)
	require.NoError(t, err)
	s.settleFor = p.settle
	require.NoError(t, s.Start())
	t.Cleanup(func() { _ = s.Stop(context.Background()) })
	return &rig{Sender: s, t: t, db: db, logs: logs}
}

func (r *rig) take(events ...booking.Event) {
	r.t.Helper()
	require.NoError(r.t, r.Take(r.t.Context(), events))
}

// until waits until so many deliveries are in a state.
func (r *rig) until(state booking.DeliveryState, n int) []booking.Delivery {
	r.t.Helper()
	var list []booking.Delivery
	require.Eventually(r.t, func() bool {
		var err error
		list, err = r.db.Deliveries(r.t.Context(), booking.DeliveryFilter{State: state, Limit: 1000})
		return err == nil && len(list) == n
	}, time.Minute, 2*time.Millisecond, "never so many %s", state)
	return list
}

// happened is what made version v of booking n.
func happened(n, v int) booking.Event {
	id := booking.ID(fmt.Sprintf("01945e2a-7c00-7000-8000-%012x", n))
	return booking.Event{
		ID: fmt.Sprintf("%s:%d:%s", id, v, booking.EventConfirmed), Type: booking.EventConfirmed, Booking: id, Version: v,
		At: time.Date(2026, 11, 23, 10, 0, 0, v, time.UTC), Data: []byte(`{"canary":"canary-data <&>"}`),
	}
}

// past is what the store's events would be.
type past []booking.Event

func (p past) Events(_ context.Context, f booking.EventFilter) ([]booking.Event, error) {
	var found []booking.Event
	for _, e := range p {
		if (f.Booking == "" || e.Booking == f.Booking) && len(found) < f.Limit {
			found = append(found, e)
		}
	}
	return found, nil
}

// verify checks a signature as receivers are told to, with nothing of ours.
func verify(t *testing.T, secret string, g got) {
	t.Helper()
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	require.NoError(t, err)
	mac := hmac.New(sha256.New, key)
	_, _ = io.WriteString(mac, g.id()+"."+g.header.Get("webhook-timestamp")+"."+g.body)
	require.Contains(t, strings.Split(g.header.Get("webhook-signature"), " "), "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	seconds, err := strconv.ParseInt(g.header.Get("webhook-timestamp"), 10, 64)
	require.NoError(t, err)
	require.WithinDuration(t, time.Now(), time.Unix(seconds, 0), 5*time.Minute)
}
