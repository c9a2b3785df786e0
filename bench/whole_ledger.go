package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// effects is what the sandbox's ledger has under one reference: what really happened, whatever anybody was told.
type effects struct {
	Holds       int `json:"holds"`
	Active      int `json:"active_reservations"`
	Confirmed   int `json:"ever_confirmed"`
	Open        int `json:"open_authorizations"`
	Authorized  int `json:"ever_authorized"`
	Captures    int `json:"captures"`
	MaxCaptures int `json:"max_captures"`
	Refunds     int `json:"refunds"`
	Tracked     int `json:"tracked"`
}

// wrong says what is wrong with a booking that was to be made, paid and told once; "" where nothing is.
func (e effects) wrong() string {
	switch {
	case e.Confirmed == 0 || e.Active == 0:
		return "no room"
	case e.Confirmed > 1:
		return "booked more than once"
	case e.Captures > 1 || e.MaxCaptures > 1 || e.Refunds > 0:
		return "charged more than once"
	case e.Captures == 0:
		return "not charged"
	case e.Holds > 0 || e.Open > 0:
		return "something is left open"
	case e.Tracked != 1:
		return "not tracked once"
	default:
		return ""
	}
}

// outcomes compares what clients were told with what really happened: how often each thing is wrong. A reference that the
// ledger has and nobody was told must be in order, too: its client lost the answer, and not the booking.
func outcomes(promised map[string]bool, ledger map[string]effects) map[string]int {
	wrong := map[string]int{}
	for reference := range promised {
		if what := ledger[reference].wrong(); what != "" {
			wrong[what]++
		}
	}
	for reference, e := range ledger {
		if what := e.wrong(); what != "" && !promised[reference] {
			wrong["unanswered: "+what]++
		}
	}
	return wrong
}

// describe is what is wrong in words, the same each time; "" where nothing is.
func describe(wrong map[string]int) string {
	var said []string
	for _, what := range slices.Sorted(maps.Keys(wrong)) {
		said = append(said, fmt.Sprintf("%d %s", wrong[what], what))
	}
	return strings.Join(said, ", ")
}

// readLedger asks a sandbox for everything, and how many calls it has had.
func readLedger(ctx context.Context, sandbox string) (map[string]effects, int, error) {
	return askLedger(ctx, sandbox+"/_ledger")
}

// countCalls is how many calls a sandbox has had, without everything else.
func countCalls(ctx context.Context, sandbox string) (int, error) {
	_, calls, err := askLedger(ctx, sandbox+"/_ledger?"+url.Values{"reference": {"none"}}.Encode())
	return calls, err
}

func askLedger(ctx context.Context, address string) (map[string]effects, int, error) {
	body, err := get(ctx, address)
	if err != nil {
		return nil, 0, fmt.Errorf("read the sandbox's ledger: %w", err)
	}
	var view struct {
		References map[string]effects `json:"references"`
		Calls      int                `json:"calls"`
	}
	if err := json.Unmarshal(body, &view); err != nil {
		return nil, 0, fmt.Errorf("read the sandbox's ledger: %w", err)
	}
	return view.References, view.Calls, nil
}

const getWithin = 30 * time.Second

func get(ctx context.Context, address string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, getWithin)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %d", req.URL.Path, res.StatusCode)
	}
	return io.ReadAll(res.Body)
}
