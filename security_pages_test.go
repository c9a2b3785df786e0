package main

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking/web"
)

// pagePolicy is who may open a page or send its form, and what happens to those who may. A browser is known there by its session
// and by nothing else.
type pagePolicy struct {
	access string     // public, or the least role: viewer, agent or supervisor
	at     string     // the address, where it is not the route's own
	query  string     // the parameters that there are
	form   url.Values // of a POST: what gets past all guards, and then changes nothing
	status int
	kind   string // what comes: page, part of one, redirect, file, stream, csv or nothing
}

// anything: whoever sends browsers there adds parameters of their own, so the page reads none but its own, and repeats none.
const anything = "any"

// filters are the parameters of every view of the list.
const filters = "q status attention supplier failure older_than newer_than created_after created_before uncaptured"

// pagePolicies has each route of the router that is no API, or the test fails.
func pagePolicies() map[string]pagePolicy {
	nothing := url.Values{
		"action": {"note"}, "reason": {""}, "began": {""}, "agreed": {""}, "total": {"0"}, "done": {"0"}, "refused": {"0"}, "cursor": {""},
	}
	all := map[string]pagePolicy{
		"GET /":                      {access: "public", query: anything, status: 200, kind: "page"},
		"GET /booking-client.js":     {access: "public", status: 200, kind: "file"},
		"GET /booking-client.d.ts":   {access: "public", status: 200, kind: "file"},
		"GET /assets/*":              {access: "public", at: "/assets/0/site.css", status: 404, kind: "page"},
		"GET /favicon.ico":           {access: "public", status: 200, kind: "file"},
		"GET /support/sign-in":       {access: "public", query: "next", status: 200, kind: "page"},
		"POST /support/sign-in":      {access: "public", form: url.Values{"key": {"wrong"}, "next": {"/support"}}, status: 401, kind: "page"},
		"GET /support/oidc":          {access: "public", query: "next", status: 503, kind: "page"},
		"GET /support/oidc/callback": {access: "public", query: anything, status: 400, kind: "page"},
		"POST /support/sign-out":     {access: "public", form: url.Values{}, status: 303, kind: "redirect"},
		"GET /support":               {access: "viewer", query: filters + " cursor", status: 200, kind: "page"},
		"GET /support/count":         {access: "viewer", query: filters, status: 200, kind: "part"},
		"GET /support/bookings.csv":  {access: "viewer", query: filters, status: 200, kind: "csv"},
		"GET /support/bulk":          {access: "agent", query: filters + " action", at: "/support/bulk?action=note", status: 200, kind: "page"},
		"POST /support/bulk":         {access: "agent", query: filters, form: nothing, status: 422, kind: "part"},

		"GET /support/overview":             {access: "viewer", status: 200, kind: "page"},
		"GET /support/overview/figures":     {access: "viewer", query: "since", status: 200, kind: "file"},
		"GET /support/pauses":               {access: "supervisor", query: "what", at: "/support/pauses?what=intake", status: 200, kind: "page"},
		"POST /support/pauses":              {access: "supervisor", form: url.Values{"what": {"intake"}, "to": {"pause"}, "reason": {""}}, status: 422, kind: "page"},
		"GET /support/bookings/:identifier": {access: "viewer", query: "part done", status: 200, kind: "page"},
		"GET /support/bookings/:id/events":  {access: "viewer", query: "seen", status: 200, kind: "stream"},
	}
	silent := url.Values{"reason": {""}, "choice": {""}, "amount": {""}, "supplier_reference": {""}, "fee": {""}}
	for verb, p := range map[string]struct {
		access  string
		asked   int // what the dialogue's status is for a booking that is confirmed and paid
		refused int // and that of its form, when no reason is given
	}{
		"approve": {"agent", 409, 409}, "reject": {"agent", 409, 409}, "resolve": {"agent", 409, 409}, "retry": {"agent", 409, 409}, "cancel": {"agent", 200, 422},
		"refund": {"supervisor", 200, 422}, "note": {"agent", 200, 422}, "reveal": {"viewer", 200, 422},
	} {
		all["GET /support/bookings/:id/actions/"+verb] = pagePolicy{access: p.access, query: "amount part", status: p.asked, kind: "page"}
		all["POST /support/bookings/:id/actions/"+verb] = pagePolicy{access: p.access, form: silent, status: p.refused, kind: "page"}
	}
	return all
}

