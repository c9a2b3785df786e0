package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

const bodyLimit = 16 << 10

// bodyBombs are sent to a real process, whose memory is watched.
func bodyBombs(g *guard) {
	p, c := serviceProcess(g.T, g.TempDir(), "", "BOOKING_DATABASE__TIMEOUT=1m")
	b := c.untilDecided(c.submit(order{}).ID)
	before := c.known(g)

	full := order{}.json()
	full += strings.Repeat(" ", bodyLimit-len(full))
	fits := c.call("POST", "/v1/bookings", c.bookings, full, "Idempotency-Key", "fits")
	g.equal(http.StatusAccepted, fits.status, "16 KiB are not too much")
	before++
	for route, p := range policies() {
		if p.body == "" || p.access == "webhook" {
			continue
		}
		key := c.bookings
		if strings.HasPrefix(p.access, "support") {
			key = c.support
		}
		for name, bomb := range bombs(p.body) {
			method, path := address(route, b.ID)
			headers := append([]string{"Idempotency-Key", uuid.NewString()}, bomb.headers...)
			a := c.call(method, path, key, bomb.body, headers...)
			g.refuses(a, bomb.status, bomb.code, "%s: %s: %s", route, name, a.body)
			require.Less(g.T, len(a.body), 4096, "an answer must not grow with the question")
		}
	}
	g.refuses(c.call("POST", "/v1/webhooks/sandbox", "", strings.Repeat(" ", 64<<10)+"{}"), 413, "body_too_large")

	var lock sync.Mutex
	var senders sync.WaitGroup
	answers, framings := map[string]answer{}, framings(c)
	for name, test := range framings { // together, for some are answered when their time is up
		connection := g.dial(c.base)
		senders.Go(func() { _, _ = io.WriteString(connection, test.text) })
		senders.Go(func() {
			a := g.hear(connection)
			lock.Lock()
			defer lock.Unlock()
			answers[name] = a
		})
	}
	senders.Wait()
	for name, test := range framings {
		g.refuses(answers[name], test.status, test.code, "%s: %s", name, answers[name].body)
	}
	endless(g, c)
	g.equal(before, c.known(g), "nothing of it was stored")
	after := c.call("GET", "/v1/bookings/"+b.ID, c.bookings, "").is(http.StatusOK).booking()
	g.equal("confirmed", after.Status)
	peak := p.peakMemory()
	g.holds(peak < 384<<20, "the process took %d MiB", peak>>20)
}

type bomb struct {
	body    string
	headers []string
	status  int
	code    string
}

// bombs are made of a body that would be taken.
func bombs(body string) map[string]bomb {
	var squeezed bytes.Buffer
	press := gzip.NewWriter(&squeezed)
	_, _ = press.Write(bytes.Repeat([]byte(" "), 10<<20))
	_ = press.Close()
	inside := strings.TrimSuffix(body, "}")
	malformed := func(body string) bomb { return bomb{body: body, status: 400, code: "malformed_request"} }
	media := func(headers ...string) bomb {
		return bomb{body: body, headers: headers, status: 415, code: "unsupported_media_type"}
	}
	first := regexp.MustCompile(`"(\w)(\w*)":`).FindStringSubmatch(body)
	return map[string]bomb{
		"16 KiB and a byte":       {body: body + strings.Repeat(" ", bodyLimit+1-len(body)), status: 413, code: "body_too_large"},
		"a megabyte":              {body: inside + `,"x":"` + strings.Repeat("x", 1<<20) + `"}`, status: 413, code: "body_too_large"},
		"deep lists":              malformed(strings.Repeat("[", 15_000)),
		"deep lists in a field":   malformed(inside + `,"x":` + strings.Repeat("[", 7000) + strings.Repeat("]", 7000) + "}"),
		"deep objects":            malformed(strings.Repeat(`{"a":`, 2500) + "1" + strings.Repeat("}", 2500)),
		"a field twice":           malformed(inside + `,"` + first[1] + first[2] + `":1}`),
		"a field twice, escaped":  malformed(inside + fmt.Sprintf(`,"\u%04x%s":1}`, first[1][0], first[2])),
		"a long name":             malformed(inside + `,"` + strings.Repeat("n", 9000) + `":1}`),
		"many names":              malformed(inside + manyNames(1000) + "}"),
		"something after it":      malformed(body + "x"),
		"another one after it":    malformed(body + body[:min(len(body), 40)]),
		"a NUL after it":          malformed(body + "\x00"),
		"a byte order mark":       malformed("\ufeff" + body),
		"no UTF-8":                malformed(inside + ",\"x\":\"\xff\xfe\"}"),
		"half of a surrogate":     malformed(inside + `,"x":"\ud800"}`),
		"a number beyond numbers": malformed(inside + `,"x":1e999999}`),
		"half of it":              malformed(body[:len(body)-2]),
		"white space":             malformed("   "),
		"a list":                  malformed("[" + body + "]"),
		"a text":                  malformed(`"text"`),
		"gzip":                    {body: squeezed.String(), headers: []string{"Content-Encoding", "gzip"}, status: 415, code: "unsupported_media_type"},
		"deflate, br":             media("Content-Encoding", "deflate, br"),
		"a form":                  media("Content-Type", "application/x-www-form-urlencoded"),
		"parts":                   media("Content-Type", "multipart/form-data; boundary=x"),
		"XML":                     media("Content-Type", "application/xml"),
		"plain text":              media("Content-Type", "text/plain"),
		"another encoding":        media("Content-Type", "application/json; charset=utf-16"),
		"two types":               media("Content-Type", "application/json, text/plain"),
	}
}

