package webhooks

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
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

func TestADeliveryIsTheEventSignedWithEachSecret(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db database) {
		shop := receive(t, always(204))
		endpoint := shop.endpoint("shop")
		other := "whsec_" + base64.StdEncoding.EncodeToString([]byte("another secret of 32 bytes......"))
		endpoint.Secrets = []string{other, secret}
		r := start(t, db, []Endpoint{endpoint})
		event := happened(1, 1)
		r.take(event)
		r.take(event)
		r.until(booking.DeliveryDelivered, 1)
		require.NoError(t, r.Stop(t.Context()))
		require.Len(t, shop.received(), 1, "once, however often the relay says it")
		g := shop.received()[0]
		verify(t, secret, g)
		verify(t, other, g)
		want, err := event.CloudEvent("/hotelbooking")
		require.NoError(t, err)
		require.Equal(t, string(want), g.body)
		require.Equal(t, event.ID, g.id())
		require.Equal(t, "application/cloudevents+json", g.header.Get("Content-Type"))
		require.Equal(t, []string{"Accept-Encoding", "Content-Length", "Content-Type", "User-Agent", "Webhook-Id", "Webhook-Signature", "Webhook-Timestamp"},
			slices.Sorted(maps.Keys(withEncoding(g.header))), "and nothing else")
	})
}

// withEncoding: net/http adds the header or not, as it likes.
func withEncoding(h http.Header) http.Header {
	h = h.Clone()
	h.Set("Accept-Encoding", "")
	return h
}

func TestEveryTryHasTheSameIDAndTheSameBytes(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db database) {
		answers := []int{500, 400, 302, 204}
		shop := receive(t, func(n int, _ got) int { return answers[n-1] })
		r := start(t, db, []Endpoint{shop.endpoint("shop")})
		r.take(happened(1, 1))
		done := r.until(booking.DeliveryDelivered, 1)[0]
		require.Equal(t, []any{4, 204, ""}, []any{done.Attempts, done.Status, done.LastError})
		all := shop.received()
		require.Len(t, all, 4)
		for _, g := range all {
			verify(t, secret, g)
			require.Equal(t, []string{all[0].id(), all[0].body}, []string{g.id(), g.body})
		}
	})
}

func TestEventsOfABookingComeInOrderAndHoldUpNoOther(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db database) {
		open := make(chan struct{})
		shop := receive(t, func(_ int, g got) int {
			select {
			case <-open:
				return 204
			default:
			}
			if g.id() == happened(1, 1).ID {
				return 503
			}
			return 204
		})
		r := start(t, db, []Endpoint{shop.endpoint("shop")})
		r.take(happened(1, 1), happened(1, 2), happened(2, 1))
		r.take(happened(1, 3), happened(2, 2), happened(3, 1))
		r.until(booking.DeliveryDelivered, 3)
		for _, g := range shop.received() {
			require.NotContains(t, []string{happened(1, 2).ID, happened(1, 3).ID}, g.id(), "before the first of that booking was taken")
		}
		close(open)
		r.until(booking.DeliveryDelivered, 6)
		last := map[string]string{}
		for _, g := range shop.received() {
			id, version, _ := strings.Cut(g.id(), ":")
			require.GreaterOrEqual(t, version, last[id])
			last[id] = version
		}
	})
}

func TestASlowEndpointTakesItsOwnSlotsAndNoOthers(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db database) {
		const bookings = 20
		release := make(chan struct{})
		goOn := sync.OnceFunc(func() { close(release) })
		slow := receive(t, func(int, got) int { <-release; return 204 })
		t.Cleanup(goOn)
		fast := receive(t, always(204))
		r := start(t, db, []Endpoint{slow.endpoint("slow"), fast.endpoint("fast")})
		var events []booking.Event
		for n := range bookings {
			events = append(events, happened(n+1, 1))
		}
		r.take(events...)
		r.until(booking.DeliveryDelivered, bookings)
		require.Len(t, fast.received(), bookings)
		e := r.endpoint("slow")
		e.mu.Lock()
		running := e.running
		e.mu.Unlock()
		require.Equal(t, quick.PerEndpoint, running, "and no more is claimed for it, nor waits for a connection")
		goOn()
		r.until(booking.DeliveryDelivered, 2*bookings)
	})
}

