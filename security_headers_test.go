package main

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

const apiPolicy = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

// headersOfEveryRoute compares the headers of answers, successes and refusals, with what is promised, by name and by value.
func headersOfEveryRoute(g *guard) {
	f := fortify(g, "")
	open := fortify(g, "", func(cfg *Config) { cfg.HTTP.AllowedOrigins = []string{"https://shop.example"} })
	b := f.atRest(order{offer: "sim_fee"})
	always := map[string]string{
		"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cross-Origin-Resource-Policy": "same-origin", "X-Request-Id": "snapshot",
	}
	known := []string{
		"Content-Type", "Content-Length", "Date", "Cache-Control", "Content-Security-Policy", "Etag", "Location", "Retry-After", "Vary", "Www-Authenticate",
		"Allow", "X-Accel-Buffering", "Preference-Applied", "Idempotent-Replayed", "Last-Modified", "Accept-Ranges", "Connection", "Content-Encoding",
	}
	check := func(name string, a answer, public, docs bool) {
		for header, value := range always {
			g.equal([]string{value}, a.header.Values(header), "%s: %s", name, header)
		}
		for header := range a.header {
			require.True(g.T, slices.Contains(known, header) || always[header] != "", "%s: nobody promised %s: %v", name, header, a.header[header])
		}
		content := a.header.Get("Content-Security-Policy")
		if docs {
			g.holds(strings.HasPrefix(content, "default-src 'none'; script-src 'self'") && strings.Contains(content, "frame-ancestors 'none'") &&
				!strings.Contains(strings.Split(content, "style-src")[0], "unsafe"), "%s: %s", name, content)
			return
		}
		g.equal(apiPolicy, content, name)
		cache := a.header.Get("Cache-Control")
		g.holds(cache == "no-store" || a.status < 400 && (cache == "private, no-cache" || public && cache == "public, max-age=300"), "%s: %s", name, cache)
	}
	for route, p := range policies() {
		method, path := address(route, b.ID)
		key := f.keys["web"]
		if strings.HasPrefix(p.access, "support") {
			key = f.keys["sue"]
		}
		ask := func(f *fortress, key string, headers ...string) answer {
			return f.call(method, path+"?"+p.query, key, p.body, append([]string{"Idempotency-Key", uuid.NewString(), "X-Request-Id", "snapshot", "Accept-Encoding", "identity"}, headers...)...)
		}
		public, docs := p.access == "public", strings.Contains(route, "/docs")
		check(route, ask(f, key), public, docs)
		refused := ask(f, "wrong")
		check(route+" refused", refused, public, docs)
		if refused.status == http.StatusUnauthorized && p.access != "webhook" {
			g.equal("Bearer", refused.header.Get("Www-Authenticate"), route)
			g.equal("application/problem+json", refused.header.Get("Content-Type"), route)
		}
		wrong := f.call("DELETE", path, key, "", "X-Request-Id", "snapshot")
		g.refuses(wrong, 405, "method_not_allowed", route)
		check(route+" by another method", wrong, false, false)

		foreign := []string{"Origin", "https://evil.example"}
		g.equal("", ask(f, key, foreign...).header.Get("Access-Control-Allow-Origin"), "%s: nobody from elsewhere was let in", route)
		g.equal("", ask(open, key, foreign...).header.Get("Access-Control-Allow-Origin"), "%s: somebody else was", route)
		let := ask(open, "wrong", "Origin", "https://shop.example")
		g.equal("https://shop.example", let.header.Get("Access-Control-Allow-Origin"), route)
		g.equal("", let.header.Get("Access-Control-Allow-Credentials"), "%s: there are no cookies to send", route)
		for _, origin := range []string{"null", "https://shop.example.evil.example", "http://shop.example", "https://SHOP.example:8443", "https://evilshop.example"} {
			preflight := open.call("OPTIONS", path, "", "", "Origin", origin, "Access-Control-Request-Method", method)
			g.equal("", preflight.header.Get("Access-Control-Allow-Origin"), "%s from %s", route, origin)
		}
	}
	for _, path := range []string{"/nowhere", "/v1/bookings/", "/.git/config", "/.env", "/config.yaml", "/docs/../config.yaml", "/docs/..%2fconfig.yaml", "/v1/bookings/%ff"} {
		a := f.call("GET", path, "", "", "X-Request-Id", "snapshot")
		g.holds(a.status == 404 || a.status == 401, "%s: %d", path, a.status)
		g.lacks(path, string(a.body), "data_dir", "repositoryformatversion")
	}
}

