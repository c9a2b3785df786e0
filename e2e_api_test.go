package main

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/store/storetest"
)

func TestOneKeyMakesOneBooking(t *testing.T) {
	t.Parallel()
	onBoth(t, func(c *client) {
		body := order{}.json()
		var lock sync.Mutex
		ids, replayed, secrets := map[string]int{}, 0, map[string]bool{}
		var senders sync.WaitGroup
		for range 50 {
			senders.Go(func() {
				a, err := c.try("POST", "/v1/bookings", c.bookings, body, "Idempotency-Key", "one")
				lock.Lock()
				defer lock.Unlock()
				if err == nil && a.status == http.StatusAccepted {
					ids[a.booking().ID]++
					secrets[a.booking().ClientSecret] = true
					if a.header.Get("Idempotent-Replayed") == "true" {
						replayed++
					}
				}
			})
		}
		senders.Wait()
		require.Len(c, ids, 1)
		require.Len(c, secrets, 1)
		require.Equal(c, 49, replayed)
		for id, n := range ids {
			require.Equal(c, 50, n)
			c.untilDecided(id)
			again := c.call("POST", "/v1/bookings", c.bookings, body, "Idempotency-Key", "one").is(http.StatusAccepted)
			require.Equal(c, id, again.booking().ID, "however late")
		}
		require.Len(c, c.ledger(), 1)
		c.call("POST", "/v1/bookings", c.bookings, order{offer: "sim_down"}.json(), "Idempotency-Key", "one").is(http.StatusUnprocessableEntity)
		c.call("POST", "/v1/bookings", c.bookings, body).is(http.StatusBadRequest)
	})
}

func TestPollSeesChangesAndNothingElse(t *testing.T) {
	t.Parallel()
	onBoth(t, func(c *client) {
		b := c.submit(order{card: "pm_card_authenticationRequired"})
		c.untilStatus(b.ID, "requires_action")
		path := "/v1/bookings/" + b.ID
		seen := c.call("GET", path, b.ClientSecret, "").is(http.StatusOK)
		require.NotEmpty(c, seen.header.Get("Retry-After"))
		same := c.call("GET", path, b.ClientSecret, "", "If-None-Match", seen.header.Get("ETag")).is(http.StatusNotModified)
		require.Empty(c, same.body)

		answered := c.hold(path, b.ClientSecret, seen)
		require.Less(c, c.call("POST", seen.booking().Action.URL, "", "").status, 400)
		require.Greater(c, (<-answered).is(http.StatusOK).booking().Version, seen.booking().Version)
		require.Equal(c, "confirmed", c.untilDecided(b.ID).Status)

		atRest := c.until(b.ID, func(v bookingView) bool { return v.Stage == "done" })
		answered = c.hold(path, b.ClientSecret, c.call("GET", path, b.ClientSecret, "").is(http.StatusOK))
		c.call("POST", path+"/cancellation", b.ClientSecret, "{}").is(http.StatusAccepted)
		require.Greater(c, (<-answered).is(http.StatusOK).booking().Version, atRest.Version, "what is decided can still change")
	})
}

// hold asks to wait for a change of what was seen, and sends the answer when it comes.
func (c *client) hold(path, key string, seen answer) <-chan answer {
	answered := make(chan answer, 1)
	go func() {
		a, err := c.try("GET", path, key, "", "If-None-Match", seen.header.Get("ETag"), "Prefer", "wait=20")
		if err != nil {
			a = answer{T: c.T, body: []byte(err.Error())}
		}
		answered <- a
	}()
	return answered
}

func TestStreamTellsEveryChangeAndResumes(t *testing.T) {
	t.Parallel()
	onBoth(t, func(c *client) {
		b := c.submit(order{offer: "sim_slow_50"})
		first := c.stream(b, "")
		require.Equal(c, "confirmed", first[len(first)-1].Status)
		require.True(c, first[len(first)-1].Terminal)
		for i := 1; i < len(first); i++ {
			require.Greater(c, first[i].Version, first[i-1].Version)
		}
		if last := first[len(first)-1].Version; last > 2 {
			resumed := c.stream(b, "2")
			require.NotEmpty(c, resumed)
			require.Greater(c, resumed[0].Version, 2, "what was seen is not told again")
		}
	})
}

// stream reads a booking's events until the service ends the stream.
func (c *client) stream(b bookingView, lastEventID string) (events []bookingView) {
	c.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, "GET", c.base+"/v1/bookings/"+b.ID+"/stream", nil)
	require.NoError(c, err)
	request.Header.Set("Authorization", "Bearer "+b.ClientSecret)
	request.Header.Set("Accept", "text/event-stream")
	if lastEventID != "" {
		request.Header.Set("Last-Event-ID", lastEventID)
	}
	response, err := http.DefaultClient.Do(request)
	require.NoError(c, err)
	defer func() { _ = response.Body.Close() }()
	require.Equal(c, http.StatusOK, response.StatusCode)
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		if data, is := strings.CutPrefix(lines.Text(), "data:"); is {
			var event bookingView
			require.NoError(c, json.Unmarshal([]byte(data), &event))
			events = append(events, event)
		}
	}
	require.NoError(c, lines.Err())
	return events
}

