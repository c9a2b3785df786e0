package judge

import (
	"fmt"
	"slices"
	"strings"
)

// Evidence is what the three sources say once nothing moves any more: the clients' memory, the outside's books, and the
// service, by its database and its public API.
type Evidence struct {
	Stories []*Story
	Ledger  map[string]Effects // by reference
	Journal []Entry
	Rows    map[string]*Row // by id
	Final   map[string]View // by id: what the API says now, of all that were acknowledged
	Fees    map[string]string
	Desk    map[string]bool // ids that support's list of what needs a person shows
	Stuck   int             // bookings that still moved when patience ended
}

// About is all that is known of the booking of a violation, for who has to find out what went wrong.
func (e Evidence) About(v Violation) string {
	var out strings.Builder
	fmt.Fprintln(&out, v)
	reference := v.Booking
	if r := e.Rows[v.Booking]; r != nil {
		reference = r.Reference
		fmt.Fprintf(&out, "  %s %s %s, version %d, attention %q, key %s\n", r.Phase, r.Step, r.Status, r.Version, r.Attention, r.Key)
		for _, l := range r.Lines {
			fmt.Fprintf(&out, "  %s %2d %s %s, %s %s: %s %s -> %s %s, %s, by %s, took %s\n", l.At.UTC().Format(stamp), l.Version, l.Actor, l.Verb,
				l.FromPhase, l.FromStep, l.Outcome, l.Reason, l.ToPhase, l.ToStep, l.Status, l.WrittenBy, l.Took)
		}
	}
	for _, s := range e.Stories {
		if slices.Contains(s.IDs, v.Booking) {
			fmt.Fprintf(&out, "  its client wanted %q, and saw %+v\n", s.Kind.Name, s.Seen)
		}
	}
	for _, j := range e.Journal {
		if j.Reference == reference {
			fmt.Fprintf(&out, "  %s received %s: %s %s %s: %s, %d %s, answer %s %s\n", j.At.UTC().Format(stamp), j.Received.UTC().Format(stamp), j.System,
				j.Operation, j.Key, j.Effect, j.Status, j.Code, j.Answer, j.Fault)
		}
	}
	fmt.Fprintf(&out, "  %+v", e.Ledger[reference])
	return out.String()
}

const stamp = "15:04:05.000"

// FirstOf are the first n, in words, and how many more there are.
func FirstOf(all []Violation, n int) []string {
	var out []string
	for i, v := range all {
		if i == n {
			return append(out, fmt.Sprintf("and %d more", len(all)-n))
		}
		out = append(out, v.String())
	}
	return out
}
