package workers

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"go.uber.org/zap"

	"hotelbooking/booking"
)

// Signals carries short texts between the processes on one database: *store.Signals, or a broker's. What they tell is in the
// database as well and is found at the next poll, so they may be lost, doubled, late and out of order.
type Signals interface {
	// Tell sends texts of at most longestText bytes each to all who hear. After an error some may have been sent.
	Tell(ctx context.Context, texts []string) error
	// Hear calls heard with every text that is told, by this process too, one after the other, until ctx ends or the
	// connection fails. It calls hearing once it misses nothing any more, and again where it may have missed something.
	Hear(ctx context.Context, hearing func(), heard func(text string)) error
}

const (
	// tellEvery is how far apart messages of a process are: the first change is told at once, what follows it together.
	tellEvery = 20 * time.Millisecond
	// hearAgain is how long after the connection has failed it is tried again; for longer where it fails again.
	hearAgain = time.Second
	// A process claims what others have left between wakeAfter and twice that later: not all processes in the same moment,
	// because one of them will get it; and not for every word of it, because there may be a thousand a second.
	wakeAfter = 20 * time.Millisecond
)

// signalLoops are the loops of an engine that hears from others, and tells them.
func (w *Workers) signalLoops() []*loop {
	if w.deps.Signals == nil {
		return nil
	}
	return []*loop{
		{name: "tell", every: hearAgain, wake: w.news.wake, round: w.tell},
		{name: "hear", every: hearAgain, round: w.hear},
		{name: "due", every: w.cfg.Poll, wake: w.due.wake, round: w.claimHeard},
	}
}

// tell is one round of the loop that tells others what has changed.
func (w *Workers) tell(ctx context.Context, _ bool) error {
	if err := w.tellAll(ctx); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
	case <-time.After(tellEvery):
	}
	return nil
}

// tellAll tells what there is to tell. What cannot be told is dropped: those who wait for it find it at their next poll.
func (w *Workers) tellAll(ctx context.Context) error {
	texts, changes := w.news.take(w.boot)
	if len(texts) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, w.cfg.SaveTimeout, errQueueTimeout)
	defer cancel()
	if err := w.deps.Signals.Tell(ctx, texts); err != nil {
		w.metrics.untold.Add(float64(changes))
		return fmt.Errorf("tell other processes of %d changes: %w", changes, err)
	}
	w.metrics.told.Add(float64(changes))
	return nil
}

// sayLast tells what the end of the engine has changed.
func (w *Workers) sayLast(ctx context.Context) {
	if w.deps.Signals == nil {
		return
	}
	if err := w.tellAll(ctx); err != nil {
		w.log.Warn("stop", zap.Error(err))
	}
}

// hear is one round of the loop that hears from others: as long as the connection lasts. One that has lasted at all is no
// failure of the loop, so that the next attempt comes soon.
func (w *Workers) hear(ctx context.Context, _ bool) error {
	lasted := false
	err := w.deps.Signals.Hear(ctx, func() {
		lasted = true
		w.caughtUp()
	}, w.heard)
	w.hears.Store(false)
	switch {
	case ctx.Err() != nil:
		return nil
	case lasted:
		w.log.Warn("signals", zap.String("state", "lost: changes of other processes are seen at the next poll"), zap.Error(err))
		return nil
	default:
		return fmt.Errorf("hear from other processes: %w", err)
	}
}

// caughtUp looks at everything that may have changed while nothing was heard.
func (w *Workers) caughtUp() {
	w.hears.Store(true)
	w.metrics.hearings.Inc()
	w.log.Info("signals", zap.String("state", "heard"))
	signal(w.hub.missed)
	signal(w.paused.moved)
	for _, p := range w.pools {
		w.due.want(p.name)
	}
}

// heard acts upon one text.
func (w *Workers) heard(text string) {
	changed := w.hub.passed
	if w.hub.count() == 0 { // a reader who joins now has yet to look
		changed = nil
	}
	changes := readText(text, w.boot, changed, w.due.want, func() { signal(w.paused.moved) })
	w.metrics.heard.Add(float64(changes))
}

// claimHeard is one round of the loop that looks for what others have left in the database.
func (w *Workers) claimHeard(ctx context.Context, _ bool) error {
	select {
	case <-ctx.Done():
		return nil
	case <-time.After(wakeAfter + rand.N(wakeAfter)):
	}
	for _, p := range w.pools {
		if w.due.wanted[p.name].Swap(false) {
			w.claimer.want(p.name)
		}
	}
	return nil
}

// telling is a queue that says what it was made to write, once it is written.
type telling struct {
	Queue
	news *news
	flow booking.Flow
}

// due tells of a booking that waits in the database for whoever claims it.
func (q telling) due(b *booking.Booking) {
	if step, ok := q.flow.Step(b.Place.Step); ok {
		q.news.due(step.Pool)
	}
}

// Accept tells of bookings that nobody holds.
func (q telling) Accept(ctx context.Context, a booking.Acceptance) (booking.Receipt, error) {
	receipt, err := q.Queue.Accept(ctx, a)
	if err == nil && !receipt.Replayed && a.Owner == "" {
		q.due(receipt.Booking)
	}
	return receipt, err
}

// Save tells of the change, and of a booking that is given back to be gone on with at once.
func (q telling) Save(ctx context.Context, b *booking.Booking, e booking.Entry, lease time.Duration) error {
	err := q.Queue.Save(ctx, b, e, lease)
	if err == nil {
		q.news.changed(b.ID, b.Version)
		if lease == 0 && !b.DueAt.IsZero() && !b.DueAt.After(b.UpdatedAt) {
			q.due(b)
		}
	}
	return err
}

// Renew tells that bookings were given back: of all pools, because a lease names none.
func (q telling) Renew(ctx context.Context, held []booking.Lease, lease time.Duration) ([]booking.ID, error) {
	lost, err := q.Queue.Renew(ctx, held, lease)
	if err == nil && lease == 0 {
		for _, p := range booking.Pools() {
			q.news.due(p)
		}
	}
	return lost, err
}

// Decide tells of the change, and of a booking that nobody holds, to be gone on with.
func (q telling) Decide(ctx context.Context, id booking.ID, decide func(*booking.Booking) (booking.Entry, error)) (*booking.Booking, error) {
	b, err := q.Queue.Decide(ctx, id, decide)
	if err == nil {
		q.news.changed(id, b.Version)
		if b.Owner == "" && due(b, b.UpdatedAt) {
			q.due(b)
		}
	}
	return b, err
}