// dying is the database of a process that dies before it has noted anything.
type dying struct {
	database
	asked chan struct{}
}

func (d dying) SettleDeliveries(context.Context, []booking.DeliveryResult) error {
	signal(d.asked)
	return errors.New("the process is dead")
}

func TestWhatAProcessDiedWithIsSentAgainUnderTheSameID(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db database) {
		shop := receive(t, always(204))
		queue := dying{db, make(chan struct{}, 1)}
		first := start(t, db, []Endpoint{shop.endpoint("shop")}, func(p *parts) {
			p.deps.Queue, p.cfg.Timeout, p.settle = queue, time.Second, 10*time.Millisecond
		})
		first.take(happened(1, 1))
		<-shop.came
		<-queue.asked
		dead, cancel := context.WithCancel(t.Context())
		cancel()
		_ = first.Stop(dead)

		second := start(t, db, []Endpoint{shop.endpoint("shop")})
		second.until(booking.DeliveryDelivered, 1)
		all := shop.received()
		require.GreaterOrEqual(t, len(all), 2)
		for _, g := range all {
			verify(t, secret, g)
			require.Equal(t, []string{happened(1, 1).ID, all[0].body}, []string{g.id(), g.body})
		}
	})
}

func TestStopWaitsForAnswersAndNotesThem(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db database) {
		asked, release := make(chan struct{}), make(chan struct{})
		shop := receive(t, func(int, got) int { close(asked); <-release; return 204 })
		r := start(t, db, []Endpoint{shop.endpoint("shop")})
		r.take(happened(1, 1), happened(1, 2))
		<-asked
		stopped := make(chan error)
		go func() { stopped <- r.Stop(context.Background()) }()
		close(release)
		require.NoError(t, <-stopped)
		r.until(booking.DeliveryDelivered, 1)
		r.until(booking.DeliveryDue, 1)
		require.Len(t, shop.received(), 1, "no more was begun")
	})
}

func TestWhoCannotWaitCutsOffWhatIsSentAgain(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db database) {
		asked, release := make(chan struct{}), make(chan struct{})
		shop := receive(t, func(n int, _ got) int {
			if n == 1 {
				close(asked)
				<-release
			}
			return 204
		})
		r := start(t, db, []Endpoint{shop.endpoint("shop")}, func(p *parts) { p.cfg.Timeout, p.cfg.RetryFor = time.Hour, 1 })
		r.take(happened(1, 1))
		<-asked
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		require.ErrorIs(t, r.Stop(ended), context.Canceled)
		due := r.until(booking.DeliveryDue, 1)[0]
		require.Equal(t, "cut_off", due.LastError)
		close(release)
		start(t, db, []Endpoint{shop.endpoint("shop")}).until(booking.DeliveryDelivered, 1)
		require.Equal(t, shop.received()[0].id(), shop.received()[1].id())
	})
}

func TestAnAnswerIsReadNoFurtherThanItsBoundAndNoLongerThanTheTimeout(t *testing.T) {
	t.Parallel()
	wrote := make(chan int, 1)
	endless := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n, chunk := 0, make([]byte, 1<<16)
		for {
			m, err := w.Write(chunk)
			if n += m; err != nil || n > 1<<30 {
				wrote <- n
				return
			}
		}
	}))
	t.Cleanup(endless.Close)
	require.True(t, tried(t, endless.URL, loopback).taken)
	require.Less(t, <-wrote, 1<<30)

	silent := make(chan struct{})
	hanging := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-silent }))
	t.Cleanup(hanging.Close)
	t.Cleanup(func() { close(silent) })
	signer, err := newSigner([]string{secret})
	require.NoError(t, err)
	e := &endpoint{Endpoint: Endpoint{URL: hanging.URL}, signer: signer, transport: newTransport(loopback, quick, nil)}
	a := e.post(t.Context(), booking.Delivery{Event: "e"}, 20*time.Millisecond, time.Now)
	require.Equal(t, []any{false, "timeout"}, []any{a.taken, a.fault})
}

func TestAnEndpointWithABadCertificateIsToldNothing(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("somebody was told") }))
	server.Config.ErrorLog = zap.NewStdLog(zap.NewNop())
	t.Cleanup(server.Close)
	require.Equal(t, "tls", tried(t, server.URL, loopback).fault)
	require.EqualValues(t, 0x0303, newTransport(public, quick, nil).TLSClientConfig.MinVersion, "TLS 1.2")
}

func TestAnEndpointIsToldWhatItWantsAndNothingElse(t *testing.T) {
	t.Parallel()
	all, some, none := receive(t, always(204)), receive(t, always(204)), receive(t, always(204))
	wants := func(r *receiver, name string, types ...string) Endpoint {
		e := r.endpoint(name)
		e.Types = types
		return e
	}
	r := start(t, storetest.SQLite(t), []Endpoint{wants(all, "all"), wants(some, "some", "booking.failed", "payment.*"), wants(none, "none", "*.nothing")})
	captured, failed := happened(1, 2), happened(1, 3)
	captured.Type, captured.ID = booking.EventCaptured, "2"
	failed.Type, failed.ID = booking.EventFailed, "3"
	r.take(happened(1, 1), captured, failed)
	r.until(booking.DeliveryDelivered, 5)
	require.Len(t, all.received(), 3)
	require.Equal(t, []string{"2", "3"}, []string{some.received()[0].id(), some.received()[1].id()})
	require.Empty(t, none.received())
}

func TestADeadLetterIsSeenCountedAndRetriedByAPerson(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db database) {
		answers := []int{404, 204, 204}
		shop := receive(t, func(n int, _ got) int { return answers[n-1] })
		r := start(t, db, []Endpoint{shop.endpoint("shop")}, func(p *parts) { p.cfg.RetryFor = 1 })
		r.take(happened(1, 1), happened(1, 2))
		dead := r.until(booking.DeliveryDead, 1)[0]
		require.Equal(t, []any{1, 404, "http_404", happened(1, 1).ID}, []any{dead.Attempts, dead.Status, dead.LastError, dead.Event})
		r.until(booking.DeliveryDelivered, 1)
		require.Equal(t, 1.0, testutil.ToFloat64(r.metrics.outcomes.WithLabelValues("shop", "dead")))
		require.Len(t, r.logs.FilterMessageSnippet("webhook dead").All(), 1)
		order := booking.DeliveryOrder{Delivery: dead.ID, Actor: booking.SupportActor("sue"), Reason: "they mended it"}
		require.NoError(t, db.RetryDelivery(t.Context(), order))
		r.until(booking.DeliveryDelivered, 2)
		all := shop.received()
		require.Equal(t, []string{all[0].id(), all[0].body}, []string{all[2].id(), all[2].body})
	})
}

func TestAnEndpointThatSaysItIsGoneIsAskedNoMoreUntilAPersonLetsItGoOn(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db database) {
		var back atomic.Bool
		shop := receive(t, func(int, got) int {
			if back.Load() {
				return 204
			}
			return 410
		})
		fine := receive(t, always(204))
		r := start(t, db, []Endpoint{shop.endpoint("shop"), fine.endpoint("fine")}, func(p *parts) { p.cfg.PerEndpoint = 1 })
		r.take(happened(1, 1), happened(1, 2), happened(2, 1))
		r.until(booking.DeliveryDelivered, 3)
		require.Eventually(t, func() bool { return r.logs.FilterMessageSnippet("says that it is gone").Len() == 1 }, time.Minute, time.Millisecond)
		r.take(happened(3, 1))
		r.until(booking.DeliveryDelivered, 4)
		r.upkeep(t.Context())
		require.Equal(t, 1.0, testutil.ToFloat64(r.metrics.paused.WithLabelValues("shop")))
		require.Len(t, shop.received(), 1, "it has said so")
		list, err := r.Endpoints(t.Context())
		require.NoError(t, err)
		require.Equal(t, []booking.WebhookEndpoint{
			{Name: "shop", DeliveryFigures: booking.DeliveryFigures{Due: 4, Lag: list[0].Lag, Paused: true}}, {Name: "fine"},
		}, list, "nothing is lost")

		back.Store(true)
		require.NoError(t, db.Pause(t.Context(), booking.PauseChange{What: booking.PauseOfWebhook("shop"), Actor: booking.SupportActor("sue"), Reason: "they are back"}))
		r.until(booking.DeliveryDelivered, 8)
		require.Equal(t, happened(1, 1).ID, shop.received()[0].id())
	})
}

