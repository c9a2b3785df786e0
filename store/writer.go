package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"go.opentelemetry.io/otel/trace"

	"hotelbooking/booking"
)

// batchLimit bounds how many callers share one commit.
const batchLimit = 512

// errFlushFailed is the answer to those whose flush panicked.
var errFlushFailed = errors.New("the commit was abandoned")

// writer is the group commit. It has no goroutine of its own: a caller that finds a flusher free leads, and flushes what
// has gathered; the others wait for its answer. A leader flushes one batch, its own write among them, and hands the
// flusher over to a caller of the next, so nobody works for others for ever. Nothing lingers.
type writer struct {
	flush    func(ctx context.Context, batch []*op) // settles every op; ctx ends for nobody
	flushers int                                    // batches that may be under way at once

	mu    sync.Mutex // guards what follows, and op.leads
	queue []*op      // in order of arrival
	busy  int        // flushers in use: batches under way, and leaders that have not begun
}

// op is one caller's write. Its result is written by the flusher before settled is closed, and read afterwards.
type op struct {
	id      booking.ID // at most one op of a booking is in a batch, or one statement would write a row twice
	place   []any      // columns of placesIn
	accept  *acceptOp  // nil: a save or a decision
	history []any      // columns of linesIn
	entry   historyRow // to recognise the write by
	owner   string     // who must hold the booking for a save to be written; empty: nobody
	audit   *auditRow  // of an action of our own people; else nil
	erases  bool       // its people, too
	told    bool       // other systems are to be told of it
	span    trace.Span // of who waits for it, where it is sampled; else nil

	err     error
	settled chan struct{}

	leads bool          // it is this caller's turn to flush; nobody else takes its op
	turn  chan struct{} // tells it so
}

// acceptOp is what only an accept has.
type acceptOp struct {
	booking []any // columns of bookingsIn
	people  []any // columns of peopleIn
	client  string
	key     string
	taken   *keyRow // the booking that the key made before
}

// write puts o into the next batch and returns its result. A caller whose ctx ends while its op still waits is told so,
// and nothing is written; once a commit is under way its result is waited for.
func (w *writer) write(ctx context.Context, o *op) error {
	if err := context.Cause(ctx); err != nil {
		return fmt.Errorf("nothing was written: %w", err)
	}
	if span := trace.SpanFromContext(ctx); span.SpanContext().IsSampled() {
		o.span = span
	}
	o.settled, o.turn = make(chan struct{}), make(chan struct{}, 1)
	if w.enqueue(o) {
		w.lead(ctx, o)
	}
	for {
		select {
		case <-o.settled:
			return o.err
		case <-o.turn:
			w.lead(ctx, o)
		case <-ctx.Done():
			if w.withdraw(o) {
				return fmt.Errorf("nothing was written: %w", context.Cause(ctx))
			}
			<-o.settled
			return o.err
		}
	}
}

// enqueue tells whether the caller is to lead.
func (w *writer) enqueue(o *op) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.queue = append(w.queue, o)
	if w.busy < w.flushers {
		w.busy++
		o.leads = true
	}
	return o.leads
}

// lead flushes one batch, o's among them.
func (w *writer) lead(ctx context.Context, o *op) {
	batch := w.take(o)
	defer func() {
		w.handOver()
		for _, member := range batch {
			close(member.settled)
		}
	}()
	for _, member := range batch {
		member.err = errFlushFailed // unless flush says better
	}
	w.flush(context.WithoutCancel(ctx), batch)
}

// take removes a batch from the queue: the leader's own op and those that follow it.
func (w *writer) take(leader *op) []*op {
	w.mu.Lock()
	defer w.mu.Unlock()
	batch, rest := []*op{leader}, w.queue[:0]
	members := map[booking.ID]bool{leader.id: true}
	for _, o := range w.queue {
		switch {
		case o == leader:
		case o.leads || members[o.id] || len(batch) == batchLimit:
			rest = append(rest, o)
		default:
			batch = append(batch, o)
			members[o.id] = true
		}
	}
	clear(w.queue[len(rest):])
	w.queue = rest
	if w.busy < w.flushers && w.promote() {
		w.busy++
	}
	return batch
}

func (w *writer) handOver() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.promote() {
		w.busy--
	}
}

// promote lets the first caller that waits lead, if there is one.
func (w *writer) promote() bool {
	for _, o := range w.queue {
		if !o.leads {
			o.leads = true
			o.turn <- struct{}{}
			return true
		}
	}
	return false
}

// withdraw takes o back, if it still waits. A leader that leaves hands its flusher over.
func (w *writer) withdraw(o *op) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	i := slices.Index(w.queue, o)
	if i < 0 {
		return false
	}
	w.queue = slices.Delete(w.queue, i, i+1)
	if o.leads && !w.promote() {
		w.busy--
	}
	return true
}
