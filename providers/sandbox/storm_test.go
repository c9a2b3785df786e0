package sandbox_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"hotelbooking/providers/sandbox"
)

// Whatever arrives, in whatever order and however often: nothing exists twice, nothing falls below nothing, and what was
// given back stays so.
func TestTheLedgerAddsUpInAStorm(t *testing.T) {
	t.Parallel()
	w := setup(t, sandbox.Config{})
	for _, system := range []string{"hotel", "payment"} {
		w.faults(system, object{
			"refused_before_effect": 0.1, "effect_answer_lost": 0.1, "late_effect": 0.1, "late_effect_delay_ms": 1,
			"duplicate_delivery": 0.2,
		})
	}
	tokens, cards := sandbox.OfferTokens(), sandbox.PaymentTokens()
	var callers sync.WaitGroup
	for n := range 40 {
		callers.Go(func() {
			random := rand.New(rand.NewPCG(uint64(n), 0))
			reference := fmt.Sprintf("STORM%d", n%20) // two callers each
			token, card := tokens[n%20%len(tokens)], cards[n%20%len(cards)]
			for range 25 {
				switch random.IntN(9) {
				case 0, 1:
					w.hold(reference, token)
				case 2:
					w.confirm(reference, token, "346.00")
				case 3:
					w.cancel(reference)
				case 4:
					w.release(reference)
				case 5, 6:
					w.authorize(reference, reference+":1", card, "346.00")
				case 7:
					w.capture(reference, reference+":c", reference+":1", "346.00")
				case 8:
					w.refund(reference, reference+":r", reference+":1", "100.00")
				}
			}
			w.call("DELETE", "/_faults", nil)
		})
	}
	callers.Wait()
	w.settle()
	for n := range 20 {
		reference := fmt.Sprintf("STORM%d", n)
		for range 2 { // once more after everything was given back
			w.release(reference)
			w.void(reference, reference+":1")
			w.hold(reference, tokens[0])
			w.authorize(reference, reference+":1", cards[0], "346.00")
		}
		row := w.ledger(reference)
		if row == nil {
			continue // it never got anything
		}
		for _, open := range []string{"holds", "active_reservations", "open_authorizations"} {
			require.Zero(t, row[open], "%s of %v", open, row)
		}
		for _, most := range []string{"ever_confirmed", "max_active_reservations", "max_open_authorizations", "ever_authorized", "captures", "refunds"} {
			require.LessOrEqual(t, row[most], 1.0, "%s of %v", most, row)
		}
	}
}