func TestAReplaySendsTheSameEventsAgain(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db database) {
		shop := receive(t, always(204))
		events := past{happened(1, 1), happened(1, 2), happened(2, 1)}
		r := start(t, db, []Endpoint{shop.endpoint("shop")}, func(p *parts) { p.deps.Events = events })
		r.take(events[0])
		r.until(booking.DeliveryDelivered, 1)
		order := booking.DeliveryOrder{Endpoint: "shop", Booking: events[0].Booking, Actor: booking.SupportActor("sue"), Reason: "they lost them"}
		n, err := r.Replay(t.Context(), order)
		require.NoError(t, err)
		require.Equal(t, 2, n)
		r.until(booking.DeliveryDelivered, 2)
		var ids []string
		for _, g := range shop.received() {
			ids = append(ids, g.id())
		}
		require.Equal(t, []string{events[0].ID, events[0].ID, events[1].ID}, ids, "in order, and the other booking's not at all")
		require.Equal(t, shop.received()[0].body, shop.received()[1].body)

		order.Endpoint = "nobody"
		_, err = r.Replay(t.Context(), order)
		require.ErrorIs(t, err, booking.ErrNoEndpoint)
		order.Endpoint, order.Booking = "shop", "none"
		n, err = r.Replay(t.Context(), order)
		require.NoError(t, err)
		require.Zero(t, n)
		r.deps.Events = past(slices.Repeat([]booking.Event{happened(1, 1)}, booking.ReplayMost+1))
		order.Booking = ""
		_, err = r.Replay(t.Context(), order)
		require.ErrorIs(t, err, booking.ErrTooManyEvents)
		r.until(booking.DeliveryDelivered, 2)
	})
}

func TestNothingThatIsSentNorWhereToIsLogged(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	shop, gone := receive(t, always(500)), receive(t, always(410))
	closed := receive(t, always(204))
	closed.Close()
	r := start(t, db, []Endpoint{shop.endpoint("shop"), gone.endpoint("gone"), closed.endpoint("closed")})
	r.take(happened(1, 1))
	<-shop.came
	<-gone.came
	require.Eventually(t, func() bool { return r.logs.FilterField(zap.String("fault", "not_reachable")).Len() > 0 }, time.Minute, time.Millisecond)
	require.NoError(t, r.Stop(t.Context()))
	require.NotZero(t, r.logs.FilterField(zap.String("fault", "http_500")).Len())
	require.NotZero(t, r.logs.FilterField(zap.String("fault", "http_410")).Len())
	for _, line := range r.logs.All() {
		said := line.Message + fmt.Sprint(line.ContextMap())
		for _, never := range []string{"canary", "127.0.0.1", "MfKQ9r8", "token"} {
			require.NotContains(t, said, never)
		}
	}
}

func TestWhatAFailingEndpointWasOwedForTooLongIsGivenUp(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db database) {
		shop := receive(t, always(204))
		_, err := db.PauseEndpoint(t.Context(), "shop", "it is gone")
		require.NoError(t, err)
		r := start(t, db, []Endpoint{shop.endpoint("shop")}, func(p *parts) { p.cfg.RetryFor = 1 })
		e := r.endpoint("shop")
		e.mu.Lock()
		e.circuit = circuit{failures: 100, since: time.Now().Add(-time.Hour), until: time.Now().Add(time.Hour)}
		e.mu.Unlock()
		r.take(happened(1, 1), happened(1, 2))
		r.upkeep(t.Context())
		r.until(booking.DeliveryDue, 2) // for as long as it is paused
		require.NoError(t, db.Pause(t.Context(), booking.PauseChange{What: booking.PauseOfWebhook("shop"), Actor: booking.SupportActor("sue"), Reason: "they are back"}))
		require.Eventually(t, func() bool {
			r.upkeep(t.Context())
			list, err := db.Deliveries(t.Context(), booking.DeliveryFilter{State: booking.DeliveryDead, Limit: 10})
			return err == nil && len(list) == 2
		}, time.Minute, time.Millisecond)
		require.Empty(t, shop.received())
		r.upkeep(t.Context())
		require.Equal(t, 2.0, testutil.ToFloat64(r.metrics.dead.WithLabelValues("shop")))
		require.Equal(t, 1.0, testutil.ToFloat64(r.metrics.open.WithLabelValues("shop")))
	})
}
