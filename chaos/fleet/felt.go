package main

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"

	"hotelbooking/chaos/judge"
)

// felt is what clients noticed between two moments.
type felt struct {
	what              string
	back              time.Duration // until what was killed was ready again
	unaccepted, still time.Duration // the longest without an acceptance, and without an end
	slowest           time.Duration // from acceptance to end, of those that ended then and had no trouble of their own
}

// feel cuts a run at its blows: before the first, and from each to the next. began is when the clients came.
func feel(began time.Time, blows []blow, stories []*judge.Story) []felt {
	var accepted, ended []time.Time
	for _, s := range stories {
		if !s.Acked.IsZero() {
			accepted = append(accepted, s.Acked)
		}
		if !s.Decided.IsZero() {
			ended = append(ended, s.Decided)
		}
	}
	slices.SortFunc(accepted, time.Time.Compare)
	slices.SortFunc(ended, time.Time.Compare)
	pieces := append([]blow{{what: "nothing yet", at: began, back: began}}, blows...)
	var all []felt
	for i, b := range pieces {
		f := felt{what: b.what, back: b.back.Sub(b.at)}
		until := time.Unix(1<<40, 0)
		if i+1 < len(pieces) {
			until = pieces[i+1].at
		}
		f.unaccepted, f.still = silence(accepted, b.at, until), silence(ended, b.at, until)
		for _, s := range stories {
			if s.Kind.Name == "ok" && !s.CancelSent && s.Decided.After(b.at) && !s.Decided.After(until) {
				f.slowest = max(f.slowest, s.Decided.Sub(s.Acked))
			}
		}
		all = append(all, f)
	}
	return all
}

// silence is the longest time between two moments, and not after the last event, in which there was none.
func silence(events []time.Time, from, until time.Time) (longest time.Duration) {
	for _, e := range events {
		if !e.After(from) {
			continue
		}
		if e.After(until) {
			e = until
		}
		longest, from = max(longest, e.Sub(from)), e
	}
	return longest
}

// printFelt is the table of what was felt.
func printFelt(out io.Writer, all []felt) {
	w := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	fmt.Fprintln(w, "killed\tready again after\tlongest without an acceptance\tlongest without an end\tslowest plain booking")
	for _, f := range all {
		back := "-"
		if f.back > 0 {
			back = round(f.back)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", f.what, back, round(f.unaccepted), round(f.still), round(f.slowest))
	}
	_ = w.Flush() // to a terminal or a file
}

func round(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }
