package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"hotelbooking/chaos/judge"
)

// evidence is of one confirmed booking, with which nothing is wrong.
func evidence() judge.Evidence {
	line := func(version int, from, to, step, status string) judge.Line {
		return judge.Line{Version: version, Verb: "turn", FromPhase: from, ToPhase: to, ToStep: step, Status: status, Outcome: "next"}
	}
	confirmed := judge.Seen{Status: judge.Confirmed, Version: 2, Terminal: true}
	return judge.Evidence{
		Stories: []*judge.Story{{Key: "k1", Kind: judge.Only("ok")[0], IDs: []string{"b1"}, Reference: "R1", Seen: []judge.Seen{confirmed}}},
		Rows: map[string]*judge.Row{"b1": {ID: "b1", Reference: "R1", Key: "k1", Phase: "ended", Status: judge.Confirmed, Version: 2, Lines: []judge.Line{
			line(1, "", "doing", "hold", "pending"), {Version: 2, Verb: "turn", FromPhase: "doing", FromStep: "hold", ToPhase: "ended", Status: judge.Confirmed, Outcome: "next"},
		}}},
		Final: map[string]judge.View{"b1": {ID: "b1", Status: judge.Confirmed, Version: 2, Terminal: true}},
		Ledger: map[string]judge.Effects{"R1": {
			Active: 1, MaxActive: 1, Confirmed: 1, MaxOpen: 1, Captures: 1, MaxCaptures: 1, Tracked: 1, Currency: "EUR", Captured: "346.00", Refunded: "0.00",
		}},
	}
}

func TestARunInWhichNothingWentWrongIsSound(t *testing.T) {
	t.Parallel()
	v := weigh(evidence())
	require.Empty(t, judge.FirstOf(v.found, 10))
	require.True(t, v.sound())
	require.Equal(t, []int{1, 1}, []int{v.Acked, v.Confirmed})
}

// Who judges is judged: a run is not sound when it should not be, and the table says why.
func TestABrokenPromiseIsSeenAndSaid(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		how  func(*judge.Evidence)
		said string
	}{
		"a room was booked twice": {func(e *judge.Evidence) {
			twice := e.Ledger["R1"]
			twice.MaxActive, twice.Confirmed = 2, 2
			e.Ledger["R1"] = twice
		}, "S3 b1: 2 rooms at once, 2 ever"},
		"the card was charged twice": {func(e *judge.Evidence) {
			twice := e.Ledger["R1"]
			twice.Captures, twice.MaxCaptures = 2, 2
			e.Ledger["R1"] = twice
		}, "S4 b1: 2 captures"},
		"an accepted booking is lost":        {func(e *judge.Evidence) { delete(e.Rows, "b1") }, "S1 b1: acknowledged, and not in the database"},
		"it has not ended":                   {func(e *judge.Evidence) { e.Stuck = 1 }, "L1 -: 1 bookings still move"},
		"somebody never got an answer":       {func(e *judge.Evidence) { e.Stories = append(e.Stories, &judge.Story{Key: "k2"}) }, "1 submissions were never answered"},
		"nobody was accepted, so what of it": {func(e *judge.Evidence) { *e = judge.Evidence{} }, "nothing was accepted"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := evidence()
			test.how(&e)
			v := weigh(e)
			require.False(t, v.sound())
			var printed strings.Builder
			v.print(&printed)
			require.Contains(t, printed.String(), test.said)
		})
	}
}

func TestTheTableCountsWhatIsDoubled(t *testing.T) {
	t.Parallel()
	e := evidence()
	e.Ledger["R1"] = judge.Effects{Active: 2, MaxActive: 2, Confirmed: 2, Captures: 1, MaxCaptures: 1, Tracked: 1, Currency: "EUR", Captured: "346.00"}
	var printed strings.Builder
	weigh(e).print(&printed)
	lines := strings.Split(printed.String(), "\n")
	require.Equal(t, []string{"1", "1", "0", "0", "0", "0", "1", "0", "1", "0", "0"}, strings.Fields(lines[1]), "%s", lines[0])
}
