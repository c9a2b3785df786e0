package judge

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// sound is evidence of three bookings with which nothing is wrong: a confirmed one, one that failed, and one that was cancelled
// after it had been confirmed, for a fee.
func sound() Evidence {
	lines := func(status string, turns ...Line) []Line {
		all := []Line{{Version: 1, Verb: "accept", ToPhase: "doing", ToStep: "hold", Status: "pending"}}
		for _, l := range turns {
			before := all[len(all)-1]
			l.Version, l.FromPhase, l.FromStep = before.Version+1, before.ToPhase, before.ToStep
			if l.Verb == "" {
				l.Verb = "turn"
			}
			all = append(all, l)
		}
		all[len(all)-1].Status = status
		return all
	}
	book := []Line{
		{Outcome: "next", ToPhase: "doing", ToStep: "authorize", Status: "processing"},
		{Outcome: "next", ToPhase: "doing", ToStep: "confirm", Status: "processing"},
		{Outcome: "next", ToPhase: "doing", ToStep: "capture", Status: Confirmed},
		{Outcome: "next", ToPhase: "ended", Status: Confirmed},
	}
	cancel := append(slices.Clone(book),
		Line{Verb: "cancel", ToPhase: "undoing", ToStep: "confirm", Status: "cancelling"},
		Line{Outcome: "next", ToPhase: "ended", Status: Cancelled})
	seenOf := func(all ...Seen) []Seen { return all }
	return Evidence{
		Stories: []*Story{
			{Key: "k1", Kind: Kind{Want: Confirmed}, IDs: []string{"b1", "b1"}, Reference: "R1", Seen: seenOf(Seen{Status: "pending", Version: 1}, Seen{Status: Confirmed, Version: 4, Terminal: true})},
			{Key: "k2", Kind: Kind{Want: Failed, Code: "offer_sold_out"}, IDs: []string{"b2"}, Reference: "R2", Seen: seenOf(Seen{Status: "pending", Version: 1}, Seen{Status: Failed, Version: 2, Terminal: true, Code: "offer_sold_out"})},
			{Key: "k3", Kind: Kind{Want: Confirmed}, IDs: []string{"b3"}, Reference: "R3", CancelSent: true, CancelTaken: true, Seen: seenOf(Seen{Status: Confirmed, Version: 5, Terminal: true}, Seen{Status: Cancelled, Version: 7, Terminal: true})},
			{Key: "k4", Kind: Kind{Want: Confirmed}}, // never acknowledged
		},
		Rows: map[string]*Row{
			"b1": {ID: "b1", Reference: "R1", Key: "k1", Phase: "ended", Status: Confirmed, Version: 5, Lines: lines(Confirmed, book...)},
			"b2": {ID: "b2", Reference: "R2", Key: "k2", Phase: "ended", Status: Failed, Version: 2, Lines: lines(Failed, Line{Outcome: "reject", ToPhase: "ended"})},
			"b3": {ID: "b3", Reference: "R3", Key: "k3", Phase: "ended", Status: Cancelled, Version: 7, Lines: lines(Cancelled, cancel...)},
		},
		Final: map[string]View{
			"b1": {ID: "b1", Status: Confirmed, Version: 5, Terminal: true},
			"b2": {ID: "b2", Status: Failed, Version: 2, Terminal: true, Failure: struct{ Code string }{"offer_sold_out"}},
			"b3": {ID: "b3", Status: Cancelled, Version: 7, Terminal: true},
		},
		Fees: map[string]string{"b3": "69.20"},
		Desk: map[string]bool{},
		Ledger: map[string]Effects{
			"R1": {Active: 1, MaxActive: 1, Confirmed: 1, MaxOpen: 1, Captures: 1, MaxCaptures: 1, Tracked: 1, Currency: "EUR", Captured: "346.00", Refunded: "0.00"},
			"R3": {MaxActive: 1, Confirmed: 1, MaxOpen: 1, Captures: 1, MaxCaptures: 1, Tracked: 1, Currency: "EUR", Captured: "346.00", Refunded: "276.80"},
		},
		Journal: []Entry{
			{Reference: "R1", Operation: "hold", System: "hotel", Effect: "held"},
			{Reference: "R1", Operation: "authorize", System: "payment", Key: "R1:authorize:1", Body: "x", Effect: "authorized"},
			{Reference: "R1", Operation: "confirm", System: "hotel", Effect: "booked"},
			{Reference: "R1", Operation: "capture", System: "payment", Key: "R1:capture:1", Body: "y", Effect: "captured"},
			{Reference: "R3", Operation: "authorize", System: "payment", Effect: "authorized"},
			{Reference: "R3", Operation: "confirm", System: "hotel", Effect: "booked"},
			{Reference: "R3", Operation: "capture", System: "payment", Effect: "captured"},
			{Reference: "R3", Operation: "refund", System: "payment", Effect: "refunded"},
			{Reference: "R3", Operation: "cancel", System: "hotel", Effect: "cancelled"},
		},
	}
}

func TestSoundEvidenceIsNotDoubted(t *testing.T) {
	t.Parallel()
	require.Empty(t, FirstOf(sound().Violations(), 10))
}

