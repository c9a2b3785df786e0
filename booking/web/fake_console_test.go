package web

import (
	"context"
	"slices"
	"strings"

	"hotelbooking/booking"
)

// What the console needs beside the desk, in the house: kept, and nothing more.

func (h *house) Related(_ context.Context, id booking.ID, limit int) ([]*booking.Booking, error) {
	h.mu.Lock()
	here, ok := h.rooms[id]
	h.mu.Unlock()
	if !ok {
		return nil, h.down
	}
	return h.find(func(t *tenant) bool {
		return t.b.ID != id && strings.EqualFold(t.b.Contact.Email, here.b.Contact.Email)
	}, limit)
}

func (h *house) Count(_ context.Context, f booking.Filter, most int) (int, error) {
	list, err := h.find(func(t *tenant) bool { return selects(f, t.b) }, most)
	return len(list), err
}

func (h *house) Attentions(_ context.Context, most int) ([]booking.AttentionCount, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var counts []booking.AttentionCount
	for _, t := range h.rooms {
		at := slices.IndexFunc(counts, func(c booking.AttentionCount) bool { return c.Reason == t.b.Attention })
		switch {
		case t.b.Attention == "":
		case at < 0:
			counts = append(counts, booking.AttentionCount{Reason: t.b.Attention, Count: 1, Oldest: t.b.UpdatedAt})
		default:
			counts[at].Count = min(counts[at].Count+1, most)
		}
	}
	return counts, h.down
}

func (h *house) OpenSession(_ context.Context, s booking.Session) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.down == nil {
		h.sessions[s.Digest] = s
	}
	return h.down
}

func (h *house) Session(_ context.Context, digest [32]byte) (booking.Session, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.down != nil {
		return booking.Session{}, h.down
	}
	s, ok := h.sessions[digest]
	if !ok || !h.now.Before(s.Ends) {
		return booking.Session{}, booking.ErrNotFound
	}
	return s, nil
}

func (h *house) CloseSession(_ context.Context, digest [32]byte) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.sessions, digest)
	return h.down
}

func (h *house) Figures() []booking.Figures { return h.figures }

func (h *house) Pauses(context.Context) ([]booking.Pause, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.paused), h.down
}

func (h *house) PauseLog(_ context.Context, limit int) ([]booking.PauseEvent, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	log := slices.Clone(h.pauseLog)
	slices.Reverse(log)
	return log[:min(limit, len(log))], h.down
}

func (h *house) Pause(_ context.Context, c booking.PauseChange) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.down != nil {
		return h.down
	}
	if err := booking.Pausable(c.What); err != nil {
		return err
	}
	h.paused = slices.DeleteFunc(h.paused, func(p booking.Pause) bool { return p.What == c.What })
	if c.Paused {
		h.paused = append(h.paused, booking.Pause{What: c.What, Since: h.now, Actor: c.Actor, Reason: c.Reason})
	}
	h.pauseLog = append(h.pauseLog, booking.PauseEvent{At: h.now, What: c.What, Paused: c.Paused, Actor: c.Actor, Reason: c.Reason})
	return nil
}
