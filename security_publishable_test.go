package main

import (
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"
)

// publishableKey does what a stranger can do with the key that a page carries, which is everybody's: submit, at the pace of an
// address, and nothing else. The matrix of callers has it on every route.
func publishableKey(g *guard) {
	f := fortify(g, "")
	page := f.keys["page"]
	home := (&clerk{f: f}).get("/")
	g.equal(http.StatusOK, home.status)
	g.lacks("the page at /", string(home.body), f.keys["web"], f.keys["rival"], f.keys["sue"], f.keys["ada"], f.keys["vera"])

	closed := (&clerk{f: fortify(g, "", func(cfg *Config) { cfg.Checkout.Key = "" })}).get("/")
	g.equal(http.StatusNotFound, closed.status, "without a key that may be published there is no page to book on")
	g.lacks("what stands there instead", string(closed.body), "bk_")

	submit := func(key, body string, headers ...string) answer {
		return f.call("POST", "/v1/bookings", page, body, append([]string{"Idempotency-Key", key}, headers...)...)
	}
	first := submit("guessable", order{}.json()).is(http.StatusAccepted)
	mine := first.booking()
	f.untilBy(mine.ClientSecret, mine.ID, atRest)
	theirs := submit("another", order{name: "Ortiz", email: "other@example.com"}.json()).is(http.StatusAccepted).booking()
	f.untilBy(theirs.ClientSecret, theirs.ID, atRest)

	for name, token := range map[string]string{"the key itself": page, "another guest's secret": mine.ClientSecret} {
		for route, p := range policies() {
			if p.access != "booking" {
				continue
			}
			method, path := address(route, theirs.ID)
			a := f.call(method, path, token, p.body)
			g.holds(a.status == http.StatusForbidden || a.status == http.StatusNotFound, "%s with %s: %d", route, name, a.status)
			g.lacks(route, string(a.body), theirs.Reference, "Ortiz")
		}
	}
	g.refuses(f.call("GET", "/v1/bookings?client_reference=web-4711", page, ""), 403, "forbidden", "it lists nobody's bookings, not even those made with it")
	g.refuses(f.call("GET", "/v1/bookings/"+mine.ID, page, ""), 403, "forbidden", "nor does it follow the one it made: that takes the secret")
	g.refuses(f.call("GET", "/v1/bookings/"+mine.ID, f.keys["web"], ""), 404, "not_found", "a shop does not see what the page has sold")

	again := submit("guessable", order{}.json()).is(http.StatusAccepted)
	g.equal([]string{"true", mine.ID, mine.ClientSecret}, []string{again.header.Get("Idempotent-Replayed"), again.booking().ID, again.booking().ClientSecret},
		"who lost the answer, and knows key and content, gets it again")
	for name, body := range map[string]string{
		"another guest": order{name: "Ortiz"}.json(), "another address": order{email: "x@example.com"}.json(), "another price": strings.Replace(order{}.json(), "346.00", "1.00", 1),
		"another card": order{card: "pm_card_other"}.json(),
	} {
		a := submit("guessable", body)
		g.refuses(a, 422, "idempotency_key_reused", name)
		g.lacks(name, string(a.body), mine.ID, mine.Reference, mine.ClientSecret, "Núñez", "346.00")
	}
	shop := f.call("POST", "/v1/bookings", f.keys["web"], order{}.json(), "Idempotency-Key", "guessable").is(http.StatusAccepted)
	g.holds(shop.booking().ID != mine.ID && shop.header.Get("Idempotent-Replayed") == "", "a shop's keys are not the page's")

	const burst = 10
	hasty := fortify(g, "", slow(1000, burst))
	for range burst {
		hasty.call("POST", "/v1/bookings", hasty.keys["page"], order{}.json(), "Idempotency-Key", uuid.NewString()).is(http.StatusAccepted)
	}
	g.limited(hasty.call("POST", "/v1/bookings", hasty.keys["page"], order{}.json(), "Idempotency-Key", uuid.NewString()), "one browser does not use up everybody's pace")
	g.limited(hasty.call("GET", "/v1/bookings/"+mine.ID, "", ""), "it is the address's pace")
	g.equal(http.StatusAccepted, hasty.call("POST", "/v1/bookings", hasty.keys["web"], order{}.json(), "Idempotency-Key", uuid.NewString()).status, "shops go on")
	behind := fortify(g, "", slow(1000, burst), func(cfg *Config) { cfg.HTTP.TrustedProxies = []string{"127.0.0.0/8"} })
	var seen []int
	for i := range burst + 2 {
		from := "198.51.100.7"
		if i == burst+1 {
			from = "198.51.100.8"
		}
		seen = append(seen, behind.call("POST", "/v1/bookings", behind.keys["page"], order{}.json(), "Idempotency-Key", uuid.NewString(), "X-Forwarded-For", from).status)
	}
	g.equal(append(slices.Repeat([]int{202}, burst), 429, 202), seen, "another browser has a pace of its own")
}
