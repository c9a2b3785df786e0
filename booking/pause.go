package booking

import (
	"errors"
	"strings"
	"time"
)

// What operators can pause while the service runs: taking bookings in, the calls to one supplier, the work of one pool, and
// the telling of one webhook endpoint, which also pauses itself by saying that it is gone.
// A pause holds for every process on the same database, survives restarts, and ends only when somebody resumes.
const (
	PauseIntake    = "intake"
	pausedSupplier = "supplier:"
	pausedPool     = "pool:"
	pausedWebhook  = "webhook:"
)

// PauseOfSupplier is the name of the pause of calls to one supplier.
func PauseOfSupplier(supplier string) string { return pausedSupplier + supplier }

// PauseOfPool is the name of the pause of one pool's work.
func PauseOfPool(p Pool) string { return pausedPool + string(p) }

// PauseOfWebhook is the name of the pause of deliveries to one webhook endpoint. Bookings do not notice it.
func PauseOfWebhook(endpoint string) string { return pausedWebhook + endpoint }

// Pause is one thing that is paused.
type Pause struct {
	What   string // PauseIntake, PauseOfSupplier, PauseOfPool or PauseOfWebhook
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

// HoldsBookings tells whether bookings that were accepted wait for the end of a pause.
func HoldsBookings(what string) bool {
	return what != PauseIntake && !strings.HasPrefix(what, pausedWebhook)
}

// ErrNotPausable: there is nothing of that name to pause.
var ErrNotPausable = errors.New("there is nothing of that name to pause")

// Pausable checks the name of a pause. Which suppliers and endpoints there are it cannot know.
func Pausable(what string) error {
	if what == PauseIntake {
		return nil
	}
	for _, named := range []string{pausedSupplier, pausedWebhook} {
		if name, ok := strings.CutPrefix(what, named); ok && name != "" && len(name) <= 64 {
			return nil
		}
	}
	for _, p := range Pools() {
		if what == PauseOfPool(p) {
			return nil
		}
	}
	return ErrNotPausable
}
