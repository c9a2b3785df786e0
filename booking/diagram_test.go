package booking_test

import (
	"flag"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
)

var update = flag.Bool("update", false, "write the files that tests compare with")

func TestDiagramInTheDocsIsDrawnFromTheTable(t *testing.T) {
	t.Parallel()
	const file = "../docs/flow.md"
	drawn := booking.NewFlow(booking.Outside{}, booking.DefaultLimits()).Diagram()
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(drawn), 0o600))
	}
	written, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, string(written), drawn, "the table has changed: go test ./booking -run Diagram -update")
}
