package sandbox_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/providers/sandbox"
)

func TestEveryPaymentTokenDoesWhatItsNameSays(t *testing.T) {
	t.Parallel()
	stories := map[string]struct {
		status  int
		state   string // as retrieved
		decline string
		advice  string
		open    int
	}{
		"pm_card_visa":                            {201, "authorized", "", "", 1},
		"pm_card_mastercard":                      {201, "authorized", "", "", 1},
		"pm_card_captureFails":                    {201, "authorized", "", "", 1},
		"pm_card_pendingRefund":                   {201, "authorized", "", "", 1},
		"pm_card_authenticationRequired":          {201, "requires_action", "", "", 0},
		"pm_card_chargeDeclined":                  {402, "declined", "generic_decline", "try_again_later", 0},
		"pm_card_chargeDeclinedInsufficientFunds": {402, "declined", "insufficient_funds", "try_again_later", 0},
		"pm_card_chargeDeclinedProcessingError":   {402, "declined", "processing_error", "try_again_later", 0},
		"pm_card_chargeDeclinedIncorrectCvc":      {402, "declined", "incorrect_cvc", "confirm_card_data", 0},
		"pm_card_chargeDeclinedExpiredCard":       {402, "declined", "expired_card", "do_not_try_again", 0},
		"pm_card_chargeDeclinedLostCard":          {402, "declined", "lost_card", "do_not_try_again", 0},
		"pm_card_chargeDeclinedStolenCard":        {402, "declined", "stolen_card", "do_not_try_again", 0},
		"pm_card_chargeDeclinedFraudulent":        {402, "declined", "fraudulent", "do_not_try_again", 0},
		"tok_nobody_knows":                        {402, "declined", "invalid_payment_method", "confirm_card_data", 0},

		"pm_card_authenticationRequiredChargeDeclinedInsufficientFunds": {201, "requires_action", "", "", 0},
	}
	for _, token := range sandbox.PaymentTokens() {
		require.Contains(t, stories, token)
	}
	for token, want := range stories {
		t.Run(token, func(t *testing.T) {
			t.Parallel()
			w := setup(t, sandbox.Config{})
			answer := w.authorize(ref, "k1", token, "346.00")
			require.Equal(t, want.status, answer.Status)
			if want.decline != "" {
				require.Equal(t, "card_declined", answer.code())
				require.Equal(t, want.decline, answer.at("error.decline_code"))
				require.Equal(t, want.advice, answer.at("error.advice_code"))
			}
			found := w.payments(ref)
			require.Equal(t, want.state, found.at("payments.0.status"))
			if want.decline != "" {
				require.Equal(t, want.decline, found.at("payments.0.decline_code"))
			}
			require.Len(t, found.at("payments.0.card.last4"), map[bool]int{true: 4}[strings.HasPrefix(token, "pm_")])
			w.counts(ref, map[string]int{"open_authorizations": want.open})
		})
	}
}

func TestTheSameKeyAndBodyGetTheSameAnswer(t *testing.T) {
	t.Parallel()
	w := setup(t, sandbox.Config{})
	first := w.authorize(ref, "k1", "pm_card_visa", "346.00")
	require.Equal(t, first, w.authorize(ref, "k1", "pm_card_visa", "346.00"))
	declined := w.authorize(ref, "k2", "pm_card_chargeDeclined", "346.00")
	require.Equal(t, declined, w.authorize(ref, "k2", "pm_card_chargeDeclined", "346.00"))
	captured := w.capture(ref, "c1", "k1", "346.00")
	require.Equal(t, 201, captured.Status)
	require.Equal(t, captured, w.capture(ref, "c1", "k1", "346.00"))
	refunded := w.refund(ref, "r1", "k1", "100.00")
	require.Equal(t, refunded, w.refund(ref, "r1", "k1", "100.00"))
	w.counts(ref, map[string]int{"ever_authorized": 1, "captures": 1, "refunds": 1, "max_open_authorizations": 1})
	require.Equal(t, "346.00", w.ledger(ref)["captured"])
	require.Equal(t, "100.00", w.ledger(ref)["refunded"])
	require.Equal(t, "246.00", w.ledger(ref)["net_captured"])
}

