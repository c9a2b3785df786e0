package main

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/stretchr/testify/require"
)

// headersOfEveryPage compares the headers of pages, of their files and of their refusals with what is promised, by name and by value.
func headersOfEveryPage(g *guard) {
	f := fortify(g, "", withProvider, briefStreams)
	b := f.atRest(order{offer: "sim_fee"})
	sue := f.signIn(f.keys["sue"])
	known := []string{
		"Content-Type", "Content-Length", "Date", "Cache-Control", "Content-Security-Policy", "Cross-Origin-Opener-Policy", "Cross-Origin-Resource-Policy", "Etag", "Location", "Retry-After", "Vary",
		"Www-Authenticate", "Allow", "X-Accel-Buffering", "Accept-Ranges", "Connection", "Set-Cookie", "Content-Disposition", "Hx-Redirect", "X-Request-Id", "X-Content-Type-Options", "Referrer-Policy",
		"Access-Control-Allow-Origin",
	}
	check := func(name string, a answer) {
		g.Helper()
		for header := range a.header {
			require.True(g.T, slices.Contains(known, header), "%s: nobody promised %s: %v", name, header, a.header[header])
		}
		g.equal([]string{"nosniff", "no-referrer"}, []string{a.header.Get("X-Content-Type-Options"), a.header.Get("Referrer-Policy")}, name)
		policy := apiPolicy
		if a.isHTML() {
			policy = pagePolicyHeader
		}
		g.equal([]string{policy}, a.header.Values("Content-Security-Policy"), name)
		shared := strings.Contains(name, " /booking-client.") && a.status == http.StatusOK // which frontends of other sites may load
		g.equal(shared, a.header.Get("Access-Control-Allow-Origin") == "*", name)
		g.equal(shared, a.header.Get("Cross-Origin-Resource-Policy") != "same-origin", name)
	}
	cookies := []string{"POST /support/sign-out", "GET /support/oidc/callback"}
	for route, p := range pagePolicies() {
		method, path := p.page(route, b)
		a := sue.ask(method, path, p.form)
		check(route, a)
		g.equal([]any{p.status, p.kind}, []any{a.status, kindOf(a)}, route)
		cache, open := a.header.Get("Cache-Control"), p.access == "public" && p.kind == "file"
		g.holds(cache == "no-store" && !open || p.kind == "stream" && cache == "private, no-cache" || open && strings.HasPrefix(cache, "public, max-age="), "%s: %s", route, cache)
		g.equal(slices.Contains(cookies, route), a.header.Get("Set-Cookie") != "", "%s: %s", route, a.header.Get("Set-Cookie"))
		if route == "POST /support/sign-out" {
			sue = f.signIn(f.keys["sue"])
		}
		nobody := (&clerk{f: f}).ask(method, path, p.form)
		check(route+" to nobody", nobody)
		if p.access != "public" {
			g.equal("no-store", nobody.header.Get("Cache-Control"), route)
			g.holds(slices.Contains([]string{"", "Bearer"}, nobody.header.Get("Www-Authenticate")), "%s: a browser asks for no password", route)
		}
		wrong := sue.ask("DELETE", path, nil)
		check(route+" by another method", wrong)
		g.equal([]any{http.StatusMethodNotAllowed, "page"}, []any{wrong.status, kindOf(wrong)}, route)
		long := sue.ask(method, path, p.form, "X-Long", strings.Repeat("x", 9<<10))
		check(route+" with long headers", long)
		g.equal(http.StatusRequestHeaderFieldsTooLarge, long.status, route)
	}
	for _, path := range []string{"/nowhere", "/support/", "/support/nowhere", "/Support", "/support/bookings/", "/assets/", "/assets/../pages.go", "/assets/0/..%2f..%2fpages.go", "/support/bookings/x/actions/erase", "/booking-client.js.map"} {
		a := sue.get(path)
		check(path, a)
		g.equal([]any{http.StatusNotFound, "no-store"}, []any{a.status, a.header.Get("Cache-Control")}, path)
	}
	filesOfPages(g, f, sue, check)

	hasty := fortify(g, "", slow(3, 2))
	for _, c := range []*clerk{{f: hasty}, hasty.signIn(hasty.keys["sue"])} {
		var a answer
		for range 4 {
			a = c.get("/support")
		}
		check("too fast", a)
		g.equal([]any{http.StatusTooManyRequests, true}, []any{a.status, a.header.Get("Retry-After") != ""})
	}
	for _, headers := range [][]string{{"Accept", "text/html"}, {"HX-Request", "true"}, {"Accept", "text/html", "HX-Request", "true"}} {
		a := f.call("GET", "/v1/bookings/"+b.ID, "", "", headers...)
		g.refuses(a, 401, "unauthorized", "the API answers as it always does: %v", headers)
		g.equal(apiPolicy, a.header.Get("Content-Security-Policy"))
	}
}

