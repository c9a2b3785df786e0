package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

const halfOpen = 1000 // connections at once

// slowloris holds connections to a real process with heads and bodies that never end, while others are served. In the end the
// service has hung up on all of them.
func slowloris(g *guard) {
	p, c := serviceProcess(g.T, g.TempDir(), "", "BOOKING_DATABASE__TIMEOUT=1m")
	b := c.untilDecided(c.submit(order{}).ID)
	isJSON := "Content-Type: application/json"
	starts := []string{
		"G", "GET /v1/bookings/" + b.ID, "GET /v1/bookings HTTP/1.1\r\nHost: x\r\nX-Slow: ",
		post("/v1/bookings", c.bookings, isJSON, "Content-Length: 500") + `{"offer":`,
		post("/v1/bookings", c.bookings, isJSON, "Transfer-Encoding: chunked") + "1\r\n{\r\n",
	}
	connections := make([]net.Conn, halfOpen)
	for i := range connections {
		connections[i] = g.dial(c.base)
		_, err := io.WriteString(connections[i], starts[i%len(starts)])
		require.NoError(g.T, err)
	}
	var lock sync.Mutex
	var held sync.WaitGroup
	said := map[string]int{}
	for i, connection := range connections {
		if i%len(starts) == 2 { // a byte now and then does not buy time
			held.Go(func() { drip(connection) })
		}
		held.Go(func() {
			last, err := io.ReadAll(connection) // the service's last words
			_ = connection.Close()
			word, _, _ := strings.Cut(string(last), "\r\n")
			if errors.Is(err, os.ErrDeadlineExceeded) {
				word = "still open"
			}
			lock.Lock()
			defer lock.Unlock()
			said[word]++
		})
	}
	for range 50 {
		c.call("GET", "/v1/bookings/"+b.ID, c.bookings, "").is(http.StatusOK)
	}
	g.equal("confirmed", c.untilDecided(c.submit(order{}).ID).Status, "and book")
	held.Wait()
	g.equal(0, said["still open"], "%v", said)
	g.equal(2*halfOpen/len(starts), said["HTTP/1.1 408 Request Timeout"], "half a body has an answer: %v", said)
	g.equal(http.StatusOK, c.call("GET", c.admin+"/readyz", "", "").status)
	peak := p.peakMemory()
	g.holds(peak < 384<<20, "the process took %d MiB", peak>>20)
}

// drip writes a byte every now and then, until nobody takes it.
func drip(to io.Writer) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for range tick.C {
		if _, err := io.WriteString(to, "a"); err != nil {
			return
		}
	}
}

// slow is a pace at which no token comes back while a test runs.
func slow(perKey, perAddress int) func(*Config) {
	return func(cfg *Config) {
		cfg.HTTP.Rate = RateConfig{PerKey: 0.001, KeyBurst: perKey, PerAddress: 0.001, AddressBurst: perAddress}
	}
}

// limited checks that a is a 429 that says when to come back.
func (g *guard) limited(a answer, about ...any) {
	g.Helper()
	g.refuses(a, http.StatusTooManyRequests, "rate_limited", about...)
	after, err := strconv.Atoi(a.header.Get("Retry-After"))
	g.holds(err == nil && after >= 1, about...)
}

func paces(g *guard) {
	timeouts := fortify(g, "")
	for name, server := range map[string]*http.Server{"public": timeouts.app.public.server, "admin": timeouts.app.admin.server} {
		for what, d := range map[string]time.Duration{"headers": server.ReadHeaderTimeout, "read": server.ReadTimeout, "write": server.WriteTimeout, "idle": server.IdleTimeout} {
			g.holds(d > 0 && d <= 2*time.Minute, "%s: the time-out of %s is %s", name, what, d)
		}
		g.equal(8<<10, server.MaxHeaderBytes, name)
	}

	f := fortify(g, "", slow(60, 25))
	b := f.submit(order{})
	path := "/v1/bookings/" + b.ID
	for range 60 {
		f.call("GET", path, f.keys["rival"], "").is(http.StatusNotFound)
	}
	g.limited(f.call("GET", path, f.keys["rival"], ""), "a key's reads")
	g.limited(f.call("POST", "/v1/bookings", f.keys["rival"], order{}.json(), "Idempotency-Key", uuid.NewString()), "a key's submissions")
	g.limited(f.call("GET", "/v1/bookings?client_reference=web-4711", f.keys["rival"], ""), "all its routes together")
	g.equal(http.StatusOK, f.call("GET", path, f.keys["web"], "").status, "another key has its own pace")

	for i := range 5 {
		f.call("GET", path, fmt.Sprintf("bk_bookings_%d", i), "").is(http.StatusUnauthorized)
		f.call("GET", path, fmt.Sprintf("bks_%d", i), "").is(http.StatusNotFound)
		f.call("GET", "/nowhere", "", "").is(http.StatusNotFound)
		f.call("POST", "/v1/webhooks/sandbox", "", "{}").is(http.StatusUnauthorized)
		f.call("GET", "/openapi.yaml", "", "").is(http.StatusOK)
	}
	for what, a := range map[string]answer{
		"guesses of keys":      f.call("GET", path, "bk_bookings_x", ""),
		"guesses of secrets":   f.call("GET", path, "bks_x", ""),
		"what is not there":    f.call("GET", "/nowhere", "", ""),
		"methods":              f.call("DELETE", path, "", ""),
		"webhooks":             f.call("POST", "/v1/webhooks/sandbox", "", "{}"),
		"what is for everyone": f.call("GET", "/docs", "", ""),
		"nobody at all":        f.call("GET", path, "", ""),
	} {
		g.limited(a, what)
	}
	g.equal(http.StatusOK, f.call("GET", path, f.keys["web"], "").status, "a key is not held up by guessers beside it")
	g.equal(1, f.stored(), "what was refused was not stored")
}
