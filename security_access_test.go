package main

import (
	"encoding/base64"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"hotelbooking/booking/web"
)

// policy is who may call a route, and what happens to those who may: with body, the status and the code of the problem.
type policy struct {
	access string
	body   string
	query  string
	status int
	code   string
}

// policies has each route of the router that is no page's, or the test fails. Requests that would move the booking are such that they get past
// all guards and are then refused.
func policies() map[string]policy {
	const vague = `{"reason":""}`
	return map[string]policy{
		"POST /v1/bookings":                                            {access: "submit", body: order{}.json(), status: 202},
		"GET /v1/bookings":                                             {access: "bookings", query: "client_reference=web-4711", status: 200},
		"GET /v1/bookings/:id":                                         {access: "booking", status: 200},
		"GET /v1/bookings/:id/stream":                                  {access: "booking", status: 200},
		"GET /v1/bookings/:id/cancellation":                            {access: "booking", status: 200},
		"POST /v1/bookings/:id/cancellation":                           {access: "booking", body: `{"expected_fee":{"amount":"1.23","currency":"EUR"}}`, status: 409, code: "fee_changed"},
		"POST /v1/bookings/:id/actions/payment":                        {access: "booking", body: `{"payment":{"token":"pm_other"}}`, status: 409, code: "state_conflict"},
		"POST /v1/bookings/:id/actions/accept-offer":                   {access: "booking", body: `{"accepted_total":{"amount":"1.23","currency":"EUR"}}`, status: 409, code: "state_conflict"},
		"GET /v1/support/bookings":                                     {access: "support.viewer", status: 200},
		"GET /v1/support/bookings/:identifier":                         {access: "support.viewer", status: 200},
		"POST /v1/support/bookings/:id/actions/retry":                  {access: "support.agent", body: vague, status: 422, code: "validation_failed"},
		"POST /v1/support/bookings/:id/actions/cancel":                 {access: "support.agent", body: vague, status: 422, code: "validation_failed"},
		"POST /v1/support/bookings/:id/actions/resolve":                {access: "support.agent", body: vague, status: 422, code: "validation_failed"},
		"POST /v1/support/bookings/:id/actions/approve":                {access: "support.agent", body: vague, status: 422, code: "validation_failed"},
		"POST /v1/support/bookings/:id/actions/reject":                 {access: "support.agent", body: vague, status: 422, code: "validation_failed"},
		"POST /v1/support/bookings/:id/actions/refund":                 {access: "support.supervisor", body: vague, status: 422, code: "validation_failed"},
		"POST /v1/support/bookings/:id/actions/note":                   {access: "support.agent", body: `{"reason":"who may write this?"}`, status: 202},
		"POST /v1/support/bookings/:id/actions/reveal":                 {access: "support.viewer", body: vague, status: 422, code: "validation_failed"},
		"GET /v1/support/webhooks":                                     {access: "support.viewer", status: 200},
		"GET /v1/support/webhooks/deliveries":                          {access: "support.viewer", query: "state=dead", status: 200},
		"POST /v1/support/webhooks/deliveries/:delivery/actions/retry": {access: "support.supervisor", body: vague, status: 422, code: "validation_failed"},
		"POST /v1/support/webhooks/:endpoint/actions/replay":           {access: "support.supervisor", body: vague, status: 422, code: "validation_failed"},
		"POST /v1/support/webhooks/:endpoint/actions/pause":            {access: "support.supervisor", body: vague, status: 422, code: "validation_failed"},
		"POST /v1/support/webhooks/:endpoint/actions/resume":           {access: "support.supervisor", body: vague, status: 422, code: "validation_failed"},
		"POST /v1/webhooks/:vendor":                                    {access: "webhook", body: "{}", status: 401, code: "webhook_signature_invalid"},
		"GET /openapi.yaml":                                            {access: "public", status: 200},
		"GET /docs":                                                    {access: "public", status: 200},
		"GET /docs/*":                                                  {access: "public", status: 200},
	}
}

// credential is one way of saying who one is. as is who that is: nobody, a key's name, the secret of the booking, or another one.
type credential struct {
	name   string
	as     string
	header http.Header
	query  string
}

