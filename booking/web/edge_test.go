package web

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
)

func TestWhatIsNotThereIsAProblemToo(t *testing.T) {
	t.Parallel()
	s := open(t)
	for _, path := range []string{"/v1", "/v1/bookings/", "/v1/bookingz", "/v2/bookings", "/v1/bookings/x/y", "/metrics", "/debug/pprof/", "/livez"} {
		s.call("GET", path, webKey, "").problem(http.StatusNotFound, ProblemCodeNotFound)
	}
	s.call("GET", "/nowhere", "", "").golden("problem_not_found")
}

func TestMethodsThatAnAddressDoesNotHaveAre405WithThoseItHas(t *testing.T) {
	t.Parallel()
	s := open(t)
	for _, method := range []string{"PUT", "DELETE", "PATCH"} {
		answer := s.call(method, "/v1/bookings", webKey, "")
		answer.problem(http.StatusMethodNotAllowed, ProblemCodeMethodNotAllowed)
		require.Contains(t, answer.header.Get("Allow"), "POST")
		require.Contains(t, answer.header.Get("Allow"), "GET")
	}
}

func TestARequestIDIsTheCallersIfItIsSane(t *testing.T) {
	t.Parallel()
	s := open(t)
	sane := s.call("GET", "/v1/bookings", "", "", "X-Request-Id", "trace-4711.a_b")
	require.Equal(t, "trace-4711.a_b", sane.problem(http.StatusUnauthorized, ProblemCodeUnauthorized).RequestId)
	require.Contains(t, s.log.String(), "trace-4711.a_b")
	for _, id := range []string{strings.Repeat("x", 65), "a b", `a"b`, "ä", "<script>"} {
		answer := s.call("GET", "/v1/bookings", "", "", "X-Request-Id", id)
		require.NotEqual(t, id, answer.header.Get("X-Request-Id"))
		require.Len(t, answer.problem(http.StatusUnauthorized, ProblemCodeUnauthorized).RequestId, 36)
	}
}

func TestEveryAnswerHasTheSecurityHeaders(t *testing.T) {
	t.Parallel()
	g := open(t).guest()
	for _, answer := range []reply{g.get(), g.call("GET", "/nowhere", "", ""), g.submit(submission("", ""), "key-1")} {
		require.Equal(t, "nosniff", answer.header.Get("X-Content-Type-Options"))
		require.Equal(t, "no-referrer", answer.header.Get("Referrer-Policy"))
		require.Contains(t, answer.header.Get("Content-Security-Policy"), "default-src 'none'")
		require.NotEmpty(t, answer.header.Get("Cache-Control"))
		require.Empty(t, answer.header.Get("Server"))
		require.Empty(t, answer.header.Get("Access-Control-Allow-Origin"))
	}
}

func TestBrowsersOfAnAllowedSiteMayCall(t *testing.T) {
	t.Parallel()
	s := open(t, func(c *Config) { c.AllowedOrigins = []string{"https://shop.example"} })
	preflight := s.call("OPTIONS", "/v1/bookings/x", "", "", "Origin", "https://shop.example", "Access-Control-Request-Method", "GET").is(http.StatusNoContent)
	require.Equal(t, "https://shop.example", preflight.header.Get("Access-Control-Allow-Origin"))
	require.Empty(t, preflight.header.Get("Access-Control-Allow-Credentials"))
	foreign := s.call("OPTIONS", "/v1/bookings/x", "", "", "Origin", "https://evil.example", "Access-Control-Request-Method", "GET")
	require.Empty(t, foreign.header.Get("Access-Control-Allow-Origin"))
	require.Contains(t, s.call("GET", "/openapi.yaml", "", "", "Origin", "https://shop.example").header.Get("Access-Control-Expose-Headers"), "ETag")
}

