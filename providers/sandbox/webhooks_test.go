package sandbox_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/providers/sandbox"
)

// received is one notification as it arrived.
type received struct {
	signature string
	body      []byte
	Event     struct {
		ID   string
		Type string
		Data struct {
			Reference        string
			PaymentReference string `json:"payment_reference"`
			RiskID           string `json:"risk_id"`
			Status           string
		}
		Created time.Time
	}
}

// receiver answers with status(n) to the n-th notification, and hands each to the test.
func receiver(t *testing.T, status func(n int) int) (link string, got chan received) {
	t.Helper()
	got = make(chan received, 100)
	n := make(chan int, 1)
	n <- 1
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		event := received{signature: r.Header.Get(sandbox.SignatureHeader), body: body}
		if json.Unmarshal(body, &event.Event) == nil {
			got <- event
		}
		count := <-n
		n <- count + 1
		w.WriteHeader(status(count))
	}))
	t.Cleanup(server.Close)
	return server.URL + "/v1/webhooks/sandbox", got
}

func always(status int) func(int) int { return func(int) int { return status } }

func next(t *testing.T, got chan received) received {
	t.Helper()
	select {
	case event := <-got:
		return event
	case <-time.After(20 * time.Second):
		require.Fail(t, "no notification came")
		return received{}
	}
}

func TestAPaymentsStoryIsToldAndSigned(t *testing.T) {
	t.Parallel()
	link, got := receiver(t, always(200))
	w := setup(t, sandbox.Config{WebhookURL: link, WebhookSecret: "whsec", WebhookAll: true})
	action, _ := w.authorize(ref, "k1", "pm_card_authenticationRequired", "346.00").at("next_action.url").(string)
	require.Equal(t, "payment.requires_action", next(t, got).Event.Type)
	w.call("POST", strings.TrimPrefix(action, w.url), nil)
	event := next(t, got)
	require.Equal(t, "payment.authorized", event.Event.Type)
	require.Equal(t, ref, event.Event.Data.Reference)
	require.Equal(t, "authorized", event.Event.Data.Status)
	require.NotEmpty(t, event.Event.Data.PaymentReference)
	require.True(t, strings.HasPrefix(event.Event.ID, "evt_"))

	seconds, _, found := strings.Cut(strings.TrimPrefix(event.signature, "t="), ",v1=")
	require.True(t, found)
	unix, err := strconv.ParseInt(seconds, 10, 64)
	require.NoError(t, err)
	require.Equal(t, event.signature, sandbox.Sign("whsec", time.Unix(unix, 0), event.body))

	w.capture(ref, "c1", "k1", "346.00")
	require.Equal(t, "payment.captured", next(t, got).Event.Type)
	w.refund(ref, "r1", "k1", "346.00")
	require.Equal(t, "payment.refunded", next(t, got).Event.Type)
}

func TestALaterFraudDecisionIsTold(t *testing.T) {
	t.Parallel()
	link, got := receiver(t, always(200))
	w := setup(t, sandbox.Config{})
	require.Error(t, w.server.SetWebhook("localhost", "s"))
	require.NoError(t, w.server.SetWebhook(link, "whsec"))
	w.screen(ref, "o-1", "ana+review@example.com")
	w.call("POST", "/fraud/_decide/"+ref, object{"decision": "accept"})
	event := next(t, got)
	require.Equal(t, "fraud.decided", event.Event.Type)
	require.Equal(t, "accept", event.Event.Data.Status)
	require.NotEmpty(t, event.Event.Data.RiskID)
}

func TestANotificationIsRepeatedUntilItIsTaken(t *testing.T) {
	t.Parallel()
	link, got := receiver(t, func(n int) int { return map[bool]int{true: 503, false: 200}[n < 3] })
	w := setup(t, sandbox.Config{WebhookURL: link, WebhookAll: true, RetryAfter: time.Millisecond})
	w.authorize(ref, "k1", "pm_card_visa", "346.00")
	first := next(t, got)
	for range 2 {
		require.Equal(t, first.body, next(t, got).body)
	}
	require.Eventually(t, func() bool {
		entries := w.journal("")
		return entries[len(entries)-1].(object)["effect"] == "delivered"
	}, 10*time.Second, time.Millisecond)
	require.EqualValues(t, 1, w.call("GET", "/_ledger", nil).at("calls"), "deliveries are not calls")
}

func TestANotificationMayComeTwice(t *testing.T) {
	t.Parallel()
	link, got := receiver(t, always(200))
	w := setup(t, sandbox.Config{WebhookURL: link, WebhookAll: true})
	w.faults("payment", object{"duplicate_delivery": 1})
	w.authorize(ref, "k1", "pm_card_visa", "346.00")
	require.Equal(t, next(t, got).Event.ID, next(t, got).Event.ID)
}

func TestANotificationThatNobodyTookIsSentAfterARestart(t *testing.T) {
	t.Parallel()
	link, got := receiver(t, always(500))
	_, w := restart(t, sandbox.Config{WebhookURL: link, WebhookAll: true, RetryAfter: time.Hour}, func(w *world) {
		w.authorize(ref, "k1", "pm_card_visa", "346.00")
		next(t, got)
	})
	require.Equal(t, ref, next(t, got).Event.Data.Reference)
	_ = w
}

func TestWhatAnAnswerToldIsNotNotifiedUnlessAskedFor(t *testing.T) {
	t.Parallel()
	link, got := receiver(t, always(200))
	w := setup(t, sandbox.Config{WebhookURL: link, SettleAfter: time.Hour})
	w.authorize(ref, "k1", "pm_card_pendingRefund", "346.00")
	w.capture(ref, "c1", "k1", "346.00")
	w.refund(ref, "r1", "k1", "346.00")
	w.settle()
	require.Equal(t, "payment.refunded", next(t, got).Event.Type, "only this nobody was told")
}
