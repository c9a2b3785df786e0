package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"hotelbooking/store/storetest"
)

// Where each canary may be, by the design. Personal data is sealed in the database and nowhere else; secrets are not in it at all.
// What is kept readable is what support searches by or reads (names that shops give, tokens that are worth nothing to others, staff's
// words), and none of it is ever logged.
var (
	canariesNowhere = []string{
		"CanaryGiven", "CanaryFamily", "CanaryContact", "canarymail", "canary.example", "34611222333", "canaryrequest", // guests
		"canarybroken", "canaryquery", "canaryheader", "canarycookie", "canaryagent", "canarykey", "canarybody", "canaryevent", // requests that came to nothing
		"canarypassword", // of the database
	}
	canariesInDatabase = []string{
		"canaryreference", "canaryidem", "canaryoffer", "canaryhotel", "canaryclick", "pm_canary", // of submissions
		"canarynote", "CANARYSUPPLIER", // of staff
	}
)

func canariesOnSQLite(g *guard) { canaries(g, fortify(g, "", withoutBreaks)) }

func canariesOnPostgres(g *guard) {
	url := strings.Replace(storetest.PostgresSchema(g.T), "?", "?password=canarypassword&", 1)
	canaries(g, fortify(g, url, withoutBreaks))
}

// withoutBreaks leaves a person little to wait for.
func withoutBreaks(cfg *Config) {
	cfg.Flow.UnknownFor, cfg.Flow.AttentionAfter = 3*time.Second, 100*time.Millisecond
	cfg.Providers.Hotel.Timeout = 500 * time.Millisecond
}

// canaried is a submission with a canary in each field that takes one.
func canaried(o order) string {
	return strings.NewReplacer(
		`"given_name":"Ana","family_name":"Núñez","lead"`, `"given_name":"CanaryGiven","family_name":"CanaryFamily","lead"`,
		`"given_name":"Ana","family_name":"Núñez","email":"ana`, `"given_name":"CanaryContact","family_name":"CanaryFamily","email":"canarymail`,
		"example.com", "canary.example", "+34600000000", "+34611222333", `"special_requests":""`, `"special_requests":"canaryrequest"`,
		"web-4711", "canaryreference", "Hotel Sol", "canaryhotel", "h-1", "canaryhotel-1", "abc", "canaryclick",
	).Replace(o.json())
}

// A round is a day of the service: bookings of all endings, staff at work, vendors' notifications, and requests that are refused. It
// returns what problems said, and the secrets that were handed out.
type round struct {
	*fortress
	problems strings.Builder
	secrets  []string
}

func (r *round) say(method, path, key, body string, headers ...string) answer {
	a := r.call(method, path, key, body, append([]string{"User-Agent", "canaryagent", "Cookie", "s=canarycookie", "X-Canary", "canaryheader", "Referer", "https://canaryheader/"}, headers...)...)
	if a.status >= 400 {
		fmt.Fprintf(&r.problems, "%s\n%v\n", a.body, a.header)
	}
	return a
}

func (r *round) book(body string) bookingView {
	b := r.say("POST", "/v1/bookings", r.keys["web"], body, "Idempotency-Key", "canaryidem-"+uuid.NewString()).is(http.StatusAccepted).booking()
	r.secrets = append(r.secrets, b.ClientSecret)
	return b
}

func (r *round) staff(b bookingView, verb, body string) answer {
	return r.say("POST", "/v1/support/bookings/"+b.ID+"/actions/"+verb, r.keys["sue"], body)
}

