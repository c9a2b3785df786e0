package providertest

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// wire is what lies between an adapter and its vendor.
type wire struct {
	t      *testing.T
	url    string
	target string
	client *http.Client

	mu   sync.Mutex // the handler's goroutines and the test
	mode mode
	late []func() // requests that are still under way
}

// mode is what becomes of the next calls.
type mode struct {
	loseRequest bool                                         // it never arrives, and the connection breaks
	loseAnswer  bool                                         // it arrives, and the connection breaks
	late        bool                                         // the connection breaks, and it arrives when land is called
	twice       bool                                         // it arrives twice
	falsify     func(body []byte) []byte                     // the answer says something else
	answer      func(w http.ResponseWriter, r *http.Request) // the vendor is not asked
}

func newWire(t *testing.T, target string) *wire {
	t.Helper()
	w := &wire{t: t, target: target, client: &http.Client{
		Transport:     &http.Transport{},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	server := httptest.NewServer(w)
	w.url = server.URL
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
		w.client.CloseIdleConnections()
	})
	return w
}

func (w *wire) set(m mode) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.mode = m
}

// during sets a mode for one act.
func (w *wire) during(m mode, act func()) {
	w.set(m)
	act()
	w.set(mode{})
}

// land lets every late request arrive, in the order in which they were sent.
func (w *wire) land() {
	w.mu.Lock()
	late := w.late
	w.late = nil
	w.mu.Unlock()
	for _, arrive := range late {
		arrive()
	}
}

func (w *wire) ServeHTTP(to http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	m := w.mode
	w.mu.Unlock()
	if m.answer != nil {
		m.answer(to, r)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil || m.loseRequest {
		panic(http.ErrAbortHandler)
	}
	forward := func() (int, http.Header, []byte) { return w.forward(r, body) }
	if m.late {
		w.mu.Lock()
		w.late = append(w.late, func() { forward() })
		w.mu.Unlock()
		panic(http.ErrAbortHandler)
	}
	status, header, answer := forward()
	if m.twice {
		status, header, answer = forward()
	}
	if m.loseAnswer || status == 0 {
		panic(http.ErrAbortHandler)
	}
	if m.falsify != nil {
		falsified := m.falsify(answer)
		if bytes.Equal(falsified, answer) {
			w.t.Errorf("there was nothing to falsify in the answer to %s %s", r.Method, r.URL.Path)
		}
		answer = falsified
	}
	for _, name := range []string{"Content-Type", "Retry-After"} {
		if header.Get(name) != "" {
			to.Header().Set(name, header.Get(name))
		}
	}
	to.WriteHeader(status)
	_, _ = to.Write(answer)
}

// forward sends a request on, even where its sender is gone; status 0: the vendor broke the connection.
func (w *wire) forward(r *http.Request, body []byte) (int, http.Header, []byte) {
	req, err := http.NewRequest(r.Method, w.target+r.URL.RequestURI(), bytes.NewReader(body)) //nolint:noctx // it outlives its sender
	if err != nil {
		w.t.Errorf("forward: %v", err)
		return 0, nil, nil
	}
	req.Header = r.Header.Clone()
	res, err := w.client.Do(req)
	if err != nil {
		return 0, nil, nil
	}
	defer func() { _ = res.Body.Close() }()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, nil, nil
	}
	return res.StatusCode, res.Header, answer
}

// saying falsifies: what stands there as old is new.
func saying(old, new string) mode {
	return mode{falsify: func(body []byte) []byte { return bytes.ReplaceAll(body, []byte(old), []byte(new)) }}
}

// nobody is an address where nobody listens.
func nobody(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	require.NotEmpty(t, server.URL)
	return server.URL
}
