package booking

import (
	"errors"
	"strings"
	"time"
)

// What operators can pause while the service runs: taking bookings in, the calls to one supplier, and the work of one pool.
// A pause holds for every process on the same database, survives restarts, and ends only when somebody resumes.
const (
	PauseIntake    = "intake"
	pausedSupplier = "supplier:"
	pausedPool     = "pool:"
)

// PauseOfSupplier is the name of the pause of calls to one supplier.
func PauseOfSupplier(supplier string) string { return pausedSupplier + supplier }

// PauseOfPool is the name of the pause of one pool's work.
func PauseOfPool(p Pool) string { return pausedPool + string(p) }

// Pause is one thing that is paused.
type Pause struct {
	What   string // PauseIntake, PauseOfSupplier or PauseOfPool
	Since  time.Time
	Actor  string
	Reason string // in the actor's words
}

// PauseChange pauses something or lets it go on.
type PauseChange struct {
	What      string
	Paused    bool // false: it goes on
	Actor     string
	Role      string
	RequestID string
	Reason    string
}

// PauseEvent is a change that was made, as the log of changes tells it.
type PauseEvent struct {
	At     time.Time
	What   string
	Paused bool
	Actor  string
	Reason string
}

// ErrNotPausable: there is nothing of that name to pause.
var ErrNotPausable = errors.New("there is nothing of that name to pause")

// Pausable checks the name of a pause. Which suppliers there are it cannot know.
func Pausable(what string) error {
	if what == PauseIntake {
		return nil
	}
	if name, ok := strings.CutPrefix(what, pausedSupplier); ok && name != "" && len(name) <= 64 {
		return nil
	}
	for _, p := range Pools() {
		if what == PauseOfPool(p) {
			return nil
		}
	}
	return ErrNotPausable
}
