package sandbox_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/providers/sandbox"
)

func TestACallRefusedBeforeItsEffectDidNothing(t *testing.T) {
	t.Parallel()
	w := setup(t, sandbox.Config{})
	w.faults("hotel", object{"refused_before_effect": 1})
	answer := w.hold(ref, "sim_ok")
	require.Equal(t, 503, answer.Status)
	require.Equal(t, "service_unavailable", answer.code())
	require.Empty(t, w.ledger(ref))
	require.Equal(t, 201, w.authorize(ref, "k1", "pm_card_visa", "346.00").Status, "the other systems are well")
}

func TestAnAnswerIsLostAfterItsEffect(t *testing.T) {
	t.Parallel()
	w := setup(t, sandbox.Config{})
	w.faults("payment", object{"effect_answer_lost": 1})
	require.Equal(t, 0, w.authorize(ref, "k1", "pm_card_visa", "346.00").Status)
	w.counts(ref, map[string]int{"open_authorizations": 1})
	w.call("DELETE", "/_faults", nil)
	require.Equal(t, 201, w.authorize(ref, "k1", "pm_card_visa", "346.00").Status, "the same key gets the answer")
	w.counts(ref, map[string]int{"open_authorizations": 1, "ever_authorized": 1})
	entry := w.journal("reference=" + ref)[0].(object)
	require.Equal(t, "withheld", entry["answer"])
	require.Equal(t, "authorized", entry["effect"])
	require.Equal(t, "effect_answer_lost", entry["fault"])
}

func TestALateEffectLandsAfterTheCallerGaveUp(t *testing.T) {
	t.Parallel()
	w := setup(t, sandbox.Config{})
	w.faults("hotel", object{"late_effect": 1, "late_effect_delay_ms": 3_600_000})
	require.Equal(t, 0, w.hold(ref, "sim_ok").Status)
	w.call("DELETE", "/_faults", nil)
	require.EqualValues(t, 1, w.call("GET", "/_ledger", nil).at("pending_effects"))
	require.Equal(t, 404, w.retrieve(ref).Status)
	w.settle()
	require.Equal(t, "held", w.retrieve(ref).at("status"))
	require.EqualValues(t, 0, w.call("GET", "/_ledger", nil).at("pending_effects"))
}

func TestALateEffectFindsTheReferenceReleased(t *testing.T) {
	t.Parallel()
	w := setup(t, sandbox.Config{})
	w.hold(ref, "sim_ok")
	w.faults("hotel", object{"late_effect": 1, "late_effect_delay_ms": 3_600_000})
	require.Equal(t, 0, w.confirm(ref, "sim_ok", "346.00").Status)
	w.call("DELETE", "/_faults", nil)
	w.release(ref)
	w.settle()
	w.counts(ref, map[string]int{"holds": 0, "active_reservations": 0, "ever_confirmed": 0})
}

func TestALateEffectLandsByItself(t *testing.T) {
	t.Parallel()
	w := setup(t, sandbox.Config{})
	w.faults("hotel", object{"late_effect": 1, "late_effect_delay_ms": 1})
	require.Equal(t, 0, w.hold(ref, "sim_ok").Status)
	require.Eventually(t, func() bool { return w.ledger(ref)["holds"] == float64(1) }, 10*time.Second, time.Millisecond)
}

func TestAResetDropsWhatIsStillOnItsWay(t *testing.T) {
	t.Parallel()
	w := setup(t, sandbox.Config{})
	w.hold("OTHER", "sim_ok")
	w.faults("hotel", object{"late_effect": 1, "late_effect_delay_ms": 3_600_000})
	w.hold(ref, "sim_ok")
	require.Equal(t, 204, w.call("POST", "/_reset", nil).Status)
	w.settle()
	ledger := w.call("GET", "/_ledger", nil)
	require.Empty(t, ledger.at("references"))
	require.EqualValues(t, 0, ledger.at("calls"))
	require.Empty(t, w.journal(""))
	require.Equal(t, 201, w.hold("OTHER", "sim_ok").Status, "the faults are gone too, and so is the old hold")
}

func TestACallThatHangsDidNothingAndIsCutInTheEnd(t *testing.T) {
	t.Parallel()
	w := setup(t, sandbox.Config{})
	w.faults("tracking", object{"hang": 1})
	require.Equal(t, 0, w.track(ref, "m1", "Booking Confirmed").Status)
	require.Empty(t, w.ledger(ref))
	entry := w.journal("")[0].(object)
	require.Equal(t, "withheld", entry["answer"])
	require.Equal(t, "none", entry["effect"])
}

