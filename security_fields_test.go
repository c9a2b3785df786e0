package main

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// notTheirs are names that mean something inside, in answers, or elsewhere in requests; none is a field of the bodies they are put
// into.
var notTheirs = []string{
	"id", "reference", "version", "status", "terminal", "stage", "steps", "payment_status", "price", "captured", "refunded", "fee", "created_at",
	"updated_at", "role", "scope", "client", "owner", "actor", "client_secret", "failure", "confirmation", "cancellation", "attention", "phase",
	"step", "due_at", "lease_until", "fingerprint", "idempotency_key", "flow_version", "request_id", "__proto__", "constructor", "Status", "CLIENT_REFERENCE", "",
}

// with puts a field into the object at path, which begins with its outermost field.
func with(f *fortress, body string, path []any, name string, value any) string {
	var whole any
	require.NoError(f, json.Unmarshal([]byte(body), &whole))
	at := whole
	for _, p := range path {
		switch p := p.(type) {
		case string:
			at = at.(map[string]any)[p] //nolint:forcetypeassert // the test's own body
		case int:
			at = at.([]any)[p] //nolint:forcetypeassert // the test's own body
		}
	}
	at.(map[string]any)[name] = value //nolint:forcetypeassert // the test's own body
	text, err := json.Marshal(whole)
	require.NoError(f, err)
	return string(text)
}

func massAssignment(g *guard) {
	f := fortify(g, "")
	b := f.atRest(order{offer: "sim_fee"})
	before := string(f.call("GET", "/v1/bookings/"+b.ID, f.keys["web"], "").is(http.StatusOK).body)
	ledger := f.ledger()[b.Reference]
	submit := func(body string) answer {
		return f.call("POST", "/v1/bookings", f.keys["web"], body, "Idempotency-Key", uuid.NewString())
	}
	objects := [][]any{
		{}, {"offer"}, {"offer", "total"}, {"stay"}, {"stay", "rooms", 0}, {"stay", "rooms", 0, "guests", 0}, {"contact"}, {"payment"},
	}
	for _, path := range objects {
		for _, name := range notTheirs {
			a := submit(with(f, order{}.json(), path, name, "confirmed"))
			g.refuses(a, 400, "malformed_request", "%v %s: %s", path, name, a.body)
			require.Contains(g.T, string(a.body), `"unknown_field"`)
		}
	}
	for route, p := range policies() {
		if !strings.HasPrefix(p.body, "{") || p.access == "webhook" || p.access == "submit" {
			continue
		}
		key := f.keys["web"]
		if p.access != "booking" {
			key = f.keys["sue"]
		}
		method, path := address(route, b.ID)
		for _, name := range append([]string{"amount_", "waive_fee_", "supplier"}, notTheirs...) {
			g.refuses(f.call(method, path, key, with(f, p.body, nil, name, true)), 400, "malformed_request", "%s: %s", route, name)
		}
	}
	for route, p := range policies() {
		if p.access == "public" || p.access == "webhook" || route == "GET /v1/support/bookings" {
			continue
		}
		key := f.keys["web"]
		if strings.HasPrefix(p.access, "support") {
			key = f.keys["sue"]
		}
		method, path := address(route, b.ID)
		for _, name := range []string{"status", "id", "role", "amount", "reason", "limit", "_method"} {
			if route == "GET /v1/support/webhooks/deliveries" && name == "limit" {
				continue // it is theirs to set
			}
			a := f.call(method, path+"?"+p.query+"&"+name+"=1", key, p.body, "Idempotency-Key", uuid.NewString())
			g.refuses(a, 400, "invalid_parameter", "%s?%s", route, name)
		}
	}
	for name, a := range map[string]answer{
		"a price of nothing":     submit(with(f, order{}.json(), []any{"offer", "total"}, "amount", "0.00")),
		"a price below nothing":  submit(with(f, order{}.json(), []any{"offer", "total"}, "amount", "-346.00")),
		"a price in exponents":   submit(with(f, order{}.json(), []any{"offer", "total"}, "amount", "3e2")),
		"too fine a price":       submit(with(f, order{}.json(), []any{"offer", "total"}, "amount", "346.001")),
		"a price out of bounds":  submit(with(f, order{}.json(), []any{"offer", "total"}, "amount", strings.Repeat("9", 20))),
		"money of nowhere":       submit(with(f, order{}.json(), []any{"offer", "total"}, "currency", "XXX")),
		"any price is welcome":   submit(with(f, order{}.json(), []any{"offer"}, "price_tolerance_percent", 101)),
		"a supplier of my own":   submit(with(f, order{}.json(), []any{"offer"}, "supplier", "evil")),
		"a refund of another's":  f.call("POST", "/v1/support/bookings/"+b.ID+"/actions/refund", f.keys["sue"], `{"reason":"generous","amount":{"amount":"346.01","currency":"EUR"}}`),
		"a refund below nothing": f.call("POST", "/v1/support/bookings/"+b.ID+"/actions/refund", f.keys["sue"], `{"reason":"generous","amount":{"amount":"-1.00","currency":"EUR"}}`),
		"a refund of nothing":    f.call("POST", "/v1/support/bookings/"+b.ID+"/actions/refund", f.keys["sue"], `{"reason":"generous","amount":{"amount":"0.00","currency":"EUR"}}`),
	} {
		g.refuses(a, 422, "validation_failed", "%s: %s", name, a.body)
	}
	for name, body := range map[string]string{
		"a price as a number":   with(f, order{}.json(), []any{"offer", "total"}, "amount", 346),
		"an object for a text":  with(f, order{}.json(), []any{"payment"}, "token", map[string]any{"$ne": 1}),
		"a list for a text":     with(f, order{}.json(), nil, "client_reference", []string{"a", "b"}),
		"a text for an object":  with(f, order{}.json(), nil, "contact", "Ana"),
		"a text for a number":   with(f, order{}.json(), []any{"stay", "rooms", 0}, "adults", "2"),
		"a fraction of a guest": with(f, order{}.json(), []any{"stay", "rooms", 0}, "adults", 1.5),
	} {
		g.refuses(submit(body), 400, "malformed_request", name)
	}
	g.equal(1, f.stored(), "nothing of it was stored")
	after := string(f.call("GET", "/v1/bookings/"+b.ID, f.keys["web"], "").is(http.StatusOK).body)
	g.equal(before, after, "nothing of it changed the booking")
	g.equal(ledger, f.ledger()[b.Reference], "nor what happened outside")

	free := submit(with(f, order{}.json(), nil, "attribution", map[string]string{"status": "confirmed", "price": "0.01", "client": "rival"})).is(http.StatusAccepted).booking()
	g.equal(moneyView{"346.00", "EUR"}, free.Price, "attribution is words for the tracker")
	g.equal(http.StatusNotFound, f.call("GET", "/v1/bookings/"+free.ID, f.keys["rival"], "").status)
}