// briefStreams end at once, so that they can be read as any other answer.
func briefStreams(cfg *Config) { cfg.HTTP.Poll.StreamMax = 50 * time.Millisecond }

// withProvider is a service whose staff can sign in by way of an identity provider, which cannot be reached.
func withProvider(cfg *Config) {
	cfg.Console.OIDC.Issuer, cfg.Console.OIDC.ClientID, cfg.Console.OIDC.ClientSecret = "http://127.0.0.1:1", "booking", "canary-of-the-client"
	cfg.Console.OIDC.RedirectURL, cfg.Console.OIDC.Agents = "http://127.0.0.1:1"+web.CallbackPath, []string{"desk"}
}

// pageRoutes are the router's own routes without those of the specification and of the documentation's page. Each has a policy.
func (f *fortress) pageRoutes() []string {
	f.Helper()
	documented := policies()
	var found []string
	for _, route := range f.installed() {
		if _, api := documented[route]; !api {
			found = append(found, route)
		}
	}
	f.g.equal(slices.Sorted(maps.Keys(pagePolicies())), found, "page routes of which nobody has said who may use them, or that are no more")
	return found
}

// page is the address of a page route, for one booking.
func (p pagePolicy) page(route string, b bookingView) (method, path string) {
	method, path, _ = strings.Cut(route, " ")
	return method, strings.NewReplacer(":identifier", b.ID, ":id", b.ID).Replace(cmp.Or(p.at, path))
}

// arrival is one way of coming to a page. as is who that is by the design: nobody, or a role.
type arrival struct {
	name   string
	as     string
	header http.Header
}

// arrivals are all who may come by. The sessions that do not count are stored as the service stores its own.
func (f *fortress) arrivals(b bookingView) []arrival {
	f.Helper()
	cookie := func(value string) http.Header { return http.Header{"Cookie": {value}} }
	signedIn := func(name string) string { return f.signIn(f.keys[name]).cookie }
	out := f.signIn(f.keys["sue"])
	left := out.cookie
	out.post("/support/sign-out", nil).is(http.StatusSeeOther)
	sue := signedIn("sue")
	_, token, _ := strings.Cut(sue, "=")
	all := []arrival{
		{name: "nothing", as: "nobody"},
		{name: "the booking's secret", as: "nobody", header: bearing(b.ClientSecret)},
		{name: "a session's token as a key", as: "nobody", header: bearing(token)},
		{name: "a session that was ended", as: "nobody", header: cookie(left)},
		{name: "a session of a key that is no more", as: "nobody", header: cookie(f.session("sue", "supervisor", "another key", time.Hour))},
		{name: "a session of nobody's key", as: "nobody", header: cookie(f.session("gone", "supervisor", f.keys["sue"], time.Hour))},
		{name: "a session of a shop's key", as: "nobody", header: cookie(f.session("web", "supervisor", f.keys["web"], time.Hour))},
		{name: "a session of no role", as: "nobody at all", header: cookie(f.session("@ghost", "", "", time.Hour))},
		{name: "a session of a role that there is not", as: "nobody at all", header: cookie(f.session("@root", "root", "", time.Hour))},
		{name: "an empty session", as: "nobody", header: cookie(sessionCookieName + "=")},
		{name: "a session that was made up", as: "nobody", header: cookie(sessionCookieName + "=" + strings.Repeat("A", 43))},
		{name: "a session and more", as: "nobody", header: cookie(sue + "A")},
		{name: "a session under another name", as: "nobody", header: cookie("session=" + token)},
		{name: "a session in another spelling", as: "nobody", header: cookie(strings.ToLower(sessionCookieName) + "=" + token)},
		{name: "a key as a cookie", as: "nobody", header: cookie(sessionCookieName + "=" + f.keys["sue"])},
		{name: "a viewer's session", as: "viewer", header: cookie(signedIn("vera"))},
		{name: "an agent's session", as: "agent", header: cookie(signedIn("ada"))},
		{name: "a supervisor's session", as: "supervisor", header: cookie(sue)},
		{name: "a session of who was a supervisor once", as: "viewer", header: cookie(f.session("vera", "supervisor", f.keys["vera"], time.Hour))},
		{name: "a session that an identity provider vouched for", as: "agent", header: cookie(f.session("@ann@example.org", "agent", "", time.Hour))},
	}
	for _, name := range slices.Sorted(maps.Keys(f.keys)) {
		all = append(all, arrival{name: name + "'s key instead of a session", as: "nobody", header: bearing(f.keys[name])})
	}
	both := bearing(f.keys["sue"])
	both.Set("Cookie", signedIn("vera"))
	return append(all,
		arrival{name: "a viewer's session and a supervisor's key", as: "viewer", header: both},
		// last, because whoever signs in has the service forget those that have ended
		arrival{name: "a session whose time is up", as: "nobody", header: cookie(f.session("sue", "supervisor", f.keys["sue"], -time.Second))},
	)
}