// insides are words that only our own code, libraries and databases use.
var insides = []string{
	"SELECT", "INSERT", "sqlite", "pgx", "postgres", "SQLSTATE", "no such table", "goroutine", ".go:", "panic", "runtime.", "gorm", "echo:", "/work", "/tmp", "/root",
	"places", "mislaid", "context deadline", "booking.db", "stack",
}

// errorsTellNothing breaks the database under a running service, and reads what callers are told.
func errorsTellNothing(g *guard, databaseURL, cause string) {
	f := fortify(g, databaseURL)
	b := f.atRest(order{offer: "sim_fee"})
	f.breakDatabase(g)
	failed := 0
	for route, p := range policies() {
		method, path := address(route, b.ID)
		key := f.keys["web"]
		if strings.HasPrefix(p.access, "support") {
			key = f.keys["sue"]
		}
		body := strings.Replace(p.body, `"reason":""`, `"reason":"in good order"`, 1)
		if strings.HasSuffix(route, "/resolve") {
			body = `{"reason":"in good order","outcome":"not_happened"}`
		}
		a := f.call(method, path+"?"+p.query, key, body, "Idempotency-Key", uuid.NewString())
		text := string(a.body)
		if p.access != "public" {
			g.lacks(route, text+fmt.Sprint(a.header), insides...)
		}
		if a.status >= 500 {
			failed++
			g.refuses(a, 503, "unavailable", "%s: %s", route, text)
			g.holds(a.header.Get("Retry-After") != "", "%s says when to come again", route)
		}
	}
	g.holds(failed >= 15, "only %d routes need the database: what was broken?", failed)
	g.has("the log", f.log.String(), cause)
	f.mendDatabase(g)
	g.equal(http.StatusOK, f.call("GET", "/v1/bookings/"+b.ID, b.ClientSecret, "").status, "it heals by itself")
}

// adminIsApart looks for the operators' pages where the public is, and for the public's where operators are.
func adminIsApart(g *guard) {
	f := fortify(g, "")
	b := f.submit(order{})
	pages := []string{
		"/metrics", "/livez", "/readyz", "/debug/pprof/", "/debug/pprof/cmdline", "/debug/pprof/heap", "/debug/pprof/goroutine?debug=2", "/debug/pprof/profile", "/debug/pprof/trace",
		"/debug/vars", "/debug/requests", "/admin", "/_ledger", "/_faults", "/swagger", "/actuator/env",
	}
	for _, page := range pages {
		for _, key := range []string{"", f.keys["sue"]} {
			g.refuses(f.call("GET", page, key, ""), 404, "not_found", "%s on the public listener", page)
		}
	}
	for _, page := range pages[:6] {
		response, err := http.Get(f.admin + page) //nolint:noctx // it is answered at once
		require.NoError(g.T, err)
		content, err := io.ReadAll(response.Body)
		require.NoError(g.T, err)
		require.NoError(g.T, response.Body.Close())
		g.holds(response.StatusCode != http.StatusNotFound, "%s on the admin listener", page) // a slow machine may be unready
		g.lacks(page, string(content), f.keys["web"], f.keys["sue"], b.ClientSecret, "Núñez", "ana@example.com")
	}
	for _, page := range []string{"/v1/bookings/" + b.ID, "/v1/support/bookings", "/openapi.yaml", "/docs", "/debug/vars"} {
		g.equal(http.StatusNotFound, f.call("GET", f.admin+page, f.keys["sue"], "").status, "%s on the admin listener", page)
	}
	for _, method := range []string{"POST", "PUT", "DELETE"} {
		g.equal(http.StatusMethodNotAllowed, f.call(method, f.admin+"/metrics", "", "").status, method)
	}
}
