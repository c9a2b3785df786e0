package sandbox_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
	payment "hotelbooking/providers/payment/sandbox"
	"hotelbooking/providers/sandbox"
)

var sent = time.Date(2027, 1, 10, 12, 0, 0, 0, time.UTC)

const (
	authorizedEvent = `{"id":"evt_1","type":"payment.authorized","created":"2027-01-10T12:00:00Z","data":{"reference":"BK1","payment_reference":"pay_1","status":"authorized"}}`
	acceptedEvent   = `{"id":"evt_2","type":"fraud.decided","created":"2027-01-10T12:00:00Z","data":{"reference":"BK1","risk_id":"risk_1","status":"accept"}}`
	rejectedEvent   = `{"id":"evt_3","type":"fraud.decided","created":"2027-01-10T12:00:00Z","data":{"reference":"BK1","risk_id":"risk_1","status":"reject"}}`
	reviewedEvent   = `{"id":"evt_4","type":"fraud.decided","created":"2027-01-10T12:00:00Z","data":{"reference":"BK1","risk_id":"risk_1","status":"perhaps"}}`
)

func read(body, signature string, late time.Duration) (booking.Notice, error) {
	w := payment.Webhooks{Secret: "whsec", Now: func() time.Time { return sent.Add(late) }}
	return w.Read(http.Header{"Sandbox-Signature": {signature}}, []byte(body))
}

func TestANotificationIsAReasonToAsk(t *testing.T) {
	t.Parallel()
	for body, verb := range map[string]booking.Verb{
		authorizedEvent: booking.VerbNotify, acceptedEvent: booking.VerbApprove, rejectedEvent: booking.VerbReject,
		reviewedEvent: booking.VerbNotify,
	} {
		notice, err := read(body, sandbox.Sign("whsec", sent, []byte(body)), time.Minute)
		require.NoError(t, err)
		require.Equal(t, verb, notice.Verb)
		require.Equal(t, "BK1", notice.Reference)
		require.Equal(t, sent, notice.At)
		require.NotEmpty(t, notice.EventID)
		require.NotEmpty(t, notice.Kind)
	}
}

func TestANotificationThatIsNotSignedIsRefused(t *testing.T) {
	t.Parallel()
	good := sandbox.Sign("whsec", sent, []byte(authorizedEvent))
	for name, signature := range map[string]string{
		"none":            "",
		"no time":         "v1=00",
		"no code":         "t=1799582400",
		"not hexadecimal": "t=1799582400,v1=xyz",
		"another secret":  sandbox.Sign("other", sent, []byte(authorizedEvent)),
		"another body":    sandbox.Sign("whsec", sent, []byte(acceptedEvent)),
		"another time":    "t=1799582401" + good[len("t=1799582400"):],
		"cut":             good[:len(good)-2],
	} {
		_, err := read(authorizedEvent, signature, 0)
		require.Error(t, err, name)
	}
	for _, late := range []time.Duration{6 * time.Minute, -6 * time.Minute} {
		_, err := read(authorizedEvent, good, late)
		require.Error(t, err, late)
	}
	_, err := read(authorizedEvent, good, 0)
	require.NoError(t, err)
	_, err = payment.Webhooks{Now: func() time.Time { return sent }}.Read(
		http.Header{"Sandbox-Signature": {sandbox.Sign("", sent, []byte(authorizedEvent))}}, []byte(authorizedEvent))
	require.Error(t, err, "no secret is no licence")
}

func TestANotificationThatSaysNothingIsRefused(t *testing.T) {
	t.Parallel()
	for _, body := range []string{``, `null`, `[]`, `{}`, `{"id":"evt_1","type":"payment.authorized"}`} {
		_, err := read(body, sandbox.Sign("whsec", sent, []byte(body)), 0)
		require.Error(t, err, body)
	}
}