func TestTheSameKeyWithAnotherBodyIsRefused(t *testing.T) {
	t.Parallel()
	w := setup(t, sandbox.Config{})
	w.authorize(ref, "k1", "pm_card_visa", "346.00")
	for _, again := range []reply{
		w.authorize(ref, "k1", "pm_card_visa", "347.00"),
		w.authorize("OTHER", "k1", "pm_card_visa", "346.00"),
	} {
		require.Equal(t, 400, again.Status)
		require.Equal(t, "idempotency_key_reused", again.code())
	}
	w.counts(ref, map[string]int{"ever_authorized": 1, "keys_reused": 1})
}

func TestAKeyIsRequiredForMoney(t *testing.T) {
	t.Parallel()
	w := setup(t, sandbox.Config{})
	require.Equal(t, 400, w.authorize(ref, "", "pm_card_visa", "346.00").Status)
	require.Equal(t, 400, w.authorize(ref, strings.Repeat("k", 256), "pm_card_visa", "346.00").Status)
	require.Equal(t, 400, w.capture(ref, "", "k1", "346.00").Status)
	require.Equal(t, 400, w.refund(ref, "", "k1", "346.00").Status)
}

func TestTwoCallsWithOneKeyAtOnceDoNotBothRun(t *testing.T) {
	t.Parallel()
	w := setup(t, sandbox.Config{HangFor: time.Hour})
	w.faults("payment", object{"hang": 1})
	ctx, giveUp := context.WithCancel(context.Background())
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		body := `{"reference":"` + ref + `","amount":{"amount":"346.00","currency":"EUR"},"payment_token":"pm_card_visa"}`
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url+"/payment/v1/authorizations", strings.NewReader(body))
		if err != nil {
			return
		}
		req.Header.Set("Idempotency-Key", "k1")
		res, err := w.client.Do(req)
		if err == nil {
			_ = res.Body.Close()
		}
	}()
	require.Eventually(t, func() bool { return len(w.journal("reference="+ref)) == 1 }, 10*time.Second, time.Millisecond)
	w.call("DELETE", "/_faults", nil)
	second := w.authorize(ref, "k1", "pm_card_visa", "346.00")
	require.Equal(t, 409, second.Status)
	require.Equal(t, "idempotency_key_in_use", second.code())
	giveUp()
	<-gone
	require.Eventually(t, func() bool { return w.authorize(ref, "k1", "pm_card_visa", "346.00").Status == 201 },
		10*time.Second, time.Millisecond, "the first caller is gone, and with it its claim on the key")
}

func TestAVoidIsForGood(t *testing.T) {
	t.Parallel()
	w := setup(t, sandbox.Config{})
	for range 2 {
		require.Equal(t, "voided", w.void(ref, "k1").at("status"), "of a key that has not been seen yet")
	}
	late := w.authorize(ref, "k1", "pm_card_visa", "346.00")
	require.Equal(t, 410, late.Status)
	require.Equal(t, "authorization_voided", late.code())
	require.Equal(t, "voided", w.payments(ref).at("payments.0.status"))
	w.counts(ref, map[string]int{"open_authorizations": 0, "ever_authorized": 0, "voids": 0})

	w.authorize(ref, "k2", "pm_card_visa", "346.00")
	for range 2 {
		require.Equal(t, "voided", w.void(ref, "k2").at("status"))
	}
	require.Equal(t, "payment_not_authorized", w.capture(ref, "c1", "k2", "346.00").code())
	w.counts(ref, map[string]int{"open_authorizations": 0, "voids": 1, "captures": 0})
}

func TestAPaymentCanBeVoidedByItsOwnName(t *testing.T) {
	t.Parallel()
	w := setup(t, sandbox.Config{})
	id := w.authorize(ref, "k1", "pm_card_visa", "346.00").at("id")
	answer := w.call("POST", "/payment/v1/voids", object{"reference": ref, "payment_reference": id})
	require.Equal(t, "voided", answer.at("status"))
	require.Equal(t, 404, w.call("POST", "/payment/v1/voids", object{"reference": ref, "payment_reference": "pay_x"}).Status)
	require.Equal(t, 400, w.call("POST", "/payment/v1/voids", object{"reference": ref}).Status)
}

func TestACaptureTakesWhatWasAuthorisedOnceAndReleasesTheRest(t *testing.T) {
	t.Parallel()
	w := setup(t, sandbox.Config{})
	require.Equal(t, "payment_unknown", w.capture(ref, "c0", "k1", "10.00").code())
	w.authorize(ref, "k1", "pm_card_visa", "346.00")
	require.Equal(t, "amount_too_large", w.capture(ref, "c1", "k1", "346.01").code())
	require.Equal(t, "69.20", w.capture(ref, "c2", "k1", "69.20").at("captured.amount"))
	require.Equal(t, "already_captured", w.capture(ref, "c3", "k1", "10.00").code())
	require.Equal(t, "already_captured", w.void(ref, "k1").code())
	w.counts(ref, map[string]int{"captures": 1, "max_captures": 1, "open_authorizations": 0})
	require.Equal(t, "69.20", w.ledger(ref)["captured"])
}

func TestMoneyInAnotherCurrencyIsRefused(t *testing.T) {
	t.Parallel()
	w := setup(t, sandbox.Config{})
	w.authorize(ref, "k1", "pm_card_visa", "346.00")
	usd := object{"reference": ref, "authorization_key": "k1", "amount": object{"amount": "346.00", "currency": "USD"}}
	require.Equal(t, "currency_mismatch", w.call("POST", "/payment/v1/captures", usd, "Idempotency-Key", "c1").code())
	w.capture(ref, "c2", "k1", "346.00")
	require.Equal(t, "currency_mismatch", w.call("POST", "/payment/v1/refunds", usd, "Idempotency-Key", "r1").code())
}

func TestRefundsNeverExceedWhatWasCaptured(t *testing.T) {
	t.Parallel()
	w := setup(t, sandbox.Config{})
	require.Equal(t, "payment_unknown", w.refund(ref, "r0", "k1", "10.00").code())
	w.authorize(ref, "k1", "pm_card_visa", "346.00")
	require.Equal(t, "payment_not_captured", w.refund(ref, "r1", "k1", "10.00").code())
	w.capture(ref, "c1", "k1", "300.00")
	require.Equal(t, 201, w.refund(ref, "r2", "k1", "200.00").Status)
	require.Equal(t, "amount_too_large", w.refund(ref, "r3", "k1", "100.01").code())
	require.Equal(t, "300.00", w.refund(ref, "r4", "k1", "100.00").at("refunded.amount"))
	require.Equal(t, "0.00", w.ledger(ref)["net_captured"])
}

func TestARefundMayTakeItsTime(t *testing.T) {
	t.Parallel()
	w := setup(t, sandbox.Config{SettleAfter: time.Hour})
	w.authorize(ref, "k1", "pm_card_pendingRefund", "346.00")
	w.capture(ref, "c1", "k1", "346.00")
	answer := w.refund(ref, "r1", "k1", "346.00")
	require.Equal(t, "pending", answer.at("refunds.0.status"))
	require.Equal(t, "346.00", answer.at("refunded.amount"), "it cannot be refunded again")
	require.Equal(t, "0.00", w.ledger(ref)["refunded"])
	w.settle()
	require.Equal(t, "succeeded", w.payments(ref).at("payments.0.refunds.0.status"))
	require.Equal(t, "346.00", w.ledger(ref)["refunded"])
}

func TestACaptureThatFailsForGoodLeavesNothingReserved(t *testing.T) {
	t.Parallel()
	w := setup(t, sandbox.Config{})
	w.authorize(ref, "k1", "pm_card_captureFails", "346.00")
	for _, key := range []string{"c1", "c1", "c2"} {
		answer := w.capture(ref, key, "k1", "346.00")
		require.Equal(t, 402, answer.Status)
		require.Equal(t, "capture_failed", answer.code())
	}
	require.Equal(t, "capture_failed", w.payments(ref).at("payments.0.status"))
	w.counts(ref, map[string]int{"captures": 0, "open_authorizations": 0, "voids": 0})
}

func TestAnAuthorisationExpires(t *testing.T) {
	t.Parallel()
	clock := newClock()
	w := setup(t, sandbox.Config{Now: clock.read})
	require.Equal(t, "2026-11-08T12:00:00Z", w.authorize(ref, "k1", "pm_card_visa", "346.00").at("capture_before"))
	clock.move(7 * 24 * time.Hour)
	require.Equal(t, "authorization_expired", w.capture(ref, "c1", "k1", "346.00").code())
	w.counts(ref, map[string]int{"open_authorizations": 0})
}

