package sandbox_test

import (
	"testing"

	"go.uber.org/goleak"
)

// A sandbox that is closed leaves nothing running: neither late effects nor notifications.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
