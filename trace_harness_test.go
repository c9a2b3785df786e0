package main

import (
	"compress/gzip"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"hotelbooking/providers/sandbox"
)

// spanView is what the tests read of a span.
type spanView struct {
	name, trace, id, parent string
	kind                    otlp.Span_SpanKind
	failed                  bool
	words                   map[string]string // attributes that are text
	links                   []string          // "trace/span"
}

// collecting is an OpenTelemetry collector that keeps what it is sent.
type collecting struct {
	url string

	mu      sync.Mutex
	spans   []spanView
	text    strings.Builder // all of it, to be searched
	headers []http.Header
}

func newCollector(t *testing.T) *collecting {
	t.Helper()
	c := &collecting{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent := &collector.ExportTraceServiceRequest{}
		unzipped, err := gzip.NewReader(r.Body)
		if err == nil {
			var body []byte
			if body, err = io.ReadAll(unzipped); err == nil {
				err = proto.Unmarshal(body, sent)
			}
		}
		if err != nil || r.URL.Path != "/v1/traces" {
			t.Errorf("an export to %s that cannot be read: %v", r.URL.Path, err)
		}
		c.keep(r.Header, sent)
		w.Header().Set("Content-Type", "application/x-protobuf")
	}))
	t.Cleanup(server.Close)
	c.url = server.URL
	return c
}

func (c *collecting) keep(h http.Header, sent *collector.ExportTraceServiceRequest) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.headers = append(c.headers, h)
	c.text.WriteString(protojson.Format(sent))
	for _, resource := range sent.GetResourceSpans() {
		for _, scope := range resource.GetScopeSpans() {
			for _, s := range scope.GetSpans() {
				view := spanView{
					name: s.GetName(), trace: hex.EncodeToString(s.GetTraceId()), id: hex.EncodeToString(s.GetSpanId()), parent: hex.EncodeToString(s.GetParentSpanId()),
					kind: s.GetKind(), failed: s.GetStatus().GetCode() == otlp.Status_STATUS_CODE_ERROR, words: map[string]string{},
				}
				for _, a := range s.GetAttributes() {
					view.words[a.GetKey()] = a.GetValue().GetStringValue()
				}
				for _, l := range s.GetLinks() {
					view.links = append(view.links, hex.EncodeToString(l.GetTraceId())+"/"+hex.EncodeToString(l.GetSpanId()))
				}
				c.spans = append(c.spans, view)
			}
		}
	}
}

// all are the spans that is holds of.
func (c *collecting) all(is func(spanView) bool) []spanView {
	c.mu.Lock()
	defer c.mu.Unlock()
	var found []spanView
	for _, s := range c.spans {
		if is(s) {
			found = append(found, s)
		}
	}
	return found
}

// one is the only span of a name in a trace; any trace where that is "".
func (c *collecting) one(t *testing.T, trace, name string) spanView {
	t.Helper()
	found := c.all(func(s spanView) bool { return s.name == name && (trace == "" || s.trace == trace) })
	require.Len(t, found, 1, name)
	return found[0]
}

// asked is a call to a vendor as it came in.
type asked struct {
	path   string
	header http.Header
}

// vendors is a sandbox outside of the service that keeps the headers of its calls.
type vendors struct {
	url string

	mu    sync.Mutex
	calls []asked
}

func newVendors(t *testing.T) *vendors {
	t.Helper()
	plays, err := sandbox.New(sandbox.Config{})
	require.NoError(t, err)
	v := &vendors{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/_") {
			v.mu.Lock()
			v.calls = append(v.calls, asked{r.URL.Path, r.Header.Clone()})
			v.mu.Unlock()
		}
		plays.ServeHTTP(w, r)
	}))
	t.Cleanup(func() {
		server.Close()
		require.NoError(t, plays.Close())
	})
	v.url = server.URL
	return v
}

func (v *vendors) asked() []asked {
	v.mu.Lock()
	defer v.mu.Unlock()
	return append([]asked(nil), v.calls...)
}
