package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"

	"hotelbooking/booking"
)

// The trace of a caller, and what a caller's own machinery sends with it, which is nobody else's business.
const (
	callersTrace = "4bf92f3577b34da6a3ce929d0e0e4736"
	callersSpan  = "00f067aa0ba902b7"
)

// TestABookingIsOneTraceWhicheverProcessGoesOnWithIt: the caller's trace has all that is done for the booking, by the process that
// took it and by the one after it, and the vendors are told of it.
func TestABookingIsOneTraceWhicheverProcessGoesOnWithIt(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, url string) {
		spans, outside := newCollector(t), newVendors(t)
		cfg := quick(t, url)
		cfg.Sandbox.URL, cfg.Tracing.Endpoint, cfg.Tracing.Headers = outside.url, spans.url, "authorization=Bearer%20canary"
		require.NoError(t, cfg.Validate())

		app, c := running(t, cfg)
		b := c.call("POST", "/v1/bookings", c.bookings, order{email: "ana+review@example.com"}.json(), "Idempotency-Key", c.Name(),
			"Traceparent", "00-"+callersTrace+"-"+callersSpan+"-01", "Tracestate", "other=canary", "Baggage", "guest=canary").is(http.StatusAccepted).booking()
		c.untilStatus(b.ID, "in_review")
		require.NoError(t, app.Stop(context.Background()))
		require.Contains(t, c.log.String(), `"trace_id":"`+callersTrace+`"`)

		app, c = running(t, cfg)
		c.call("POST", "/v1/support/bookings/"+b.ID+"/actions/approve", c.support, `{"reason":"a known guest"}`).is(http.StatusAccepted)
		require.Equal(t, "confirmed", c.untilDecided(b.ID).Status)
		c.untilLedger(b.Reference, func(l ledgerView) bool { return l.Captures == 1 && l.Tracked == 1 })
		c.until(b.ID, func(b bookingView) bool { return b.PaymentStatus == "captured" })
		support := c.call("GET", "/v1/support/bookings/"+b.Reference, c.support, "").is(http.StatusOK)
		require.Contains(t, string(support.body), `"trace_id":"`+callersTrace+`"`)
		require.NoError(t, app.Stop(context.Background()))

		request := spans.one(t, callersTrace, "POST /v1/bookings")
		require.Equal(t, callersSpan, request.parent)
		accept := spans.one(t, callersTrace, "accept")
		require.Equal(t, request.id, accept.parent)
		require.Equal(t, b.ID, accept.words["booking.id"])
		requireTurns(t, spans, accept, b)
		requireCallsCarryTheTrace(t, spans, outside)
		requireCommitsLinked(t, spans, accept)

		decided := spans.one(t, callersTrace, "decide approve")
		require.Equal(t, accept.id, decided.parent)
		require.Equal(t, "support", decided.words["booking.actor"], "and not who it was")
		approval := spans.one(t, "", "POST /v1/support/bookings/:id/actions/approve")
		require.NotEqual(t, callersTrace, approval.trace)
		require.Contains(t, decided.links, approval.trace+"/"+approval.id)

		polls := spans.all(func(s spanView) bool { return s.name == "GET /v1/bookings/:id" })
		require.NotEmpty(t, polls)
		for _, poll := range polls {
			require.NotEqual(t, callersTrace, poll.trace, "a poll has a trace of its own")
		}
		require.True(t, slices.ContainsFunc(polls, func(s spanView) bool { return slices.Contains(s.links, callersTrace+"/"+accept.id) }))

		requireNothingPersonal(t, spans.text.String())
		require.Equal(t, "Bearer canary", spans.headers[0].Get("Authorization"))
	})
}

