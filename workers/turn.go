package workers

import (
	"context"
	"hash/fnv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sourcegraph/conc/panics"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"

	"hotelbooking/booking"
)

// turn is one turn of one booking: look again -> act -> apply -> save -> one log line.
type turn struct {
	pool  *pool
	lane  *lane
	held  *held
	probe bool // it tries whether the system is back
	began time.Time
	hard  time.Time // from then on the watchdog has taken it
	stop  context.CancelCauseFunc
	pass  pass
	calls booking.Calls // that act made
	span  trace.Span    // nil: nothing is traced, or it has not begun

	taken atomic.Bool // by whoever settles it: the call that returned, or the watchdog. The other does nothing more
	end   sync.Once

	away, back, settled, freed bool // taken away from its call, which came back; settled, its slot freed; guarded by the pool
}

// take tells whether the caller is the one to settle the turn.
func (t *turn) take() bool { return t.taken.CompareAndSwap(false, true) }

// run is one task of a pool. ctx is the one to work under: it ends when running calls are to be cancelled.
func (w *Workers) run(ctx context.Context, t *turn) {
	t.began = time.Now()
	w.guard(t, func() { w.turn(ctx, t) })
}

// guard keeps the process alive when the engine itself or the flow has a defect.
func (w *Workers) guard(t *turn, f func()) {
	if defect := panics.Try(f); defect != nil {
		w.metrics.panics.Inc()
		w.log.Error("turn", zap.String("booking", string(t.held.id)), zap.String("outcome", "lost"),
			zap.String("panic", defect.String()), zap.String("do", "report this defect; the booking is asked about when its lease runs out"))
		w.forget(t)
	}
}

func (w *Workers) turn(ctx context.Context, t *turn) {
	h := t.held
	moved, ok := w.lookAgain(t)
	if !ok {
		return
	}
	ctx = w.traceTurn(ctx, t)
	act := w.act(h.b)
	if act == nil && (moved || h.b.Place.Phase == booking.Ended) && !due(h.b, w.now()) {
		w.settle(t, h.b.Clone(), booking.Outcome{}) // decided meanwhile, and at rest: the zero outcome changes nothing there
		return
	}
	if outcome, decided := w.flow.Before(h.b, w.now()); decided {
		w.settle(t, h.b.Clone(), outcome)
		return
	}
	if act == nil { // the table has no body for this place: the flow parks it for staff
		w.settle(t, h.b.Clone(), booking.Outcome{})
		return
	}
	if wait, paused := w.heldBack(t); paused { // before the breaker, which would count a probe
		w.settle(t, h.b.Clone(), booking.HeldBack(wait))
		return
	}
	pass, wait, ok := t.lane.breaker.ask()
	if !ok {
		w.settle(t, h.b.Clone(), booking.Retry(booking.CircuitOpen, wait+spread(h.id, w.cfg.Breaker.Delay)))
		return
	}
	t.pass = pass
	learned := h.b.Clone()
	outcome, mine := w.call(ctx, t, act, learned)
	if mine {
		w.settle(t, learned, outcome)
	}
}

// act is the step's body for where b stands; nil where the table has none.
func (w *Workers) act(b *booking.Booking) booking.Act {
	step, _ := w.flow.Step(b.Place.Step)
	switch b.Place.Phase {
	case booking.Doing:
		return step.Do
	case booking.Finding:
		return step.Find
	case booking.Undoing:
		return step.Undo
	case booking.Parked, booking.Ended:
	}
	return nil
}

// call runs the body on its own copy of the booking. A body that ignores its deadline loses the turn when twice the deadline
// has passed: its outcome is Unknown then, what it wrote to its copy is dropped, and so is its answer, should one come.
func (w *Workers) call(ctx context.Context, t *turn, act booking.Act, b *booking.Booking) (o booking.Outcome, mine bool) {
	ctx, t.stop = context.WithCancelCause(ctx)
	defer t.stop(nil)
	ctx, cancel := context.WithTimeoutCause(ctx, t.pool.deadline, errTurnDeadline)
	defer cancel()
	t.hard = time.Now().Add(2 * t.pool.deadline)
	if !w.ledger.begin(t) {
		t.pass.dropped()
		w.forget(t)
		return o, false
	}
	watchdog := time.AfterFunc(2*t.pool.deadline, func() { w.takeAway(t, booking.TurnDeadline) })

	panicked := panics.Try(func() { o = act(booking.WithCalls(ctx, &t.calls), b) })

	watchdog.Stop()
	if !t.take() {
		t.pool.returned(t)
		w.metrics.late.Inc()
		return o, false
	}
	switch {
	case panicked != nil:
		w.metrics.panics.Inc()
		w.log.Error("panic", zap.String("booking", string(b.ID)), zap.String("step", string(b.Place.Step)),
			zap.String("phase", string(b.Place.Phase)), zap.String("panic", panicked.String()),
			zap.String("do", "report this defect; whether the call had an effect is being asked"))
		o, *b = booking.Unknown(booking.TurnPanicked).Because("our own defect; the log has the stack"), *t.held.b.Clone()
		t.pass.dropped()
	case ours(ctx):
		t.pass.dropped()
	default:
		t.pass.answered(o)
	}
	return o, true
}

// takeAway settles a turn without its call: nobody can tell what the call has done or will do.
func (w *Workers) takeAway(t *turn, reason booking.Reason) {
	if !t.take() {
		return
	}
	w.guard(t, func() {
		w.metrics.abandoned.Inc()
		t.pool.takeAway(t)
		t.stop(errTurnDeadline)
		outcome := booking.Unknown(reason).Because("the call ignored its deadline")
		t.pass.answered(outcome)
		w.settle(t, t.held.b.Clone(), outcome)
	})
}

// finish ends the turn: its slot is free, and Stop need not wait for it.
func (w *Workers) finish(t *turn) {
	t.end.Do(func() {
		t.traceEnd()
		w.ledger.end(t.held)
		t.pool.done(t)
		w.turns.done()
	})
}

// forget lets go of a booking without a word to the queue: its lease runs out, and whoever claims it then asks what has
// happened. That is always safe, and slow.
func (w *Workers) forget(t *turn) {
	t.traceForgotten()
	if w.ledger.drop(t.held) {
		w.metrics.forgotten.Inc()
	}
	w.finish(t)
}

// spread is a part of a delay that differs between bookings, so that they do not all come back at once.
func spread(id booking.ID, delay time.Duration) time.Duration {
	h := fnv.New64a()
	_, _ = h.Write([]byte(id))
	return time.Duration(h.Sum64() % uint64(max(delay, 1)))
}

// told writes the one line of a turn.
func (w *Workers) told(t *turn, before, after *booking.Booking, e booking.Entry) {
	fields := []zap.Field{
		zap.String("booking", string(after.ID)), zap.String("reference", after.Reference),
		zap.String("step", string(e.From.Step)), zap.String("phase", string(e.From.Phase)), zap.Int("attempt", e.Attempt),
		zap.String("outcome", string(e.Outcome)), zap.String("reason", string(e.Reason)), zap.String("detail", e.Detail),
		zap.String("to", string(e.To.Phase)+" "+string(e.To.Step)), zap.Int("version", e.Version), zap.Duration("took", e.Took), t.traceID(),
	}
	switch {
	case after.Attention != "" && after.Attention != before.Attention:
		w.metrics.attention.WithLabelValues(string(after.Attention)).Inc()
		w.turned.Error("turn", append(fields, zap.String("do", "look at it in support: "+string(after.Attention)))...)
	case e.Outcome == booking.KindRetry && e.Reason != booking.Paused || e.Outcome == booking.KindUnknown:
		w.turned.Warn("turn", fields...)
	default:
		w.turned.Info("turn", fields...)
	}
}

func turnLost(h *held, err error) []zap.Field {
	return []zap.Field{
		zap.String("booking", string(h.id)), zap.String("step", string(h.b.Place.Step)), zap.String("phase", string(h.b.Place.Phase)),
		zap.String("outcome", "not saved"), zap.Error(err),
	}
}