func TestHeadersBeyondEightKiBAre431(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.call("GET", "/v1/bookings", webKey, "", "X-Much", strings.Repeat("x", 9000)).problem(http.StatusRequestHeaderFieldsTooLarge, ProblemCodeHeadersTooLarge)
	s.call("GET", "/v1/bookings", webKey, "", "X-Much", strings.Repeat("x", 90000)).is(http.StatusRequestHeaderFieldsTooLarge)
	s.call("GET", "/v1/bookings?client_reference="+strings.Repeat("x", 9000), webKey, "").problem(http.StatusRequestHeaderFieldsTooLarge, ProblemCodeHeadersTooLarge)
	s.call("GET", "/v1/bookings?client_reference=x", webKey, "", "X-Much", strings.Repeat("x", 7000)).is(http.StatusOK)
}

func TestEveryTimeOutOfTheServerIsSet(t *testing.T) {
	t.Parallel()
	server := open(t).api.HTTP()
	require.Equal(t, 2*time.Second, server.ReadHeaderTimeout)
	require.Equal(t, 5*time.Second, server.ReadTimeout)
	require.Equal(t, 30*time.Second, server.WriteTimeout)
	require.Equal(t, time.Minute, server.IdleTimeout)
	require.Equal(t, 8<<10, server.MaxHeaderBytes)
}

func TestHalfAHeaderIsNotWaitedForForEver(t *testing.T) {
	t.Parallel()
	s := open(t, func(c *Config) { c.ReadHeaderTimeout = 300 * time.Millisecond })
	connection, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", s.server.Listener.Addr().String())
	require.NoError(t, err)
	defer func() { _ = connection.Close() }()
	_, err = connection.Write([]byte("GET /v1/bookings HTTP/1.1\r\nHost: x\r\nX-Sl"))
	require.NoError(t, err)
	require.NoError(t, connection.SetReadDeadline(time.Now().Add(soon)))
	_, err = io.ReadAll(connection)
	require.NoError(t, err, "the server should have hung up")
}

func TestHalfABodyIsAnsweredWith408(t *testing.T) {
	t.Parallel()
	s := open(t, func(c *Config) { c.ReadTimeout = 500 * time.Millisecond })
	connection, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", s.server.Listener.Addr().String())
	require.NoError(t, err)
	defer func() { _ = connection.Close() }()
	_, err = fmt.Fprintf(connection, "POST /v1/bookings HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nIdempotency-Key: k\r\n"+
		"Content-Type: application/json\r\nContent-Length: 500\r\n\r\n{\"offer\":", webKey)
	require.NoError(t, err)
	require.NoError(t, connection.SetReadDeadline(time.Now().Add(soon)))
	response, err := http.ReadResponse(bufio.NewReader(connection), nil)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	require.Equal(t, http.StatusRequestTimeout, response.StatusCode)
	require.Equal(t, "application/problem+json", response.Header.Get("Content-Type"))
}

func TestCallersAreHeldToTheirPace(t *testing.T) {
	t.Parallel()
	g := open(t, func(c *Config) { c.KeyRate, c.KeyBurst, c.AddressRate, c.AddressBurst = 1, 3, 0.5, 2 }).guest()
	g.call("GET", g.path, webKey, "").is(http.StatusOK)
	g.call("GET", g.path, webKey, "").is(http.StatusOK)
	answer := g.call("GET", g.path, webKey, "").golden("problem_rate_limited")
	answer.problem(http.StatusTooManyRequests, ProblemCodeRateLimited)
	require.NotEmpty(t, answer.header.Get("Retry-After"))
	g.call("GET", g.path, otherKey, "").is(http.StatusNotFound) // another key's pace is its own

	g.get().is(http.StatusOK)
	g.get("X-Forwarded-For", "203.0.113.1").is(http.StatusOK)
	g.get("X-Forwarded-For", "203.0.113.2").problem(http.StatusTooManyRequests, ProblemCodeRateLimited)
	g.call("GET", g.path, "guess", "").problem(http.StatusTooManyRequests, ProblemCodeRateLimited)
	g.house.pass(2 * time.Second)
	g.get().is(http.StatusOK)
}