// requireTurns: each step has its turn, a child of the acceptance, in whichever process.
func requireTurns(t *testing.T, spans *collecting, accept spanView, b bookingView) {
	t.Helper()
	processes := map[string]string{}
	for _, step := range []booking.Name{booking.StepHold, booking.StepScreen, booking.StepAuthorize, booking.StepConfirm, booking.StepCapture, booking.StepTrack} {
		turns := spans.all(func(s spanView) bool { return s.trace == callersTrace && s.name == string(step)+" doing" })
		require.NotEmpty(t, turns, step)
		for _, turn := range turns {
			require.Equal(t, accept.id, turn.parent, step)
			require.Equal(t, b.ID, turn.words["booking.id"])
			require.Equal(t, b.Reference, turn.words["booking.reference"])
			require.Equal(t, string(step), turn.words["booking.step"])
			require.Equal(t, "doing", turn.words["booking.phase"])
			require.Equal(t, "sandbox", turn.words["booking.supplier"])
			for _, said := range []string{"booking.pool", "booking.outcome", "booking.process"} {
				require.NotEmpty(t, turn.words[said], "%s of %s", said, step)
			}
			for _, said := range []string{"booking.attempt", "booking.version", "booking.reason"} {
				require.Contains(t, turn.words, said)
			}
			processes[turn.words["booking.process"]] += string(step) + " "
		}
	}
	require.Len(t, processes, 2, "the second went on where the first had stopped")
	require.Equal(t, "hold screen ", processes[accept.words["booking.process"]])
}

// requireCallsCarryTheTrace: every call is a span within a turn, and the vendor was told just that span, and nothing else.
func requireCallsCarryTheTrace(t *testing.T, spans *collecting, outside *vendors) {
	t.Helper()
	calls := outside.asked()
	require.GreaterOrEqual(t, len(calls), 6)
	for _, call := range calls {
		told := strings.Split(call.header.Get("Traceparent"), "-")
		require.Len(t, told, 4, call.path)
		require.Equal(t, []string{"00", callersTrace, "01"}, []string{told[0], told[1], told[3]})
		made := spans.all(func(s spanView) bool { return s.id == told[2] && s.kind == otlp.Span_SPAN_KIND_CLIENT })
		require.Len(t, made, 1, call.path)
		require.Equal(t, call.header.Get("X-Request-Id"), made[0].words["vendor.request_id"])
		within := spans.all(func(s spanView) bool { return s.id == made[0].parent && s.words["booking.step"] != "" })
		require.Len(t, within, 1, call.path)
		require.Empty(t, call.header.Get("Tracestate")+call.header.Get("Baggage"))
	}
}

// requireCommitsLinked: a commit is in no booking's trace, and both sides know of each other.
func requireCommitsLinked(t *testing.T, spans *collecting, accept spanView) {
	t.Helper()
	served := spans.all(func(s spanView) bool { return s.trace == callersTrace && s.name == "save" })
	require.NotEmpty(t, served)
	for _, save := range append(served, accept) {
		require.Len(t, save.links, 1)
		commits := spans.all(func(s spanView) bool { return s.name == "commit" && s.trace+"/"+s.id == save.links[0] })
		require.Len(t, commits, 1)
		require.NotEqual(t, callersTrace, commits[0].trace)
		require.Contains(t, commits[0].links, callersTrace+"/"+save.id)
	}
}

func TestABookingWithoutACallersTraceHasOneOfItsOwn(t *testing.T) {
	t.Parallel()
	spans := newCollector(t)
	cfg := quick(t, "")
	cfg.Tracing.Endpoint = spans.url + "/v1/traces"
	app, c := running(t, cfg)
	submit := func(key string, headers ...string) bookingView {
		return c.call("POST", "/v1/bookings", c.bookings, order{}.json(), append(headers, "Idempotency-Key", key)...).is(http.StatusAccepted).booking()
	}
	one, other := submit("one"), submit("other", "Traceparent", "00-"+strings.Repeat("0", 32)+"-"+callersSpan+"-01")
	card := submit("card", "Traceparent", "00-"+callersTrace+"-4242424242424242-01")
	again := submit("one")
	require.Equal(t, one.ID, again.ID)
	for _, b := range []bookingView{one, other, card} {
		require.Equal(t, "confirmed", c.untilDecided(b.ID).Status)
	}
	require.NoError(t, app.Stop(context.Background()))

	accepts := spans.all(func(s spanView) bool { return s.name == "accept" })
	traces := map[string]string{}
	for _, s := range accepts {
		if s.words["booking.id"] == one.ID && len(s.links) == 2 { // to the commit that found it, and to the acceptance that it repeats
			continue
		}
		traces[s.trace] = s.words["booking.id"]
	}
	require.Len(t, accepts, 4, "three, and one that was repeated")
	require.Len(t, traces, 3)
	require.NotContains(t, traces, strings.Repeat("0", 32))
	require.NotContains(t, traces, callersTrace, "what looks like a card is not passed on")
}

