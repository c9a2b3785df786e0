package sandbox_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
	"hotelbooking/booking/bookingtest"
	"hotelbooking/providers"
	payment "hotelbooking/providers/payment/sandbox"
	"hotelbooking/providers/providertest"
)

// Whatever the PSP answers, no money counts as moved unless the answer says so of this payment: reference, key, currency and
// amount.
func FuzzAnswersOfAPSP(f *testing.F) {
	b := providertest.Known()
	one := func(status, captured, refunded string) string {
		return fmt.Sprintf(`{"id":"P-1","reference":%q,"authorization_key":%q,"status":%q,"amount":{"amount":"346.00","currency":"EUR"},
"captured":{"amount":%q,"currency":"EUR"},"refunded":{"amount":%q,"currency":"EUR"},"capture_before":"2027-01-17T00:00:00Z",
"card":{"brand":"visa","last4":"1111"},"next_action":{"url":"https://bank.example"},"refunds":[{"status":"pending"}]}`,
			b.Reference, b.Key("authorize"), status, captured, refunded)
	}
	for _, answer := range []string{
		one("authorized", "0.00", "0.00"), one("requires_action", "0.00", "0.00"), one("captured", "346.00", "0.00"), one("captured", "346.00", "100.00"),
		one("captured", "346.00", "346.00"), one("voided", "0.00", "0.00"), one("declined", "0.00", "0.00"), one("captured", "999.00", "0.00"),
		one("captured", "100.00", "346.00"), one("authentication_failed", "0.00", "0.00"), one("unheard_of", "0.00", "0.00"), `{}`,
		strings.ReplaceAll(one("captured", "346.00", "0.00"), "EUR", "USD"), strings.ReplaceAll(one("authorized", "0.00", "0.00"), b.Reference, "OTHER"),
		strings.Replace(one("voided", "", ""), "P-1", "", 1),
	} {
		for operation := range byte(4) {
			f.Add(operation, 200, "application/json", []byte(answer))
		}
		f.Add(byte(4), 200, "application/json", []byte(`{"reference":"`+b.Reference+`","payments":[`+answer+`]}`))
	}
	f.Add(byte(4), 200, "application/json", []byte(`{"reference":"`+b.Reference+`","payments":[]}`))
	f.Add(byte(4), 200, "application/json", []byte(`{"reference":"`+b.Reference+`"}`))
	f.Add(byte(0), 402, "application/json", []byte(`{"error":{"code":"card_declined","decline_code":"stolen_card"}}`))
	f.Add(byte(1), 409, "application/json", []byte(`{"error":{"code":"already_captured"}}`))
	f.Add(byte(2), 409, "application/json", []byte(`{"error":{"code":"capture_failed"}}`))

	vendor := providertest.NewScripted(f)
	payments, err := payment.New(providers.Config{BaseURL: vendor.URL})
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, operation byte, status int, kind string, body []byte) {
		vendor.Answer(status, kind, body)
		said, success := vendor.Succeeded()
		b, all, part := providertest.Known(), b.Facts.Price, b.Facts.Price.Of(10000)
		var paid booking.Payment
		var err error
		switch operation % 5 {
		case 0:
			paid, err = payments.Authorize(t.Context(), b)
		case 1:
			paid, err = payments.Void(t.Context(), b)
		case 2:
			paid, err = payments.Capture(t.Context(), b, all)
		case 3:
			paid, err = payments.Refund(t.Context(), b, part)
		case 4:
			paid, err = payments.Find(t.Context(), b)
		}
		if err != nil {
			var fault *booking.Fault
			require.ErrorAs(t, err, &fault)
			require.Contains(t, providertest.FaultKinds(), fault.Kind)
			require.NotEmpty(t, fault.Reason)
			require.Zero(t, paid, "what failed tells nothing of the money")
			return
		}
		if !success {
			require.Equal(t, byte(0), operation%5)
			require.Equal(t, booking.PaymentDecline, paid.State)
			require.Contains(t, string(body), "card_declined")
			return
		}
		if operation%5 == 4 {
			require.True(t, said.At("reference").Is(b.Reference))
			list, ok := said.At("payments").List()
			require.True(t, ok && len(list) <= 1)
			if len(list) == 0 {
				require.Equal(t, booking.Payment{State: booking.PaymentAbsent}, paid)
				return
			}
			said = list[0]
		}
		require.True(t, said.At("reference").Is(b.Reference) && said.At("authorization_key").Is(b.Key("authorize")), "somebody else's payment")
		word := said.At("status").Text()
		require.Equal(t, word == "authorized", paid.State == booking.PaymentAuthorized)
		require.Equal(t, word == "captured", paid.State == booking.PaymentCaptured)
		if paid.Reference == "" {
			require.Equal(t, booking.Payment{State: booking.PaymentVoided}, paid)
		} else {
			require.True(t, said.At("amount").Amounts(all) && said.At("captured").Amounts(all.Of(paid.Captured)) && said.At("refunded").Amounts(all.Of(paid.Refunded)))
		}
		require.True(t, 0 <= paid.Refunded && paid.Refunded <= paid.Captured && paid.Captured <= all.Minor)
		switch operation % 5 {
		case 1:
			require.NotContains(t, []booking.PaymentState{booking.PaymentAuthorized, booking.PaymentNeedsAction, booking.PaymentProcessing}, paid.State)
		case 2:
			require.True(t, word == "captured" && paid.Captured == all.Minor)
		case 3:
			require.True(t, word == "captured" && paid.Refunded >= part.Minor)
		}
	})
}

