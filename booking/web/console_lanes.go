package web

import (
	"slices"
	"strings"
	"time"

	"hotelbooking/booking"
)

// lane is one step of the flow, and what was done about it.
type lane struct {
	Step  booking.Name
	Title string
	Mark  booking.Mark
	State string // in words
	Here  bool   // the booking stands here
	Lines []historyLine
	Cut   int // earlier lines that are not shown
}

// historyLine is one line of the history.
type historyLine struct {
	booking.Entry
	Say     string
	Why     string // its reason in words
	Turn    string // "tried", "asked", "taken back", or who decided
	Moved   bool
	TookMs  int64
	Outside bool // a vendor's notification
}

// lanes sorts the history by step, in the order of the flow. A decision belongs to the step that it moves the booking to
// where the booking stood at none.
func (s *Server) lanes(b *booking.Booking, history []booking.Entry) []lane {
	all := make([]lane, len(s.flow.Steps))
	for i, step := range s.flow.Steps {
		mark := b.Mark(step.Name)
		one := lane{Step: step.Name, Title: stepTitle(step.Name), Mark: mark, State: markWords(mark.State, b.Goal), Here: b.Place.Step == step.Name}
		for _, e := range history {
			at := e.From.Step
			if at == "" {
				at = e.To.Step
			}
			if at == step.Name && e.Verb != "accept" && e.Verb != string(booking.VerbNote) && e.Verb != string(booking.VerbReveal) {
				one.Lines = append(one.Lines, lineOf(e))
			}
		}
		if one.Cut = max(0, len(one.Lines)-laneMax); one.Cut > 0 {
			one.Lines = one.Lines[one.Cut:]
		}
		all[i] = one
	}
	return all
}

func lineOf(e booking.Entry) historyLine {
	line := historyLine{Entry: e, Say: say(e), Why: reasonWords(e.Reason), Moved: e.From != e.To, TookMs: e.Took.Milliseconds()}
	switch {
	case e.Verb == "accept":
		line.Turn = "accepted"
	case e.Verb != "turn":
		line.Turn, line.Outside = "decided", strings.HasPrefix(e.Actor, "webhook:")
		if line.Outside {
			line.Turn = "notified"
		}
	case e.From.Phase == booking.Undoing:
		line.Turn = "undo"
	case e.From.Phase == booking.Finding:
		line.Turn = "asked"
	case e.From.Phase == booking.Parked:
		line.Turn = "waited"
	default:
		line.Turn = "tried"
	}
	return line
}

// callLine is one call to outside, with the turn that made it.
type callLine struct {
	booking.Call
	At      time.Time
	Version int
	N       int // within its turn
	Went    string
	Bad     bool
	TookMs  int64
}

// callLines are the calls of all turns, newest first; cut tells that there were more.
func callLines(history []booking.Entry) (lines []callLine, cut bool) {
	for _, e := range slices.Backward(history) {
		for i, call := range slices.Backward(e.Calls) {
			if len(lines) == callsMax {
				return lines, true
			}
			line := callLine{Call: call, At: e.At, Version: e.Version, N: i + 1, TookMs: call.Took.Milliseconds(), Bad: call.Fault != ""}
			switch call.Fault {
			case "":
				line.Went = "done"
			case booking.Refused:
				line.Went = "refused"
			case booking.NotDone:
				line.Went = "not done, may work later"
			case booking.Unclear:
				line.Went = "no clear answer: nobody can tell whether it happened"
			}
			lines = append(lines, line)
		}
	}
	return lines, false
}

// say is a line in words; who decided stands beside it.
func say(e booking.Entry) string {
	if e.Verb != "turn" && e.Verb != "accept" {
		return strings.TrimSuffix(strings.ReplaceAll(e.Verb, "-", " ")+": "+e.Detail, ": ")
	}
	text := e.Say()
	return strings.ToUpper(text[:1]) + text[1:] // which begins with a word of ours
}

func stepTitle(step booking.Name) string {
	switch step {
	case booking.StepHold:
		return "Check the price, hold the room"
	case booking.StepScreen:
		return "Screen for fraud"
	case booking.StepAuthorize:
		return "Reserve the amount on the card"
	case booking.StepConfirm:
		return "Confirm with the supplier"
	case booking.StepCapture:
		return "Charge the card"
	case booking.StepTrack:
		return "Report the sale"
	default:
		return string(step)
	}
}

func markWords(state booking.MarkState, goal booking.Goal) string {
	switch state {
	case booking.MarkPending:
		if goal == booking.Fail || goal == booking.Cancel {
			return "not needed"
		}
		return "to come"
	case booking.MarkBegun:
		return "begun"
	case booking.MarkUnclear:
		return "not known"
	case booking.MarkDone:
		return "done"
	case booking.MarkRefused:
		return "refused"
	case booking.MarkUndone:
		return "taken back"
	case booking.MarkSkipped:
		return "left out"
	default:
		return string(state)
	}
}
