package sim_test

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"hotelbooking/booking"
)

// hints is an instance's end of its connection to the broker, and what it knows of hints.
type hints struct {
	i *instance

	mu   sync.Mutex
	open map[booking.ID]int       // hints that came and were not answered
	kept map[booking.ID]time.Time // when the broker last heard that it is worked on
	held map[booking.ID]holding   // what it has leases for
	quit context.CancelFunc       // of the sweep
	busy sync.WaitGroup
}

// holding is a lease on a booking.
type holding struct {
	owner  string
	until  time.Time    // when it runs out
	pool   booking.Pool // that it is for
	hinted bool         // a hint has led to it, which waits for its answer
	found  bool         // without a hint
}

func newHints(i *instance) *hints {
	return &hints{i: i, open: map[booking.ID]int{}, kept: map[booking.ID]time.Time{}, held: map[booking.ID]holding{}, quit: func() {}}
}

// start begins to give hints and to take them, and to sweep; stop ends that, after the engine.
func (i *instance) startHints(n node) {
	if i.queue == nil {
		return
	}
	i.queue.Start(background)
	if n.sweeps {
		var ctx context.Context
		ctx, i.hints.quit = context.WithCancel(background)
		i.hints.busy.Go(func() { i.queue.Sweep(ctx, line{i}, i.world.fleet.sweep) })
	}
}

func (i *instance) stopHints(ctx context.Context) {
	if i.queue == nil {
		return
	}
	i.hints.quit()
	i.hints.busy.Wait()
	i.queue.Stop(ctx)
}

// Says: what is said may be the last that the process does, and what it says of a hint must be so.
func (h *hints) Says(what string, hint []byte) bool {
	i := h.i
	if i.gone() {
		return false
	}
	strike := strikeNone
	if hint != nil {
		strike = i.world.hazard.broker(i, i.world.luck.of(i.name, what, string(hint)), what)
	}
	if strike == strikeDieBefore {
		i.die("before " + what)
		return false
	}
	id := about(hint)
	switch what {
	case "in progress":
		h.keeps(id)
	case "ack", "nak", "term":
		h.answers(id, what)
	}
	if strike == strikeDieAfter {
		i.die("after " + what)
	}
	return true
}

// Heard that there may be something to do.
func (h *hints) Heard(hint []byte, sent time.Time) {
	id := about(hint)
	h.i.world.count("hints")
	h.mu.Lock()
	defer h.mu.Unlock()
	h.open[id]++
	if h.open[id] <= 1 || sent.Before(h.kept[id]) { // of several, the one whose time runs out first
		h.kept[id] = sent
	}
}

func (h *hints) Paused() time.Duration { return max(0, time.Until(time.Unix(0, h.i.until.Load()))) }
func (h *hints) Gone() bool            { return h.i.gone() || h.i.left.Load() }

// keeps notes that the broker will leave a hint alone for a while.
func (h *hints) keeps(id booking.ID) {
	if h.Paused() > 0 {
		return // nobody hears it now
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.kept[id].IsZero() {
		h.kept[id] = time.Now()
	}
}

// answers: no hint is answered before what it led to is saved, or its lease is given back.
func (h *hints) answers(id booking.ID, what string) {
	h.mu.Lock()
	h.open[id]--
	held, ok := h.held[id]
	early := ok && held.hinted && h.open[id] <= 0
	h.mu.Unlock()
	if early {
		h.i.world.breach("H1: %s said %s about %s before it had saved anything", h.i.name, what, id)
	}
}

// claimed notes a lease that a claim has given.
func (h *hints) claimed(b *booking.Booking, c booking.Claim) {
	h.note(b.ID, holding{owner: b.Owner, pool: c.Pool, hinted: len(c.Only) > 0, found: len(c.Only) == 0})
}

// holds notes a lease that stays: the booking goes on in memory, at at.
func (h *hints) holds(b *booking.Booking, at booking.Place, owner string) {
	step, _ := h.i.flow.Step(at.Step)
	h.mu.Lock()
	was := h.held[b.ID]
	h.mu.Unlock()
	h.note(b.ID, holding{owner: owner, pool: step.Pool, found: was.found && was.pool == step.Pool})
}

// note a lease, and see that no governed pool has more of them than its limit.
func (h *hints) note(id booking.ID, as holding) {
	w := h.i.world
	if w.broker == nil {
		return
	}
	if as.found {
		w.count("found without a hint")
	}
	as.until = time.Now().Add(w.engine.Lease)
	h.mu.Lock()
	h.held[id] = as
	h.mu.Unlock()
	w.checkLimit(as.pool)
}

// renewed leases last longer.
func (h *hints) renewed(l booking.Lease) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if as, ok := h.held[l.ID]; ok && as.owner == l.Owner {
		as.until = time.Now().Add(h.i.world.engine.Lease)
		h.held[l.ID] = as
	}
}

// lets go of a lease.
func (h *hints) lets(b booking.ID, owner string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.held[b].owner == owner {
		delete(h.held, b)
	}
}

// under is how many bookings of a pool it may work on by right of a hint that the broker has not given to anybody else.
func (h *hints) under(pool booking.Pool) (n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for id, as := range h.held {
		if as.pool == pool && !as.found && time.Now().Before(as.until) && time.Since(h.kept[id]) < h.i.world.fleet.hints.AckWait-100*time.Millisecond {
			n++
		}
	}
	return n
}

// checkLimit: as long as nothing happens to the broker, it bounds the fleet. What was found without a hint is beyond it.
func (w *world) checkLimit(pool booking.Pool) {
	if w.broker == nil || !w.fleet.calm || w.fleet.hints.Limits.Of(pool) == 0 {
		return
	}
	under := 0
	for _, s := range w.slots {
		if i := s.now.Load(); i != nil && !i.hints.Gone() {
			under += i.hints.under(pool)
		}
	}
	if limit := w.fleet.hints.Limits.Of(pool); under > limit {
		w.breach("H2: the fleet works on %d bookings in pool %s, and may on %d", under, pool, limit)
	}
}

// about is the booking that a hint is about; none, where there is no hint.
func about(hint []byte) booking.ID {
	var body struct {
		Booking booking.ID `json:"booking"`
	}
	if hint == nil {
		return ""
	}
	if err := json.Unmarshal(hint, &body); err != nil {
		panic(err)
	}
	return body.Booking
}
