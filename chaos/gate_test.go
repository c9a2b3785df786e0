package chaos_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
)

// newGate stands between the service and the sandbox: it sees each call before the sandbox does, and lets it pass when stop
// returns false. A call that is stopped never gets an answer.
func newGate(t *testing.T, sandbox string, stop func(r *http.Request, body []byte) bool) string {
	t.Helper()
	target, err := url.Parse(sandbox)
	require.NoError(t, err)
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.ErrorHandler = func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) } // what broke there breaks here
	proxy.Transport = &http.Transport{MaxIdleConnsPerHost: 512}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		if stop(r, body) {
			<-r.Context().Done() // until the caller gives up
			panic(http.ErrAbortHandler)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return server.URL
}