// Who judges is judged: each promise is broken once, and the checker has to name it.
func TestTheCheckerNamesWhatIsBroken(t *testing.T) {
	t.Parallel()
	ledger := func(e *Evidence, reference string, change func(*Effects)) {
		l := e.Ledger[reference]
		change(&l)
		e.Ledger[reference] = l
	}
	for name, test := range map[string]struct {
		breaks string
		how    func(*Evidence)
	}{
		"an acknowledged booking is gone":        {"S1", func(e *Evidence) { delete(e.Rows, "b1") }},
		"it is another's":                        {"S1", func(e *Evidence) { e.Rows["b1"].Reference = "R9" }},
		"one key was answered with two bookings": {"S2", func(e *Evidence) { e.Stories[0].IDs = []string{"b1", "b2"} }},
		"two bookings have one key":              {"S2", func(e *Evidence) { e.Rows["b2"].Key = "k1" }},
		"a repeated submission is a new one":     {"S2", func(e *Evidence) { e.Stories[0].Unreplayed = true }},
		"two rooms at once":                      {"S3", func(e *Evidence) { ledger(e, "R1", func(l *Effects) { l.MaxActive = 2 }) }},
		"two rooms one after the other":          {"S3", func(e *Evidence) { ledger(e, "R1", func(l *Effects) { l.Confirmed = 2 }) }},
		"two captures":                           {"S4", func(e *Evidence) { ledger(e, "R1", func(l *Effects) { l.MaxCaptures = 2 }) }},
		"two authorisations at once":             {"S4", func(e *Evidence) { ledger(e, "R1", func(l *Effects) { l.MaxOpen = 2 }) }},
		"more was charged than was asked":        {"S4", func(e *Evidence) { ledger(e, "R1", func(l *Effects) { l.Captured = "346.01" }) }},
		"another currency":                       {"S4", func(e *Evidence) { ledger(e, "R1", func(l *Effects) { l.Currency = "USD" }) }},
		"one key with two bodies": {"S4", func(e *Evidence) {
			e.Journal = append(e.Journal, Entry{Reference: "R1", Operation: "capture", Key: "R1:capture:1", Body: "z", Effect: "none"})
		}},
		"the other side refused a key":    {"S4", func(e *Evidence) { ledger(e, "R1", func(l *Effects) { l.KeysReused = 1 }) }},
		"booked before it was authorised": {"S5", func(e *Evidence) { e.Journal[1], e.Journal[2] = e.Journal[2], e.Journal[1] }},
		"charged before it was booked":    {"S5", func(e *Evidence) { e.Journal[2], e.Journal[3] = e.Journal[3], e.Journal[2] }},
		"booked after it was given back": {"S5", func(e *Evidence) {
			e.Journal = append(e.Journal, Entry{Reference: "R3", System: "hotel", Effect: "held, booked"})
		}},
		"charged after it was paid back": {"S5", func(e *Evidence) {
			e.Journal = append(e.Journal, Entry{Reference: "R3", System: "payment", Effect: "captured"})
		}},
		"confirmed without a room":                     {"S6", func(e *Evidence) { ledger(e, "R1", func(l *Effects) { l.Active = 0 }) }},
		"confirmed and not charged":                    {"S6", func(e *Evidence) { ledger(e, "R1", func(l *Effects) { l.Captured = "0.00" }) }},
		"confirmed, with money reserved beside":        {"S6", func(e *Evidence) { ledger(e, "R1", func(l *Effects) { l.Open = 1 }) }},
		"confirmed, and nobody was told":               {"S6", func(e *Evidence) { ledger(e, "R1", func(l *Effects) { l.Tracked = 0 }) }},
		"failed, with a room":                          {"S6", func(e *Evidence) { ledger(e, "R2", func(l *Effects) { l.Active = 1 }) }},
		"failed, with a hold":                          {"S6", func(e *Evidence) { ledger(e, "R2", func(l *Effects) { l.Holds = 1 }) }},
		"failed, and charged":                          {"S6", func(e *Evidence) { ledger(e, "R2", func(l *Effects) { l.Captured = "346.00" }) }},
		"failed, with money reserved":                  {"S6", func(e *Evidence) { ledger(e, "R2", func(l *Effects) { l.Open = 1 }) }},
		"cancelled for another fee":                    {"S6", func(e *Evidence) { e.Fees["b3"] = "0.00" }},
		"the API says another thing than the database": {"S6", func(e *Evidence) { e.Final["b1"] = View{Status: "processing", Version: 5} }},
		"a client saw a confirmed booking fail":        {"S7", func(e *Evidence) { e.Stories[0].Seen = append(e.Stories[0].Seen, Seen{Status: Failed, Version: 5}) }},
		"the history leaves a terminal status":         {"S7", func(e *Evidence) { e.Rows["b1"].Lines[3].Status = Failed }},
		"the history has a gap":                        {"S8", func(e *Evidence) { e.Rows["b1"].Lines = slices.Delete(e.Rows["b1"].Lines, 2, 3) }},
		"the history has a line twice":                 {"S8", func(e *Evidence) { e.Rows["b1"].Lines[2] = e.Rows["b1"].Lines[1] }},
		"the history ends elsewhere":                   {"S8", func(e *Evidence) { e.Rows["b1"].Version = 6 }},
		"the history does not hang together":           {"S8", func(e *Evidence) { e.Rows["b1"].Lines[2].FromStep = "capture" }},
		"a step succeeded twice": {"S8", func(e *Evidence) {
			e.Rows["b1"].Lines[2].ToStep, e.Rows["b1"].Lines[3].FromStep = "authorize", "authorize"
		}},
		"no history": {"S8", func(e *Evidence) { e.Rows["b2"].Lines = nil }},
		"a client saw a version fall": {"S9", func(e *Evidence) {
			e.Stories[0].Seen = append(e.Stories[0].Seen, Seen{Status: Confirmed, Version: 3, Terminal: true})
		}},
		"one version with two statuses":                   {"S9", func(e *Evidence) { e.Stories[2].Seen = append(e.Stories[2].Seen, Seen{Status: Confirmed, Version: 7}) }},
		"404 after the 202":                               {"S9", func(e *Evidence) { e.Stories[0].Missing = 1 }},
		"404 at the end":                                  {"S9", func(e *Evidence) { delete(e.Final, "b1") }},
		"something outside that nobody knows":             {"S12", func(e *Evidence) { e.Ledger["R9"] = Effects{Holds: 1} }},
		"an accepted cancellation was forgotten":          {"C1", func(e *Evidence) { e.Rows["b3"].Status = Confirmed }},
		"who was to fail is confirmed":                    {"O1", func(e *Evidence) { e.Stories[0].Kind = Kind{Want: Failed} }},
		"who was to be confirmed failed without a reason": {"O1", func(e *Evidence) { e.Stories[1].Kind = Kind{Want: Confirmed} }},
		"it failed for another reason":                    {"O1", func(e *Evidence) { e.Stories[1].Kind.Code = "payment_refused" }},
		"a submission was refused":                        {"O1", func(e *Evidence) { e.Stories[3].Refused = 422 }},
		"an answer that nobody expects":                   {"O1", func(e *Evidence) { e.Stories[0].Foreign = 1 }},
		"it waits for a person, for a reason of ours": {"O1", func(e *Evidence) {
			e.Rows["b2"].Phase, e.Rows["b2"].Attention, e.Desk["b2"] = "parked", "turn_panicked", true
		}},
		"it waits for a person who is to charge it": {"O1", func(e *Evidence) {
			e.Rows["b1"].Phase, e.Rows["b1"].Attention, e.Desk["b1"] = "parked", "capture_failed", true
		}},
		"a booking never ended":                      {"L1", func(e *Evidence) { e.Rows["b2"].Phase, e.Rows["b2"].Due = "doing", true }},
		"some still move":                            {"L1", func(e *Evidence) { e.Stuck = 3 }},
		"ended, and its client will ask for ever":    {"L1", func(e *Evidence) { e.Rows["b2"].Status = "processing" }},
		"a booking that nobody will look at":         {"L2", func(e *Evidence) { e.Rows["b2"].Phase = "finding" }},
		"it waits for a person, who does not see it": {"L3", func(e *Evidence) { e.Rows["b2"].Phase, e.Rows["b2"].Attention = "parked", "crashed_repeatedly" }},
		"a lease is left":                            {"L7", func(e *Evidence) { e.Rows["b1"].Owner = "dead.1" }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := sound()
			test.how(&e)
			var named []string
			for _, v := range e.Violations() {
				named = append(named, v.Invariant)
				require.Contains(t, Classes, v.Class())
			}
			require.Contains(t, named, test.breaks)
		})
	}
}