func (r *round) bookings() {
	review := r.book(canaried(order{email: "canarymail+review@canary.example"}))
	rejected := r.book(canaried(order{email: "canarymail+review@canary.example"}))
	waits := r.book(canaried(order{card: "pm_card_authenticationRequired"}))
	declined := r.book(canaried(order{card: "pm_card_chargeDeclined"}))
	lost := r.book(canaried(order{offer: "sim_timeout_forever"}))
	unknown := r.book(strings.Replace(canaried(order{}), "sim_ok", "canaryoffer", 1))
	token := r.book(strings.Replace(canaried(order{}), "pm_card_visa", "pm_canary", 1))
	for _, o := range []order{{offer: "sim_sold_out_book"}, {offer: "sim_5xx_booked"}, {offer: "sim_garbage_200_booked"}, {email: "canarymail+reject@canary.example"}, {card: "pm_card_captureFails"}} {
		r.untilDecided(r.book(canaried(o)).ID)
	}
	paid := r.book(canaried(order{offer: "sim_fee"}))
	r.until(paid.ID, func(b bookingView) bool { return b.Stage == "done" })
	r.staff(paid, "refund", `{"reason":"canarynote of a refund","amount":{"amount":"1.00","currency":"EUR"}}`).is(http.StatusAccepted)
	r.until(paid.ID, func(b bookingView) bool { return b.PaymentStatus == "partially_refunded" })
	r.say("POST", "/v1/bookings/"+paid.ID+"/cancellation", paid.ClientSecret, "{}").is(http.StatusAccepted)
	r.untilStatus(paid.ID, "cancelled")

	r.untilStatus(review.ID, "in_review")
	r.staff(review, "approve", `{"reason":"canarynote: known for years"}`).is(http.StatusAccepted)
	r.untilStatus(rejected.ID, "in_review")
	r.staff(rejected, "reject", `{"reason":"canarynote: a thief"}`).is(http.StatusAccepted)
	r.untilStatus(waits.ID, "requires_action")
	r.staff(waits, "note", `{"reason":"canarynote: called, no answer"}`).is(http.StatusAccepted)
	r.staff(waits, "cancel", `{"reason":"canarynote: changed their mind"}`).is(http.StatusAccepted)
	r.untilStatus(declined.ID, "requires_action")
	r.say("POST", "/v1/bookings/"+declined.ID+"/actions/payment", declined.ClientSecret, `{"payment":{"token":"pm_canary_again"}}`).is(http.StatusAccepted)
	require.Eventually(r, func() bool {
		return r.call("POST", "/v1/support/bookings/"+lost.ID+"/actions/resolve", r.keys["sue"],
			`{"reason":"canarynote: they have it","outcome":"happened","supplier_reference":"CANARYSUPPLIER"}`).status == http.StatusAccepted
	}, 30*time.Second, 50*time.Millisecond)
	for _, b := range []bookingView{review, rejected, waits, lost, unknown} {
		r.untilDecided(b.ID)
	}
	r.until(token.ID, func(b bookingView) bool { return b.Terminal || b.Status == "requires_action" })
}

// troubles are requests that come to nothing, each with canaries where it can have them.
func (r *round) troubles(b bookingView) {
	body := canaried(order{})
	submit := func(body string, headers ...string) {
		a := r.say("POST", "/v1/bookings", r.keys["web"], body, append([]string{"Idempotency-Key", "canarykey-" + uuid.NewString()}, headers...)...)
		require.GreaterOrEqual(r, a.status, 400, "%s", a.body)
	}
	submit(body[:len(body)-2])
	submit(strings.Replace(body, `"CanaryGiven"`, `"canarybroken`, 1))
	submit(strings.Replace(body, `"CanaryGiven"`, `"canarybroken<script>"`, 1))
	submit(strings.Replace(body, "canarymail@", "canarybroken", 1))
	submit(strings.Replace(body, "+34611222333", "canarybroken", 1))
	submit(strings.Replace(body, `"language":"es"`, `"language":"canarybroken"`, 1))
	submit(strings.Replace(body, `"Europe/Madrid"`, `"canarybroken"`, 1))
	submit(strings.Replace(body, `"canaryrequest"`, `{"canarybroken":1}`, 1))
	submit(strings.Replace(body, `"canaryrequest"`, `"canarybroken 4242 4242 4242 4242"`, 1))
	submit(body+"canarybody", "Content-Type", "text/canarybody")
	submit(body + strings.Repeat("canarybody", 2000))
	r.say("POST", "/v1/bookings", r.keys["web"], body, "Idempotency-Key", "canarykey with a space")
	r.say("POST", "/v1/bookings", "bk_bookings_canarykey", body)
	r.say("GET", "/v1/bookings/canaryquery?canaryquery=canaryquery", "bks_canarykey", "")
	for _, q := range []string{"canarymail@canary.example", "+34611222333", "CanaryFamily", "canaryquery", "4242424242424242"} {
		r.say("GET", "/v1/support/bookings?q="+q, r.keys["sue"], "")
		r.say("GET", "/v1/support/bookings/"+q, r.keys["sue"], "")
		r.say("GET", "/v1/bookings?client_reference="+q, r.keys["web"], "")
		r.say("GET", "/v1/support/bookings?status="+q+"&cursor="+q+"&limit="+q, r.keys["sue"], "")
		r.say("GET", "/"+q, r.keys["web"], "")
	}
	for _, verb := range []string{"retry", "cancel", "resolve", "approve", "reject", "refund", "note"} {
		r.staff(b, verb, `{"reason":"canarybroken 5555-5555-5555-4444"}`)
		r.staff(b, verb, `{"reason":"canarybroken`)
		r.say("POST", "/v1/support/bookings/"+uuid.NewString()+"/actions/"+verb, r.keys["sue"], `{"reason":"canarybroken"}`)
	}
	r.say("GET", "/v1/bookings/"+b.ID+"/stream", b.ClientSecret, "", "Last-Event-Id", "canaryheader")
	notice := `{"id":"evt_signed_1","type":"payment.updated","data":{"reference":"` + b.Reference + `","status":"succeeded","email":"canaryevent@canary.example","name":"canaryevent"}}`
	r.say("POST", "/v1/webhooks/sandbox", "", notice, "Sandbox-Signature", "t=1,v1=canaryheader").is(http.StatusUnauthorized)
	r.say("POST", "/v1/webhooks/sandbox", "", notice, "Sandbox-Signature", sign(r.app.keys.webhook, notice)).is(http.StatusOK)
	unreadable := `{"canaryevent":"canaryevent"}`
	r.say("POST", "/v1/webhooks/sandbox", "", unreadable, "Sandbox-Signature", sign(r.app.keys.webhook, unreadable)).is(http.StatusBadRequest)
	r.say("POST", "/v1/webhooks/canaryquery", "", notice).is(http.StatusNotFound)
}

