package sim_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var report = flag.String("report", "", "write what was seen to this file, as JSON")

// tally is what simulations add up to.
type tally struct {
	Schedules int
	Crashes   int           // runs with chosen deaths
	Accepted  int           // bookings that guests were told of
	Simulated time.Duration // that passed in the worlds
	Seen      map[string]int
	Breaches  []string
}

func newTally() *tally { return &tally{Seen: map[string]int{}} }

func (a *tally) schedule(r ran) {
	a.Schedules++
	a.Accepted += r.guests
	a.Simulated += r.took
	for what, n := range r.seen {
		a.Seen[what] += n
	}
}

func (a *tally) add(b *tally) {
	a.Schedules, a.Crashes, a.Accepted, a.Simulated = a.Schedules+b.Schedules, a.Crashes+b.Crashes, a.Accepted+b.Accepted, a.Simulated+b.Simulated
	for what, n := range b.Seen {
		a.Seen[what] += n
	}
	a.Breaches = append(a.Breaches, b.Breaches...)
}

func (a *tally) String() string {
	var seen []string
	for _, what := range slices.Sorted(maps.Keys(a.Seen)) {
		seen = append(seen, fmt.Sprintf("%s %d", what, a.Seen[what]))
	}
	return fmt.Sprintf("%d schedules, %d crash runs, %d bookings accepted, %.1f simulated hours, %d promises broken; %s",
		a.Schedules, a.Crashes, a.Accepted, a.Simulated.Hours(), len(a.Breaches), strings.Join(seen, ", "))
}

// save writes it where it was asked for.
func (a *tally) save(t *testing.T) {
	t.Helper()
	if *report == "" {
		return
	}
	text, err := json.Marshal(a)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(*report, text, 0o600))
}
