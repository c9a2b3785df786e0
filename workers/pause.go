package workers

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"hotelbooking/booking"
)

// Pauses keeps what operators have paused: *store.Store.
type Pauses interface {
	// Pauses lists what is paused now.
	Pauses(ctx context.Context) ([]booking.Pause, error)
	// PauseLog lists the last changes, newest first.
	PauseLog(ctx context.Context, limit int) ([]booking.PauseEvent, error)
	// Pause pauses something or lets it go on. An error other than ErrNotPausable may hide a change.
	Pause(ctx context.Context, change booking.PauseChange) error
}

// A booking that is held back is looked at again after a quarter of the time that the pause has lasted, within these bounds:
// an hour's pause is not to write a line every second, and half a minute after its end everything is to be on its way.
const (
	shortestHold = 2 * time.Second
	longestHold  = 30 * time.Second
)

// paused is what operators have paused, as far as this process knows. While the database does not answer it stays as it was.
type paused struct {
	set atomic.Pointer[map[string]booking.Pause] // by name; never written into. Stored by look, read by everybody

	moved chan struct{} // another process has said so

	mu          sync.Mutex
	asked, seen int // looks that have begun, and the latest of those that ended
}

func (p *paused) now() map[string]booking.Pause {
	if set := p.set.Load(); set != nil {
		return *set
	}
	return nil
}

// since is when the first of some names was paused; ok is false where none is.
func (p *paused) since(names ...string) (first time.Time, ok bool) {
	set := p.now()
	if len(set) == 0 { // nearly always
		return time.Time{}, false
	}
	for _, name := range names {
		if pause, found := set[name]; found && (!ok || pause.Since.Before(first)) {
			first, ok = pause.Since, true
		}
	}
	return first, ok
}

// work tells that a pool or a supplier is paused, so that bookings grow old for no fault of ours.
func (p *paused) work() bool {
	for what := range p.now() {
		if booking.HoldsBookings(what) {
			return true
		}
	}
	return false
}

// hold is how long to leave alone what has been paused since then.
func (w *Workers) hold(since time.Time) time.Duration {
	return min(max(w.now().Sub(since)/4, shortestHold), longestHold)
}

// heldBack tells that the system of a turn must not be asked now, and when to look again. Bookings do not all come back at
// once.
func (w *Workers) heldBack(t *turn) (wait time.Duration, paused bool) {
	since, paused := t.lane.pausedSince()
	if !paused {
		return 0, false
	}
	wait = w.hold(since)
	return wait - spread(t.held.id, wait/4), true
}

// Pauses lists what is paused, by all processes on the database.
func (w *Workers) Pauses(ctx context.Context) ([]booking.Pause, error) {
	if w.deps.Pauses == nil {
		return nil, nil
	}
	return w.deps.Pauses.Pauses(ctx)
}

// PauseLog lists the last changes, newest first.
func (w *Workers) PauseLog(ctx context.Context, limit int) ([]booking.PauseEvent, error) {
	if w.deps.Pauses == nil {
		return nil, nil
	}
	return w.deps.Pauses.PauseLog(ctx, limit)
}

// Pause pauses something or lets it go on, for all processes on the database: for this one at once, for the others as soon
// as they hear of it, at the latest within a poll. Calls that are under way end as they would. booking.ErrNotPausable.
func (w *Workers) Pause(ctx context.Context, change booking.PauseChange) error {
	if w.deps.Pauses == nil {
		return booking.ErrNotPausable
	}
	if err := w.deps.Pauses.Pause(ctx, change); err != nil {
		return err // as it is: callers tell them apart. Should it hide a change, the next poll sees it
	}
	w.news.paused()
	if err := w.look(context.WithoutCancel(ctx)); err != nil { // the change is made, and the next poll sees it
		w.log.Warn("pause", zap.String("what", change.What), zap.Error(err))
	}
	return nil
}

// seePauses is one round of the loop that sees what other processes paused.
func (w *Workers) seePauses(ctx context.Context, _ bool) error { return w.look(ctx) }

// look learns what is paused, and tells those whom a change concerns.
func (w *Workers) look(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, w.cfg.SaveTimeout, errQueueTimeout)
	defer cancel()
	number := w.paused.begin()
	list, err := w.deps.Pauses.Pauses(ctx)
	if err != nil {
		return fmt.Errorf("look what is paused: %w", err)
	}
	set := make(map[string]booking.Pause, len(list))
	for _, pause := range list {
		set[pause.What] = pause
	}
	begun, ended := w.paused.learn(number, set)
	for _, pause := range begun {
		w.log.Warn("paused", zap.String("what", pause.What), zap.Time("since", pause.Since), zap.String("actor", pause.Actor))
	}
	for _, pause := range ended {
		w.log.Info("resumed", zap.String("what", pause.What), zap.Time("since", pause.Since))
	}
	if len(ended) > 0 {
		for _, p := range w.pools {
			p.claim()
		}
	}
	return nil
}

func (p *paused) begin() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked++
	return p.asked
}

// learn takes over what a look has found, unless one that began later was faster.
func (p *paused) learn(number int, set map[string]booking.Pause) (begun, ended []booking.Pause) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if number < p.seen {
		return nil, nil
	}
	before := p.now()
	p.seen = number
	p.set.Store(&set)
	return missing(before, set), missing(set, before)
}

// missing lists what there has and here has not, by name.
func missing(here, there map[string]booking.Pause) []booking.Pause {
	var list []booking.Pause
	for what, pause := range there {
		if _, known := here[what]; !known {
			list = append(list, pause)
		}
	}
	slices.SortFunc(list, func(a, b booking.Pause) int { return strings.Compare(a.What, b.What) })
	return list
}
