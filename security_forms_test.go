package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// forms are the routes that take one, with the address for a booking.
func (f *fortress) forms(b bookingView) map[string]pagePolicy {
	f.Helper()
	all := map[string]pagePolicy{}
	for route, p := range pagePolicies() {
		method, path := p.page(route, b)
		if method == http.MethodPost && path != "/support/sign-out" { // which reads none
			all[path] = p
		}
	}
	require.Greater(f, len(all), 8)
	return all
}

// formBombs are forms that are more than they should be, or less.
func formBombs(g *guard) {
	f := fortify(g, "")
	b := f.atRest(order{offer: "sim_fee"})
	sue := f.signIn(f.keys["sue"])
	before := f.state(b)
	for path, p := range f.forms(b) {
		name := slices.Sorted(maps.Keys(p.form))[0]
		var squeezed bytes.Buffer
		press := gzip.NewWriter(&squeezed)
		_, _ = press.Write(bytes.Repeat([]byte("a"), 10<<20))
		_ = press.Close()
		for what, bomb := range map[string]struct {
			body   string
			status int
		}{
			"a field of 16 KiB":           {name + "=" + strings.Repeat("a", bodyLimit), 413},
			"a megabyte":                  {name + "=" + strings.Repeat("a", 1<<20), 413},
			"a megabyte of fields":        {strings.Repeat("a=&", 1<<19), 413},
			"a megabyte of nothing":       {strings.Repeat("&", 1<<20), 413},
			"5000 fields of other names":  {strings.Repeat("a=&", 5000), 400},
			"a field of another name":     {p.form.Encode() + "&role=supervisor", 400},
			"a field that is twice there": {name + "=a&" + name + "=b", 400},
			"a name in capitals":          {strings.ToUpper(name) + "=a", 400},
			"a name that is none":         {"=a", 400},
			"brackets":                    {name + "[]=a", 400},
			"semicolons":                  {name + "=a;" + name + "=b", 400},
			"escapes that are none":       {name + "=%zz", 400},
			"half an escape":              {name + "=%4", 400},
			"what is squeezed":            {squeezed.String(), 400},
			"JSON":                        {`{"` + name + `":"a"}`, 400},
			"a page's own parts":          {"--x\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\na\r\n--x--", 400},
		} {
			a := f.send("POST", path, bomb.body, http.Header{
				"Cookie": {sue.cookie}, "Content-Type": {"application/x-www-form-urlencoded"}, "Accept": {"text/html"}, "Sec-Fetch-Site": {"same-origin"},
			})
			g.equal([]any{bomb.status, "page"}, []any{a.status, kindOf(a)}, "%s: %s: %s", path, what, a.body)
			requireInert(g, path, a)
			require.Less(g.T, len(a.body), 8192, "an answer must not grow with the question")
		}
		chunked := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: booking\r\nCookie: %s\r\nContent-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n",
			path, sue.cookie, bodyLimit+1, strings.Repeat("a", bodyLimit+1))
		g.refuses(g.raw(f.base, chunked), 413, "body_too_large", "%s in chunks", path)
	}
	g.equal(before, f.state(b), "nothing of it changed anything")
}

