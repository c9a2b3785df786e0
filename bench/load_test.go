package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	vegeta "github.com/tsenart/vegeta/v12/lib"
	"github.com/valyala/fasthttp"
)

// desk answers submissions with 202, and remembers them.
type desk struct {
	mu   sync.Mutex
	keys map[string]string // client_reference by Idempotency-Key
}

func (d *desk) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	var in struct {
		ClientReference string `json:"client_reference"`
	}
	if json.Unmarshal(body, &in) != nil || r.Header.Get("Authorization") != "Bearer k" || r.Method != http.MethodPost || r.URL.Path != bookingsPath {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	d.mu.Lock()
	d.keys[r.Header.Get("Idempotency-Key")] = in.ClientReference
	d.mu.Unlock()
	w.Header().Set("Location", bookingsPath+"/"+in.ClientReference)
	w.Header().Set("ETag", `"1"`)
	w.WriteHeader(http.StatusAccepted)
	fmt.Fprintf(w, `{"id":%q,"client_secret":"s-%s","version":1}`, in.ClientReference, in.ClientReference)
}

func newDesk(t *testing.T) (*desk, string) {
	d := &desk{keys: map[string]string{}}
	server := httptest.NewServer(d)
	t.Cleanup(server.Close)
	return d, server.URL
}

func TestAClosedLoopSendsEachSubmissionOnce(t *testing.T) {
	t.Parallel()
	d, base := newDesk(t)
	var got collected
	seen, err := closedLoop{
		base: base, connections: 7, requests: 100, lasting: time.Minute, prepare: newSubmissions("k", "sim_ok").prepare, answered: got.answered,
	}.run(t.Context())
	require.NoError(t, err)
	require.NoError(t, seen.only(http.StatusAccepted))
	require.Len(t, seen.latencies, 100)
	require.IsNonDecreasing(t, seen.latencies)
	require.Len(t, d.keys, 100)
	for key, reference := range d.keys {
		require.Equal(t, key, reference)
	}
	require.NoError(t, got.err)
	require.Len(t, got.all, 100)
	require.Equal(t, accepted{id: got.all[0].id, etag: `"1"`, secret: "s-" + got.all[0].id}, got.all[0])
}

func TestAnOpenLoopSendsAtItsRate(t *testing.T) {
	t.Parallel()
	d, base := newDesk(t)
	s := newSubmissions("k", "sim_ok")
	seen, err := openLoop{
		base: base, rate: 100, lasting: 200 * time.Millisecond,
		prepare: func(i int, target *vegeta.Target) error {
			s.target(base, i, target)
			return nil
		},
		answered: func(r *vegeta.Result) {
			a, err := acceptedOf(r)
			require.NoError(t, err)
			require.NotEmpty(t, a.secret)
		},
	}.run(t.Context())
	require.NoError(t, err)
	require.NoError(t, seen.only(http.StatusAccepted))
	require.NotEmpty(t, seen.latencies)
	require.Len(t, d.keys, len(seen.latencies))
}

func TestWhatElseWasAnsweredIsAnError(t *testing.T) {
	t.Parallel()
	_, base := newDesk(t)
	s := newSubmissions("wrong", "sim_ok")
	seen, err := closedLoop{base: base, connections: 2, requests: 3, lasting: time.Minute, prepare: s.prepare}.run(t.Context())
	require.NoError(t, err)
	require.EqualError(t, seen.only(http.StatusAccepted), "answers other than 202: 3 times 400")
}

func TestALostConnectionIsAnError(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	t.Cleanup(server.Close)
	s := newSubmissions("k", "sim_ok")
	seen, err := closedLoop{base: server.URL, connections: 1, requests: 3, lasting: time.Minute, prepare: s.prepare}.run(t.Context())
	require.NoError(t, err)
	require.ErrorContains(t, seen.only(http.StatusAccepted), "1 requests had no answer")
}

func TestOnlyThisMachineIsALoadsTarget(t *testing.T) {
	t.Parallel()
	for _, base := range []string{"http://192.0.2.1:80", "http://example.com:80", "https://127.0.0.1:443", "http://127.0.0.1", "127.0.0.1:80", "http://localhost:80", ""} {
		_, err := closedLoop{base: base, connections: 1}.run(t.Context())
		require.ErrorContains(t, err, "loopback", base)
		_, err = openLoop{base: base, rate: 1, lasting: time.Second}.run(t.Context())
		require.ErrorContains(t, err, "loopback", base)
	}
	for _, base := range []string{"http://127.0.0.1:80", "http://[::1]:80"} {
		_, err := loopback(base)
		require.NoError(t, err)
	}
	// A request that goes elsewhere than its load is not sent either.
	_, base := newDesk(t)
	seen, err := openLoop{base: base, rate: 100, lasting: 50 * time.Millisecond, prepare: func(_ int, target *vegeta.Target) error {
		target.Method, target.URL = http.MethodGet, "http://192.0.2.1/"
		return nil
	}}.run(t.Context())
	require.NoError(t, err)
	require.ErrorContains(t, seen.only(http.StatusOK), "is not at "+base)
}

func TestA202ThatNamesNoBookingIsNoticed(t *testing.T) {
	t.Parallel()
	whole := `{"client_secret":"s"}`
	_, err := parseAccepted(bookingsPath+"/b1", `"1"`, []byte(whole))
	require.NoError(t, err)
	for _, broken := range [][3]string{{"", `"1"`, whole}, {bookingsPath + "/", `"1"`, whole}, {bookingsPath + "/b1", "", whole}, {bookingsPath + "/b1", `"1"`, `{}`}} {
		_, err := parseAccepted(broken[0], broken[1], []byte(broken[2]))
		require.ErrorIs(t, err, errNoBooking)
	}
}

func TestAPollIsConditionalOnlyWithAnETag(t *testing.T) {
	t.Parallel()
	var req fasthttp.Request
	follow(&req, "k", "b1", `"3"`)
	require.Equal(t, `"3"`, string(req.Header.Peek("If-None-Match")))
	follow(&req, "k", "b2", "")
	require.Empty(t, req.Header.Peek("If-None-Match"))
	require.Equal(t, "/v1/bookings/b2", string(req.Header.RequestURI()))
}