// clerk is somebody who works with the console, at a browser with a canary in each header that takes one.
func (r *round) clerk(name string) *clerk {
	c := r.signIn(r.keys[name])
	c.always = []string{"User-Agent", "canaryagent", "X-Canary", "canaryheader", "Referer", "https://canaryheader/", "HX-Current-URL", "http://x/support?q=canaryquery"}
	r.secrets = append(r.secrets, strings.TrimPrefix(c.cookie, sessionCookieName+"="))
	return c
}

// console is a day at the pages: bookings are looked for by what guests and vendors call them, opened, revealed and decided about,
// one by one and many at once; then come forms that come to nothing.
func (r *round) console() {
	sue, ada, vera := r.clerk("sue"), r.clerk("ada"), r.clerk("vera")
	b := r.book(canaried(order{offer: "sim_fee"}))
	r.until(b.ID, atRest)
	for _, q := range []string{"canarymail@canary.example", "+34611222333", "CanaryFamily", "canaryquery", "canaryreference", b.Reference} {
		for _, path := range []string{"/support?q=", "/support/count?q=", "/support/bookings.csv?q=", "/support/bulk?action=note&q=", "/support?supplier=", "/support?attention=", "/support/bookings/", "/support/sign-in?next=/support?q="} {
			ada.get(path + url.QueryEscape(q))
			(&clerk{f: r.fortress, always: ada.always}).get(path + url.QueryEscape(q))
		}
	}
	g := r.g
	g.has("what was looked for", string(sue.get("/support?q=canarymail@canary.example").is(http.StatusOK).body), "canarymail@canary.example")
	g.has("what an agent sees", string(ada.get("/support/bookings/"+b.ID).is(http.StatusOK).body), "CanaryContact", "canaryrequest")
	g.has("what was revealed", string(vera.act(b, "reveal", url.Values{"reason": {"canarynote: they rang"}}).is(http.StatusOK).body), "CanaryContact", "canarymail@canary.example")
	g.equal(http.StatusSeeOther, ada.act(b, "note", url.Values{"reason": {"canarynote: rang back"}}).status)
	g.equal(http.StatusSeeOther, sue.act(b, "refund?amount=1.00", url.Values{"reason": {"canarynote: for the noise"}}).status)
	many := "/support/bulk?q=" + b.Reference
	form := formOf(g, ada.get(many+"&action=note").is(http.StatusOK), many)
	form.Set("reason", "canarynote: to all of them")
	g.has("many at once", plainText(g, ada.post(many, form, "HX-Request", "true").is(http.StatusOK).body), "1 done")
	for _, to := range []string{"pause", "resume"} {
		g.equal(http.StatusSeeOther, sue.post("/support/pauses", url.Values{"what": {"pool:tracking"}, "to": {to}, "reason": {"canarynote: " + to}}).status)
	}
	r.until(b.ID, func(b bookingView) bool { return b.PaymentStatus == "partially_refunded" })
	g.equal(http.StatusSeeOther, sue.act(b, "cancel", url.Values{"reason": {"canarynote: by page"}}).status)

	for _, c := range []*clerk{sue, vera, {f: r.fortress, always: ada.always}} {
		for path, p := range r.forms(b) {
			for name := range p.form {
				for _, text := range []string{"canarybroken", "canarybroken\x00", "canarybroken 5555-5555-5555-4444", strings.Repeat("canarybroken", 2000)} {
					broken := maps.Clone(p.form)
					broken.Set(name, text)
					for _, way := range []string{"to", "action"} { // what would be done for such a reason
						if broken.Has(way) {
							broken.Set(way, "canarybroken")
						}
					}
					c.post(path, broken)
				}
			}
			c.post(path, url.Values{"canarybody": {"canarybody"}})
			c.post(path, p.form, "Content-Type", "text/canarybody")
			c.post(path, p.form, "Sec-Fetch-Site", "canaryheader", "Origin", "https://canary.example")
		}
		c.post(signInAddress, url.Values{"key": {"bk_support_canarykey"}, "next": {"/support?q=canaryquery"}})
		c.get("/support", "Cookie", sessionCookieName+"=canarycookie")
	}
	sue.post("/support/sign-out", nil).is(http.StatusSeeOther)
}

