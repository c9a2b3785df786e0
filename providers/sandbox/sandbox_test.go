package sandbox_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/providers/sandbox"
)

const ref = "BK7Q2M9XTA"

// world is a sandbox behind a real listener.
type world struct {
	t      *testing.T
	server *sandbox.Server
	url    string
	client *http.Client
}

// setup starts a sandbox that answers at once; calls that are never answered are cut after a moment.
func setup(t *testing.T, cfg sandbox.Config) *world {
	t.Helper()
	if cfg.HangFor == 0 {
		cfg.HangFor = time.Millisecond
	}
	server, err := sandbox.New(cfg)
	require.NoError(t, err)
	listener := httptest.NewServer(server)
	client := listener.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	w := &world{t: t, server: server, url: listener.URL, client: client}
	t.Cleanup(func() {
		w.codesAreListed()
		require.NoError(t, server.Close())
		listener.Close()
	})
	return w
}

// reply is an answer; Status 0: the connection broke without one.
type reply struct {
	Status int
	Type   string
	Text   string
	JSON   map[string]any
}

func (w *world) call(method, path string, body any, header ...string) reply {
	w.t.Helper()
	var text []byte
	switch b := body.(type) {
	case nil:
	case string:
		text = []byte(b)
	default:
		var err error
		text, err = json.Marshal(b)
		require.NoError(w.t, err)
	}
	req, err := http.NewRequestWithContext(context.Background(), method, w.url+path, bytes.NewReader(text))
	require.NoError(w.t, err)
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := w.client.Do(req)
	if err != nil {
		return reply{}
	}
	defer func() { _ = res.Body.Close() }()
	answer, err := io.ReadAll(res.Body)
	require.NoError(w.t, err)
	r := reply{Status: res.StatusCode, Type: res.Header.Get("Content-Type"), Text: string(answer)}
	if strings.HasPrefix(r.Type, "application/json") {
		require.NoError(w.t, json.Unmarshal(answer, &r.JSON))
	}
	return r
}

// at walks into an answer: "error.code", "payments.0.status".
func (r reply) at(path string) any {
	var value any = r.JSON
	for _, name := range strings.Split(path, ".") {
		switch v := value.(type) {
		case map[string]any:
			value = v[name]
		case []any:
			if name != "0" || len(v) == 0 {
				return nil
			}
			value = v[0]
		default:
			return nil
		}
	}
	return value
}

func (r reply) code() string {
	code, _ := r.at("error.code").(string)
	return code
}

type object = map[string]any

func eur(amount string) object { return object{"amount": amount, "currency": "EUR"} }

func stay() object {
	return object{
		"hotel_id": "h-1", "timezone": "Europe/Madrid", "check_in": "2027-03-01", "check_out": "2027-03-04",
		"rooms": []object{{"adults": 2, "guests": []object{{"given_name": "Ana", "family_name": "Núñez", "lead": true}}}},
	}
}

func (w *world) hold(reference, token string) reply {
	w.t.Helper()
	return w.call("POST", "/hotel/v1/holds", object{
		"reference": reference, "offer_token": token, "expected_total": eur("346.00"), "stay": stay(),
	})
}

func (w *world) confirm(reference, token, total string) reply {
	w.t.Helper()
	return w.call("POST", "/hotel/v1/bookings", object{
		"reference": reference, "offer_token": token, "total": eur(total), "stay": stay(),
		"contact": object{"given_name": "Ana", "family_name": "Núñez", "email": "ana@example.com"},
	})
}

func (w *world) release(reference string) reply {
	w.t.Helper()
	return w.call("POST", "/hotel/v1/holds/release", object{"reference": reference})
}

func (w *world) cancel(reference string) reply {
	w.t.Helper()
	return w.call("POST", "/hotel/v1/bookings/cancel", object{"reference": reference})
}

func (w *world) retrieve(reference string) reply {
	w.t.Helper()
	return w.call("GET", "/hotel/v1/reservations/"+reference, nil)
}

func (w *world) authorize(reference, key, token, amount string) reply {
	w.t.Helper()
	return w.call("POST", "/payment/v1/authorizations", object{
		"reference": reference, "amount": eur(amount), "payment_token": token,
	}, "Idempotency-Key", key)
}

func (w *world) capture(reference, key, authorization, amount string) reply {
	w.t.Helper()
	return w.call("POST", "/payment/v1/captures", object{
		"reference": reference, "authorization_key": authorization, "amount": eur(amount),
	}, "Idempotency-Key", key)
}

func (w *world) refund(reference, key, authorization, amount string) reply {
	w.t.Helper()
	return w.call("POST", "/payment/v1/refunds", object{
		"reference": reference, "authorization_key": authorization, "amount": eur(amount),
	}, "Idempotency-Key", key)
}

func (w *world) void(reference, authorization string) reply {
	w.t.Helper()
	return w.call("POST", "/payment/v1/voids", object{"reference": reference, "authorization_key": authorization})
}

func (w *world) payments(reference string) reply {
	w.t.Helper()
	return w.call("GET", "/payment/v1/payments?reference="+reference, nil)
}

// ledger is the row of a reference: numbers as float64, money as decimals.
func (w *world) ledger(reference string) object {
	w.t.Helper()
	references, ok := w.call("GET", "/_ledger", nil).at("references").(map[string]any)
	require.True(w.t, ok)
	row, _ := references[reference].(map[string]any)
	return row
}

// counts checks some numbers of a row.
func (w *world) counts(reference string, want map[string]int) {
	w.t.Helper()
	row := w.ledger(reference)
	for name, n := range want {
		if row == nil {
			require.Zero(w.t, n, "%s of a reference without a row", name)
			continue
		}
		require.EqualValues(w.t, n, row[name], name)
	}
}

func (w *world) faults(system string, faults object) {
	w.t.Helper()
	require.Equal(w.t, 200, w.call("PUT", "/_faults", object{system: faults}).Status)
}

func (w *world) journal(query string) []any {
	w.t.Helper()
	entries, ok := w.call("GET", "/_journal?"+query, nil).JSON["entries"].([]any)
	require.True(w.t, ok)
	return entries
}

func (w *world) settle() {
	w.t.Helper()
	require.Equal(w.t, 204, w.call("POST", "/_settle", nil).Status)
}

// codesAreListed: whoever maps the codes of this vendor relies on the list.
func (w *world) codesAreListed() {
	if w.call("GET", "/_health", nil).Status == 0 {
		return // the test stopped it
	}
	for _, e := range w.journal("") {
		entry := e.(object)
		code, refused := entry["code"].(string)
		system, operation := entry["system"].(string), entry["operation"].(string)
		if refused {
			require.Contains(w.t, sandbox.Codes(sandbox.System(system), operation), code, "%s %s", system, operation)
		}
	}
}

// clock is a time that a test moves.
type clock struct{ now atomic.Pointer[time.Time] }

func newClock() *clock {
	c := &clock{}
	start := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	c.now.Store(&start)
	return c
}

func (c *clock) read() time.Time { return *c.now.Load() }

func (c *clock) move(d time.Duration) {
	later := c.read().Add(d)
	c.now.Store(&later)
}
