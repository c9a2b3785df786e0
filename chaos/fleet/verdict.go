package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"hotelbooking/chaos/judge"
)

// verdict is what the judge finds in the evidence.
type verdict struct {
	judge.Tally

	evidence judge.Evidence
	found    []judge.Violation
}

func weigh(e judge.Evidence) verdict {
	found := e.Violations()
	return verdict{Tally: e.Tally(found), evidence: e, found: found}
}

// sound tells whether every submission was answered, and every promise kept. A run in which nothing was accepted shows nothing.
func (v verdict) sound() bool { return len(v.found) == 0 && v.Unacked == 0 && v.Acked > 0 }

// print is the table of what came of it, and what is known of the first bookings of which it is not what it should be.
func (v verdict) print(out io.Writer) {
	w := tabwriter.NewWriter(out, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "accepted\tconfirmed\tfailed\tcancelled\twith staff\tlost\tdoubled\tnot ended\tinconsistent\tstepped back\tnot accepted\t")
	fmt.Fprintf(w, "%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t\n", v.Acked, v.Confirmed, v.Failed, v.Cancelled, v.Parked,
		v.Wrong["lost"], v.Wrong["doubled"], v.Wrong["stuck"], v.Wrong["inconsistent"], v.Wrong["non_monotone"], v.Unacked)
	_ = w.Flush() // to a terminal or a file
	switch {
	case v.Acked == 0:
		fmt.Fprintln(out, "nothing was accepted, so nothing was shown")
	case v.Unacked > 0:
		fmt.Fprintf(out, "%d submissions were never answered\n", v.Unacked)
	}
	for _, violation := range judge.FirstOf(v.found, 20) {
		fmt.Fprintln(out, violation)
	}
	for _, violation := range v.found[:min(len(v.found), 3)] {
		fmt.Fprintln(out, v.evidence.About(violation))
	}
}
