package sandbox_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"hotelbooking/providers/sandbox"
)

func (w *world) screen(reference, order, email string) reply {
	w.t.Helper()
	return w.call("POST", "/fraud/v1/screenings", object{
		"reference": reference, "order_id": order, "email": email, "amount": eur("346.00"),
	})
}

func (w *world) track(reference, id, event string) reply {
	w.t.Helper()
	return w.call("POST", "/tracking/v1/track", object{
		"type": "track", "messageId": id, "event": event, "anonymousId": reference,
		"timestamp": "2026-11-01T12:00:00Z", "properties": object{"reference": reference, "value": "346.00"},
	})
}

func TestTheAddressDecidesTheVerdict(t *testing.T) {
	t.Parallel()
	w := setup(t, sandbox.Config{})
	for email, want := range map[string]string{
		"ana@example.com": "ACCEPT", "ana+accept@example.com": "ACCEPT", "ana+news@example.com": "ACCEPT",
		"ana+review@example.com": "REVIEW", "ana+news+reject@example.com": "REJECT", "ana@review+reject.com": "ACCEPT",
	} {
		answer := w.screen("BK1", email, email)
		require.Equal(t, 200, answer.Status, email)
		require.Equal(t, want, answer.at("recommendation"), email)
		require.NotEmpty(t, answer.at("risk_id"))
	}
	for range 3 {
		require.Equal(t, "service_unavailable", w.screen("BK1", "o", "ana+down@example.com").code())
	}
}

func TestScreeningAnOrderAgainGivesTheSameAnswer(t *testing.T) {
	t.Parallel()
	w := setup(t, sandbox.Config{})
	first := w.screen(ref, "o-1", "ana+review@example.com")
	require.Equal(t, first, w.screen(ref, "o-1", "ana+accept@example.com"))
	require.Equal(t, 404, w.call("POST", "/fraud/_decide/UNKNOWN", object{"decision": "accept"}).Status)
	require.Equal(t, 400, w.call("POST", "/fraud/_decide/"+ref, object{"decision": "perhaps"}).Status)
	require.Equal(t, 200, w.call("POST", "/fraud/_decide/"+ref, object{"decision": "reject"}).Status)
	require.Equal(t, "REJECT", w.call("GET", "/fraud/v1/screenings/"+ref, nil).at("recommendation"))
}

func TestAnEventCountsOncePerMessageID(t *testing.T) {
	t.Parallel()
	w := setup(t, sandbox.Config{})
	for _, id := range []string{"m1", "m1", "m2"} {
		require.Equal(t, 200, w.track(ref, id, "Booking Confirmed").Status)
	}
	w.track(ref, "m3", "Booking Cancelled")
	w.track(ref, "m4", "Page Viewed")
	w.counts(ref, map[string]int{"tracked": 2, "tracked_cancelled": 1})
	require.Equal(t, 400, w.track(ref, "", "Booking Confirmed").Status)
}
