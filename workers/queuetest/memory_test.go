package queuetest_test

import (
	"testing"

	"hotelbooking/workers"
	"hotelbooking/workers/queuetest"
)

func TestMemoryIsAQueue(t *testing.T) {
	t.Parallel()
	queuetest.Run(t, func(*testing.T) workers.Queue { return queuetest.NewMemory() })
}
