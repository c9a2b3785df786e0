package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// receiver is somebody else's endpoint: it checks what it is sent as docs/webhooks.md says, with nothing of ours.
type receiver struct {
	*testing.T
	*httptest.Server
	status atomic.Int64

	mu  sync.Mutex
	all []eventView // in the order in which they came, each try
}

// eventView is what the tests read of an event.
type eventView struct {
	answered int
	ID       string `json:"id"`
	Type     string `json:"type"`
	Subject  string `json:"subject"`
	Sequence string `json:"sequence"`
	Source   string `json:"source"`
	Data     struct {
		Status string `json:"status"`
	} `json:"data"`
}

func receive(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{T: t}
	r.status.Store(http.StatusNoContent)
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(webhookSecret, "whsec_"))
	require.NoError(t, err)
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		body, err := io.ReadAll(request.Body)
		mac := hmac.New(sha256.New, key)
		_, _ = io.WriteString(mac, request.Header.Get("webhook-id")+"."+request.Header.Get("webhook-timestamp")+"."+string(body))
		signed := slices.Contains(strings.Fields(request.Header.Get("webhook-signature")), "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
		at, timeErr := strconv.ParseInt(request.Header.Get("webhook-timestamp"), 10, 64)
		e := eventView{answered: int(r.status.Load())}
		decodeErr := json.Unmarshal(body, &e)
		if err != nil || timeErr != nil || decodeErr != nil || !signed || time.Since(time.Unix(at, 0)).Abs() > 5*time.Minute || e.ID != request.Header.Get("webhook-id") {
			t.Errorf("not signed as it should be: %v %s", request.Header, body)
		}
		r.mu.Lock()
		r.all = append(r.all, e)
		r.mu.Unlock()
		w.WriteHeader(e.answered)
	}))
	t.Cleanup(r.Close)
	return r
}

// taken are the events of a booking that were taken, each in short.
func (r *receiver) taken(id string) (events []string) {
	for _, e := range r.tries(id) {
		if e.answered == http.StatusNoContent {
			events = append(events, e.Type+" "+e.Data.Status)
		}
	}
	return events
}

func (r *receiver) tries(id string) []eventView {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(r.all), func(e eventView) bool { return e.Subject != id })
}

// deliveryView is what the tests read of a delivery.
type deliveryView struct {
	ID        string `json:"id"`
	EventID   string `json:"event_id"`
	State     string `json:"state"`
	Attempts  int    `json:"attempts"`
	LastError string `json:"last_error"`
}

func (c *client) deliveries(query string) []deliveryView {
	c.Helper()
	var page struct {
		Deliveries []deliveryView `json:"deliveries"`
	}
	require.NoError(c, json.Unmarshal(c.call("GET", "/v1/support/webhooks/deliveries?"+query, c.support, "").is(http.StatusOK).body, &page))
	return page.Deliveries
}

var eventsOfAConfirmed = []string{"booking.accepted pending", "payment.authorized processing", "booking.confirmed confirmed", "payment.captured confirmed"}

