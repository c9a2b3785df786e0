package main

import (
	"encoding/json"
	"fmt"
	"html"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestThePagesUnderAttackInABrowser(t *testing.T) {
	t.Parallel()
	tell(t, []story{
		{"a booking's texts are code", textsAreCode},
		{"an address holds code", addressesAreCode},
		{"other sites send forms with the victim's session", formsOfOtherSites},
		{"other sites put the pages in frames", frames},
	})
}

// hostileTexts is what runs where a page takes text for HTML, for an address, or for a template. What ran sets window.__xss, opens a
// dialog, or violates the policy: each of them fails a test.
var hostileTexts = []string{
	`<script>window.__xss=1;alert(1)</script>`,
	`"><img src=x onerror="window.__xss=1;alert(1)">`,
	`'><svg onload=window.__xss=1;alert(1)>`,
	`</textarea></title></script><script>window.__xss=1</script>`,
	`javascript:window.__xss=1//"onmouseover="window.__xss=1`,
	`<a href="javascript:window.__xss=1">all</a><iframe srcdoc="<script>parent.__xss=1</script>">`,
	`{{.}} {{constructor.constructor('window.__xss=1')()}} ${window.__xss=1} <%= 1 %>`,
	`<div hx-get="/support/sign-out" hx-trigger="load" hx-on:load="window.__xss=1">x</div>`,
	`<meta http-equiv="refresh" content="0; url=javascript:window.__xss=1"><base href="//evil.example/">`,
	`--><style>*{display:none}</style><!-- ]]> %3Cscript%3E`,
}

// hostile submits a booking whose texts are all this one, wherever the API accepts it.
func (p *pages) hostile(text string, name string) (bookingView, []string) {
	p.Helper()
	var submission map[string]any
	require.NoError(p, json.Unmarshal([]byte(order{email: name}.json()), &submission))
	stay := submission["stay"].(map[string]any)
	room := stay["rooms"].([]any)[0].(map[string]any)
	contact := submission["contact"].(map[string]any)
	guest := room["guests"].([]any)[0].(map[string]any)
	places := []struct {
		in   map[string]any
		name string
		most int
	}{
		{submission, "client_reference", 64}, {stay, "hotel_id", 64}, {stay, "hotel_name", 200}, {room, "special_requests", 500},
		{contact, "given_name", 60}, {contact, "family_name", 60}, {guest, "given_name", 60}, {guest, "family_name", 60},
		{submission["attribution"].(map[string]any), "click_id", 512},
	}
	var accepted []string
	var b bookingView
	for _, place := range places {
		before := place.in[place.name]
		place.in[place.name] = text
		body, err := json.Marshal(submission)
		require.NoError(p, err)
		a := p.call("POST", "/v1/bookings", p.bookings, string(body), "Idempotency-Key", fmt.Sprintf("%s-%d", name, time.Now().UnixNano()))
		if a.status != http.StatusAccepted {
			require.Equal(p, http.StatusUnprocessableEntity, a.status, "%s: %s", place.name, a.body)
			place.in[place.name] = before
			continue
		}
		b, accepted = a.booking(), append(accepted, place.name)
	}
	require.Contains(p, accepted, "special_requests", "a guest may write what they like")
	return b, accepted
}

// harmless checks that nothing of the hostile texts has run, and that what is shown of it is text.
func (b *tab) harmless(where string) {
	b.Helper()
	require.False(b, evaluate[bool](b, `"__xss" in window`), where)
	require.Empty(b, evaluate[string](b, `[...document.querySelectorAll("script:not([src]), iframe, object, embed, base, svg[onload], [onerror], [onload], [onmouseover], a[href^='javascript:' i], main [hx-on\\:load]")].filter(e => !/json/.test(e.type || "")).map(e => e.outerHTML).join("\n")`), where)
}

// textsAreCode has staff look at bookings whose texts want to run, on every page that shows them.
func textsAreCode(p *pages) {
	v := visit(p.T, p.client)
	p.signIn(v, "sue")
	email := aGuest()
	shown := 0
	for i, text := range hostileTexts {
		b, accepted := p.hostile(text, email)
		p.untilDecided(b.ID)
		p.call("POST", "/v1/support/bookings/"+b.ID+"/actions/note", p.support, `{"reason":`+string(asJSON(p.T, "note "+text))+`}`).is(http.StatusAccepted)
		v.open("/support/bookings/" + b.ID)
		v.sees(b.Reference)
		v.harmless(text)
		if strings.Contains(evaluate[string](v.tab, "document.body.textContent"), text) {
			shown++
		}
		if i == 0 {
			v.look("booking-hostile")
		}
		_ = accepted
	}
	require.Equal(p, len(hostileTexts), shown, "each is shown, as text: else this proves nothing")
	v.open("/support?q=" + url.QueryEscape(email))
	v.sees("bookings")
	v.harmless("the list")
}

// addressesAreCode follows links that somebody else made.
func addressesAreCode(p *pages) {
	v := visit(p.T, p.client)
	p.signIn(v, "vera")
	v.allow("answered 4")
	for i, text := range hostileTexts {
		if i%3 != 0 && !strings.Contains(p.Name(), "/sqlite") {
			continue // what is not found is told alike on each database
		}
		for _, address := range []string{
			"/support?q=", "/support?newer_than=", "/support?status=", "/support?supplier=", "/support?cursor=", "/support/sign-in?next=", "/support/", "/support/bookings/", "/?booking=", "/?supplier=", "/no/such/",
		} {
			v.open(address + url.QueryEscape(text))
			v.harmless(address + text)
		}
	}
	for _, next := range []string{"//evil.example/", "https://evil.example/", `/\evil.example`, "javascript:alert(1)", "/support/../../evil"} {
		v.open("/support/sign-in?next=" + url.QueryEscape(next))
		v.fill("Support key", p.keys["vera"])
		v.button("Sign in")
		v.until(`location.pathname.startsWith("/support") && !location.pathname.endsWith("/sign-in")`, next)
		require.Equal(p, p.base, evaluate[string](v.tab, "location.origin"), next)
	}
}

func asJSON(t *testing.T, value any) []byte {
	t.Helper()
	content, err := json.Marshal(value)
	require.NoError(t, err)
	return content
}

// elsewhere serves a page to a browser at two addresses: one is another origin of the same site, the other is another site.
func elsewhere(v *visitor, page string) []string {
	v.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, "<!doctype html><title>evil</title>"+page)
	}))
	v.Cleanup(server.Close)
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	require.NoError(v, err)
	v.hosts = append(v.hosts, "127.0.0.1:"+port, "localhost:"+port)
	return []string{"http://127.0.0.1:" + port, "http://localhost:" + port}
}

