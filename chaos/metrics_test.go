package chaos_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCountersAreReadAsPrometheusWritesThem(t *testing.T) {
	t.Parallel()
	sums := parseMetrics([]byte("# HELP a x\n# TYPE a counter\na{b=\"c d\"} 2\na{b=\"e\"} 1e3\nf 0.5\n"))
	require.Equal(t, map[string]float64{"a": 1002, "f": .5}, sums)
}
