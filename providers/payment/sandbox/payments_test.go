package sandbox_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
	"hotelbooking/providers"
	payment "hotelbooking/providers/payment/sandbox"
	"hotelbooking/providers/providertest"
	"hotelbooking/providers/sandbox"
)

func TestPaymentsKeepTheContract(t *testing.T) {
	providertest.Payments(t, providertest.PaymentsSuite{
		Vendor:   func(t *testing.T) providertest.Vendor { return providertest.Sandbox(serve(t, sandbox.Config{})) },
		Connect:  func(t *testing.T, url string) booking.Payments { return connect(t, url) },
		Works:    "pm_card_visa",
		Declined: "pm_card_chargeDeclinedInsufficientFunds",
		Stolen:   "pm_card_chargeDeclinedStolenCard",
		Action:   "pm_card_authenticationRequired",
		Refusal:  func(code string) string { return `{"error":{"code":"` + code + `","message":"no"}}` },
		Meanings: meanings(),
	})
}

func meanings() providertest.Meanings {
	refused := func(r booking.Reason) booking.Fault { return booking.Fault{Kind: booking.Refused, Reason: r} }
	down := booking.Fault{Kind: booking.NotDone, Reason: booking.PaymentUnavailable}
	unclear := booking.Fault{Kind: booking.Unclear, Reason: booking.OutcomeUnknown}
	return providertest.Meanings{
		"authorize": {
			"card_declined":        {}, // an answer
			"authorization_voided": refused(booking.PaymentActionExpired), "invalid_request": refused(booking.PaymentUnavailable),
			"idempotency_key_in_use": unclear, "idempotency_key_reused": unclear, "unauthorized": unclear, "service_unavailable": down,
		},
		"void": {
			"already_captured": {}, // it is asked what was captured
			"payment_unknown":  unclear, "invalid_request": refused(booking.UndoRefused), "unauthorized": unclear, "service_unavailable": down,
		},
		"capture": {
			"capture_failed": refused(booking.CaptureFailed), "authorization_expired": refused(booking.CaptureFailed),
			"payment_not_authorized": refused(booking.CaptureFailed), "payment_unknown": refused(booking.CaptureFailed),
			"amount_too_large": refused(booking.CaptureFailed), "invalid_request": refused(booking.CaptureFailed),
			"currency_mismatch": refused(booking.CurrencyMismatch), "already_captured": unclear,
			"idempotency_key_in_use": unclear, "idempotency_key_reused": unclear, "unauthorized": unclear, "service_unavailable": down,
		},
		"refund": {
			"payment_not_captured": refused(booking.UndoRefused), "payment_unknown": refused(booking.UndoRefused),
			"amount_too_large": refused(booking.UndoRefused), "invalid_request": refused(booking.UndoRefused),
			"currency_mismatch":      refused(booking.CurrencyMismatch),
			"idempotency_key_in_use": unclear, "idempotency_key_reused": unclear, "unauthorized": unclear, "service_unavailable": down,
		},
		"find": {"invalid_request": down, "unauthorized": down, "service_unavailable": down},
	}
}

func TestEveryCodeOfThePSPHasAMeaning(t *testing.T) {
	t.Parallel()
	for ours, theirs := range map[string]string{
		"authorize": "authorize", "void": "void", "capture": "capture", "refund": "refund", "find": "retrieve",
	} {
		for _, code := range sandbox.Codes(sandbox.Payment, theirs) {
			require.Contains(t, meanings()[ours], code, ours)
		}
	}
}

func TestOnlyStolenMoneyIsAHardDecline(t *testing.T) {
	t.Parallel()
	p := connect(t, serve(t, sandbox.Config{}))
	for token, want := range map[string]booking.Payment{
		"pm_card_chargeDeclined":                  {Decline: "generic_decline"},
		"pm_card_chargeDeclinedInsufficientFunds": {Decline: "insufficient_funds"},
		"pm_card_chargeDeclinedExpiredCard":       {Decline: "expired_card"},
		"pm_card_chargeDeclinedIncorrectCvc":      {Decline: "incorrect_cvc"},
		"pm_card_chargeDeclinedProcessingError":   {Decline: "processing_error"},
		"tok_of_nobody":                           {Decline: "invalid_payment_method"},
		"pm_card_chargeDeclinedLostCard":          {Decline: "lost_card", HardDecline: true},
		"pm_card_chargeDeclinedStolenCard":        {Decline: "stolen_card", HardDecline: true},
		"pm_card_chargeDeclinedFraudulent":        {Decline: "fraudulent", HardDecline: true},
	} {
		want.State = booking.PaymentDecline
		paid, err := p.Authorize(t.Context(), paying(t, token))
		require.NoError(t, err, token)
		require.Equal(t, want, paid, token)
	}
}

