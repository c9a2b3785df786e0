package chaos_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// sandbox is the outside world: a process that no case kills, so that its books are what really happened.
type sandbox struct {
	*process
	url string

	mu      sync.Mutex
	journal []entry // as far as it was read; see follow
}

// faults are shares of calls, as PUT /_faults takes them.
type faults struct {
	Refused   float64  `json:"refused_before_effect,omitempty"`
	Lost      float64  `json:"effect_answer_lost,omitempty"`
	Late      float64  `json:"late_effect,omitempty"`
	Hang      float64  `json:"hang,omitempty"`
	Duplicate float64  `json:"duplicate_delivery,omitempty"`
	LateBy    int      `json:"late_effect_delay_ms,omitempty"`
	Latency   *latency `json:"latency,omitempty"`
}

type latency struct {
	P50 int `json:"p50_ms"`
	P99 int `json:"p99_ms"`
}

// misbehaviour is the faults of each system: hotel, fraud, payment, tracking.
type misbehaviour map[string]faults

// usualFaults strike about one call in ten, in every way there is. An effect that comes late comes after the caller's own
// patience.
func usualFaults() misbehaviour {
	quick := &latency{P50: 15, P99: 150}
	all := faults{Refused: .03, Lost: .03, Late: .02, Hang: .005, Duplicate: .02, LateBy: 2500, Latency: quick}
	// What cannot be screened three times in a row goes to a person: rarely, or the outcomes are not known in advance.
	screening := faults{Refused: .01, Lost: .01, Late: .005, Duplicate: .02, LateBy: 2500, Latency: quick}
	return misbehaviour{"hotel": all, "payment": all, "fraud": screening, "tracking": all}
}

// healthy answers soon, and always.
func healthy() misbehaviour {
	f := faults{Latency: &latency{P50: 15, P99: 150}}
	return misbehaviour{"hotel": f, "payment": f, "fraud": f, "tracking": f}
}

func startSandbox(t *testing.T, binary string, environ ...string) *sandbox {
	t.Helper()
	s := &sandbox{process: startProcess(t, "sandbox", binary, []string{"sandbox", "--addr", "127.0.0.1:0"},
		append([]string{"BOOKING_DATA_DIR=" + t.TempDir(), "BOOKING_SANDBOX__LATENCY=0.05"}, environ...))}
	var said struct{ Addr string }
	s.until("the sandbox does not come up", func() bool { return s.says("sandbox", &said) })
	s.url = "http://" + said.Addr
	return s
}

func (s *sandbox) misbehave(m misbehaviour) {
	s.Helper()
	body, err := json.Marshal(m)
	require.NoError(s, err)
	a, err := call(http.MethodPut, s.url+"/_faults", "", string(body), 10*time.Second)
	require.NoError(s, err)
	require.Equal(s, http.StatusOK, a.status, "%s", a.body)
}

// effects are what really exists under one reference, and ever did.
type effects struct {
	Holds       int    `json:"holds"`
	Active      int    `json:"active_reservations"`
	MaxActive   int    `json:"max_active_reservations"`
	Confirmed   int    `json:"ever_confirmed"`
	Open        int    `json:"open_authorizations"`
	MaxOpen     int    `json:"max_open_authorizations"`
	Captures    int    `json:"captures"`
	MaxCaptures int    `json:"max_captures"`
	KeysReused  int    `json:"keys_reused"`
	Tracked     int    `json:"tracked"`
	Currency    string `json:"currency"`
	Captured    string `json:"captured"`
	Refunded    string `json:"refunded"`
	Net         string `json:"net_captured"`
}

// ledger is everything by reference, and how many calls have an effect that is still to come.
func (s *sandbox) ledger() (ledger map[string]effects, pending int) {
	s.Helper()
	var view struct {
		References map[string]effects `json:"references"`
		Pending    int                `json:"pending_effects"`
	}
	s.get("/_ledger", &view)
	return view.References, view.Pending
}

// entry is one call as the sandbox received it.
type entry struct {
	Seq       int64     `json:"seq"`
	At        time.Time `json:"effect_at"`
	Received  time.Time `json:"received_at"`
	System    string    `json:"system"`
	Operation string    `json:"operation"`
	Reference string    `json:"reference"`
	Key       string    `json:"idempotency_key"`
	Body      string    `json:"body_hash"`
	Effect    string    `json:"effect"`
	Answer    string    `json:"answer"`
	Status    int       `json:"status"`
	Code      string    `json:"code"`
	Fault     string    `json:"fault"`
}

// did lists the effects of a call: one may have several.
func (e entry) did() []string { return strings.Split(e.Effect, ", ") }

// follow reads what is new in the journal, and returns that. The sandbox keeps a hundred thousand calls, so a long case
// follows it while it runs.
func (s *sandbox) follow() (fresh []entry) {
	s.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		after := int64(0)
		if n := len(s.journal); n > 0 {
			after = s.journal[n-1].Seq
		}
		var page struct {
			Entries   []entry `json:"entries"`
			Forgotten bool    `json:"older_forgotten"`
		}
		s.get(fmt.Sprintf("/_journal?after=%d", after), &page)
		require.False(s, page.Forgotten, "the sandbox has forgotten calls that were not read")
		if len(page.Entries) == 0 {
			return fresh
		}
		s.journal = append(s.journal, page.Entries...)
		fresh = append(fresh, page.Entries...)
	}
}

func (s *sandbox) get(path string, into any) {
	s.Helper()
	a, err := call(http.MethodGet, s.url+path, "", "", 30*time.Second)
	require.NoError(s, err)
	require.Equal(s, http.StatusOK, a.status, "%s", a.body)
	require.NoError(s, json.Unmarshal(a.body, into))
}
