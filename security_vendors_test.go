package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// lie changes a vendor's true answer: its headers, its status and its body.
type lie func(response *http.Response, body string) string

// member replaces a member of the answer, wherever in it.
func member(name, value string) lie {
	return func(_ *http.Response, body string) string {
		return regexp.MustCompile(`"`+name+`":\s*"[^"]*"`).ReplaceAllString(body, `"`+name+`":"`+value+`"`)
	}
}

func says(status int, kind, text string) lie {
	return func(response *http.Response, _ string) string {
		response.StatusCode = status
		response.Header.Set("Content-Type", kind)
		return text
	}
}

func redirects(status int, to string) lie {
	return func(response *http.Response, body string) string {
		response.StatusCode = status
		response.Header.Set("Location", to)
		return body
	}
}

// lies are told about everything that one of the systems answers for one booking.
func lies(trap string) map[string]lie {
	const isJSON = "application/json"
	return map[string]lie{
		"another currency":            member("currency", "USD"),
		"another amount":              member("amount", "1.00"),
		"an amount beyond numbers":    member("amount", strings.Repeat("9", 40)),
		"an amount below nothing":     member("amount", "-346.00"),
		"another booking's reference": member("reference", "0000000000"),
		"a status that there is not":  member("status", "wonderful"),
		"no UTF-8":                    member("reference", "\xff\xfe"),
		"a huge answer": func(_ *http.Response, body string) string {
			return body[:len(body)-1] + strings.Repeat(" ", 3<<20) + "}"
		},
		"a deep answer":         says(200, isJSON, strings.Repeat("[", 100_000)),
		"two answers":           func(_ *http.Response, body string) string { return body + body },
		"half an answer":        func(_ *http.Response, body string) string { return body[:len(body)/2] },
		"a page":                says(200, "text/html", "<html>ok</html>"),
		"an empty object":       says(200, isJSON, "{}"),
		"null":                  says(200, isJSON, "null"),
		"nothing":               says(200, isJSON, ""),
		"an error with a stack": says(500, isJSON, `{"error":{"code":"oops","message":"canary ana@example.com"}}`),
		"a teapot":              says(418, isJSON, `{"error":{"code":"short_and_stout"}}`),
		"a way to the metadata": redirects(302, "http://169.254.169.254/latest/meta-data/"),
		"a way to the inside":   redirects(307, trap),
		"a way for good":        redirects(308, trap),
		"a way to a file":       redirects(301, "file:///etc/passwd"),
	}
}

// liar is a proxy before the sandbox. It tells the lie of a booking by the name of its hotel, which is the system and the lie.
type liar struct {
	mu    sync.Mutex
	hotel map[string]string // by the booking's reference
	told  map[string]int    // by the name of the hotel
}

var referenceIn = regexp.MustCompile(`"reference":"([0-9A-Z]{10})".*"hotel_id":"([^"]+)"`)

// which finds the booking that a call is about.
func (l *liar) which(call, body string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if match := referenceIn.FindStringSubmatch(body); match != nil {
		l.hotel[match[1]] = match[2]
	}
	for reference, hotel := range l.hotel {
		if strings.Contains(call+body, reference) {
			return hotel
		}
	}
	return ""
}

func (l *liar) proxy(g *guard, sandbox string, all map[string]lie) *httptest.Server {
	target, err := url.Parse(sandbox)
	require.NoError(g.T, err)
	type key struct{}
	reverse := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) },
		ModifyResponse: func(response *http.Response) error {
			name, _ := response.Request.Context().Value(key{}).(string)
			about, told, _ := strings.Cut(name, ": ")
			if all[told] == nil || !strings.HasPrefix(response.Request.URL.Path, about) || strings.HasSuffix(response.Request.URL.Path, "/holds") {
				return nil
			}
			l.mu.Lock()
			l.told[name]++
			l.mu.Unlock()
			body, err := io.ReadAll(response.Body)
			if err != nil {
				return err
			}
			changed := all[told](response, string(body))
			response.Body = io.NopCloser(strings.NewReader(changed))
			response.ContentLength = int64(len(changed))
			response.Header.Set("Content-Length", fmt.Sprint(len(changed)))
			return nil
		},
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body) // what breaks off is passed on as it is
		r.Body = io.NopCloser(bytes.NewReader(body))
		reverse.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), key{}, l.which(r.URL.String(), string(body)))))
	}))
	g.Cleanup(server.Close)
	return server
}

// hostileVendors has a real process book at vendors of whom one lies. Nothing is ever captured for a booking about whose room or
// money a lie was told, and nobody is told that it is confirmed.
func hostileVendors(g *guard) {
	var trapped atomic.Int64
	trap := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { trapped.Add(1) }))
	g.Cleanup(trap.Close)
	all := lies(trap.URL)
	sandbox := sandboxProcess(g.T, "BOOKING_SANDBOX__LATENCY=0")
	l := &liar{hotel: map[string]string{}, told: map[string]int{}}
	_, c := serviceProcess(g.T, g.TempDir(), l.proxy(g, sandbox, all).URL,
		"BOOKING_DATABASE__TIMEOUT=1m", "BOOKING_PROVIDERS__HOTEL__TIMEOUT=10s", "BOOKING_FLOW__UNKNOWN_FOR=3s", "BOOKING_FLOW__ATTENTION_AFTER=200ms", "BOOKING_FLOW__BACKOFF_CAP=200ms", "BOOKING_WORKERS__BREAKER__MINIMUM=1000000")
	c.sandbox = sandbox // the ledger is read past the liar
	lied := map[string]bookingView{}
	for _, system := range []string{"/payment/", "/hotel/"} {
		for name := range all {
			hotel := system + ": " + name
			body := strings.NewReplacer(`"h-1"`, `"`+hotel+`"`).Replace(order{}.json())
			a := c.call("POST", "/v1/bookings", c.bookings, body, "Idempotency-Key", uuid.NewString()).is(http.StatusAccepted)
			lied[hotel] = a.booking()
		}
	}
	honest := c.submit(order{})
	g.equal("confirmed", c.untilDecided(honest.ID).Status, "others are served")
	for hotel, b := range lied {
		var view struct {
			Booking   bookingView
			Attention string
		}
		require.Eventually(g.T, func() bool {
			a, err := c.try("GET", "/v1/support/bookings/"+b.ID, c.support, "")
			return err == nil && json.Unmarshal(a.body, &view) == nil && (view.Attention != "" || view.Booking.Terminal)
		}, time.Minute, 50*time.Millisecond, "%s: nobody is told", hotel)
		l.mu.Lock()
		told := l.told[hotel]
		l.mu.Unlock()
		g.holds(told > 0, "%s was never told", hotel)
		entry := c.ledger()[b.Reference]
		g.holds(view.Booking.Status != "confirmed", "%s: %s", hotel, view.Booking.Status)
		g.equal([]any{0, true}, []any{entry.Captures, entry.MaxActive <= 1}, "%s: %+v", hotel, entry)
	}
	g.equal(int64(0), trapped.Load(), "a redirect was followed")
}