func TestTheCustomersBankDecides(t *testing.T) {
	t.Parallel()
	for button, want := range map[string]booking.PaymentState{
		"":          booking.PaymentAuthorized,
		"/complete": booking.PaymentAuthorized,
		"/fail":     booking.PaymentUnauthenticated,
	} {
		p := connect(t, serve(t, sandbox.Config{}))
		b := paying(t, "pm_card_authenticationRequired")
		paid, err := p.Authorize(t.Context(), b)
		require.NoError(t, err)
		require.NotEmpty(t, paid.ClientSecret)
		post(t, paid.ActionURL+button)
		found, err := p.Find(t.Context(), b)
		require.NoError(t, err)
		require.Equal(t, want, found.State, button)
		require.Empty(t, found.ActionURL)
	}
}

func TestAPaymentThatWaitsForItsCustomerCanBeVoided(t *testing.T) {
	t.Parallel()
	url := serve(t, sandbox.Config{})
	p, b := connect(t, url), paying(t, "pm_card_authenticationRequired")
	paid, err := p.Authorize(t.Context(), b)
	require.NoError(t, err)
	voided, err := p.Void(t.Context(), b)
	require.NoError(t, err)
	require.Equal(t, booking.PaymentVoided, voided.State)
	require.Zero(t, voided.Authorized, "nothing was ever reserved")
	post(t, paid.ActionURL)
	require.Zero(t, providertest.Sandbox(url).Ledger(t, b.Reference).Authorized)
}

func TestACaptureThatFailsForGoodIsRefusedAndLeavesNothingReserved(t *testing.T) {
	t.Parallel()
	p := connect(t, serve(t, sandbox.Config{}))
	b := paying(t, "pm_card_captureFails")
	_, err := p.Authorize(t.Context(), b)
	require.NoError(t, err)
	for range 2 {
		_, err = p.Capture(t.Context(), b, b.Facts.Price)
		var fault *booking.Fault
		require.ErrorAs(t, err, &fault)
		require.Equal(t, booking.Refused, fault.Kind)
		require.Equal(t, booking.CaptureFailed, fault.Reason)
		b.Facts.Money.CaptureTry++
	}
	found, err := p.Find(t.Context(), b)
	require.NoError(t, err)
	require.Equal(t, booking.PaymentVoided, found.State)
}

func TestARefundOnItsWayCountsAsRefunded(t *testing.T) {
	t.Parallel()
	url := serve(t, sandbox.Config{SettleAfter: time.Hour})
	p, b := connect(t, url), paying(t, "pm_card_pendingRefund")
	_, err := p.Authorize(t.Context(), b)
	require.NoError(t, err)
	_, err = p.Capture(t.Context(), b, b.Facts.Price)
	require.NoError(t, err)
	paid, err := p.Refund(t.Context(), b, b.Facts.Price)
	require.NoError(t, err)
	require.True(t, paid.RefundPending)
	require.Equal(t, b.Facts.Price.Minor, paid.Refunded)
	post(t, url+"/_settle")
	paid, err = p.Find(t.Context(), b)
	require.NoError(t, err)
	require.False(t, paid.RefundPending)
	require.Equal(t, b.Facts.Price.Minor, paid.Refunded)
}

func TestAnAuthorisationThatExpiredIsAsGoodAsVoided(t *testing.T) {
	t.Parallel()
	p := connect(t, serve(t, sandbox.Config{CaptureWithin: time.Nanosecond}))
	b := paying(t, "pm_card_visa")
	_, err := p.Authorize(t.Context(), b)
	require.NoError(t, err)
	found, err := p.Find(t.Context(), b)
	require.NoError(t, err)
	require.Equal(t, booking.PaymentVoided, found.State)
}

