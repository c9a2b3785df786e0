package booking_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
)

var update = flag.Bool("update", false, "write the files that tests compare with")

const readme = "../README.md"

func TestDiagramInTheReadmeIsDrawnFromTheTable(t *testing.T) {
	t.Parallel()
	chart := booking.NewFlow(booking.Outside{}, booking.DefaultLimits()).Chart()
	content, err := os.ReadFile(readme)
	require.NoError(t, err)
	before, rest, found := strings.Cut(string(content), "```mermaid\n")
	require.True(t, found, "the README has no chart")
	written, after, _ := strings.Cut(rest, "```\n")
	if *update {
		require.NoError(t, os.WriteFile(readme, []byte(before+chart+after), 0o600))
		return
	}
	require.Equal(t, "```mermaid\n"+written+"```\n", chart, "the table has changed: go test ./booking -run Diagram -update")
}

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
