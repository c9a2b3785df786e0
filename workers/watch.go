package workers

import (
	"context"
	"fmt"
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
	mu      sync.Mutex
	watched map[booking.ID]*watch
}

// watch is what all who wait for one booking share.
type watch struct {
	changed chan struct{} // closed at the first change
	waiting int
	version int // the lowest that somebody waits to be passed; unseen while nobody has told
}

// unseen is passed by no version: who joins has not looked yet.
const unseen = math.MaxInt

func newHub() *hub { return &hub{watched: map[booking.ID]*watch{}} }

// Wait calls look, at once and again when the booking's version may be higher than what look has seen, until look wants no
// more, and returns nil; or ctx's error, once it ends while nothing happens. It holds no goroutine and no connection. Changes
// made by this process are seen at once, those by others within half a poll.
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
	h.expect(one, seen)
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

// expect says which version somebody waits to be passed.
func (h *hub) expect(one *watch, version int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	one.version = min(one.version, version)
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

// versions lists what is watched, and up to which version.
func (h *hub) versions() map[booking.ID]int {
	h.mu.Lock()
	defer h.mu.Unlock()
	versions := make(map[booking.ID]int, len(h.watched))
	for id, one := range h.watched {
		versions[id] = one.version
	}
	return versions
}

// watch is one round of the backstop: it sees what other processes changed.
func (w *Workers) watch(ctx context.Context, _ bool) error {
	known := w.hub.versions()
	ids := make([]booking.ID, 0, len(known))
	for id := range known {
		ids = append(ids, id)
	}
	for some := range slices.Chunk(ids, watchedAtOnce) {
		versions, err := w.versions(ctx, some)
		if err != nil {
			return fmt.Errorf("look for changes of %d bookings: %w", len(some), err)
		}
		for _, id := range some {
			if now, ok := versions[id]; !ok || now > known[id] {
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