// forged is a form of ours, as another site would fill it in.
type forged struct {
	Action string            `json:"action"`
	Fields map[string]string `json:"fields"`
}

func (f forged) page(base string) string {
	var inputs strings.Builder
	for name, value := range f.Fields {
		fmt.Fprintf(&inputs, `<input name="%s" value="%s">`, html.EscapeString(name), html.EscapeString(value))
	}
	return fmt.Sprintf(`<form method="post" action="%s">%s</form><script>document.forms[0].submit()</script>`, html.EscapeString(base+f.Action), inputs.String())
}

// formsOfOtherSites has somebody who is signed in come by a page that posts each form of the console in their name.
func formsOfOtherSites(p *pages) {
	v := visit(p.T, p.client)
	p.signIn(v, "sue")
	b := p.atRest(order{offer: "sim_fee"})
	before := string(p.call("GET", "/v1/support/bookings/"+b.ID, p.support, "").is(http.StatusOK).body)
	forms := []forged{
		{"/support/sign-in", map[string]string{"key": p.keys["vera"], "next": "/support"}},
		{"/support/sign-out", nil},
	}
	for _, path := range []string{"/support/bookings/" + b.ID, "/support/bookings/" + b.ID + "/actions/refund", "/support/pauses?what=intake"} {
		v.open(path)
		v.until(`document.querySelector("main")`)
		found := evaluate[[]forged](v.tab, `[...document.querySelectorAll("form")].filter(f => f.method === "post" || f.hasAttribute("hx-post")).map(f => ({
			action: new URL(f.getAttribute("hx-post") || f.action, location).pathname,
			fields: Object.fromEntries([...f.elements].filter(e => e.name).map(e => [e.name, e.value || "forged"])),
		}))`)
		require.Greater(p, len(found), 1, "%s has forms beside the one to sign out", path)
		forms = append(forms, found...)
	}
	for _, verb := range []string{"note", "cancel", "refund"} {
		forms = append(forms, forged{"/support/bookings/" + b.ID + "/actions/" + verb, map[string]string{"reason": "forged"}})
	}
	forms = append(forms, forged{"/support/bulk", map[string]string{"reason": "forged", "action": "note"}}, forged{"/support/pauses", map[string]string{"what": "intake", "to": "pause", "reason": "forged"}})
	v.allow("answered 40[13]: POST")
	v.allow("CookieIssue|BounceTrackingIssue") // the browser tells why it keeps the cookie to itself
	for _, form := range forms {
		for _, evil := range elsewhere(v, form.page(p.base)) {
			v.open(evil)
			v.until(`/page of another site|Sign in first/.test(document.body.innerText)`, form.Action) // with the cookie, and without
			require.Equal(p, p.base+form.Action, evaluate[string](v.tab, "location.origin + location.pathname"))
		}
	}
	v.open("/support")
	v.sees("sue")
	after := string(p.call("GET", "/v1/support/bookings/"+b.ID, p.support, "").is(http.StatusOK).body)
	require.Equal(p, before, after, "nothing was done in her name")
}

// frames puts pages into a page of somebody else, who could lay it over their own.
func frames(p *pages) {
	v := visit(p.T, p.client)
	p.signIn(v, "sue")
	v.allow("frame-ancestors|ERR_BLOCKED_BY_RESPONSE|ERR_BLOCKED_BY_CSP|BlockedByResponse|ContentSecurityPolicyIssue|CookieIssue")
	for _, path := range []string{"/", "/support", "/support/sign-in", "/support/overview"} {
		for _, evil := range elsewhere(v, fmt.Sprintf(`<iframe id="f" src="%s"></iframe><script>f.onload = () => document.title = "loaded"</script>`, p.base+path)) {
			v.forgetComplaints()
			v.open(evil)
			require.Eventually(p, func() bool { return v.complained("frame-ancestors") }, patience, 20*time.Millisecond, "%s was shown in a frame of %s", path, evil)
		}
	}
}