func TestTheBanksPageDecidesAPaymentThatNeedsItsCustomer(t *testing.T) {
	t.Parallel()
	for name, story := range map[string]struct {
		token, path, state, decline string
		open                        int
	}{
		"complete":               {"pm_card_authenticationRequired", "/complete", "authorized", "", 1},
		"the bare page":          {"pm_card_authenticationRequired", "", "authorized", "", 1},
		"fail":                   {"pm_card_authenticationRequired", "/fail", "authentication_failed", "authentication_failed", 0},
		"complete, then no fund": {"pm_card_authenticationRequiredChargeDeclinedInsufficientFunds", "/complete", "declined", "insufficient_funds", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t, sandbox.Config{})
			link, ok := w.authorize(ref, "k1", story.token, "346.00").at("next_action.url").(string)
			require.True(t, ok)
			path := strings.TrimPrefix(link, w.url)
			page := w.call("GET", path, nil)
			require.Equal(t, 200, page.Status)
			require.Contains(t, page.Text, "346.00 EUR")
			require.Contains(t, page.Text, path+"/complete")
			require.Contains(t, page.Text, path+"/fail")
			require.Equal(t, 200, w.call("POST", path+story.path, nil).Status)
			found := w.payments(ref)
			require.Equal(t, story.state, found.at("payments.0.status"))
			if story.decline != "" {
				require.Equal(t, story.decline, found.at("payments.0.decline_code"))
			}
			w.call("POST", path+"/fail", nil)
			require.Equal(t, story.state, w.payments(ref).at("payments.0.status"), "the first button counts")
			w.counts(ref, map[string]int{"open_authorizations": story.open})
		})
	}
}

func TestTheBanksPageOfAVoidedPaymentDecidesNothing(t *testing.T) {
	t.Parallel()
	w := setup(t, sandbox.Config{})
	link, _ := w.authorize(ref, "k1", "pm_card_authenticationRequired", "346.00").at("next_action.url").(string)
	w.void(ref, "k1")
	require.Equal(t, 409, w.call("POST", strings.TrimPrefix(link, w.url), nil).Status)
	require.Equal(t, 404, w.call("POST", "/payment/3ds/pay_unknown", nil).Status)
	w.counts(ref, map[string]int{"open_authorizations": 0, "ever_authorized": 0, "voids": 0})
}

func TestTheBanksPageSendsTheCustomerBack(t *testing.T) {
	t.Parallel()
	w := setup(t, sandbox.Config{PublicURL: "https://bank.example"})
	answer := w.call("POST", "/payment/v1/authorizations", object{
		"reference": ref, "amount": eur("346.00"), "payment_token": "pm_card_authenticationRequired",
		"return_url": "https://shop.example/checkout?id=7",
	}, "Idempotency-Key", "k1")
	link, _ := answer.at("next_action.url").(string)
	path, found := strings.CutPrefix(link, "https://bank.example")
	require.True(t, found, link)
	require.Equal(t, http.StatusSeeOther, w.call("POST", path+"/complete", nil).Status)
}

func TestAmountsKeepTheScaleOfTheirCurrency(t *testing.T) {
	t.Parallel()
	w := setup(t, sandbox.Config{})
	for currency, amounts := range map[string][2]string{
		"JPY": {"34600", "34600.00"}, "KWD": {"346.000", "346.00"}, "USD": {"346.00", "346"},
	} {
		for i, want := range []int{201, 400} {
			answer := w.call("POST", "/payment/v1/authorizations", object{
				"reference": "MONEY" + currency, "payment_token": "pm_card_visa",
				"amount": object{"amount": amounts[i], "currency": currency},
			}, "Idempotency-Key", currency+amounts[i])
			require.Equal(t, want, answer.Status, "%s %s", amounts[i], currency)
		}
	}
	require.Equal(t, "0", w.ledger("MONEYJPY")["captured"])
	require.Equal(t, "0.000", w.ledger("MONEYKWD")["captured"])
}
