package web

import (
	"bytes"
	"context"
	"flag"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"hotelbooking/booking"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// The keys of the site, by who holds them.
const (
	webKey        = "bk_bookings_of-the-web-shop"
	otherKey      = "bk_bookings_of-another-shop"
	pageKey       = "bk_publishable_of-the-checkout-page"
	viewerKey     = "bk_support_of-a-viewer"
	agentKey      = "bk_support_of-an-agent"
	supervisorKey = "bk_support_of-a-supervisor"
)

// site is the API as its callers see it: over HTTP, before a house in memory.
type site struct {
	*testing.T
	house  *house
	api    *Server
	server *httptest.Server
	log    *syncBuffer
}

// open starts a site; change tunes its configuration.
func open(t *testing.T, change ...func(*Config)) *site {
	t.Helper()
	s := &site{T: t, log: &syncBuffer{}}
	s.api, s.house = unlisted(t, change...)
	s.api.log = zap.New(zapcore.NewCore(zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), s.log, zap.DebugLevel))
	s.api.requests = s.api.log
	s.server = httptest.NewUnstartedServer(nil)
	s.server.Config = s.api.HTTP()
	s.server.Start()
	t.Cleanup(s.server.Close)
	return s
}

// unlisted is the API that nobody can reach by network.
func unlisted(t *testing.T, change ...func(*Config)) (*Server, *house) {
	t.Helper()
	config := DefaultConfig()
	config.SecretKey = bytes.Repeat([]byte("k"), 32)
	config.Suppliers = []string{"sandbox"}
	config.CheckoutKey = pageKey
	config.Keys = []Key{
		{Name: "web", Hash: HashKey(webKey), Scope: ScopeBookings},
		{Name: "other", Hash: HashKey(otherKey), Scope: ScopeBookings},
		{Name: "page", Hash: HashKey(pageKey), Scope: ScopePublishable},
		{Name: "vera", Hash: HashKey(viewerKey), Scope: ScopeSupport, Role: RoleViewer},
		{Name: "ada", Hash: HashKey(agentKey), Scope: ScopeSupport, Role: RoleAgent},
		{Name: "sue", Hash: HashKey(supervisorKey), Scope: ScopeSupport, Role: RoleSupervisor},
	}
	for _, f := range change {
		f(&config)
	}
	h := newHouse()
	api, err := newServer(config, Deps{
		Engine: h, Bookings: h, Desk: h, Notices: h, Sessions: h, Views: h, Controls: h, Webhooks: h, Vendors: map[string]Vendor{"sandbox": sandboxVendor{}},
		Flow: booking.NewFlow(booking.Outside{}, booking.DefaultLimits()), Log: zap.NewNop(), Registerer: prometheus.NewRegistry(), Now: h.clock,
	}, contract())
	require.NoError(t, err)
	t.Cleanup(api.Drain)
	return api, h
}

// sandboxVendor signs with a word.
type sandboxVendor struct{}

func (sandboxVendor) Read(h http.Header, body []byte) (booking.Notice, error) {
	if h.Get("Sandbox-Signature") != "good" {
		return booking.Notice{}, booking.ErrForged
	}
	var event struct{ ID, Type, Reference string }
	err := json.Unmarshal(body, &event, json.MatchCaseInsensitiveNames(true))
	return booking.Notice{EventID: event.ID, Kind: event.Type, Reference: event.Reference, Verb: booking.VerbNotify}, err
}

// reply is an answer, read to its end.
type reply struct {
	*testing.T
	status int
	header http.Header
	body   []byte
}

// with is the site for a subtest.
func (s *site) with(t *testing.T) *site {
	copied := *s
	copied.T = t
	return &copied
}

// call makes one request. head is pairs of a header's name and value.
func (s *site) call(method, path, key, body string, head ...string) reply {
	s.Helper()
	response, err := s.try(s.Context(), method, path, key, body, head...)
	require.NoError(s, err)
	return response
}

func (s *site) try(ctx context.Context, method, path, key, body string, head ...string) (reply, error) {
	request, err := http.NewRequestWithContext(ctx, method, s.server.URL+path, strings.NewReader(body))
	if err != nil {
		return reply{}, err
	}
	if key != "" {
		request.Header.Set("Authorization", "Bearer "+key)
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(head); i += 2 {
		request.Header.Set(head[i], head[i+1])
	}
	response, err := s.server.Client().Do(request)
	if err != nil {
		return reply{}, err
	}
	defer func() { _ = response.Body.Close() }()
	raw, err := io.ReadAll(response.Body)
	return reply{s.T, response.StatusCode, response.Header, raw}, err
}

// submit posts a submission as the web shop.
func (s *site) submit(body, key string) reply {
	s.Helper()
	return s.call("POST", "/v1/bookings", webKey, body, "Idempotency-Key", key)
}

// guest submits the sample, and follows it.
func (s *site) guest() *guest {
	s.Helper()
	accepted := s.submit(submission("", ""), "key-1").is(http.StatusAccepted).booking()
	return &guest{site: s, id: booking.ID(accepted.Id), secret: accepted.ClientSecret, path: "/v1/bookings/" + accepted.Id}
}

// guest is who holds the client secret of one booking.
type guest struct {
	*site
	id     booking.ID
	secret string
	path   string
}

func (g *guest) get(head ...string) reply {
	g.Helper()
	return g.call("GET", g.path, g.secret, "", head...)
}

func (r reply) is(status int) reply {
	r.Helper()
	require.Equal(r, status, r.status, "%s", r.body)
	return r
}

func (r reply) booking() Booking {
	r.Helper()
	return read[Booking](r)
}

// problem is the answer as a problem, which every refusal is.
func (r reply) problem(status int, code ProblemCode) Problem {
	r.Helper()
	r.is(status)
	require.Equal(r, "application/problem+json", r.header.Get("Content-Type"))
	p := read[Problem](r)
	require.Equal(r, code, p.Code)
	require.Equal(r, status, p.Status)
	require.NotEmpty(r, p.RequestId)
	require.Equal(r, r.header.Get("X-Request-Id"), p.RequestId)
	return p
}

// read decodes an answer into what the specification says it is, and nothing beyond.
func read[T any](r reply) T {
	r.Helper()
	var v T
	require.NoError(r, json.Unmarshal(r.body, &v, json.RejectUnknownMembers(true)), "%s", r.body)
	return v
}

// golden compares an answer with a file; -update rewrites it.
func (r reply) golden(name string) reply {
	r.Helper()
	got := jsontext.Value(requestIDs.ReplaceAll(r.body, []byte(`"request_id":"…"`)))
	require.NoError(r, got.Indent(jsontext.WithIndent("  ")))
	got = append(got, '\n')
	path := filepath.Join("testdata", name+".json")
	if *update {
		require.NoError(r, os.MkdirAll("testdata", 0o755))
		require.NoError(r, os.WriteFile(path, got, 0o600))
	}
	want, err := os.ReadFile(path)
	require.NoError(r, err, "run the test with -update to write it")
	require.Equal(r, string(want), string(got))
	return r
}

var requestIDs = regexp.MustCompile(`"request_id":"[^"]*"`)

// soon bounds what a test waits for across HTTP.
const soon = 10 * time.Second

// recorder is for requests that no client would send.
type recorder struct {
	*httptest.ResponseRecorder
	t *testing.T
}

func newRecorder(t *testing.T) recorder { return recorder{httptest.NewRecorder(), t} }

func (r recorder) reply() reply { return reply{r.t, r.Code, r.Header(), r.Body.Bytes()} }