func manyNames(n int) string {
	var out strings.Builder
	for i := range n {
		fmt.Fprintf(&out, `,"n%d":0`, i)
	}
	return out.String()
}

type framing struct {
	text   string
	status int
	code   string // "" where net/http answers by itself
}

// framings are bodies that are not as long as they say, and heads that are too long.
func framings(c *client) map[string]framing {
	const path, isJSON = "/v1/bookings", "Content-Type: application/json"
	body := order{}.json()
	length := fmt.Sprintf("Content-Length: %d", len(body))
	var heads strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&heads, "X-%d: 1\r\n", i)
	}
	return map[string]framing{
		"a gigabyte that never comes":     {post(path, c.bookings, isJSON, "Content-Length: 1073741824") + "{", 413, "body_too_large"},
		"more than there are numbers":     {post(path, c.bookings, isJSON, "Content-Length: 99999999999999999999") + "{", 400, ""},
		"less than nothing":               {post(path, c.bookings, isJSON, "Content-Length: -1") + "{", 400, ""},
		"two lengths":                     {post(path, c.bookings, isJSON, length, "Content-Length: 2") + body, 400, ""},
		"a chunk of 16 KiB and a byte":    {post(path, c.bookings, isJSON, "Transfer-Encoding: chunked") + fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", bodyLimit+1, strings.Repeat(" ", bodyLimit+1)), 413, "body_too_large"},
		"a chunk that is no chunk":        {post(path, c.bookings, isJSON, "Transfer-Encoding: chunked") + "zz\r\n", 400, "malformed_request"},
		"a chunk longer than a lifetime":  {post(path, c.bookings, isJSON, "Transfer-Encoding: chunked") + "ffffffffffffffff\r\n" + strings.Repeat("x", bodyLimit+1), 413, "body_too_large"},
		"chunks of gzip":                  {post(path, c.bookings, isJSON, "Transfer-Encoding: gzip, chunked"), 501, ""},
		"100,000 headers":                 {strings.TrimSuffix(post(path, c.bookings, isJSON, length), "\r\n") + heads.String() + "\r\n" + body, 431, ""},
		"a header of a megabyte":          {strings.TrimSuffix(post(path, c.bookings, isJSON, length), "\r\n") + "X-Long: " + strings.Repeat("x", 1<<20) + "\r\n\r\n" + body, 431, ""},
		"a header of 9 KiB":               {strings.TrimSuffix(post(path, c.bookings, isJSON, length), "\r\n") + "X-Long: " + strings.Repeat("x", 9<<10) + "\r\n\r\n" + body, 431, "headers_too_large"},
		"an address of a megabyte":        {post(path+"?"+strings.Repeat("x", 1<<20), c.bookings, isJSON, length) + body, 431, ""},
		"a name that is no name":          {strings.TrimSuffix(post(path, c.bookings, isJSON, length), "\r\n") + "X Spaced: a\r\n\r\n" + body, 400, ""},
		"a header with a NUL":             {strings.TrimSuffix(post(path, c.bookings, isJSON, length), "\r\n") + "X-Nul: a\x00b\r\n\r\n" + body, 400, ""},
		"a version that there is not":     {strings.Replace(post(path, c.bookings, isJSON, length), "HTTP/1.1", "HTTP/3.9", 1) + body, 505, ""},
		"no HTTP at all":                  {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400, ""},
		"a body that ends before its end": {post(path, c.bookings, isJSON, length) + body[:20], 408, "request_timeout"},
	}
}

// endless sends chunks for as long as somebody reads them: a gigabyte and a half, were it read.
func endless(g *guard, c *client) {
	chunk := fmt.Sprintf("%x\r\n%s\r\n", 32<<10, strings.Repeat(" ", 32<<10))
	var senders sync.WaitGroup
	for range 24 {
		connection := g.dial(c.base)
		senders.Go(func() {
			_, err := io.WriteString(connection, post("/v1/bookings", c.bookings, "Content-Type: application/json", "Transfer-Encoding: chunked"))
			for range (64 << 20) / len(chunk) {
				if err != nil {
					return // they hung up
				}
				_, err = io.WriteString(connection, chunk)
			}
		})
		senders.Go(func() { g.refuses(g.hear(connection), 413, "body_too_large", "an endless body") })
	}
	senders.Wait()
}

// known counts the bookings of these tests by the name that all have.
func (c *client) known(g *guard) int {
	a := c.call("GET", "/v1/bookings?client_reference=web-4711", c.bookings, "").is(http.StatusOK)
	g.counted()
	return strings.Count(string(a.body), `"reference":`)
}

var peakLine = regexp.MustCompile(`VmHWM:\s+(\d+) kB`)

// peakMemory is the most memory that the process ever had.
func (p *process) peakMemory() int64 {
	p.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	require.NoError(p, err)
	match := peakLine.FindSubmatch(status)
	require.NotNil(p, match)
	kilobytes, err := strconv.ParseInt(string(match[1]), 10, 64)
	require.NoError(p, err)
	return kilobytes << 10
}