// rolesAtForms has everybody send what the dialogue gave to somebody who may more.
func rolesAtForms(g *guard) {
	f := fortify(g, "")
	b := f.atRest(order{offer: "sim_fee"})
	vera, ada, sue := f.signIn(f.keys["vera"]), f.signIn(f.keys["ada"]), f.signIn(f.keys["sue"])
	at := "/support/bookings/" + b.ID
	before := f.state(b)
	filled := func(verb string) url.Values {
		form := formOf(g, sue.get(at+"/actions/"+verb).is(http.StatusOK), at+"/actions/"+verb)
		form.Set("reason", "in good order")
		return form
	}
	paused := url.Values{"what": {"pool:tracking"}, "to": {"pause"}, "reason": {"in good order"}}
	bulk := func(action string) url.Values { return url.Values{"action": {action}, "reason": {"in good order"}} }
	waived := filled("cancel")
	_, digest, _ := strings.Cut(waived.Get("choice"), "~")
	waived.Set("choice", "waive~"+digest)
	for _, test := range []struct {
		who  *clerk
		name string
		path string
		form url.Values
	}{
		{vera, "a viewer notes", at + "/actions/note", filled("note")},
		{vera, "a viewer cancels", at + "/actions/cancel", filled("cancel")},
		{vera, "a viewer refunds", at + "/actions/refund", filled("refund")},
		{vera, "a viewer pauses", "/support/pauses", paused},
		{vera, "a viewer notes on many", "/support/bulk", bulk("note")},
		{ada, "an agent refunds", at + "/actions/refund", filled("refund")},
		{ada, "an agent pauses", "/support/pauses", paused},
		{ada, "an agent refunds many", "/support/bulk", bulk("refund")},
		{ada, "an agent waives the fee", at + "/actions/cancel", waived},
	} {
		whole := test.who.post(test.path, test.form)
		g.equal(http.StatusForbidden, whole.status, "%s: %s", test.name, whole.body)
		part := test.who.post(test.path, test.form, "HX-Request", "true")
		g.equal([]any{http.StatusForbidden, "part"}, []any{part.status, kindOf(part)}, "%s: %s", test.name, part.body)
	}
	for _, action := range []string{"reveal", "resolve", "payment", "erase", "notify", "", "NOTE"} {
		a := sue.post("/support/bulk", bulk(action))
		g.equal(http.StatusForbidden, a.status, "%q of many: nobody", action)
	}
	g.equal(before, f.state(b), "what was refused was neither done nor written down")

	for name, choice := range map[string]string{
		"none": "", "one without what was shown": "do~3~", "one of another time": "do~1~" + strings.Repeat("0", 64), "one that was made up": "do~99~x", "of another action": filled("note").Get("choice"),
		"two": filled("cancel").Get("choice") + "~x",
	} {
		form := filled("cancel")
		form.Set("choice", choice)
		a := sue.post(at+"/actions/cancel", form)
		g.holds(a.status == http.StatusConflict || a.status == http.StatusUnprocessableEntity, "%s: %d", name, a.status)
	}
	g.equal(before, f.state(b), "nobody does what was not shown to them")

	other := f.atRest(order{name: "Ortiz"})
	form := formOf(g, sue.get("/support/bookings/"+other.ID+"/actions/refund").is(http.StatusOK), "/support/bookings/"+other.ID+"/actions/refund")
	form.Set("reason", "in good order")
	form.Set("amount", "999999.00") // and not what was shown
	g.equal(http.StatusUnprocessableEntity, sue.post("/support/bookings/"+other.ID+"/actions/refund", form).status, "more than there is")
	g.equal(http.StatusSeeOther, ada.act(b, "note", url.Values{"reason": {"in good order"}}).status, "what a role may do it can")
	g.equal(http.StatusSeeOther, sue.act(b, "refund?amount=1.00", url.Values{"reason": {"in good order"}}).status)
	g.has("the history", f.state(b), "support:ada", "support:sue", "in good order")
	g.lacks("the history", f.state(b), "support:vera")

	masked := plainText(g, vera.get(at).is(http.StatusOK).body)
	g.lacks("what a viewer sees", masked, "Núñez", "Ana ", "ana@example.com", "600000000")
	revealed := vera.act(b, "reveal", url.Values{"reason": {"they rang"}}).is(http.StatusOK)
	g.has("what a viewer asked to see", plainText(g, revealed.body), "Núñez", "ana@example.com", "+34600000000")
	g.lacks("what a viewer sees after it", plainText(g, vera.get(at).is(http.StatusOK).body), "Núñez", "ana@example.com")
	g.has("the history", f.state(b), "support:vera", "they rang")
	g.equal(http.StatusForbidden, f.call("POST", "/v1/support/bookings/"+b.ID+"/actions/reveal", f.keys["web"], `{"reason":"they rang"}`).status)
}

// cardsInPages sends card numbers by every field of every form, every parameter of every page, its path and its headers.
func cardsInPages(g *guard) {
	const card, spaced = "4242424242424242", "4242 4242 4242 4242"
	f := fortify(g, "", withProvider, briefStreams)
	b := f.atRest(order{offer: "sim_fee"})
	sue := f.signIn(f.keys["sue"])
	before := f.state(b)
	refused := func(a answer, about ...any) {
		g.Helper()
		g.equal(http.StatusUnprocessableEntity, a.status, about...)
		require.True(g.T, a.isHTML(), about...)
		require.Contains(g.T, plainText(g, a.body), "looks like a card number", about...)
		require.NotContains(g.T, string(a.body), card, about...)
		require.NotContains(g.T, string(a.body), spaced, about...)
	}
	for path, p := range f.forms(b) {
		for name := range p.form {
			for _, text := range []string{card, spaced, "4242-4242-4242-4242", "my card is " + card + ", thanks"} {
				form := maps.Clone(p.form)
				form.Set(name, text)
				refused(sue.post(path, form), "%s, %s", path, name)
				refused(sue.post(path, form, "HX-Request", "true"), "%s, %s, as a part", path, name)
			}
		}
	}
	for route, p := range pagePolicies() {
		method, path := p.page(route, b)
		path, _, _ = strings.Cut(path, "?")
		if p.query == anything {
			a := sue.ask(method, path+"?"+card+"="+url.QueryEscape(spaced), p.form, "User-Agent", card, "X-Request-Id", card)
			g.equal(p.status, a.status, "%s: an advertisement's numbers are not looked at", route)
			g.lacks(route, string(a.body)+fmt.Sprint(a.header), card, spaced)
			continue
		}
		for _, name := range append(strings.Fields(p.query), "x", card) {
			refused(sue.ask(method, path+"?"+name+"="+url.QueryEscape(spaced), p.form), "%s?%s", route, name)
		}
		for _, header := range []string{"User-Agent", "Referer", "X-Request-Id", "Accept-Language", "HX-Prompt", "HX-Target", "Last-Event-Id", "X-Anything"} {
			refused(sue.ask(method, path, p.form, header, card), "%s, %s", route, header)
		}
		if strings.Contains(route, ":id") {
			other := b
			other.ID = card
			method, path := p.page(route, other)
			refused(sue.ask(method, path, p.form), "%s, in the path", route)
		}
	}
	g.equal(before, f.state(b), "nothing of it changed anything")
	g.lacks("the log", f.log.String(), card, spaced, "4242-4242")
	g.lacks("the database", f.kept(g), card, spaced, "4242-4242")
}

