package chaos_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/chaos/client"
	"hotelbooking/chaos/judge"
)

// sandbox is the outside world: a process that no case kills, so that its books are what really happened.
type sandbox struct {
	*process
	url   string
	books client.Outside
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
	s.books.URL = s.url
	return s
}

func (s *sandbox) misbehave(m misbehaviour) {
	s.Helper()
	body, err := json.Marshal(m)
	require.NoError(s, err)
	a, err := client.Call(http.MethodPut, s.url+"/_faults", "", string(body), 10*time.Second)
	require.NoError(s, err)
	require.Equal(s, http.StatusOK, a.Status, "%s", a.Body)
}

// ledger is everything by reference, and how many calls have an effect that is still to come.
func (s *sandbox) ledger() (ledger map[string]judge.Effects, pending int) {
	s.Helper()
	ledger, pending, err := s.books.Ledger()
	require.NoError(s, err)
	return ledger, pending
}

// follow reads what is new in the journal, which a long case does while it runs.
func (s *sandbox) follow() {
	s.Helper()
	require.NoError(s, s.books.Follow())
}

// journal is what was read so far.
func (s *sandbox) journal() []judge.Entry { return s.books.Journal() }
