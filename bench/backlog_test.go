package bench

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheCostOfABacklogIsMeasuredOnBookingsThatCanBeRead(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, c *crowded) {
		for range 2 { // what the first has accepted, it has claimed
			found, err := c.measure(t.Context(), 2)
			require.NoError(t, err)
			names := map[string]bool{}
			for _, f := range found.sample(found.usual) {
				require.Positive(t, f.value, f.name)
				names[f.name] = true
			}
			require.Contains(t, names, "claim_p50_ratio")
		}
	})
}