func TestAViolationShowsAllThatIsKnownOfItsBooking(t *testing.T) {
	t.Parallel()
	shown := sound().About(Violation{"S6", "b1", "wrong"})
	for _, part := range []string{"S6 b1: wrong", "ended  confirmed, version 5", "doing confirm: next", "hotel confirm", "booked", "Captures:1"} {
		require.Contains(t, shown, part)
	}
}

func TestEverySubmissionIsCountedOnce(t *testing.T) {
	t.Parallel()
	e := sound()
	require.Equal(t, Tally{Acked: 3, Unacked: 1, Confirmed: 1, Failed: 1, Cancelled: 1, Wrong: map[string]int{"lost": 0, "doubled": 0, "inconsistent": 0, "stuck": 0, "non_monotone": 0}}, e.Tally(nil))
	e.Rows["b1"].Phase, e.Stories[1].Kind.Want = "parked", Confirmed
	tally := e.Tally([]Violation{{Invariant: "S1"}, {Invariant: "S3"}, {Invariant: "S4"}})
	require.Equal(t, []int{0, 1, 1, 1}, []int{tally.Confirmed, tally.Parked, tally.Failed, tally.GaveUp})
	require.Equal(t, []int{1, 2}, []int{tally.Wrong["lost"], tally.Wrong["doubled"]})
}