func TestACallerWhoWalksAwayFreesAHungCall(t *testing.T) {
	t.Parallel()
	w := setup(t, sandbox.Config{HangFor: time.Hour})
	w.faults("hotel", object{"hang": 1})
	ctx, giveUp := context.WithCancel(context.Background())
	gone := make(chan error, 1)
	go func() {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, w.url+"/hotel/v1/reservations/"+ref, nil)
		if err == nil {
			_, err = w.client.Do(req) //nolint:bodyclose // it never answers
		}
		gone <- err
	}()
	require.Eventually(t, func() bool { return len(w.journal("")) == 1 }, 10*time.Second, time.Millisecond)
	giveUp()
	require.ErrorIs(t, <-gone, context.Canceled) // and the cleanup closes the listener, which waits for its calls
}

func TestADuplicateDeliveryHasOneEffect(t *testing.T) {
	t.Parallel()
	w := setup(t, sandbox.Config{})
	for _, system := range []string{"hotel", "payment", "tracking", "fraud"} {
		w.faults(system, object{"duplicate_delivery": 1})
	}
	w.hold(ref, "sim_ok")
	w.screen(ref, "o-1", "ana@example.com")
	w.authorize(ref, "k1", "pm_card_visa", "346.00")
	w.confirm(ref, "sim_ok", "346.00")
	w.capture(ref, "c1", "k1", "346.00")
	w.refund(ref, "r1", "k1", "46.00")
	w.track(ref, "m1", "Booking Confirmed")
	w.counts(ref, map[string]int{
		"holds_placed": 1, "ever_confirmed": 1, "ever_authorized": 1, "captures": 1, "refunds": 1, "tracked": 1,
		"max_active_reservations": 1, "max_open_authorizations": 1,
	})
	require.Len(t, w.journal(""), 14, "each call arrived twice")
	require.EqualValues(t, 14, w.call("GET", "/_ledger", nil).at("calls"))
}

func TestFaultsAreChecked(t *testing.T) {
	t.Parallel()
	w := setup(t, sandbox.Config{})
	for body, want := range map[string]string{
		`{"hotels":{}}`:                                           "hotels: no such system",
		`{"hotel":{"refused":1}}`:                                 "unknown field",
		`{"hotel":{"hang":1.5}}`:                                  "hang: want a share",
		`{"hotel":{"hang":-0.1}}`:                                 "hang: want a share",
		`{"hotel":{"hang":0.6,"late_effect":.5}}`:                 "invalid character",
		`{"hotel":{"hang":0.6,"late_effect":0.5}}`:                "sum to 1.1",
		`{"hotel":{"late_effect_delay_ms":-1}}`:                   "late_effect_delay_ms",
		`{"hotel":{"latency":{"p50_ms":9,"p99_ms":1}}}`:           "latency: want",
		`{"hotel":{"latency":{"p50_ms":9,"p99_ms":10,"x":1}}}`:    "unknown field",
		`{"hotel":{"hang":2},"payment":{"duplicate_delivery":2}}`: "payment: duplicate_delivery",
		`[]`: "cannot unmarshal",
		``:   "EOF",
	} {
		answer := w.call("PUT", "/_faults", body)
		require.Equal(t, 400, answer.Status, body)
		require.Equal(t, "invalid_faults", answer.code())
		require.Contains(t, answer.at("error.message"), want)
	}
	require.EqualValues(t, 0, w.call("GET", "/_faults", nil).at("hotel.hang"), "nothing of them was taken")
}

func TestFaultsAreSetPerSystemAndClearedTogether(t *testing.T) {
	t.Parallel()
	w := setup(t, sandbox.Config{Latency: map[sandbox.System]sandbox.Latency{sandbox.Fraud: {P50: 1, P99: 2}}})
	w.faults("hotel", object{"refused_before_effect": 0.25, "latency": object{"p50_ms": 1, "p99_ms": 3}})
	w.faults("payment", object{"duplicate_delivery": 0.5})
	got := w.call("GET", "/_faults", nil)
	require.EqualValues(t, 0.25, got.at("hotel.refused_before_effect"))
	require.EqualValues(t, 3, got.at("hotel.latency.p99_ms"))
	require.EqualValues(t, 0.5, got.at("payment.duplicate_delivery"))
	require.EqualValues(t, 2, got.at("fraud.latency.p99_ms"))
	require.Equal(t, got.JSON, w.call("PUT", "/_faults", got.JSON).JSON, "what is shown can be set")
	require.EqualValues(t, 0, w.call("PUT", "/_faults", `{}`).at("payment.duplicate_delivery"))
}

func TestAnAPIKeyIsAskedForWhereOneIsSet(t *testing.T) {
	t.Parallel()
	w := setup(t, sandbox.Config{APIKey: "sk_test"})
	require.Equal(t, 401, w.retrieve(ref).Status)
	require.Equal(t, 404, w.call("GET", "/hotel/v1/reservations/"+ref, nil, "Authorization", "Bearer sk_test").Status)
	require.Equal(t, 200, w.call("GET", "/_ledger", nil).Status)
}

func TestABodyThatIsTooLargeIsRefused(t *testing.T) {
	t.Parallel()
	w := setup(t, sandbox.Config{})
	require.Equal(t, 400, w.call("POST", "/hotel/v1/holds", string(make([]byte, 300<<10))).Status)
}