func TestWhatACallerDoesNotSampleIsNotExported(t *testing.T) {
	t.Parallel()
	spans, outside := newCollector(t), newVendors(t)
	cfg := quick(t, "")
	cfg.Tracing.Endpoint, cfg.Sandbox.URL = spans.url, outside.url
	app, c := running(t, cfg)
	b := c.call("POST", "/v1/bookings", c.bookings, order{}.json(), "Idempotency-Key", "unsampled", "Traceparent", "00-"+callersTrace+"-"+callersSpan+"-00").
		is(http.StatusAccepted).booking()
	require.Equal(t, "confirmed", c.untilDecided(b.ID).Status)
	require.NoError(t, app.Stop(context.Background()))
	require.Empty(t, spans.all(func(s spanView) bool { return s.trace == callersTrace || s.name == "commit" }))
	require.NotEmpty(t, outside.asked())
	for _, call := range outside.asked() {
		require.Regexp(t, "^00-"+callersTrace+"-[0-9a-f]{16}-00$", call.header.Get("Traceparent"), "the vendor may decide otherwise, for itself")
	}
}

// TestACollectorThatHangsHoldsNobodyUp: bookings are confirmed, the service stops, and the log says once what was lost.
func TestACollectorThatHangsHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	released := make(chan struct{})
	hangs := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-released:
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(hangs.Close)
	t.Cleanup(func() { close(released) })
	cfg := quick(t, "")
	cfg.Tracing.Endpoint, cfg.Tracing.Timeout = hangs.URL, 200*time.Millisecond
	app, c := running(t, cfg)
	for i := range 20 {
		b := c.call("POST", "/v1/bookings", c.bookings, order{}.json(), "Idempotency-Key", fmt.Sprint("hangs-", i)).is(http.StatusAccepted).booking()
		require.Equal(t, "confirmed", c.untilDecided(b.ID).Status)
	}
	require.NoError(t, app.Stop(context.Background()))
	require.Positive(t, app.tracing.Counts().Lost)
	require.Zero(t, app.tracing.Counts().Exported)
	require.Equal(t, 1, strings.Count(c.log.String(), "traces are lost"))
}

func TestWithoutACollectorNothingIsTraced(t *testing.T) {
	t.Parallel()
	outside := newVendors(t)
	cfg := quick(t, "")
	cfg.Sandbox.URL = outside.url
	app, c := running(t, cfg)
	b := c.call("POST", "/v1/bookings", c.bookings, order{}.json(), "Idempotency-Key", "untraced", "Traceparent", "00-"+callersTrace+"-"+callersSpan+"-01").
		is(http.StatusAccepted).booking()
	require.Equal(t, "confirmed", c.untilDecided(b.ID).Status)
	support := c.call("GET", "/v1/support/bookings/"+b.Reference, c.support, "").is(http.StatusOK)
	require.NotContains(t, string(support.body), "trace_id")
	require.NoError(t, app.Stop(context.Background()))
	require.NotContains(t, c.log.String(), "trace_id")
	require.NotEmpty(t, outside.asked())
	for _, call := range outside.asked() {
		require.Empty(t, call.header.Get("Traceparent"))
	}
}
