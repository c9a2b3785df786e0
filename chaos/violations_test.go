package chaos_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// sound is evidence of three bookings with which nothing is wrong: a confirmed one, one that failed, and one that was cancelled
// after it had been confirmed, for a fee.
func sound() evidence {
	lines := func(status string, turns ...line) []line {
		all := []line{{Version: 1, Verb: "accept", ToPhase: "doing", ToStep: "hold", Status: "pending"}}
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
	book := []line{
		{Outcome: "next", ToPhase: "doing", ToStep: "authorize", Status: "processing"},
		{Outcome: "next", ToPhase: "doing", ToStep: "confirm", Status: "processing"},
		{Outcome: "next", ToPhase: "doing", ToStep: "capture", Status: confirmed},
		{Outcome: "next", ToPhase: "ended", Status: confirmed},
	}
	cancel := append(slices.Clone(book),
		line{Verb: "cancel", ToPhase: "undoing", ToStep: "confirm", Status: "cancelling"},
		line{Outcome: "next", ToPhase: "ended", Status: cancelled})
	seenOf := func(all ...seen) []seen { return all }
	return evidence{
		stories: []*story{
			{Key: "k1", Kind: kind{want: confirmed}, IDs: []string{"b1", "b1"}, Reference: "R1", Seen: seenOf(seen{Status: "pending", Version: 1}, seen{Status: confirmed, Version: 4, Terminal: true})},
			{Key: "k2", Kind: kind{want: failed, code: "offer_sold_out"}, IDs: []string{"b2"}, Reference: "R2", Seen: seenOf(seen{Status: "pending", Version: 1}, seen{Status: failed, Version: 2, Terminal: true, Code: "offer_sold_out"})},
			{Key: "k3", Kind: kind{want: confirmed}, IDs: []string{"b3"}, Reference: "R3", CancelSent: true, CancelTaken: true, Seen: seenOf(seen{Status: confirmed, Version: 5, Terminal: true}, seen{Status: cancelled, Version: 7, Terminal: true})},
			{Key: "k4", Kind: kind{want: confirmed}}, // never acknowledged
		},
		rows: map[string]*row{
			"b1": {ID: "b1", Reference: "R1", Key: "k1", Phase: "ended", Status: confirmed, Version: 5, Lines: lines(confirmed, book...)},
			"b2": {ID: "b2", Reference: "R2", Key: "k2", Phase: "ended", Status: failed, Version: 2, Lines: lines(failed, line{Outcome: "reject", ToPhase: "ended"})},
			"b3": {ID: "b3", Reference: "R3", Key: "k3", Phase: "ended", Status: cancelled, Version: 7, Lines: lines(cancelled, cancel...)},
		},
		final: map[string]view{
			"b1": {ID: "b1", Status: confirmed, Version: 5, Terminal: true},
			"b2": {ID: "b2", Status: failed, Version: 2, Terminal: true, Failure: struct{ Code string }{"offer_sold_out"}},
			"b3": {ID: "b3", Status: cancelled, Version: 7, Terminal: true},
		},
		fees: map[string]string{"b3": "69.20"},
		desk: map[string]bool{},
		ledger: map[string]effects{
			"R1": {Active: 1, MaxActive: 1, Confirmed: 1, MaxOpen: 1, Captures: 1, MaxCaptures: 1, Tracked: 1, Currency: "EUR", Captured: "346.00", Refunded: "0.00"},
			"R3": {MaxActive: 1, Confirmed: 1, MaxOpen: 1, Captures: 1, MaxCaptures: 1, Tracked: 1, Currency: "EUR", Captured: "346.00", Refunded: "276.80"},
		},
		journal: []entry{
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
	require.Empty(t, firstOf(sound().violations(), 10))
}

// Who judges is judged: each promise is broken once, and the checker has to name it.
func TestTheCheckerNamesWhatIsBroken(t *testing.T) {
	t.Parallel()
	ledger := func(e *evidence, reference string, change func(*effects)) {
		l := e.ledger[reference]
		change(&l)
		e.ledger[reference] = l
	}
	for name, test := range map[string]struct {
		breaks string
		how    func(*evidence)
	}{
		"an acknowledged booking is gone":        {"S1", func(e *evidence) { delete(e.rows, "b1") }},
		"it is another's":                        {"S1", func(e *evidence) { e.rows["b1"].Reference = "R9" }},
		"one key was answered with two bookings": {"S2", func(e *evidence) { e.stories[0].IDs = []string{"b1", "b2"} }},
		"two bookings have one key":              {"S2", func(e *evidence) { e.rows["b2"].Key = "k1" }},
		"a repeated submission is a new one":     {"S2", func(e *evidence) { e.stories[0].Unreplayed = true }},
		"two rooms at once":                      {"S3", func(e *evidence) { ledger(e, "R1", func(l *effects) { l.MaxActive = 2 }) }},
		"two rooms one after the other":          {"S3", func(e *evidence) { ledger(e, "R1", func(l *effects) { l.Confirmed = 2 }) }},
		"two captures":                           {"S4", func(e *evidence) { ledger(e, "R1", func(l *effects) { l.MaxCaptures = 2 }) }},
		"two authorisations at once":             {"S4", func(e *evidence) { ledger(e, "R1", func(l *effects) { l.MaxOpen = 2 }) }},
		"more was charged than was asked":        {"S4", func(e *evidence) { ledger(e, "R1", func(l *effects) { l.Captured = "346.01" }) }},
		"another currency":                       {"S4", func(e *evidence) { ledger(e, "R1", func(l *effects) { l.Currency = "USD" }) }},
		"one key with two bodies": {"S4", func(e *evidence) {
			e.journal = append(e.journal, entry{Reference: "R1", Operation: "capture", Key: "R1:capture:1", Body: "z", Effect: "none"})
		}},
		"the other side refused a key":    {"S4", func(e *evidence) { ledger(e, "R1", func(l *effects) { l.KeysReused = 1 }) }},
		"booked before it was authorised": {"S5", func(e *evidence) { e.journal[1], e.journal[2] = e.journal[2], e.journal[1] }},
		"charged before it was booked":    {"S5", func(e *evidence) { e.journal[2], e.journal[3] = e.journal[3], e.journal[2] }},
		"booked after it was given back": {"S5", func(e *evidence) {
			e.journal = append(e.journal, entry{Reference: "R3", System: "hotel", Effect: "held, booked"})
		}},
		"charged after it was paid back": {"S5", func(e *evidence) {
			e.journal = append(e.journal, entry{Reference: "R3", System: "payment", Effect: "captured"})
		}},
		"confirmed without a room":                     {"S6", func(e *evidence) { ledger(e, "R1", func(l *effects) { l.Active = 0 }) }},
		"confirmed and not charged":                    {"S6", func(e *evidence) { ledger(e, "R1", func(l *effects) { l.Captured = "0.00" }) }},
		"confirmed, with money reserved beside":        {"S6", func(e *evidence) { ledger(e, "R1", func(l *effects) { l.Open = 1 }) }},
		"confirmed, and nobody was told":               {"S6", func(e *evidence) { ledger(e, "R1", func(l *effects) { l.Tracked = 0 }) }},
		"failed, with a room":                          {"S6", func(e *evidence) { ledger(e, "R2", func(l *effects) { l.Active = 1 }) }},
		"failed, with a hold":                          {"S6", func(e *evidence) { ledger(e, "R2", func(l *effects) { l.Holds = 1 }) }},
		"failed, and charged":                          {"S6", func(e *evidence) { ledger(e, "R2", func(l *effects) { l.Captured = "346.00" }) }},
		"failed, with money reserved":                  {"S6", func(e *evidence) { ledger(e, "R2", func(l *effects) { l.Open = 1 }) }},
		"cancelled for another fee":                    {"S6", func(e *evidence) { e.fees["b3"] = "0.00" }},
		"the API says another thing than the database": {"S6", func(e *evidence) { e.final["b1"] = view{Status: "processing", Version: 5} }},
		"a client saw a confirmed booking fail":        {"S7", func(e *evidence) { e.stories[0].Seen = append(e.stories[0].Seen, seen{Status: failed, Version: 5}) }},
		"the history leaves a terminal status":         {"S7", func(e *evidence) { e.rows["b1"].Lines[3].Status = failed }},
		"the history has a gap":                        {"S8", func(e *evidence) { e.rows["b1"].Lines = slices.Delete(e.rows["b1"].Lines, 2, 3) }},
		"the history has a line twice":                 {"S8", func(e *evidence) { e.rows["b1"].Lines[2] = e.rows["b1"].Lines[1] }},
		"the history ends elsewhere":                   {"S8", func(e *evidence) { e.rows["b1"].Version = 6 }},
		"the history does not hang together":           {"S8", func(e *evidence) { e.rows["b1"].Lines[2].FromStep = "capture" }},
		"a step succeeded twice": {"S8", func(e *evidence) {
			e.rows["b1"].Lines[2].ToStep, e.rows["b1"].Lines[3].FromStep = "authorize", "authorize"
		}},
		"no history": {"S8", func(e *evidence) { e.rows["b2"].Lines = nil }},
		"a client saw a version fall": {"S9", func(e *evidence) {
			e.stories[0].Seen = append(e.stories[0].Seen, seen{Status: confirmed, Version: 3, Terminal: true})
		}},
		"one version with two statuses":                   {"S9", func(e *evidence) { e.stories[2].Seen = append(e.stories[2].Seen, seen{Status: confirmed, Version: 7}) }},
		"404 after the 202":                               {"S9", func(e *evidence) { e.stories[0].Missing = 1 }},
		"404 at the end":                                  {"S9", func(e *evidence) { delete(e.final, "b1") }},
		"something outside that nobody knows":             {"S12", func(e *evidence) { e.ledger["R9"] = effects{Holds: 1} }},
		"an accepted cancellation was forgotten":          {"C1", func(e *evidence) { e.rows["b3"].Status = confirmed }},
		"who was to fail is confirmed":                    {"O1", func(e *evidence) { e.stories[0].Kind = kind{want: failed} }},
		"who was to be confirmed failed without a reason": {"O1", func(e *evidence) { e.stories[1].Kind = kind{want: confirmed} }},
		"it failed for another reason":                    {"O1", func(e *evidence) { e.stories[1].Kind.code = "payment_refused" }},
		"a submission was refused":                        {"O1", func(e *evidence) { e.stories[3].Refused = 422 }},
		"an answer that nobody expects":                   {"O1", func(e *evidence) { e.stories[0].Foreign = 1 }},
		"it waits for a person, for a reason of ours": {"O1", func(e *evidence) {
			e.rows["b2"].Phase, e.rows["b2"].Attention, e.desk["b2"] = "parked", "turn_panicked", true
		}},
		"it waits for a person who is to charge it": {"O1", func(e *evidence) {
			e.rows["b1"].Phase, e.rows["b1"].Attention, e.desk["b1"] = "parked", "capture_failed", true
		}},
		"a booking never ended":                      {"L1", func(e *evidence) { e.rows["b2"].Phase, e.rows["b2"].Due = "doing", true }},
		"some still move":                            {"L1", func(e *evidence) { e.stuck = 3 }},
		"ended, and its client will ask for ever":    {"L1", func(e *evidence) { e.rows["b2"].Status = "processing" }},
		"a booking that nobody will look at":         {"L2", func(e *evidence) { e.rows["b2"].Phase = "finding" }},
		"it waits for a person, who does not see it": {"L3", func(e *evidence) { e.rows["b2"].Phase, e.rows["b2"].Attention = "parked", "crashed_repeatedly" }},
		"a lease is left":                            {"L7", func(e *evidence) { e.rows["b1"].Owner = "dead.1" }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := sound()
			test.how(&e)
			var named []string
			for _, v := range e.violations() {
				named = append(named, v.invariant)
				require.Contains(t, classes, v.class())
			}
			require.Contains(t, named, test.breaks)
		})
	}
}

func TestAViolationShowsAllThatIsKnownOfItsBooking(t *testing.T) {
	t.Parallel()
	shown := sound().about(violation{"S6", "b1", "wrong"})
	for _, part := range []string{"S6 b1: wrong", "ended  confirmed, version 5", "doing confirm: next", "hotel confirm", "booked", "Captures:1"} {
		require.Contains(t, shown, part)
	}
}

func TestCountersAreReadAsPrometheusWritesThem(t *testing.T) {
	t.Parallel()
	sums := parseMetrics([]byte("# HELP a x\n# TYPE a counter\na{b=\"c d\"} 2\na{b=\"e\"} 1e3\nf 0.5\n"))
	require.Equal(t, map[string]float64{"a": 1002, "f": .5}, sums)
}