func TestCancellationIsQuotedAndThenCostsThat(t *testing.T) {
	t.Parallel()
	onBoth(t, func(c *client) {
		b := c.submit(order{offer: "sim_fee"})
		c.untilDecided(b.ID)
		c.untilLedger(b.Reference, func(l ledgerView) bool { return l.Captures == 1 })
		path := "/v1/bookings/" + b.ID + "/cancellation"
		var quote struct{ Fee, Refund moneyView }
		require.NoError(c, json.Unmarshal(c.call("GET", path, b.ClientSecret, "").is(http.StatusOK).body, &quote))
		require.Equal(c, moneyView{"69.20", "EUR"}, quote.Fee)
		require.Equal(c, moneyView{"276.80", "EUR"}, quote.Refund)
		c.call("POST", path, b.ClientSecret, `{"expected_fee":{"amount":"0.00","currency":"EUR"}}`).is(http.StatusConflict)
		c.call("POST", path, b.ClientSecret, `{"expected_fee":{"amount":"69.20","currency":"EUR"}}`).is(http.StatusAccepted)
		c.untilStatus(b.ID, "cancelled")
		c.untilLedger(b.Reference, func(l ledgerView) bool { return l.Active == 0 && l.Refunded == "276.80" && l.Captured == "346.00" })
		c.call("POST", path, b.ClientSecret, `{"expected_fee":{"amount":"69.20","currency":"EUR"}}`).is(http.StatusAccepted) // once more is no more
	})
}

func TestSupportFindsABookingByAnythingAndReadsItsStory(t *testing.T) {
	t.Parallel()
	onBoth(t, func(c *client) {
		a := c.call("POST", "/v1/bookings", c.bookings, order{email: "Ana.Find@example.com"}.json(), "Idempotency-Key", "find-me").is(http.StatusAccepted)
		b := c.untilDecided(a.booking().ID)
		c.untilLedger(b.Reference, func(l ledgerView) bool { return l.Tracked == 1 })
		var view struct {
			Booking    bookingView
			Story      struct{ Happened, Next, Charged string }
			References struct{ Supplier, Payment string }
			Timeline   []struct{ What string }
			Money      struct{ Captured moneyView }
		}
		require.Eventually(c, func() bool {
			found := c.call("GET", "/v1/support/bookings/"+b.ID, c.support, "").is(http.StatusOK)
			return json.Unmarshal(found.body, &view) == nil && view.Booking.Stage == "done"
		}, 10*time.Second, 20*time.Millisecond)
		require.Contains(c, view.Story.Charged, "Yes: 346.00 EUR was charged")
		require.Contains(c, view.Story.Happened, "confirmed")
		require.Equal(c, moneyView{"346.00", "EUR"}, view.Money.Captured)
		require.Len(c, view.Timeline, view.Booking.Version, "a line for every version")
		spoken := strings.ToLower(b.Reference[:5] + "-" + b.Reference[5:])
		for _, q := range []string{b.ID, b.Reference, spoken, "web-4711", "find-me", "ana.find@EXAMPLE.com", view.References.Supplier, view.References.Payment} {
			found := c.call("GET", "/v1/support/bookings?q="+q, c.support, "").is(http.StatusOK)
			require.Contains(c, string(found.body), b.ID, q)
		}
		require.NotContains(c, string(c.call("GET", "/v1/support/bookings?q=nobody@example.com", c.support, "").is(http.StatusOK).body), b.ID)
		c.call("GET", "/v1/support/bookings/"+b.ID, c.bookings, "").is(http.StatusForbidden)
	})
}

func TestStaffRefundIsReasonedAndLegalOnlyOnce(t *testing.T) {
	t.Parallel()
	onBoth(t, func(c *client) {
		b := c.submit(order{})
		c.untilDecided(b.ID)
		c.untilLedger(b.Reference, func(l ledgerView) bool { return l.Tracked == 1 })
		path := "/v1/support/bookings/" + b.ID + "/actions/refund"
		c.call("POST", path, c.support, `{}`).is(http.StatusUnprocessableEntity)
		require.Eventually(c, func() bool {
			return c.call("POST", path, c.support, `{"reason":"noise all night","amount":{"amount":"346.00","currency":"EUR"}}`).status == http.StatusAccepted
		}, 10*time.Second, 50*time.Millisecond)
		c.untilLedger(b.Reference, func(l ledgerView) bool { return l.Refunded == "346.00" && l.Active == 1 })
		c.until(b.ID, func(v bookingView) bool { return v.PaymentStatus == "refunded" })
		refused := c.call("POST", path, c.support, `{"reason":"noise all night"}`).is(http.StatusConflict)
		require.Contains(c, string(refused.body), `"allowed"`)
	})
}

