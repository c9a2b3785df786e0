package web

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
)

func TestANotificationIsStoredOnceAndAnsweredTheSameEachTime(t *testing.T) {
	t.Parallel()
	s := open(t)
	for range 3 {
		answer := s.call("POST", "/v1/webhooks/sandbox", "", `{"id":"evt_1","type":"payment.updated","reference":"1818G1801Y"}`, "Sandbox-Signature", "good").is(http.StatusOK)
		require.JSONEq(t, `{"received":true}`, string(answer.body))
	}
	require.Equal(t, map[string]booking.Notice{
		"sandboxevt_1": {Vendor: "sandbox", EventID: "evt_1", Kind: "payment.updated", Reference: "1818G1801Y", Verb: booking.VerbNotify},
	}, s.house.notices)
	require.Equal(t, 1, s.house.noticed, "the engine is told of what is new")
}

func TestANotificationThatIsNotSignedStoresNothing(t *testing.T) {
	t.Parallel()
	s := open(t)
	answer := s.call("POST", "/v1/webhooks/sandbox", "", `{"id":"evt_1"}`, "Sandbox-Signature", "forged").golden("problem_webhook_signature_invalid")
	answer.problem(http.StatusUnauthorized, ProblemCodeWebhookSignatureInvalid)
	s.call("POST", "/v1/webhooks/sandbox", supervisorKey, `{"id":"evt_1"}`).problem(http.StatusUnauthorized, ProblemCodeWebhookSignatureInvalid)
	s.call("POST", "/v1/webhooks/sandbox", "", `hello`, "Sandbox-Signature", "good").problem(http.StatusBadRequest, ProblemCodeMalformedRequest)
	s.call("POST", "/v1/webhooks/stranger", "", `{"id":"evt_1"}`, "Sandbox-Signature", "good").problem(http.StatusNotFound, ProblemCodeNotFound)
	require.Empty(t, s.house.notices)
}

func TestANotificationIsTooLargeBeyondSixtyFourKiB(t *testing.T) {
	t.Parallel()
	s := open(t)
	fits := `{"id":"` + strings.Repeat("x", webhookBodyMax-len(`{"id":""}`)) + `"}`
	s.call("POST", "/v1/webhooks/sandbox", "", fits, "Sandbox-Signature", "good").is(http.StatusOK)
	s.call("POST", "/v1/webhooks/sandbox", "", fits+" ", "Sandbox-Signature", "good").problem(http.StatusRequestEntityTooLarge, ProblemCodeBodyTooLarge)
}

func TestANotificationThatCannotBeStoredIsToComeAgain(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.house.down = errDown
	s.call("POST", "/v1/webhooks/sandbox", "", `{"id":"evt_1"}`, "Sandbox-Signature", "good").problem(http.StatusServiceUnavailable, ProblemCodeUnavailable)
	require.Zero(t, s.house.noticed)
}
