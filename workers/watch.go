package workers

import (
	"context"
	"errors"
	"fmt"
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
	version int // the lowest that somebody waits to be passed
}

func newHub() *hub { return &hub{watched: map[booking.ID]*watch{}} }

// Wait returns nil once the booking's version may be higher than version, or ctx's error. It holds no goroutine. Changes
// made by this process are seen at once, those by others within half a poll.
func (w *Workers) Wait(ctx context.Context, id booking.ID, version int) error {
	one := w.hub.join(id, version)
	defer w.hub.leave(id, one)
	// It may have changed after the caller read it and before they joined.
	versions, err := w.versions(ctx, []booking.ID{id})
	if err != nil {
		return fmt.Errorf("wait for booking %s: %w", id, err)
	}
	if now, ok := versions[id]; !ok || now > version {
		return nil
	}
	select {
	case <-one.changed:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (h *hub) join(id booking.ID, version int) *watch {
	h.mu.Lock()
	defer h.mu.Unlock()
	one, ok := h.watched[id]
	if !ok {
		one = &watch{changed: make(chan struct{}), version: version}
		h.watched[id] = one
	}
	one.waiting++
	one.version = min(one.version, version)
	return one
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
	if w.deps.Versions != nil {
		return w.deps.Versions.Versions(ctx, ids)
	}
	versions := map[booking.ID]int{}
	for _, id := range ids {
		b, err := w.queue.Get(ctx, id)
		if err != nil && !errors.Is(err, booking.ErrNotFound) {
			return nil, err
		}
		if err == nil {
			versions[id] = b.Version
		}
	}
	return versions, nil
}