// TestNothingPersonalIsLoggedOrReadableAtRest runs bookings whose personal data are unmistakable, and looks for them in the
// metrics and the database's files. What every service of these tests logs is read when it stops.
func TestNothingPersonalIsLoggedOrReadableAtRest(t *testing.T) {
	t.Parallel()
	dir := ""
	c := serviceForTest(t, "", func(cfg *Config) { dir = cfg.DataDir })
	const name, email, phone = "Canarýname", "canary.mail+review@example.com", "+34611222333"
	t.Cleanup(func() { require.Contains(t, c.log.String(), `"msg":"turn"`, "the log that was searched has no turns") })
	text := strings.ReplaceAll(order{name: name, email: email}.json(), "+34600000000", phone)
	text = strings.Replace(text, `"special_requests":""`, `"special_requests":"canary request"`, 1)
	a := c.call("POST", "/v1/bookings", c.bookings, text, "Idempotency-Key", "canary").is(http.StatusAccepted)
	b := a.booking()
	approve(c, b)
	c.untilDecided(b.ID)
	c.call("GET", "/v1/support/bookings?q="+email, c.support, "").is(http.StatusOK)
	c.call("GET", "/v1/support/bookings/"+b.ID, c.support, "").is(http.StatusOK)
	card := strings.Replace(text, "canary request", "4242 4242 4242 4242", 1)
	c.call("POST", "/v1/bookings", c.bookings, card, "Idempotency-Key", "card").is(http.StatusUnprocessableEntity)
	c.call("POST", "/v1/bookings", c.bookings, text[:len(text)-9], "Idempotency-Key", "broken").is(http.StatusBadRequest)
	c.untilLedger(b.Reference, func(l ledgerView) bool { return l.Tracked == 1 })

	places := map[string]string{"metrics": string(c.call("GET", c.admin+"/metrics", "", "").is(http.StatusOK).body)}
	for _, file := range []string{"booking.db", "booking.db-wal"} {
		content, err := os.ReadFile(filepath.Join(dir, file))
		require.NoError(t, err)
		places[file] = string(content)
	}
	require.Contains(t, places["booking.db-wal"]+places["booking.db"], b.Reference, "the search looks in the wrong place")
	for where, content := range places {
		for _, canary := range []string{name, "canary.mail", phone, "611222333", "canary request", "4242 4242", "4242424242424242", b.ClientSecret, c.bookings, c.support} {
			require.NotContains(t, content, canary, "in the %s", where)
		}
	}
}

func TestMetricsTellWhatOperatorsNeed(t *testing.T) {
	t.Parallel()
	c := serviceForTest(t, "")
	b := c.submit(order{offer: "sim_5xx_booked"})
	c.untilDecided(b.ID)
	c.untilLedger(b.Reference, func(l ledgerView) bool { return l.Tracked == 1 })
	text := string(c.call("GET", c.admin+"/metrics", "", "").is(http.StatusOK).body)
	for _, name := range []string{
		"booking_accepted_total", "booking_decided_total", "booking_turn_seconds_bucket", "booking_pool_in_use", "booking_backlog", "booking_backlog_oldest_seconds",
		"booking_unknown_outcomes_total{step=\"confirm\"} 1", "booking_breaker_state", "booking_store_commits_total", "booking_store_rows_total", "booking_vendor_call_seconds_bucket",
	} {
		require.Contains(t, text, name)
	}
	require.Equal(t, http.StatusOK, c.call("GET", c.admin+"/livez", "", "").status)
	require.Equal(t, http.StatusNotFound, c.call("GET", "/metrics", "", "").status, "not on the public listener")
}

func TestNotYoursLooksLikeNotThere(t *testing.T) {
	t.Parallel()
	c := serviceForTest(t, "")
	mine, theirs := c.submit(order{}), c.submit(order{})
	other := c.call("GET", "/v1/bookings/"+theirs.ID, mine.ClientSecret, "").is(http.StatusNotFound)
	none := c.call("GET", "/v1/bookings/01945e2a-7c00-7000-8000-000000000009", mine.ClientSecret, "").is(http.StatusNotFound)
	withoutRequestID := func(a answer) (problem map[string]any) {
		require.NoError(t, json.Unmarshal(a.body, &problem))
		delete(problem, "request_id")
		delete(problem, "instance")
		return problem
	}
	require.Equal(t, withoutRequestID(none), withoutRequestID(other))
	c.call("GET", "/v1/bookings/"+mine.ID, "", "").is(http.StatusUnauthorized)
}

func TestSandboxCanRunElsewhereAndWebhooksFindTheirWay(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, c := serviceProcess(t, dir, sandboxProcess(t), "BOOKING_DATABASE__URL="+storetest.PostgresSchema(t))
	b := c.submit(order{card: "pm_card_authenticationRequired"})
	waiting := c.untilStatus(b.ID, "requires_action")
	require.Less(t, c.call("POST", waiting.Action.URL, "", "").status, 400)
	c.call("POST", "/v1/bookings/"+b.ID+"/actions/payment", b.ClientSecret, `{}`).is(http.StatusAccepted) // the guest comes back
	require.Equal(t, "confirmed", c.untilDecided(b.ID).Status)
	c.call("POST", "/v1/webhooks/sandbox", "", `{"id":"evt_1","type":"payment.updated","data":{"reference":"`+b.Reference+`"}}`,
		"Sandbox-Signature", "t=1,v1=00").is(http.StatusUnauthorized)
}
