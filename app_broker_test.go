package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// With twice the lease what a dead process had taken of a limited pool stood still, and its orphans with it, for that long.
func TestTheHintsOfADeadProcessArePassedOnSoonAfterItsLeasesAreOver(t *testing.T) {
	t.Parallel()
	cfg := DefaultConfig()
	cfg.Workers.Lease = 15 * time.Second
	wait := jetstreamConfig(cfg, nil).AckWait
	require.Greater(t, wait, cfg.Workers.Lease)
	require.Less(t, wait, cfg.Workers.Lease+time.Second)
}
