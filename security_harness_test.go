package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking/web"
)

// fortress is the whole service in this process with a key for each kind of caller, and no limit on their pace.
type fortress struct {
	*client
	g    *guard
	app  *App
	cfg  Config
	keys map[string]string // by name: web and rival submit, page only submits; vera views, ada acts, sue gives money away
	stop func()
}

// fortify starts the service. When the test ends its log is read: it must hold nothing personal, and a JSON object a line.
func fortify(g *guard, databaseURL string, change ...func(*Config)) *fortress {
	g.Helper()
	cfg := quick(g.T, databaseURL)
	cfg.HTTP.Rate = RateConfig{}
	cfg.Database.Timeout, cfg.Database.CommitTimeout, cfg.Providers.Hotel.Timeout = time.Minute, time.Minute, 5*time.Second // on a starved machine
	cfg.Workers.SaveTimeout = time.Minute
	keys := map[string]string{}
	add := func(name string, scope web.Scope, role string) {
		keys[name] = web.NewKey(scope)
		cfg.Auth.Keys = append(cfg.Auth.Keys, APIKey{Name: name, Scope: string(scope), Role: role, Hash: web.HashKey(keys[name])})
	}
	add("web", web.ScopeBookings, "")
	add("rival", web.ScopeBookings, "")
	add("page", web.ScopePublishable, "")
	cfg.Checkout.Key = keys["page"]
	add("vera", web.ScopeSupport, "viewer")
	add("ada", web.ScopeSupport, "agent")
	add("sue", web.ScopeSupport, "supervisor")
	for _, f := range change {
		f(&cfg)
	}
	require.NoError(g.T, cfg.Validate())
	log, lines := logBuffer()
	app := NewApp(cfg, log)
	require.NoError(g.T, app.Start(g.Context()))
	stop := sync.OnceFunc(func() { require.NoError(g.T, app.Stop(context.Background())) })
	g.Cleanup(func() {
		stop()
		requireNothingPersonal(g.T, lines.String())
		requireLinesOfJSON(g, lines.String())
	})
	return &fortress{
		g: g, app: app, cfg: cfg, keys: keys, stop: stop,
		client: &client{
			log: lines, T: g.T, base: "http://" + app.Addr(), admin: "http://" + app.AdminAddr(), sandbox: app.sandboxURL(),
			bookings: keys["web"], support: keys["sue"],
		},
	}
}

func requireLinesOfJSON(g *guard, log string) {
	g.Helper()
	g.counted()
	for line := range strings.Lines(log) {
		var object map[string]any
		require.NoError(g.T, json.Unmarshal([]byte(line), &object), "a line of the log is not one JSON object: %q", line)
	}
}

// send makes a request with just these headers. Without a Content-Type a body is JSON.
func (f *fortress) send(method, path, body string, header http.Header) answer {
	f.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 40*time.Second)
	defer cancel()
	if strings.HasPrefix(path, "/") {
		path = f.base + path
	}
	request, err := http.NewRequestWithContext(ctx, method, path, strings.NewReader(body))
	require.NoError(f, err)
	maps.Copy(request.Header, header)
	if body != "" && request.Header.Get("Content-Type") == "" {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	require.NoError(f, err, "%s %s", method, path)
	defer func() { _ = response.Body.Close() }()
	content, err := io.ReadAll(response.Body)
	require.NoError(f, err, "%s %s", method, path)
	return answer{T: f.T, status: response.StatusCode, header: response.Header, body: content}
}

func bearing(token string) http.Header { return http.Header{"Authorization": {"Bearer " + token}} }

// code is the code of a problem, and "" of another answer.
func (a answer) code() string {
	var problem struct{ Code string }
	if a.header.Get("Content-Type") == "application/problem+json" {
		_ = json.Unmarshal(a.body, &problem)
	}
	return problem.Code
}

// refuses checks that a is this problem, and nothing else.
func (g *guard) refuses(a answer, status int, code string, about ...any) {
	g.Helper()
	g.equal([]any{status, code}, []any{a.status, a.code()}, about...)
}

// until asks again and again: the client's own way waits for a change, which a booking at rest does not have.
func (f *fortress) until(id string, wanted func(bookingView) bool) bookingView {
	f.Helper()
	return f.untilBy(f.keys["web"], id, wanted)
}

// untilBy is until with another key, or with the booking's secret.
func (f *fortress) untilBy(token, id string, wanted func(bookingView) bool) (b bookingView) {
	f.Helper()
	require.Eventually(f, func() bool {
		b = f.call("GET", "/v1/bookings/"+id, token, "").is(http.StatusOK).booking()
		return wanted(b)
	}, time.Minute, 10*time.Millisecond, "never as wanted")
	return b
}

func (f *fortress) untilStatus(id, status string) bookingView {
	f.Helper()
	return f.until(id, func(b bookingView) bool { return b.Status == status })
}

func (f *fortress) untilDecided(id string) bookingView {
	f.Helper()
	return f.until(id, func(b bookingView) bool { return b.Terminal })
}

// atRest submits a booking and waits until nothing moves it any more.
func (f *fortress) atRest(o order) bookingView {
	f.Helper()
	b := f.submit(o)
	secret := b.ClientSecret
	b = f.until(b.ID, atRest)
	b.ClientSecret = secret
	return b
}

func atRest(b bookingView) bool { return b.Terminal && b.Stage == "done" }

// stored counts the bookings that there are, by what support sees.
func (f *fortress) stored() int {
	f.Helper()
	n, cursor := 0, ""
	for {
		var page struct {
			Bookings []struct{ ID string }
			Next     string `json:"next_cursor"`
		}
		a := f.call("GET", "/v1/support/bookings?limit=100&cursor="+cursor, f.keys["vera"], "").is(http.StatusOK)
		require.NoError(f, json.Unmarshal(a.body, &page))
		n += len(page.Bookings)
		if cursor = page.Next; cursor == "" {
			return n
		}
	}
}

// compact is JSON without the spaces.
func compact(f *fortress, text []byte) string {
	var out bytes.Buffer
	require.NoError(f, json.Compact(&out, text))
	return out.String()
}