// A notification is read when it is signed, in time, and says what it is about; nobody else can sign one.
func FuzzNotifications(f *testing.F) {
	const secret = "whsec"
	now := bookingtest.Start.Unix()
	event := `{"id":"evt_1","type":"fraud.decided","created":"2027-01-10T12:00:00Z","data":{"reference":"1818G1801Y","status":"accept"}}`
	f.Add(now, "", []byte(event))
	f.Add(now-301, "", []byte(event))
	f.Add(now+299, "t=1,v1=00", []byte(event))
	f.Add(int64(-1<<63), fmt.Sprintf("t=%d,v1=,t=,", now), []byte(`{"id":"evt_1","type":"payment.updated","data":{"reference":""}}`))
	f.Add(now, "v1", []byte("null"))
	f.Fuzz(func(t *testing.T, at int64, forged string, body []byte) {
		hooks := payment.Webhooks{Secret: secret, Now: func() time.Time { return bookingtest.Start }}
		_, err := hooks.Read(http.Header{"Sandbox-Signature": {forged}}, body)
		require.ErrorIs(t, err, booking.ErrForged)

		signed := http.Header{"Sandbox-Signature": {sign(secret, at, body)}}
		notice, err := hooks.Read(signed, body)
		late := at < now-300 || at > now+300
		require.Equal(t, late, err != nil && err == booking.ErrForged, "%v", err) //nolint:errorlint // it is never wrapped: it says nothing more
		if err != nil {
			require.Zero(t, notice)
			return
		}
		require.NotEmpty(t, notice.EventID)
		require.NotEmpty(t, notice.Reference)
		require.NotEmpty(t, notice.Kind)
		require.Contains(t, []booking.Verb{booking.VerbNotify, booking.VerbApprove, booking.VerbReject}, notice.Verb)
		if notice.Verb != booking.VerbNotify {
			require.Equal(t, "fraud.decided", notice.Kind)
		}
		for _, other := range []payment.Webhooks{{Secret: secret + "x", Now: hooks.Now}, {Now: hooks.Now}} {
			_, err = other.Read(signed, body)
			require.ErrorIs(t, err, booking.ErrForged)
		}
		_, err = hooks.Read(signed, append(body[:len(body):len(body)], ' '))
		require.ErrorIs(t, err, booking.ErrForged, "another body")
	})
}

func sign(secret string, at int64, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	_, _ = fmt.Fprintf(mac, "%d.", at)
	_, _ = mac.Write(body)
	return fmt.Sprintf("t=%d,v1=%s", at, hex.EncodeToString(mac.Sum(nil)))
}