func TestOnlyATrustedProxySaysWhoCalls(t *testing.T) {
	t.Parallel()
	request := &http.Request{RemoteAddr: "10.1.2.3:5", Header: http.Header{"X-Forwarded-For": {"198.51.100.9, 203.0.113.7"}}}
	require.Equal(t, "10.1.2.3", extractor(nil)(request))
	require.Equal(t, "203.0.113.7", extractor([]netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")})(request), "what the proxy saw, not what the caller wrote")
	require.Equal(t, "10.1.2.3", extractor([]netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")})(request))
	request.RemoteAddr = "127.0.0.1:5"
	require.Equal(t, "127.0.0.1", extractor([]netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")})(request), "loopback is not trusted by itself")
}

func TestTheTableOfPacesIsBounded(t *testing.T) {
	t.Parallel()
	l := newLimiter(1, 1, 10)
	for i := range 1000 {
		l.allow(fmt.Sprint(i), time.Unix(0, 0))
	}
	require.LessOrEqual(t, len(l.young)+len(l.old), 20)
	_, ok := l.allow("999", time.Unix(0, 0))
	require.False(t, ok, "who was here lately is remembered")
}

// panicking is an engine with a defect.
type panicking struct{ *house }

func (panicking) Admit() error { panic("nil map, in " + panicMark) }

const panicMark = "the engine's innards"

func TestADefectOfOursIs500AndSaysNothingOfItself(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.api.engine = panicking{s.house}
	answer := s.submit(submission("", ""), "key-1").golden("problem_internal")
	answer.problem(http.StatusInternalServerError, ProblemCodeInternal)
	require.NotContains(t, string(answer.body), panicMark)
	require.NotContains(t, string(answer.body), ".go")
	require.Contains(t, s.log.String(), panicMark)
	require.Contains(t, s.log.String(), "edge_test.go", "the log has the stack")
}

func TestNothingPersonalOrSecretIsLogged(t *testing.T) {
	t.Parallel()
	s := open(t)
	body := strings.NewReplacer("Ana", "Canarygiven", "Núñez", "Canaryfamily", "ana@example.com", "canary@example.com", "+34600000000", "+34699999999",
		"pm_card_visa", "pm_canary", `"special_requests":""`, `"special_requests":"canary request"`, "sim_ok", "canary_offer", "abc", "canary_click").Replace(submission("", ""))
	accepted := s.submit(body, "key-canary").is(http.StatusAccepted).booking()
	path := "/v1/bookings/" + accepted.Id
	s.house.until(t, booking.ID(accepted.Id), atRest)
	s.submit(body, "key-canary").is(http.StatusAccepted)
	s.submit(strings.Replace(body, "canary@", "canary", 1), "key-2").is(http.StatusUnprocessableEntity)
	s.submit(strings.Replace(body, `"Canarygiven"`, `"Canarygiven`, 1), "key-2").is(http.StatusBadRequest)
	for _, token := range []string{accepted.ClientSecret, webKey, accepted.ClientSecret + "x", "bk_bookings_canary", supervisorKey} {
		s.call("GET", path, token, "")
		s.call("GET", path+"/stream", token, "")
		s.call("POST", path+"/cancellation", token, `{"canary":"canary"}`)
	}
	for _, q := range []string{"canary@example.com", "+34699999999", "Canaryfamily"} {
		s.call("GET", "/v1/support/bookings?q="+q, agentKey, "")
		s.call("GET", "/v1/support/bookings/"+q, agentKey, "")
	}
	s.call("POST", "/v1/support/bookings/"+accepted.Id+"/actions/note", agentKey, `{"reason":"canary note"}`).is(http.StatusAccepted)
	s.call("POST", "/v1/webhooks/sandbox", "", `{"id":"evt_1","email":"canary@example.com"}`, "Sandbox-Signature", "canary")
	s.house.down = errDown
	s.submit(body, "key-3").is(http.StatusServiceUnavailable)
	log := strings.ToLower(s.log.String())
	require.NotEmpty(t, log)
	for _, secret := range []string{"canary", "34699999999", accepted.ClientSecret, webKey, agentKey, supervisorKey, "bearer"} {
		require.NotContains(t, log, strings.ToLower(secret))
	}
	require.Contains(t, log, `"route":"/v1/bookings/:id/stream"`)
	require.Contains(t, log, `"booking":"`+accepted.Id+`"`)
	require.Contains(t, log, `"key":"ada"`)
}