func (f *fortress) credentials(mine, other bookingView) []credential {
	key := f.keys["web"]
	raw := func(values ...string) http.Header { return http.Header{"Authorization": values} }
	return []credential{
		{name: "nothing", as: "nobody"},
		{name: "an empty header", as: "nobody", header: raw("")},
		{name: "no token", as: "nobody", header: raw("Bearer ")},
		{name: "garbage", as: "nobody", header: bearing("garbage")},
		{name: "a key that was made up", as: "nobody", header: bearing(web.NewKey(web.ScopeBookings))},
		{name: "a staff key that was made up", as: "nobody", header: bearing(web.NewKey(web.ScopeSupport))},
		{name: "half a key", as: "nobody", header: bearing(key[:len(key)-1])},
		{name: "a key in capitals", as: "nobody", header: bearing(strings.ToUpper(key))},
		{name: "a key and more", as: "nobody", header: bearing(key + " " + key)},
		{name: "a key's hash", as: "nobody", header: bearing(web.HashKey(key))},
		{name: "no scheme", as: "nobody", header: raw(key)},
		{name: "another scheme", as: "nobody", header: raw("Basic " + base64.StdEncoding.EncodeToString([]byte("web:"+key)))},
		{name: "a key under another scheme", as: "nobody", header: raw("Token " + key)},
		{name: "two headers", as: "nobody", header: raw("Bearer "+key, "Bearer "+key)},
		{name: "two headers of two callers", as: "nobody", header: raw("Bearer "+f.keys["rival"], "Bearer "+f.keys["sue"])},
		{name: "a key in a cookie", as: "nobody", header: http.Header{"Cookie": {"Authorization=" + key}}},
		{name: "a key in another header", as: "nobody", header: http.Header{"X-Api-Key": {key}, "Proxy-Authorization": {"Bearer " + key}}},
		{name: "a key in the address", as: "nobody", query: "access_token=" + key},
		{name: "a secret that was made up", as: "another secret", header: bearing("bks_" + strings.Repeat("A", 43))},
		{name: "a secret and more", as: "another secret", header: bearing(mine.ClientSecret + "A")},
		{name: "another booking's secret", as: "another secret", header: bearing(other.ClientSecret)},
		{name: "the booking's secret", as: "secret", header: bearing(mine.ClientSecret)},
		{name: "another shop's key", as: "rival", header: bearing(f.keys["rival"])},
		{name: "the shop's key", as: "web", header: bearing(key)},
		{name: "the checkout page's key", as: "page", header: bearing(f.keys["page"])},
		{name: "a viewer's key", as: "vera", header: bearing(f.keys["vera"])},
		{name: "an agent's key", as: "ada", header: bearing(f.keys["ada"])},
		{name: "a supervisor's key", as: "sue", header: bearing(f.keys["sue"])},
	}
}

// verdict is what a caller meets on a route, by the design: 401 who is nobody there, 403 whose key is for something else, and 404
// whose key is for such things but not for this one.
func verdict(p policy, as string) (status int, code string) {
	everybody := []string{"nobody", "another secret", "secret", "rival", "web", "page", "vera", "ada", "sue"}
	passes := map[string][]string{
		"public": everybody, "webhook": everybody, "submit": {"rival", "web", "page"}, "bookings": {"rival", "web"}, "booking": {"secret", "web"},
		"support.viewer": {"vera", "ada", "sue"}, "support.agent": {"ada", "sue"}, "support.supervisor": {"sue"},
	}
	secret := as == "secret" || as == "another secret"
	switch {
	case slices.Contains(passes[p.access], as):
		return p.status, p.code
	case as == "nobody" || secret && p.access != "booking":
		return http.StatusUnauthorized, "unauthorized"
	case p.access == "booking" && (as == "rival" || secret):
		return http.StatusNotFound, "not_found"
	default:
		return http.StatusForbidden, "forbidden"
	}
}

// installed is the router's own list.
func (f *fortress) installed() []string {
	server, ok := f.app.public.server.Handler.(*web.Server)
	require.True(f, ok)
	return server.Routes()
}

