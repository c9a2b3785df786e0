package chaos_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"hotelbooking/chaos/judge"
)

// front stands where the service looks for the sandbox, and gives each of its systems a way of its own: the configuration
// knows one address for all of them. It remembers when it was called.
type front struct {
	url string

	mu    sync.Mutex
	calls []frontCall
}

type frontCall struct {
	at   time.Time
	path string
	body string // SHA-256, as the sandbox's journal has it
}

// newFront sends the calls whose path begins with one of the keys through that passage, and all others to the sandbox.
func newFront(t *testing.T, sandboxURL string, ways map[string]*passage) *front {
	t.Helper()
	f := &front{}
	// A connection for each call: one that is kept would be opened anew behind our back, and the call repeated.
	transport := &http.Transport{DisableKeepAlives: true, DisableCompression: true}
	to := func(address string) http.Handler {
		target, err := url.Parse(address)
		require.NoError(t, err)
		return &httputil.ReverseProxy{
			Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(target) },
			Transport:     transport,
			FlushInterval: -1, // a slow answer is slow for the service, too
			ErrorLog:      zap.NewStdLog(zap.NewNop()),
			// What breaks behind the front breaks before it: an answer of ours would be a lie.
			ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
		}
	}
	straight, through := to(sandboxURL), map[string]http.Handler{}
	for prefix, way := range ways {
		through[prefix] = to("http://" + way.at())
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !f.remember(r) {
			panic(http.ErrAbortHandler) // the service has gone before its call was complete
		}
		for prefix, handler := range through {
			if strings.HasPrefix(r.URL.Path, prefix) {
				handler.ServeHTTP(w, r)
				return
			}
		}
		straight.ServeHTTP(w, r)
	}))
	server.Config.ErrorLog = zap.NewStdLog(zap.NewNop())
	server.Start()
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	f.url = server.URL
	return f
}

// remember notes a call; false where it is not complete.
func (f *front) remember(r *http.Request) bool {
	began := time.Now()
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		return false
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	sum := sha256.Sum256(body)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, frontCall{began, r.URL.Path, hex.EncodeToString(sum[:])})
	return true
}

// late counts the calls that arrived, and had an effect, when the service had given up waiting for their answer.
func (f *front) late(journal []judge.Entry, patience time.Duration) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, e := range journal {
		if e.Body == "" || e.Effect == "none" {
			continue
		}
		latest := time.Time{}
		for _, c := range f.calls {
			if c.body == e.Body && c.at.Before(e.Received) {
				latest = c.at
			}
		}
		if !latest.IsZero() && e.Received.Sub(latest) > patience {
			n++
		}
	}
	return n
}

// after lists the calls from a moment on.
func (f *front) after(moment time.Time) (calls []frontCall) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.calls {
		if c.at.After(moment) {
			calls = append(calls, c)
		}
	}
	return calls
}
