package booking

import (
	"fmt"
	"strings"
)

// Chart draws the flow as a Mermaid chart, from the table itself. It stands in README.md, and a test compares the two.
func (f Flow) Chart() string {
	var out strings.Builder
	p := func(format string, args ...any) { fmt.Fprintf(&out, format+"\n", args...) }
	p("```mermaid")
	p("flowchart TD")
	p("    accepted([accepted: 202]) --> %s", f.Steps[0].Name)
	for i, s := range f.Steps {
		shape := `%s["%s<br/>pool %s"]`
		if s.Pivot {
			shape = `%s[["%s (pivot)<br/>pool %s"]]`
		}
		p("    "+shape, s.Name, s.Name, s.Pool)
		if i+1 < len(f.Steps) {
			label := ""
			if s.Pivot {
				label = "|the customer sees confirmed|"
			}
			p("    %s -->%s %s", s.Name, label, f.Steps[i+1].Name)
		}
		if s.Find != nil {
			p("    %s -. no answer .-> find_%s{{\"ask what happened\"}}", s.Name, s.Name)
			p("    find_%s -. it happened: go on, it did not: do it .-> %s", s.Name, s.Name)
		}
	}
	p("    %s --> ended([at rest])", f.Steps[len(f.Steps)-1].Name)
	p("```")
	return out.String()
}

// Diagram is the flow in words and tables below its chart. docs/flow.md is its output, and a test compares the two.
func (f Flow) Diagram() string {
	var out strings.Builder
	p := func(format string, args ...any) { fmt.Fprintf(&out, format+"\n", args...) }
	p("# The flow")
	p("")
	p("Drawn from the table in `booking/flow.go`; `go test ./booking -run Diagram -update` draws it again.")
	p("")
	p("%s", f.Chart())
	p("Undo runs upwards from where the booking stands: the pivot first, tracking last.")
	p("")
	p("| step | pool | do | find | undo | tries | then |")
	p("|---|---|---|---|---|---|---|")
	for _, s := range f.Steps {
		name := string(s.Name)
		if s.Pivot {
			name += " (pivot)"
		}
		find, undo := "safe to repeat", "nothing to take back"
		if s.Find != nil {
			find = "asked after an unclear outcome"
		}
		if s.Undo != nil {
			undo = plainUndo(s.Name)
		}
		p("| %s | %s | %s | %s | %s | %d | %s |", name, s.Pool, plainStep(s.Name), find, undo, s.Tries, s.Spent)
	}
	p("")
	p("What becomes of a step's outcome, by the phase in which it is heard:")
	p("")
	p("| outcome | doing | finding | undoing | parked |")
	p("|---|---|---|---|---|")
	p("| next | the next step | it happened: the next step (undoing: the next undo) | the next undo | a person said so: as if the step had |")
	p("| again | done again | it did not happen: do it, or undo it | undone again | goes on where it was parked |")
	p("| retry | later, until the tries are used up | asked again | later, for ever | - |")
	p("| reject | before the pivot: unwind; after it: staff | as doing | staff; a refused cancellation: the stay stands | a person said so |")
	p("| compensate | unwind, this step included | as doing | staff | the time ran out: unwind |")
	p("| unknown | find, or again where it is safe | asked again; too long: staff | find | find |")
	p("| park | a person has to act | a person has to act | a person has to act | - |")
	return out.String()
}
