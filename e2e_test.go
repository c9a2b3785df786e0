package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestEveryMagicValueEndsAsPromised walks each of the sandbox's endings, and compares with what really happened outside.
func TestEveryMagicValueEndsAsPromised(t *testing.T) {
	t.Parallel()
	onBoth(t, func(c *client) {
		for _, test := range []struct {
			order  order
			status string
			code   string
			act    func(*client, bookingView) // once the booking waits for somebody
			paid   string                     // captured; default 346.00 for a confirmed booking
		}{
			{order: order{offer: "sim_ok"}, status: "confirmed"},
			{order: order{offer: "sim_sold_out_check"}, status: "failed", code: "offer_sold_out"},
			{order: order{offer: "sim_sold_out_book"}, status: "failed", code: "offer_sold_out"},
			{order: order{offer: "sim_price_up_3pct", tolerance: 5}, status: "confirmed"},
			{order: order{offer: "sim_price_up_3pct"}, status: "confirmed", act: acceptOffer, paid: "356.38"},
			{order: order{offer: "sim_price_up_30pct", tolerance: 5}, status: "confirmed", act: acceptOffer, paid: "449.80"},
			{order: order{offer: "sim_timeout_booked"}, status: "confirmed"},
			{order: order{offer: "sim_timeout_not_booked"}, status: "failed", code: "supplier_no_confirmation"},
			{order: order{offer: "sim_timeout_forever"}, status: "failed", code: "supplier_no_confirmation", act: resolveNotHappened},
			{order: order{offer: "sim_5xx_booked"}, status: "confirmed"},
			{order: order{offer: "sim_garbage_200_booked"}, status: "confirmed"},
			{order: order{offer: "sim_pending_then_confirmed"}, status: "confirmed"},
			{order: order{offer: "sim_slow_150"}, status: "confirmed"},
			{order: order{offer: "sim_down"}, status: "failed", code: "supplier_unavailable"},
			{order: order{card: "pm_card_chargeDeclined"}, status: "confirmed", act: anotherCard("generic_decline")},
			{order: order{card: "pm_card_chargeDeclinedInsufficientFunds"}, status: "confirmed", act: anotherCard("insufficient_funds")},
			{order: order{card: "pm_card_authenticationRequired"}, status: "confirmed", act: authenticate},
			{order: order{card: "pm_card_captureFails"}, status: "confirmed", paid: "0.00"},
			{order: order{email: "ana+accept@example.com"}, status: "confirmed"},
			{order: order{email: "ana+review@example.com"}, status: "confirmed", act: approve},
			{order: order{email: "ana+reject@example.com"}, status: "failed", code: "payment_refused"},
			{order: order{email: "ana+down@example.com"}, status: "confirmed", act: approve},
		} {
			name := strings.Trim(test.order.offer+" "+test.order.card+" "+strings.TrimPrefix(test.order.email, "ana"), " ")
			if test.act != nil && test.order.tolerance == 0 && test.order.offer != "" {
				name += " asked"
			}
			c.Run(name, func(t *testing.T) {
				t.Parallel()
				c := *c
				c.T = t
				b := c.submit(test.order)
				if test.act != nil {
					test.act(&c, b)
				}
				b = c.untilDecided(b.ID)
				require.Equal(t, test.status, b.Status)
				require.Equal(t, test.code, b.Failure.Code)
				if test.status == "failed" {
					require.Empty(t, b.Confirmation.SupplierReference)
					c.untilLedger(b.Reference, nothingLeft)
					return
				}
				require.NotEmpty(t, b.Confirmation.SupplierReference)
				paid := test.paid
				if paid == "" {
					paid = "346.00"
				}
				c.untilLedger(b.Reference, func(l ledgerView) bool {
					captured := l.Captured == paid && l.Captures == 1 && l.OpenAuthorizations == 0 && l.Tracked == 1
					if paid == "0.00" {
						captured = l.Captures == 0
					}
					return captured && l.Active == 1 && l.MaxActive == 1 && l.EverConfirmed == 1
				})
			})
		}
	})
}

// nothingLeft is what the outside must look like after a booking that failed.
func nothingLeft(l ledgerView) bool {
	return l.Active == 0 && l.OpenAuthorizations == 0 && l.Captured == l.Refunded && l.MaxActive <= 1
}

func acceptOffer(c *client, b bookingView) {
	waiting := c.untilStatus(b.ID, "requires_action")
	require.Equal(c, "accept_offer", waiting.Action.Type)
	path := "/v1/bookings/" + b.ID + "/actions/accept-offer"
	c.call("POST", path, b.ClientSecret, `{"accepted_total":{"amount":"1.00","currency":"EUR"}}`).is(http.StatusConflict)
	body, err := json.Marshal(map[string]any{"accepted_total": waiting.Action.NewTotal})
	require.NoError(c, err)
	c.call("POST", path, b.ClientSecret, string(body)).is(http.StatusAccepted)
}

func anotherCard(decline string) func(*client, bookingView) {
	return func(c *client, b bookingView) {
		waiting := c.untilStatus(b.ID, "requires_action")
		require.Equal(c, "new_payment_method", waiting.Action.Type)
		require.Equal(c, decline, waiting.Action.Code)
		c.call("POST", "/v1/bookings/"+b.ID+"/actions/payment", b.ClientSecret, `{"payment":{"token":"pm_card_visa"}}`).is(http.StatusAccepted)
	}
}

// authenticate is the guest at the bank's page; they never come back, so the webhook has to tell us.
func authenticate(c *client, b bookingView) {
	waiting := c.untilStatus(b.ID, "requires_action")
	require.Equal(c, "three_ds", waiting.Action.Type)
	require.Less(c, c.call("POST", waiting.Action.URL, "", "").status, 400)
}

func approve(c *client, b bookingView) {
	c.untilStatus(b.ID, "in_review")
	c.call("POST", "/v1/support/bookings/"+b.ID+"/actions/approve", c.support, `{"reason":"a known guest"}`).is(http.StatusAccepted)
}

// resolveNotHappened is an agent who finds the booking among those that need a look, calls the hotel, and decides.
func resolveNotHappened(c *client, b bookingView) {
	require.Eventually(c, func() bool {
		list := c.call("GET", "/v1/support/bookings?attention=any&q="+b.Reference, c.support, "").is(http.StatusOK)
		return strings.Contains(string(list.body), b.ID) &&
			c.call("POST", "/v1/support/bookings/"+b.ID+"/actions/resolve", c.support, `{"reason":"the hotel knows of nothing","outcome":"not_happened"}`).status == http.StatusAccepted
	}, 30*time.Second, 100*time.Millisecond)
}
