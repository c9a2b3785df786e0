package providertest

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
)

// Meanings says what the codes of a vendor mean, by operation. A zero Kind says that the code is an answer, or that the
// adapter goes on; other tests of the adapter show what comes of it.
type Meanings map[string]map[string]booking.Fault

// hostile is what holds of every call of every adapter, whatever its vendor says. operations makes the calls of an
// adapter that talks to url.
func hostile(t *testing.T, operations func(t *testing.T, url string) []operation) {
	t.Helper()
	for name, c := range hostileAnswers(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWire(t, "")
			w.set(mode{answer: c.answer})
			for _, op := range operations(t, w.url) {
				f := fault(t, op.call(t.Context()))
				require.Equal(t, c.after, f.After, op.name)
				switch {
				case c.certain:
					require.Equal(t, booking.NotDone, f.Kind, op.name)
				case op.harmless:
					require.NotEqual(t, booking.Refused, f.Kind, op.name)
				default:
					require.Equal(t, booking.Unclear, f.Kind, op.name)
				}
			}
		})
	}
	t.Run("nobody listens", func(t *testing.T) {
		t.Parallel()
		for _, op := range operations(t, nobody(t)) {
			require.Equal(t, booking.NotDone, fault(t, op.call(t.Context())).Kind, op.name)
		}
	})
	t.Run("the other side does not speak TLS", func(t *testing.T) {
		t.Parallel()
		w := newWire(t, "")
		for _, op := range operations(t, strings.Replace(w.url, "http://", "https://", 1)) {
			require.Equal(t, booking.NotDone, fault(t, op.call(t.Context())).Kind, op.name)
		}
	})
	t.Run("the caller has given up before it began", func(t *testing.T) {
		t.Parallel()
		w := newWire(t, "")
		w.set(mode{answer: func(http.ResponseWriter, *http.Request) { t.Error("it was called") }})
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		for _, op := range operations(t, w.url) {
			require.Equal(t, booking.NotDone, fault(t, op.call(ctx)).Kind, op.name)
		}
	})
	t.Run("the caller gives up while the vendor works", func(t *testing.T) {
		t.Parallel()
		w := newWire(t, "")
		for _, op := range operations(t, w.url) {
			ctx, cancel := context.WithCancel(t.Context())
			w.set(mode{answer: func(_ http.ResponseWriter, r *http.Request) {
				cancel()
				_, _ = io.Copy(io.Discard, r.Body) // only then the server notices that the caller is gone
				<-r.Context().Done()
			}})
			require.Equal(t, kindOfLoss(op), fault(t, op.call(ctx)).Kind, op.name)
			cancel()
		}
	})
}

func kindOfLoss(op operation) booking.FaultKind {
	if op.harmless {
		return booking.NotDone
	}
	return booking.Unclear
}

type hostileAnswer struct {
	answer  http.HandlerFunc
	certain bool          // it says that nothing happened
	after   time.Duration // and when to come back
}

// hostileAnswers all quote the request, so that what an error repeats of an answer shows.
func hostileAnswers(t *testing.T) map[string]hostileAnswer {
	t.Helper()
	says := func(status int, kind, format string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			request, err := io.ReadAll(r.Body)
			if err != nil {
				return
			}
			w.Header().Set("Content-Type", kind)
			w.WriteHeader(status)
			_, _ = fmt.Fprintf(w, format, request)
		}
	}
	with := func(header, value string, h http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set(header, value)
			h(w, r)
		}
	}
	const isJSON, isHTML = "application/json", "text/html"
	quote := `{"error":{"code":"nobody_knows_this","message":%q}}`
	all := map[string]hostileAnswer{
		"401":                       {answer: says(401, isJSON, quote), certain: true},
		"403":                       {answer: says(403, isHTML, "%s"), certain: true},
		"429 with Retry-After":      {answer: with("Retry-After", "7", says(429, isJSON, quote)), after: 7 * time.Second},
		"503 for the next century":  {answer: with("Retry-After", "9999999999", says(503, isHTML, "%s"))},
		"503 until a past date":     {answer: with("Retry-After", "Mon, 02 Jan 2006 15:04:05 GMT", says(503, isHTML, "%s"))},
		"a web page with 200":       {answer: says(200, isHTML, "<h1>%s</h1>")},
		"JSON that says it is HTML": {answer: says(200, isHTML, "{}%.0s")},
		"half an answer":            {answer: says(200, isJSON, `{"reference":"%s`)},
		"two answers":               {answer: says(200, isJSON, `{}{}%.0s`)},
		"an empty object":           {answer: says(200, isJSON, `{}%.0s`)},
		"null":                      {answer: says(200, isJSON, `null%.0s`)},
		"a list":                    {answer: says(200, isJSON, `[]%.0s`)},
		"an answer of wrong types":  {answer: says(200, isJSON, `{"reference":7,"success":"%.6s"}`)},
		"no valid UTF-8":            {answer: says(200, isJSON, "{\"reference\":\"\xff\"}%.0s")},
		"204":                       {answer: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }},
		"an endless answer":         {answer: says(200, isJSON, `{"reference":"`+strings.Repeat("x", 3<<20)+`%s"}`)},
		"an answer that breaks off": {answer: func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "100")
			says(200, isJSON, `{"reference":%.1s`)(w, r)
		}},
		"a connection that breaks": {answer: func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }},
	}
	for _, status := range []int{400, 402, 404, 408, 409, 410, 422, 425, 429, 500, 502, 503, 504, 507} {
		all[fmt.Sprintf("%d with a code that nobody knows", status)] = hostileAnswer{answer: says(status, isJSON, quote)}
		all[fmt.Sprintf("%d of some proxy", status)] = hostileAnswer{answer: says(status, isHTML, "%s")}
	}
	for _, status := range []int{301, 302, 303, 307, 308} {
		all[fmt.Sprintf("%d to somewhere else", status)] = hostileAnswer{answer: func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/trap" {
				t.Error("a redirect was followed")
			}
			http.Redirect(w, r, "/trap", status)
		}}
	}
	return all
}

// refusals checks that each code means what is listed, and that one nobody listed means nothing.
func refusals(t *testing.T, body func(code string) string, m Meanings, operations func(t *testing.T, url string) []operation) {
	t.Helper()
	for name, codes := range m {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWire(t, "")
			var op operation
			for _, o := range operations(t, w.url) {
				if o.name == name {
					op = o
				}
			}
			require.NotNil(t, op.call, "no operation %q", name)
			for code, want := range codes {
				w.set(mode{answer: func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("Content-Type", "application/json")
					w.WriteHeader(http.StatusConflict)
					_, _ = io.WriteString(w, body(code))
				}})
				err := op.call(t.Context())
				if want.Kind == "" {
					continue
				}
				f := fault(t, err)
				require.Equal(t, want.Kind, f.Kind, "%s %s", name, code)
				if want.Reason != "" {
					require.Equal(t, want.Reason, f.Reason, "%s %s", name, code)
				}
				require.Contains(t, f.Error(), code, "staff must see the vendor's word")
			}
		})
	}
}
