package workers

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"hotelbooking/booking"
)

const (
	// window is for how many samples the rate at which the backlog drains is remembered, and trusted from the half of it on.
	window = 10
	// longestRetry bounds what a refused caller is asked to wait.
	longestRetry = time.Minute
)

// admission decides whether new bookings are taken. It looks at the backlog once in a while and answers from memory: what
// refuses work must cost nothing.
type admission struct {
	cfg   Admission
	whole bool // this process works in all pools, so that what it decides says how fast the backlog drains
	small int  // a backlog of so many is never a reason to refuse by prediction: it is what the pools have at once

	depth   atomic.Int64 // bookings that waited at the last sample
	since   atomic.Int64 // accepted into the database since then
	wait    atomic.Int64 // how long a new booking is expected to wait, ns; 0: not long, or nobody knows
	decided atomic.Int64 // bookings that came to rest, ever
	oldest  atomic.Int64 // age of the longest waiting, ns; for metrics
	busy    []progress   // the last samples, for as long as the backlog was not small; used by sample only
}

// progress is how many bookings had come to rest at one moment.
type progress struct {
	at      time.Time
	decided int64
}

// Admit tells whether a new booking would be taken: nil, or a *booking.Overloaded. It costs nothing.
func (w *Workers) Admit() error {
	if !w.started.Load() || w.stopping.Load() {
		return w.shed(notRunning())
	}
	if since, paused := w.paused.since(booking.PauseIntake); paused {
		return w.shed(&booking.Overloaded{RetryAfter: jittered(w.hold(since)), Why: "paused"})
	}
	if refusal := w.admission.refusal(); refusal != nil {
		return w.shed(refusal)
	}
	return nil
}

func (w *Workers) shed(refusal *booking.Overloaded) error {
	w.metrics.refused(refusal.Why)
	return refusal
}

func notRunning() *booking.Overloaded {
	return &booking.Overloaded{RetryAfter: jittered(time.Second), Why: "not_running"}
}

// waits says that a booking was accepted that waits in the database.
func (a *admission) waits() { a.since.Add(1) }

// backlog is how many bookings wait, as far as is known.
func (a *admission) backlog() int { return int(a.depth.Load() + a.since.Load()) }

// refusal says why a new booking is not taken, or nil.
func (a *admission) refusal() *booking.Overloaded {
	wait := time.Duration(a.wait.Load())
	switch {
	case a.backlog() >= a.cfg.MaxBacklog:
		return &booking.Overloaded{RetryAfter: jittered(max(wait/4, 2*time.Second)), Why: "backlog"}
	case wait > a.cfg.MaxAge:
		return &booking.Overloaded{RetryAfter: jittered(max(wait-a.cfg.MaxAge, 2*time.Second)), Why: "predicted_wait"}
	}
	return nil
}

// jittered is d, bounded, plus up to a half: refused callers must not all come back at once.
func jittered(d time.Duration) time.Duration {
	d = min(d, longestRetry)
	return d + rand.N(d/2+1)
}

// sample is one round of the loop that looks at the backlog. What waits in memory counts, too.
func (w *Workers) sample(context.Context, bool) error {
	ctx, cancel := context.WithTimeoutCause(context.Background(), w.cfg.SaveTimeout, errQueueTimeout)
	defer cancel()
	counted := w.admission.since.Load() // at most: what comes while the queue counts is counted twice until the next sample
	backlog, err := w.queue.Backlog(ctx)
	if err != nil {
		return fmt.Errorf("sample the backlog: %w", err)
	}
	depth, leftOut := backlog.Waiting, false
	for _, p := range w.pools {
		depth += p.stats().ready
		leftOut = leftOut || p.leavesOut()
	}
	age := time.Duration(0)
	if !backlog.Oldest.IsZero() {
		age = time.Since(backlog.Oldest)
	}
	w.admission.since.Add(-counted)
	w.admission.observe(depth, age, leftOut, w.paused.work())
	return nil
}

// observe takes one sample: how many bookings wait, since when the first of them, and whether that one may be waiting for
// a system that is left alone for now, so that it says nothing about the others. While something is paused, nobody knows how
// many of them wait for nothing else, so that nothing is predicted.
func (a *admission) observe(depth int, age time.Duration, leftOut, paused bool) {
	a.depth.Store(int64(depth))
	a.oldest.Store(int64(age))
	wait := time.Duration(0)
	if depth <= a.small || paused {
		a.busy = a.busy[:0]
	} else {
		a.busy = append(a.busy[max(0, len(a.busy)-window):], progress{time.Now(), a.decided.Load()})
		wait = a.predicted(depth)
	}
	if !leftOut && !paused {
		wait = max(wait, age)
	}
	a.wait.Store(int64(wait))
}

// predicted is how long it takes to drain depth bookings at the rate measured lately; 0 while there is no telling.
func (a *admission) predicted(depth int) time.Duration {
	if !a.whole || len(a.busy) <= window/2 {
		return 0
	}
	first, last := a.busy[0], a.busy[len(a.busy)-1]
	drained := last.decided - first.decided
	if drained == 0 {
		return 0 // the age of the oldest will tell
	}
	return time.Duration(float64(depth) / float64(drained) * float64(last.at.Sub(first.at)))
}