// routed is the router's own list without the pages, which is the specification's, with the same access.
func (f *fortress) routed() []string {
	pages := pagePolicies()
	routes := slices.DeleteFunc(f.installed(), func(route string) bool { _, page := pages[route]; return page })
	var document struct {
		Paths map[string]map[string]struct {
			Access string `yaml:"x-access"`
		}
	}
	require.NoError(f, yaml.Unmarshal(f.call("GET", "/openapi.yaml", "", "").is(http.StatusOK).body, &document))
	documented := map[string]string{"GET /docs/*": "public"} // the page's own files; not API
	for path, operations := range document.Paths {
		for method, operation := range operations {
			documented[strings.ToUpper(method)+" "+strings.NewReplacer("{", ":", "}", "").Replace(path)] = operation.Access
		}
	}
	known := policies()
	f.g.equal(slices.Sorted(maps.Keys(documented)), routes, "the router against the specification")
	for _, route := range routes {
		f.g.equal(known[route].access, documented[route], "%s: who may call it?", route)
	}
	f.g.equal(len(known), len(routes), "policies of routes that are no more")
	return routes
}

// address fills in the parameters of a route.
func address(route, id string) (method, path string) {
	method, path, _ = strings.Cut(route, " ")
	return method, strings.NewReplacer(":identifier", id, ":id", id, ":vendor", "sandbox", ":endpoint", "shop", ":delivery", "1", "*", "swagger-ui.css").Replace(path)
}

func accessMatrix(g *guard) {
	f := fortify(g, "")
	mine, other := f.atRest(order{offer: "sim_fee"}), f.atRest(order{})
	known := policies()
	for _, route := range f.routed() {
		p := known[route]
		for _, c := range f.credentials(mine, other) {
			method, path := address(route, mine.ID)
			status, code := verdict(p, c.as)
			query := p.query
			if c.query != "" {
				query = strings.TrimPrefix(query+"&"+c.query, "&")
				if status < 400 && route != "GET /docs/*" || p.access == "webhook" {
					status, code = http.StatusBadRequest, "invalid_parameter" // nobody takes a key from there
				}
			}
			header := http.Header{"Idempotency-Key": {uuid.NewString()}}
			maps.Copy(header, c.header)
			a := f.send(method, path+"?"+query, p.body, header)
			g.refuses(a, status, code, "%s with %s: %s", route, c.name, a.body)
		}
	}
	g.refuses(f.send("GET", "/v1/bookings/"+mine.ID+"?access_token="+f.keys["web"], "", bearing(f.keys["web"])), 400, "invalid_parameter", "in both places")
	waive := `{"reason":"a friend of mine","waive_fee":true}`
	g.refuses(f.call("POST", "/v1/support/bookings/"+mine.ID+"/actions/cancel", f.keys["ada"], waive), 403, "forbidden", "only a supervisor waives the fee")
	after := f.call("GET", "/v1/bookings/"+mine.ID, f.keys["web"], "").is(http.StatusOK).booking()
	g.equal([]any{"confirmed", mine.Version + 2}, []any{after.Status, after.Version}, "all that got through are the notes of an agent and a supervisor")
}

// notYoursIsNotThere compares, byte for byte, the answers about somebody else's booking with those about none.
func notYoursIsNotThere(g *guard) {
	f := fortify(g, "")
	mine, other := f.atRest(order{}), f.atRest(order{})
	absent := uuid.Must(uuid.NewV7()).String()
	for route, p := range policies() {
		if p.access != "booking" {
			continue
		}
		for name, token := range map[string]string{"a rival": f.keys["rival"], "another's secret": other.ClientSecret, "no secret": "bks_" + strings.Repeat("A", 43)} {
			ask := func(id string) answer {
				method, path := address(route, id)
				header := bearing(token)
				header.Set("X-Request-Id", "the-same")
				header.Set("If-None-Match", `"1"`)
				a := f.send(method, path, p.body, header)
				a.header.Del("Date")
				return a
			}
			theirs := ask(mine.ID)
			g.refuses(theirs, 404, "not_found", "%s by %s", route, name)
			for what, id := range map[string]string{"no booking": absent, "no id": "nothing", "a reference": mine.Reference, "an id in capitals": strings.ToUpper(mine.ID)} {
				none := ask(id)
				g.equal(string(none.body), string(theirs.body), "%s by %s, of %s", route, name, what)
				g.equal(none.header, theirs.header, "%s by %s, of %s", route, name, what)
			}
		}
	}
	list := f.call("GET", "/v1/bookings?client_reference=web-4711", f.keys["rival"], "").is(http.StatusOK)
	g.equal(`{"bookings":[]}`, compact(f, list.body), "a rival who knows the shop's reference")
}
