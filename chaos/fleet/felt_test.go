package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/chaos/judge"
)

func TestARunIsCutAtItsBlows(t *testing.T) {
	t.Parallel()
	began := time.Unix(0, 0)
	at := func(seconds int) time.Time { return began.Add(time.Duration(seconds) * time.Second) }
	story := func(kind string, accepted, ended int) *judge.Story {
		return &judge.Story{Kind: judge.Only(kind)[0], Acked: at(accepted), Decided: at(ended)}
	}
	blows := []blow{{"a node", at(10), at(12)}, {"another", at(30), at(31)}}
	felt := feel(began, blows, []*judge.Story{
		story("ok", 1, 3), story("ok", 4, 9), story("slow", 5, 20), story("ok", 8, 24), story("ok", 29, 37), {Kind: judge.Only("ok")[0]}, // never accepted
	})
	require.Len(t, felt, 3)
	require.Equal(t, []string{"nothing yet", "a node", "another"}, []string{felt[0].what, felt[1].what, felt[2].what})
	seconds := func(d time.Duration) int { return int(d.Seconds()) }
	for i, want := range [][]int{
		{0, 3, 6, 5},    // accepted at 1, 4, 5 and 8; ended at 3 and 9
		{2, 19, 10, 16}, // accepted at 29; ended at 20 and 24, the first of which was slow by itself
		{1, 0, 7, 8},    // nobody came any more; ended at 37
	} {
		f := felt[i]
		require.Equal(t, want, []int{seconds(f.back), seconds(f.unaccepted), seconds(f.still), seconds(f.slowest)}, "%s", f.what)
	}
	var printed strings.Builder
	printFelt(&printed, felt)
	require.Contains(t, printed.String(), "a node        2.00 s")
}
