package chaos_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// The harness itself: a fleet that lives by its broker must be noticed when that fails. Neither defect is in the shipped binary.

func TestAFleetThatFindsNothingWithoutHintsIsNoticed(t *testing.T) {
	if runs(t) == short {
		t.Skip("only in the long form: it tests the harness")
	}
	f := fleetOf(t, mutant(t, "nothing without hints", map[string][]string{
		"workers/jetstream/claim.go": {"rest > 0 && q.polls(ctx, c.Pool) {", "rest > 0 && q.polls(ctx, c.Pool) && false {"},
		"workers/jetstream/sweep.go": {"q.publish(h, round)\n", "_ = round\n"},
	}), "mutant: nothing without hints")
	f.broken = true
	load := f.offer(plan{clients: 60})
	load.ends(20)
	f.dropHints(short, load)
	r := f.judge(load)
	t.Logf("as it must be: %s", r)
	require.NotZero(t, r.Wrong["stuck"], "nobody saw it: %v", r.Wrong)
}

func TestAFleetThatAcceptsNothingWithoutItsBrokerIsNoticed(t *testing.T) {
	if runs(t) == short {
		t.Skip("only in the long form: it tests the harness")
	}
	f := fleetOf(t, mutant(t, "nothing without a broker", map[string][]string{"workers/jetstream/queue.go": {
		"\treceipt, err := q.Queue.Accept(ctx, a)\n",
		"\tif !q.connected() {\n\t\treturn booking.Receipt{}, context.DeadlineExceeded\n\t}\n\treceipt, err := q.Queue.Accept(ctx, a)\n",
	}}), "mutant: nothing without a broker")
	f.broken = true
	f.down()
	load := f.offer(plan{clients: 5})
	f.untilRefused()
	r := f.judge(load)
	load.turnedAway(r)
	require.NotZero(t, r.Figures["turned_away"], "nobody saw it: %s", r)
}