// An answer that does not say what was asked for is no answer.
func TestAnAnswerThatDoesNotFitIsUnclear(t *testing.T) {
	t.Parallel()
	b := paying(t, "pm_card_visa")
	money := func(amount string) map[string]any { return map[string]any{"amount": amount, "currency": "EUR"} }
	with := func(status string, change func(m map[string]any)) map[string]any {
		m := map[string]any{
			"id": "pay_1", "reference": b.Reference, "authorization_key": b.Key("authorize"), "status": status,
			"amount": money("346.00"), "captured": money("0.00"), "refunded": money("0.00"),
		}
		change(m)
		return m
	}
	set := func(name string, value any) func(map[string]any) { return func(m map[string]any) { m[name] = value } }
	calls := map[string]func(p *payment.Payments) error{
		"authorize": func(p *payment.Payments) error { _, err := p.Authorize(t.Context(), b); return err },
		"void":      func(p *payment.Payments) error { _, err := p.Void(t.Context(), b); return err },
		"capture":   func(p *payment.Payments) error { _, err := p.Capture(t.Context(), b, b.Facts.Price); return err },
		"refund":    func(p *payment.Payments) error { _, err := p.Refund(t.Context(), b, b.Facts.Price); return err },
	}
	unclear := func(name string, m map[string]any, operations ...string) {
		for _, operation := range operations {
			err := calls[operation](connect(t, canned(t, m)))
			var fault *booking.Fault
			require.ErrorAs(t, err, &fault, "%s: %s", operation, name)
			require.Equal(t, booking.Unclear, fault.Kind, "%s: %s", operation, name)
		}
		_, err := connect(t, canned(t, map[string]any{"reference": b.Reference, "payments": []any{m, m}})).Find(t.Context(), b)
		require.Error(t, err, "two payments for one key")
	}
	all := []string{"authorize", "void", "capture", "refund"}
	for name, change := range map[string]func(map[string]any){
		"no reference":          set("reference", ""),
		"another reference":     set("reference", "ANOTHER99"),
		"another key":           set("authorization_key", b.Reference+":authorize:2"),
		"no id":                 set("id", ""),
		"an unknown status":     set("status", "perhaps"),
		"no amount":             set("amount", nil),
		"less than asked":       set("amount", money("345.99")),
		"more captured than is": set("captured", money("346.01")),
		"more refunded than is": set("refunded", money("0.01")),
		"captured in USD":       set("captured", map[string]any{"amount": "0.00", "currency": "USD"}),
	} {
		m := with("authorized", change)
		unclear(name, m, all...)
		_, err := connect(t, canned(t, map[string]any{"reference": b.Reference, "payments": []any{m}})).Find(t.Context(), b)
		require.Error(t, err, name)
	}
	unclear("not voided", with("authorized", func(map[string]any) {}), "void", "capture", "refund")
	unclear("nowhere to go", with("requires_action", func(map[string]any) {}), "authorize", "void", "capture", "refund")
	unclear("half captured", with("captured", set("captured", money("173.00"))), "capture", "refund")
	unclear("not refunded", with("captured", set("captured", money("346.00"))), "refund")
}

// canned is a vendor that says the same to everything.
func canned(t *testing.T, answer any) (url string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(answer)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func paying(t *testing.T, token string) *booking.Booking {
	t.Helper()
	return providertest.Booking(t, func(b *booking.Booking) { b.Facts.Money.Token = token })
}

func post(t *testing.T, url string) {
	t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, url, nil)
	require.NoError(t, err)
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
}

func serve(t *testing.T, cfg sandbox.Config) (url string) {
	t.Helper()
	vendor, err := sandbox.New(cfg)
	require.NoError(t, err)
	server := httptest.NewServer(vendor)
	t.Cleanup(func() {
		require.NoError(t, vendor.Close())
		server.Close()
	})
	return server.URL
}

func connect(t *testing.T, url string) *payment.Payments {
	t.Helper()
	p, err := payment.New(providers.Config{BaseURL: url, APIKey: "sk_" + providertest.Canary, Timeout: 20 * time.Second})
	require.NoError(t, err)
	return p
}