// passes tells whether who comes may open a page of this access.
func (p pagePolicy) passes(as string) bool {
	roles := []string{"public", "viewer", "agent", "supervisor"}
	return p.access == "public" || slices.Index(roles, as) >= slices.Index(roles, p.access)
}

// pageMatrix has everybody come to every page.
func pageMatrix(g *guard) {
	f := fortify(g, "", withProvider, briefStreams)
	b := f.atRest(order{offer: "sim_fee"})
	before := f.state(b)
	for _, route := range f.pageRoutes() {
		p := pagePolicies()[route]
		method, path := p.page(route, b)
		for _, v := range f.arrivals(b) {
			about := route + " with " + v.name
			var headers []string
			for name := range v.header {
				headers = append(headers, name, v.header.Get(name))
			}
			nobody := &clerk{f: f}
			whole := nobody.ask(method, path, p.form, headers...)
			switch {
			case p.passes(v.as):
				g.equal([]any{p.status, p.kind}, []any{whole.status, kindOf(whole)}, "%s: %s", about, whole.body)
				continue
			case v.as != "nobody":
				g.equal([]any{http.StatusForbidden, "page"}, []any{whole.status, kindOf(whole)}, "%s: %s", about, whole.body)
				g.has(about, plainText(g, whole.body), "Not with this key", "forbidden")
				g.refuses(nobody.ask(method, path, p.form, append(headers, "Accept", "")...), 403, "forbidden", about)
				continue
			case method == http.MethodGet:
				g.equal([]any{http.StatusSeeOther, signInAddress + "?next=" + url.QueryEscape(path), ""},
					[]any{whole.status, whole.header.Get("Location"), string(whole.body)}, about)
			default:
				g.equal([]any{http.StatusUnauthorized, "page"}, []any{whole.status, kindOf(whole)}, "%s: %s", about, whole.body)
				g.has(about, plainText(g, whole.body), "Sign in first.")
			}
			part := nobody.ask(method, path, p.form, append(headers, "HX-Request", "true")...)
			g.equal([]any{http.StatusUnauthorized, signInAddress, ""}, []any{part.status, part.header.Get("HX-Redirect"), string(part.body)}, about)
			g.refuses(nobody.ask(method, path, p.form, append(headers, "Accept", "")...), 401, "unauthorized", about)
			g.lacks(about, string(whole.body)+string(part.body), b.Reference, b.ID, "Núñez", "sandbox")
		}
	}
	g.equal(before, f.state(b), "nothing of it changed anything")
}

// kindOf is what an answer is to a browser.
func kindOf(a answer) string {
	kind, _, _ := strings.Cut(a.header.Get("Content-Type"), ";")
	switch {
	case a.status >= 300 && a.status < 400 && a.header.Get("Location") != "":
		return "redirect"
	case kind == "text/html" && strings.Contains(string(a.body), "<html"):
		return "page"
	case kind == "text/html":
		return "part"
	case kind == "text/event-stream":
		return "stream"
	case kind == "text/csv":
		return "csv"
	case len(a.body) == 0:
		return "nothing"
	default:
		return "file"
	}
}

// state is what forms could change: the booking with its history, and what is or was paused.
func (f *fortress) state(b bookingView) string {
	f.Helper()
	seen := f.call("GET", "/v1/support/bookings/"+b.ID, f.keys["sue"], "").is(http.StatusOK)
	log, err := f.app.store.PauseLog(f.g.Context(), 100)
	require.NoError(f, err)
	return fmt.Sprintf("%s\n%v", seen.body, log)
}
