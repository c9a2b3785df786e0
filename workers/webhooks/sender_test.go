package webhooks

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"hotelbooking/booking"
	"hotelbooking/store/storetest"
)

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