// pageInjections says each text of the corpus in each parameter of each page, and in each field of each form.
func pageInjections(g *guard, f *fortress) {
	b := f.atRest(order{offer: "sim_fee"})
	sue := f.signIn(f.keys["sue"])
	before := f.state(b)
	known := pagePolicies()
	routes := slices.Sorted(maps.Keys(known))
	expected := append(slices.Clone(harmless), http.StatusSeeOther, http.StatusForbidden, http.StatusRequestEntityTooLarge)
	ok := func(a answer, usual int) bool { return slices.Contains(expected, a.status) || a.status == usual }
	for i, text := range corpus() {
		for j, route := range routes {
			p := known[route]
			method, path := p.page(route, b)
			at, _, _ := strings.Cut(path, "?")
			for k, name := range append(strings.Fields(p.query), text) {
				if name != "q" && (i+j+k)%5 != 0 { // each text in a fifth of the parameters
					continue
				}
				a := sue.ask(method, at+"?"+url.QueryEscape(name)+"="+url.QueryEscape(text), p.form)
				g.holds(ok(a, p.status), "%s?%s=%q: %d %s", route, name, text, a.status, a.body)
				if name == "q" && a.status == http.StatusOK && strings.TrimSpace(text) != "" {
					require.NotContains(g.T, string(a.body), b.Reference, "%q finds what it does not name", text)
				}
			}
			for k, name := range slices.Sorted(maps.Keys(p.form)) {
				if (i+j+k)%5 != 0 || strings.Contains(route, "sign-out") {
					continue
				}
				form := maps.Clone(p.form)
				if form.Has("to") {
					form.Set("to", "") // so that it is not paused for such a reason
				}
				form.Set(name, text)
				a := sue.post(path, form)
				g.holds(ok(a, p.status), "%s, %s=%q: %d %s", route, name, text, a.status, a.body)
			}
			if strings.Contains(route, ":id") && (i+j)%3 == 0 {
				a := sue.ask(method, strings.Replace(path, b.ID, url.PathEscape(text), 1), p.form)
				g.holds(a.status >= 400 && a.status < 500 || a.status == http.StatusSeeOther, "%s of %q: %d %s", route, text, a.status, a.body)
			}
		}
		paused := sue.post("/support/pauses", url.Values{"what": {"pool:tracking"}, "to": {"pause"}, "reason": {text}})
		g.holds(ok(paused, http.StatusSeeOther), "a pause for %q: %d %s", text, paused.status, paused.body)
		noted := sue.act(b, "note", url.Values{"reason": {text}})
		g.holds(ok(noted, http.StatusSeeOther), "a note of %q: %d %s", text, noted.status, noted.body)
	}
	overview := sue.get("/support/overview").is(http.StatusOK)
	g.has("the overview", plainText(g, overview.body), "support:sue")
	sue.get("/support/bookings/" + b.ID).is(http.StatusOK)
	after := f.call("GET", "/v1/bookings/"+b.ID, f.keys["web"], "").is(http.StatusOK).booking()
	g.equal([]string{"confirmed", "captured"}, []string{after.Status, after.PaymentStatus})
	g.holds(before != f.state(b), "the notes are there")
	g.equal(http.StatusSeeOther, sue.get("/support?q="+url.QueryEscape(b.Reference)).status)
	g.equal(http.StatusNotFound, sue.get("/support/bookings/"+uuid.NewString()).status)
	g.lacks("the log", f.log.String(), "fatal", "owned", "evil.example", "\x1b[", "onerror", "DROP TABLE", "passwd")
}
