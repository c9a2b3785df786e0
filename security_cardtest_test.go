package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// cardTesting tries cards as thieves do: many, fast, and listening to what the answers tell. What there is against it are the pace
// of a key and of an address, the screening before the first authorisation, and the time that a customer has. There are no limits yet
// on how often one booking may try another card, nor on how many declines a client, a card or an address may have.
func cardTesting(g *guard) {
	const burst = 40
	f := fortify(g, "", slow(1_000_000, burst))
	screened := f.submit(order{email: "thief+reject@example.com", card: "pm_card_chargeDeclined"})
	b := f.until(screened.ID, func(b bookingView) bool { return b.Terminal })
	g.equal([]string{"failed", "payment_refused", ""}, []string{b.Status, b.Failure.Code, b.Failure.DeclineCode}, "who is refused is not told by whom")
	g.equal(0, f.authorizations(g, b.Reference), "a card that nobody screened is not tried")

	reviewed := f.submit(order{email: "thief+review@example.com", card: "pm_card_chargeDeclined"})
	f.untilStatus(reviewed.ID, "in_review")
	g.equal(0, f.authorizations(g, reviewed.Reference), "nor one that waits for a person")

	tried := f.submit(order{card: "pm_card_chargeDeclined"})
	for i, token := range []string{"pm_card_chargeDeclinedInsufficientFunds", "pm_card_chargeDeclinedIncorrectCvc", "pm_card_chargeDeclinedProcessingError", "pm_card_chargeDeclined"} {
		f.untilStatus(tried.ID, "requires_action")
		f.call("POST", "/v1/bookings/"+tried.ID+"/actions/payment", f.keys["web"], `{"payment":{"token":"`+token+`"}}`).is(http.StatusAccepted)
		require.Eventually(g.T, func() bool { return f.authorizations(g, tried.Reference) == i+2 }, time.Minute, 10*time.Millisecond)
		g.equal("requires_action", f.untilStatus(tried.ID, "requires_action").Status, "a try is one authorisation, and nothing more comes of it")
	}
	after := f.call("GET", "/v1/support/bookings/"+tried.ID, f.keys["vera"], "").is(http.StatusOK)
	g.equal(4, strings.Count(string(after.body), `"verb":"payment"`), "staff see each try")
	l := f.ledger()[tried.Reference]
	g.equal([]int{0, 0, 0}, []int{l.Captures, l.OpenAuthorizations, l.EverConfirmed})

	limited := 0
	for range burst + 20 { // a browser with the secret has its address's pace
		a := f.call("POST", "/v1/bookings/"+tried.ID+"/actions/payment", tried.ClientSecret, `{"payment":{"token":"pm_card_chargeDeclined"}}`)
		if a.status == http.StatusTooManyRequests {
			limited++
		}
	}
	g.equal(20, limited, "who tries with a secret is slowed down")

	thief := fortify(g, "", slow(burst, 1000))
	taken := 0
	for range 100 {
		a := thief.call("POST", "/v1/bookings", thief.keys["rival"], order{card: "pm_card_chargeDeclined"}.json(), "Idempotency-Key", uuid.NewString())
		if a.status == http.StatusAccepted {
			taken++
			continue
		}
		require.Equal(g.T, "rate_limited", a.code())
	}
	g.equal(burst, taken, "a shop's key is slowed down")

	impatient := fortify(g, "", func(cfg *Config) { cfg.Flow.CustomerWindow = 300 * time.Millisecond })
	late := impatient.submit(order{card: "pm_card_chargeDeclined"})
	impatient.until(late.ID, func(b bookingView) bool { return b.Status == "failed" })
	impatient.untilLedger(late.Reference, nothingLeft)
	g.refuses(impatient.call("POST", "/v1/bookings/"+late.ID+"/actions/payment", late.ClientSecret, `{"payment":{"token":"pm_card_visa"}}`), 409, "state_conflict", "after their time nobody tries")
}

// authorizations is how often the payment provider was asked to authorise something for a booking.
func (f *fortress) authorizations(g *guard, reference string) int {
	g.Helper()
	var journal struct {
		Entries []struct{ Operation string }
	}
	a := f.call("GET", f.sandbox+"/_journal?system=payment&reference="+reference, "", "").is(http.StatusOK)
	require.NoError(g.T, json.Unmarshal(a.body, &journal))
	n := 0
	for _, e := range journal.Entries {
		if e.Operation == "authorize" {
			n++
		}
	}
	return n
}