// filesOfPages are what the pages name: all of them are here, and are what they are said to be.
func filesOfPages(g *guard, f *fortress, sue *clerk, check func(string, answer)) {
	types := map[string]string{".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}
	seen := map[string]bool{}
	for _, path := range []string{"/", "/support", "/support/overview", signInAddress} {
		for _, node := range nodes(g, sue.get(path).is(http.StatusOK).body) {
			for _, address := range []string{attribute(node, "src"), attribute(node, "href")} {
				if !strings.HasPrefix(address, "/assets/") || seen[address] {
					continue
				}
				seen[address] = true
				a := (&clerk{f: f}).get(address).is(http.StatusOK)
				check(address, a)
				g.equal([]string{types[address[strings.LastIndex(address, "."):]], "public, max-age=31536000, immutable"},
					[]string{a.header.Get("Content-Type"), a.header.Get("Cache-Control")}, address)
			}
		}
	}
	g.holds(len(seen) > 8, "only %d files were found", len(seen))
}

// pagesTellNothing breaks the database under the pages, and reads what their visitors are told.
func pagesTellNothing(g *guard, databaseURL string) {
	f := fortify(g, databaseURL, withProvider, briefStreams)
	b := f.atRest(order{offer: "sim_fee"})
	sue := f.signIn(f.keys["sue"])
	f.breakDatabase(g)
	failed := 0
	for route, p := range pagePolicies() {
		method, path := p.page(route, b)
		if route == "POST /support/sign-out" {
			continue
		}
		for _, part := range []string{"", "true"} {
			a := sue.ask(method, path, p.form, "HX-Request", part)
			if p.access == "public" {
				g.equal(p.status, a.status, route)
				continue
			}
			text := string(a.body)
			if a.isHTML() {
				text = plainText(g, a.body)
			}
			g.lacks(route, text+fmt.Sprint(a.header), insides...)
			if a.status >= 500 {
				failed++
				g.equal(http.StatusServiceUnavailable, a.status, route)
				require.True(g.T, a.isHTML(), route)
				g.holds(a.header.Get("Retry-After") != "" || part == "true" || strings.Contains(text, "try again") || strings.Contains(text, "Try again"), "%s says when to come again: %s", route, text)
			}
		}
	}
	g.holds(failed >= 20, "only %d pages need the database: what was broken?", failed)
	f.mendDatabase(g)
	g.equal(http.StatusOK, sue.get("/support/bookings/"+b.ID).status, "it heals by itself")
}

// streamsEndWithSessions has a page stay open after its reader has signed out elsewhere.
func streamsEndWithSessions(g *guard) {
	f := fortify(g, "", func(cfg *Config) { cfg.HTTP.Poll.PingEvery = 50 * time.Millisecond })
	b := f.atRest(order{offer: "sim_fee"})
	sue := f.signIn(f.keys["sue"])
	request, err := http.NewRequestWithContext(g.Context(), http.MethodGet, f.base+"/support/bookings/"+b.ID+"/events", nil)
	require.NoError(g.T, err)
	request.Header.Set("Cookie", sue.cookie)
	stream, err := http.DefaultTransport.RoundTrip(request)
	require.NoError(g.T, err)
	defer func() { _ = stream.Body.Close() }()
	g.equal([]any{http.StatusOK, "text/event-stream"}, []any{stream.StatusCode, stream.Header.Get("Content-Type")})
	var said []byte
	var reader sync.WaitGroup
	reader.Go(func() { said, _ = io.ReadAll(stream.Body) })
	g.equal(http.StatusSeeOther, f.signIn(f.keys["ada"]).act(b, "note", url.Values{"reason": {"seen by whoever has the page open"}}).status)
	sue.post("/support/sign-out", nil).is(http.StatusSeeOther)
	ended := make(chan struct{})
	go func() {
		reader.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(time.Minute):
		require.Fail(g.T, "a stream goes on after its session")
	}
	g.lacks("the stream", string(said), "Núñez", "seen by", b.Reference, "support:")
	g.equal(http.StatusSeeOther, sue.get("/support/bookings/"+b.ID+"/events").status)
}
