package main

import (
	"fmt"
	"net/http"
	"strings"
)

// idempotencyAbuse uses keys of others and keys again.
func idempotencyAbuse(g *guard) {
	f := fortify(g, "")
	submit := func(who, key, body string) answer {
		return f.call("POST", "/v1/bookings", f.keys[who], body, "Idempotency-Key", key)
	}
	first := submit("web", "shared", order{}.json()).is(http.StatusAccepted)
	theirs := submit("rival", "shared", order{}.json()).is(http.StatusAccepted)
	b, other := first.booking(), theirs.booking()
	g.holds(b.ID != other.ID && b.Reference != other.Reference && b.ClientSecret != other.ClientSecret, "each shop's keys are its own")
	g.equal("", theirs.header.Get("Idempotent-Replayed"))
	g.refuses(f.call("GET", "/v1/bookings/"+b.ID, f.keys["rival"], ""), 404, "not_found")
	g.refuses(f.call("GET", "/v1/bookings/"+b.ID, other.ClientSecret, ""), 404, "not_found")
	g.equal(http.StatusAccepted, submit("rival", "web-only", order{name: "Ortiz"}.json()).status)
	g.refuses(submit("rival", "shared", order{offer: "sim_down"}.json()), 422, "idempotency_key_reused", "with another's body it is the shop's own that counts")

	f.until(b.ID, func(b bookingView) bool { return b.Stage == "done" })
	again := submit("web", "shared", order{}.json()).is(http.StatusAccepted)
	g.equal("true", again.header.Get("Idempotent-Replayed"))
	g.equal([]string{b.ID, b.Reference, b.ClientSecret, "/v1/bookings/" + b.ID},
		[]string{again.booking().ID, again.booking().Reference, again.booking().ClientSecret, again.header.Get("Location")}, "whatever became of it")
	third := submit("web", "shared", " "+strings.Replace(order{}.json(), `"child_ages":[],`, "", 1)).is(http.StatusAccepted)
	g.equal(string(again.body), string(third.body), "equal meaning, equal bytes")
	for name, body := range map[string]string{
		"another price": strings.Replace(order{}.json(), "346.00", "1.00", 1), "another guest": order{name: "Ortiz"}.json(),
		"another card": order{card: "pm_card_other"}.json(), "another hotel": strings.Replace(order{}.json(), "h-1", "h-2", 1),
	} {
		a := submit("web", "shared", body)
		g.refuses(a, 422, "idempotency_key_reused", name)
		g.lacks(name, string(a.body), b.ID, b.Reference, b.ClientSecret, "Núñez", "346.00")
	}
	for name, keys := range map[string][]string{
		"none": nil, "an empty one": {""}, "two": {"a", "b"}, "a long one": {strings.Repeat("k", 256)}, "a space": {"a b"}, "no ASCII": {"schlüssel"}, "a tab": {"a\tb"},
	} {
		header := bearing(f.keys["web"])
		header["Idempotency-Key"] = keys
		a := f.send("POST", "/v1/bookings", order{}.json(), header)
		g.holds(a.status == 400 && strings.HasPrefix(a.code(), "idempotency_key_"), "%s: %d %s", name, a.status, a.body)
	}
	g.equal(3, f.stored(), "one for each shop and key")
	seen := map[string]bool{}
	for i := range 20 {
		seen[submit("web", fmt.Sprintf("secret-%d", i), order{}.json()).is(http.StatusAccepted).booking().ClientSecret] = true
	}
	g.equal(20, len(seen), "no two bookings have one secret")
	for secret := range seen {
		g.equal(47, len(secret), "a secret has 256 bits")
		break
	}
}
