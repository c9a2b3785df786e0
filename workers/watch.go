package workers

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"sync"

	"hotelbooking/booking"
)

// watchedAtOnce bounds the bookings that one statement of the backstop asks about.
const watchedAtOnce = 500

// hub lets readers wait for bookings to change. It holds one channel for each booking that somebody waits for, no goroutine,
// and nothing for the others.
type hub struct {
	missed chan struct{} // wakes the backstop: changes may have gone unheard

	mu      sync.Mutex
	watched map[booking.ID]*watch
}

// watch is what all who wait for one booking share.
type watch struct {
	changed chan struct{} // closed at the first change
	waiting int
	version int // the lowest that somebody waits to be passed; unseen while nobody has told
	heard   int // the highest that was heard of meanwhile
}

// unseen is passed by no version: who joins has not looked yet.
const unseen = math.MaxInt

func newHub() *hub { return &hub{missed: make(chan struct{}, 1), watched: map[booking.ID]*watch{}} }

// Wait calls look, at once and again when the booking's version may be higher than what look has seen, until look wants no
// more, and returns nil; or ctx's error, once it ends while nothing happens. It holds no goroutine and no connection. Changes
// made by this process are seen at once, those by others as soon as they are heard of, at the latest within half a poll.
func (w *Workers) Wait(ctx context.Context, id booking.ID, look func() (seen int, more bool)) error {
	for {
		more, err := w.hub.wait(ctx, id, look)
		if err != nil || !more {
			return err
		}
	}
}

// wait is one look, and the wait for a reason to look again. It joins before it looks, or what changes between the two would
// be missed.
func (h *hub) wait(ctx context.Context, id booking.ID, look func() (seen int, more bool)) (more bool, err error) {
	one := h.join(id)
	defer h.leave(id, one)
	seen, more := look()
	if !more {
		return false, nil
	}
	h.expect(id, one, seen)
	select {
	case <-one.changed:
		return true, nil
	case <-ctx.Done():
		return false, ctx.Err()
	}
}

func (h *hub) join(id booking.ID) *watch {
	h.mu.Lock()
	defer h.mu.Unlock()
	one, ok := h.watched[id]
	if !ok {
		one = &watch{changed: make(chan struct{}), version: unseen}
		h.watched[id] = one
	}
	one.waiting++
	return one
}

// expect says which version somebody waits to be passed: perhaps one that was passed while they looked.
func (h *hub) expect(id booking.ID, one *watch, version int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	one.version = min(one.version, version)
	h.compare(id, one)
}

// passed says that a booking has come to a version, and wakes those who have not seen it.
func (h *hub) passed(id booking.ID, version int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if one, ok := h.watched[id]; ok {
		one.heard = max(one.heard, version)
		h.compare(id, one)
	}
}

// compare wakes those who wait for less than what was heard of. The hub is locked.
func (h *hub) compare(id booking.ID, one *watch) {
	if one.heard > one.version && h.watched[id] == one {
		close(one.changed)
		delete(h.watched, id)
	}
}

func (h *hub) leave(id booking.ID, one *watch) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if one.waiting--; one.waiting == 0 && h.watched[id] == one {
		delete(h.watched, id)
	}
}

// tell wakes everybody who waits for the booking.
func (h *hub) tell(id booking.ID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if one, ok := h.watched[id]; ok {
		close(one.changed)
		delete(h.watched, id)
	}
}

func (h *hub) count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.watched)
}

// ids lists what is watched.
func (h *hub) ids() []booking.ID {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Collect(maps.Keys(h.watched))
}

// watch is one round of the backstop: it sees what other processes changed.
func (w *Workers) watch(ctx context.Context, _ bool) error {
	for some := range slices.Chunk(w.hub.ids(), watchedAtOnce) {
		versions, err := w.versions(ctx, some)
		if err != nil {
			return fmt.Errorf("look for changes of %d bookings: %w", len(some), err)
		}
		for _, id := range some {
			if now, ok := versions[id]; ok {
				w.hub.passed(id, now)
			} else {
				w.hub.tell(id)
			}
		}
	}
	return nil
}

func (w *Workers) versions(ctx context.Context, ids []booking.ID) (map[booking.ID]int, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, w.cfg.SaveTimeout, errQueueTimeout)
	defer cancel()
	return w.deps.Versions.Versions(ctx, ids)
}
