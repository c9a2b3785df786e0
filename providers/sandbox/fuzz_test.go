package sandbox

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// fuzzedCalls are the ways into the four systems and the sandbox's own pages; {} stands for what a test puts there.
var fuzzedCalls = []string{
	"POST /hotel/v1/holds", "POST /hotel/v1/holds/release", "POST /hotel/v1/bookings", "POST /hotel/v1/bookings/cancel",
	"GET /hotel/v1/reservations/{}", "GET /hotel/v1/reservations/{}/cancellation", "POST /fraud/v1/screenings", "GET /fraud/v1/screenings/{}",
	"POST /payment/v1/authorizations", "POST /payment/v1/captures", "POST /payment/v1/voids", "POST /payment/v1/refunds", "GET /payment/v1/payments",
	"POST /tracking/v1/track", "GET /payment/3ds/{}", "POST /payment/3ds/{}", "POST /payment/3ds/{}/fail", "POST /fraud/_decide/{}",
	"GET /_ledger", "GET /_journal", "PUT /_faults",
}

// Whatever is sent to the sandbox, it says something or cuts the call; its books stay books, and a restart reads the same ones.
func FuzzSandboxCalls(f *testing.F) {
	const ref, total = `"reference":"BK7Q2M9XTA"`, `{"amount":"346.00","currency":"EUR"}`
	const stay = `"stay":{"hotel_id":"h-1","timezone":"Europe/Madrid","check_in":"2027-03-01","check_out":"2027-03-04","rooms":[{"adults":2,"guests":[{"given_name":"Ana","family_name":"N","lead":true}]}]}`
	hold := `{` + ref + `,"offer_token":"sim_ok","expected_total":` + total + `,` + stay + `}`
	book := `{` + ref + `,"offer_token":"sim_ok","total":` + total + `,` + stay + `,"contact":{"given_name":"A","family_name":"B","email":"a@example.com"}}`
	authorize := `{` + ref + `,"amount":` + total + `,"payment_token":"pm_card_visa"}`
	capture := `{` + ref + `,"authorization_key":"k","amount":` + total + `}`
	f.Add([]byte{0, 2, 3}, hold, book, `{`+ref+`}`, "BK7Q2M9XTA", "k")
	f.Add([]byte{8, 9, 11}, authorize, capture, capture, "BK7Q2M9XTA", "k")
	f.Add([]byte{8, 10, 10}, authorize, `{`+ref+`,"authorization_key":"k"}`, "{}", "x", "k")
	f.Add([]byte{6, 7, 17}, `{`+ref+`,"order_id":"o","email":"ana+review@example.com","amount":`+total+`}`, "", `{"status":"accept"}`, "BK7Q2M9XTA", "")
	f.Add([]byte{13, 18, 19}, `{"type":"track","messageId":"m","event":"Booking Confirmed","anonymousId":"BK7Q2M9XTA","timestamp":"2027-01-01T00:00:00Z","properties":{"value":"1"}}`, "", "", "after=-1", "")
	f.Add([]byte{20, 4, 5}, `{"hotel":{"refused":1}}`, "", "", "..%2f", "\x00")
	f.Add([]byte{1, 12, 14}, `{"reference":"`+"\xff"+`"}`, "null", "[]", "reference=%00&authorization_key=", "k")
	f.Add([]byte{9, 9, 9}, `{`+ref+`,"authorization_key":"k","amount":{"amount":"99999999999999999999.00","currency":"EUR"}}`, capture, capture, "", "")
	f.Fuzz(func(t *testing.T, calls []byte, one, two, three, where, key string) {
		journal := filepath.Join(t.TempDir(), "journal")
		s, err := New(Config{Journal: journal, HangFor: time.Millisecond, Seed: 1})
		require.NoError(t, err)
		for i, body := range []string{one, two, three} {
			if i < len(calls) {
				called(t, s, fuzzedCalls[int(calls[i])%len(fuzzedCalls)], where, key, body)
			}
		}
		s.dice.clear()
		before := ledgerOf(t, s)
		for reference, r := range before.References {
			require.True(t, r.Holds >= 0 && r.Active >= 0 && r.Open >= 0, "%s: %+v", reference, r)
			require.NotEqual(t, byte('-'), r.Net[0], "%s: more came back than was taken", reference)
		}
		require.NoError(t, s.Close())
		again, err := New(Config{Journal: journal})
		require.NoError(t, err)
		after := ledgerOf(t, again)
		require.Equal(t, before.References, after.References)
		require.NoError(t, again.Close())
	})
}

// called makes one call. A cut connection is an answer; a panic of any other kind is not.
func called(t *testing.T, s *Server, call, where, key, body string) {
	t.Helper()
	defer func() {
		if cut := recover(); cut != nil && cut != http.ErrAbortHandler { //nolint:errorlint // net/http compares it like this
			panic(cut)
		}
	}()
	method, path, _ := strings.Cut(call, " ")
	r := httptest.NewRequestWithContext(t.Context(), method, "/", strings.NewReader(body))
	r.URL = &url.URL{Path: strings.ReplaceAll(path, "{}", where), RawQuery: where}
	r.Header.Set("Idempotency-Key", key)
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	if w.Code == http.StatusInternalServerError {
		require.NotContains(t, w.Body.String(), "internal_error", "only what a word asked for breaks")
	}
	if w.Header().Get("Content-Type") == "application/json" {
		require.True(t, json.Valid(w.Body.Bytes()), "%s", w.Body)
	}
}

func ledgerOf(t *testing.T, s *Server) ledgerView {
	t.Helper()
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/_ledger", nil))
	require.Equal(t, http.StatusOK, w.Code)
	var view ledgerView
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &view))
	return view
}

// A journal that was damaged stops the start with the line that is wrong; it is never half of the books, nor a panic.
func FuzzJournal(f *testing.F) {
	whole := `{"seq":1,"system":"hotel","operation":"hold","effect":"held","answer":"given","puts":[{"kind":"ledger","key":"REF","value":{"holds":1}}]}` + "\n"
	for _, text := range []string{
		whole, whole + whole[:40], "\n", "null\n", "{}\n", `{"puts":[{"kind":"account","key":"REF","value":null}]}` + "\n", `{"puts":[{"kind":"nonsense"}]}` + "\n",
		`{"puts":[{"kind":"account","key":"REF","value":{"payments":[null]}}]}` + "\n", `{"puts":[{"kind":"webhook","key":"e","value":{}}]}` + "\n",
		`{"seq":-5,"puts":[{"kind":"reservation","key":"REF","value":{}},{"kind":"answer","key":"k","value":{}},{"kind":"screening","key":"REF","value":{}},{"kind":"message","key":"m","value":{}}]}` + "\n",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		journal := filepath.Join(t.TempDir(), "journal")
		require.NoError(t, os.WriteFile(journal, text, 0o600))
		s, err := New(Config{Journal: journal})
		if err != nil {
			require.ErrorContains(t, err, "line ")
			return
		}
		kept := s.journal.kept
		require.NoError(t, s.Close())
		again, err := New(Config{Journal: journal})
		require.NoError(t, err)
		require.Equal(t, kept, again.journal.kept)
		require.NoError(t, again.Close())
	})
}
