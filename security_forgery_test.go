package main

import (
	"net/http"
	"net/url"
	"strings"
)

// forgeries are how browsers tell that another site's page has sent something. Old ones tell by Origin alone.
func (f *fortress) forgeries() map[string][]string {
	own := strings.TrimPrefix(f.base, "http://")
	return map[string][]string{
		"another site's form":                  {"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"},
		"another site's form, told by one":     {"Sec-Fetch-Site", "cross-site"},
		"a neighbour's form":                   {"Sec-Fetch-Site", "same-site", "Origin", "https://blog." + own},
		"a neighbour's form, told by one":      {"Sec-Fetch-Site", "same-site"},
		"a neighbour who claims to be us":      {"Sec-Fetch-Site", "same-site", "Origin", f.base},
		"another site, an old browser":         {"Sec-Fetch-Site", "", "Origin", "https://evil.example"},
		"a sandboxed frame, an old browser":    {"Sec-Fetch-Site", "", "Origin", "null"},
		"our name in theirs, an old browser":   {"Sec-Fetch-Site", "", "Origin", "http://" + own + ".evil.example"},
		"another port, an old browser":         {"Sec-Fetch-Site", "", "Origin", "http://127.0.0.1:1"},
		"an origin that is none":               {"Sec-Fetch-Site", "", "Origin", "://"},
		"a word that there is not":             {"Sec-Fetch-Site", "same-planet"},
		"another site's script by way of htmx": {"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example", "HX-Request", "true"},
	}
}

// forgedForms sends every form of every page as another site's page would, with the cookie that a careless browser sends along.
func forgedForms(g *guard) {
	f := fortify(g, "", briefStreams)
	b := f.atRest(order{offer: "sim_fee"})
	sue := f.signIn(f.keys["sue"])
	before := f.state(b)
	forms := 0
	for _, route := range f.pageRoutes() {
		p := pagePolicies()[route]
		method, path := p.page(route, b)
		if method == http.MethodGet {
			continue
		}
		forms++
		form := p.form
		if path == signInAddress {
			form = url.Values{"key": {f.keys["sue"]}, "next": {""}} // to have somebody work in the attacker's session
		}
		for name, headers := range f.forgeries() {
			about := route + ", " + name
			a := sue.post(path, form, headers...)
			g.equal([]any{http.StatusForbidden, ""}, []any{a.status, a.header.Get("Set-Cookie")}, "%s: %s", about, a.body)
			g.has(about, plainText(g, a.body), "another site")
			g.refuses(sue.post(path, form, append(headers, "Accept", "*/*", "HX-Request", "")...), 403, "forbidden", about)
		}
		for _, kind := range []string{"text/plain", "application/json", "multipart/form-data; boundary=x", "", "application/x-www-form-urlencoded, text/plain", "text/html"} {
			a := sue.post(path, form, "Content-Type", kind)
			if path == "/support/sign-out" {
				continue // it reads no form: see below
			}
			g.equal([]any{http.StatusUnsupportedMediaType, ""}, []any{a.status, a.header.Get("Set-Cookie")}, "%s as %q: %s", route, kind, a.body)
		}
		if path == "/support/sign-out" {
			sue = f.signIn(f.keys["sue"]) // who has just gone
		}
		a := sue.get(path + "?" + form.Encode())
		g.holds(a.status == http.StatusMethodNotAllowed || a.status == http.StatusBadRequest || form.Encode() == "" && a.status < 500,
			"%s: a link does nothing: %d", route, a.status)
		for _, override := range [][]string{{"X-Http-Method-Override", "POST"}, {"X-Method-Override", "POST"}} {
			g.holds(sue.get(path, override...).status != http.StatusSeeOther, "%s: nor does a link that claims to be more", route)
		}
		g.holds(f.admits(sue.cookie), "%s: nobody was signed out", route)
	}
	g.holds(forms >= 2, "only %d forms were found", forms)
	g.equal(before, f.state(b), "nothing of it changed anything")

	frame := sue.get("/support")
	g.has("the policy", frame.header.Get("Content-Security-Policy"), "frame-ancestors 'none'", "form-action 'self'", "base-uri 'none'")
	for _, origin := range []string{"https://evil.example", "null", f.base} {
		a := sue.get("/support", "Origin", origin)
		g.equal([]string{"", ""}, []string{a.header.Get("Access-Control-Allow-Origin"), a.header.Get("Access-Control-Allow-Credentials")}, "no script of %s reads a page", origin)
	}
	open := fortify(g, "", func(cfg *Config) { cfg.HTTP.AllowedOrigins = []string{"https://shop.example"} })
	shop := open.signIn(open.keys["sue"])
	a := shop.get("/support", "Origin", "https://shop.example", "Sec-Fetch-Site", "cross-site")
	g.equal("", a.header.Get("Access-Control-Allow-Credentials"), "a shop that may call the API does not read the console with somebody's session")
	forged := shop.post("/support/sign-out", nil, "Origin", "https://shop.example", "Sec-Fetch-Site", "cross-site")
	g.equal(http.StatusForbidden, forged.status, "nor does it send its forms")
}
