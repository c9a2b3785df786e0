package bench

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestWhatIsLeftBehindIsCounted(t *testing.T) {
	t.Parallel()
	promised := map[string]bool{"GOOD": true, "GONE": true, "UNPAID": true}
	left := leftBehind(promised, map[string]effects{
		"GOOD":    good,
		"UNPAID":  {Active: 1, Confirmed: 1, Authorized: 1, Open: 1},
		"UNTOLD":  {Active: 1, Confirmed: 1, Authorized: 1, Captures: 1},
		"HELD":    {Holds: 1},
		"NOTHING": {},
		"TWICE":   {Confirmed: 2, Captures: 2},
	})
	require.Equal(t, leftovers{lost: 2, charged: 2, rooms: 2, open: 1, twice: 1}, left)
	require.Equal(t, leftovers{}, leftBehind(map[string]bool{"GOOD": true}, map[string]effects{"GOOD": good}))
}

func TestPaceIsWhatSoManyClientsMake(t *testing.T) {
	t.Parallel()
	require.InDelta(t, 32, pace(64, []time.Duration{time.Second, 3 * time.Second}), 0.001)
	require.Zero(t, pace(64, nil))
}