// sign is how the sandbox signs.
func sign(secret, body string) string {
	at := fmt.Sprint(time.Now().Unix())
	mac := hmac.New(sha256.New, []byte(secret))
	_, _ = mac.Write([]byte(at + "." + body))
	return "t=" + at + ",v1=" + hex.EncodeToString(mac.Sum(nil))
}

func canaries(g *guard, f *fortress) {
	r := &round{fortress: f}
	r.bookings()
	b := r.book(canaried(order{}))
	r.troubles(b)
	r.until(b.ID, func(b bookingView) bool { return b.Stage == "done" })
	r.console()
	metrics := string(f.call("GET", f.admin+"/metrics", "", "").is(http.StatusOK).body)
	running := f.kept(g)
	late := r.clerk("sue")
	f.breakDatabase(g)
	r.say("POST", "/v1/bookings", f.keys["web"], canaried(order{}), "Idempotency-Key", "canarykey-late").is(http.StatusServiceUnavailable)
	r.say("GET", "/v1/bookings?client_reference=canaryquery", f.keys["web"], "").is(http.StatusServiceUnavailable)
	r.say("GET", "/v1/support/bookings?q=canarymail@canary.example", f.keys["sue"], "").is(http.StatusServiceUnavailable)
	r.staff(b, "note", `{"reason":"canarybroken"}`).is(http.StatusServiceUnavailable)
	late.get("/support?q=canarymail@canary.example").is(http.StatusServiceUnavailable)
	health := f.call("GET", f.admin+"/readyz", "", "").body
	f.mendDatabase(g)
	f.stop()

	secrets := append(r.secrets, f.app.keys.webhook, string(f.app.keys.client), string(f.app.keys.people.Index))
	for _, key := range f.keys {
		secrets = append(secrets, key)
	}
	for _, key := range f.app.keys.people.Wrap {
		secrets = append(secrets, string(key))
	}
	log := f.log.String()
	g.has("the log", log, `"msg":"turn"`, `"msg":"request"`, `"msg":"webhook"`, "request failed")
	g.has("problems", r.problems.String(), "malformed_request", "card_data_refused", "unavailable")
	for where, text := range map[string]string{"the log": log, "the metrics": metrics, "problems": r.problems.String(), "health": string(health)} {
		g.lacks(where, text, canariesNowhere...)
		g.lacks(where, text, canariesInDatabase...)
		g.lacks(where, text, "4242424242424242", "4242 4242", "5555-5555")
		g.lacks(where, text, secrets...)
	}
	for where, content := range map[string]string{"the database while it is open": running, "the database at rest": f.kept(g)} {
		g.lacks(where, content, canariesNowhere...)
		g.lacks(where, content, "4242424242424242", "4242 4242", "5555-5555")
		g.lacks(where, content, secrets...)
		g.has(where, content, append(canariesInDatabase, "evt_signed_1")...)
	}
}