// TestAnEndpointIsToldOfABookingInOrderWhateverHappens: signed and in order; through an outage until its letters are dead, and the
// death of our own process; and again when a supervisor says so.
func TestAnEndpointIsToldOfABookingInOrderWhateverHappens(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, url string) {
		shop, dir, sandbox := receive(t), t.TempDir(), sandboxProcess(t)
		serve := func() (*process, *client) {
			return serviceProcess(t, dir, sandbox, "BOOKING_DATABASE__URL="+url,
				fmt.Sprintf(`BOOKING_WEBHOOKS__ENDPOINTS=[{name: shop, url: %q, secrets: [%s], allow_private: true}]`, shop.URL+"/hooks?token=canary", webhookSecret),
				"BOOKING_WEBHOOKS__RETRY_FOR=1s", "BOOKING_WEBHOOKS__BACKOFF_BASE=50ms", "BOOKING_WEBHOOKS__BACKOFF_CAP=200ms", "BOOKING_WEBHOOKS__POLL=50ms", "BOOKING_EVENTS__TIMEOUT=2s")
		}
		p, c := serve()
		told := func(id string, want ...string) {
			t.Helper()
			require.Eventually(t, func() bool { return len(shop.taken(id)) >= len(want) }, time.Minute, 10*time.Millisecond, "never told of everything")
			require.Equal(t, want, shop.taken(id))
		}
		first := c.submit(order{})
		c.untilDecided(first.ID)
		told(first.ID, eventsOfAConfirmed...)
		for _, e := range shop.tries(first.ID) {
			require.Equal(t, "/hotelbooking", e.Source)
		}
		require.True(t, slices.IsSortedFunc(shop.tries(first.ID), func(a, b eventView) int { return strings.Compare(a.Sequence, b.Sequence) }))

		shop.status.Store(http.StatusServiceUnavailable)
		second := c.submit(order{})
		c.untilDecided(second.ID)
		require.Eventually(t, func() bool { return len(shop.tries(second.ID)) > 0 }, time.Minute, 10*time.Millisecond)
		p.kill()
		_, c = serve()
		var dead []deliveryView
		require.Eventually(t, func() bool {
			dead = c.deliveries("endpoint=shop&state=dead&booking=" + second.ID)
			return len(dead) == len(eventsOfAConfirmed)
		}, time.Minute, 50*time.Millisecond, "its letters never died")
		oldest := dead[len(dead)-1]
		require.Contains(t, oldest.EventID, "booking.accepted")
		require.Equal(t, "http_503", oldest.LastError)
		require.Greater(t, oldest.Attempts, 1)
		require.Empty(t, shop.taken(second.ID))

		shop.status.Store(http.StatusNoContent)
		const why = `{"reason":"they are back"`
		c.call("POST", "/v1/support/webhooks/deliveries/"+oldest.ID+"/actions/retry", c.support, why+"}").is(http.StatusAccepted)
		told(second.ID, eventsOfAConfirmed[0])
		c.call("POST", "/v1/support/webhooks/deliveries/"+oldest.ID+"/actions/retry", c.support, why+"}").is(http.StatusConflict)
		replayed := c.call("POST", "/v1/support/webhooks/shop/actions/replay", c.support, why+`,"booking":"`+second.ID+`"}`).is(http.StatusAccepted)
		require.JSONEq(t, `{"deliveries":4}`, string(replayed.body))
		told(second.ID, slices.Concat(eventsOfAConfirmed[:1], eventsOfAConfirmed)...)
		ids := map[string]bool{}
		for _, e := range shop.tries(second.ID) {
			ids[e.ID] = true
		}
		require.Len(t, ids, len(eventsOfAConfirmed), "every try of an event has its id")
		span := fmt.Sprintf(`,"from":%q,"to":%q}`, time.Now().Add(-time.Hour).UTC().Format(time.RFC3339), time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
		replayed = c.call("POST", "/v1/support/webhooks/shop/actions/replay", c.support, why+span).is(http.StatusAccepted)
		require.JSONEq(t, `{"deliveries":8}`, string(replayed.body))
		told(first.ID, slices.Concat(eventsOfAConfirmed, eventsOfAConfirmed)...)

		listed := c.call("GET", "/v1/support/webhooks", c.support, "").is(http.StatusOK)
		require.NotContains(t, string(listed.body), "canary", "where it is, is nobody's to know")
		require.NotContains(t, string(listed.body), "whsec_")
		metrics := c.call("GET", c.admin+"/metrics", "", "").is(http.StatusOK)
		require.Contains(t, string(metrics.body), `booking_webhook_deliveries_total{endpoint="shop",outcome="delivered"}`)
	})
}

// TestAnEndpointThatIsGoneIsToldNothingUntilASupervisorLetsItGoOn: and bookings do not notice.
func TestAnEndpointThatIsGoneIsToldNothingUntilASupervisorLetsItGoOn(t *testing.T) {
	t.Parallel()
	shop := receive(t)
	c := serviceForTest(t, "", func(cfg *Config) {
		cfg.Webhooks.Endpoints = []WebhookEndpoint{{Name: "shop", URL: Secret(shop.URL), Secrets: []Secret{webhookSecret}, AllowPrivate: true}}
		cfg.Webhooks.Poll, cfg.Webhooks.BackoffBase = 50*time.Millisecond, 50*time.Millisecond
	})
	shop.status.Store(http.StatusGone)
	b := c.submit(order{})
	c.untilDecided(b.ID)
	endpoints := func() string {
		return string(c.call("GET", "/v1/support/webhooks", c.support, "").is(http.StatusOK).body)
	}
	require.Eventually(t, func() bool { return strings.Contains(endpoints(), `"paused_by":"system"`) }, time.Minute, 20*time.Millisecond)
	require.Eventually(t, func() bool { // it is paused first
		page := c.call("GET", "/v1/support/webhooks/deliveries?state=due", c.support, "").is(http.StatusOK)
		return strings.Contains(string(page.body), "http_410")
	}, time.Minute, 20*time.Millisecond)
	shop.status.Store(http.StatusNoContent)
	c.call("POST", "/v1/support/webhooks/shop/actions/resume", c.support, `{"reason":"it was a mistake"}`).is(http.StatusAccepted)
	require.Eventually(t, func() bool { return len(shop.taken(b.ID)) == len(eventsOfAConfirmed) }, time.Minute, 10*time.Millisecond)
	require.Equal(t, eventsOfAConfirmed, shop.taken(b.ID))
}
