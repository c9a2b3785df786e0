package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"hotelbooking/booking"
)

// errReadFailed is the answer to those whose query panicked.
var errReadFailed = errors.New("the query was abandoned")

// together reads the rows of many callers with one query. Whoever asks while a query is under way waits for the next, which
// begins after all of its callers have asked: nobody is told of a state from before their question. So a crowd of readers
// costs a few statements and one connection, and a single one waits for nobody. Like writer it has no goroutine of its own.
type together[R any] struct {
	query   func(ctx context.Context, ids []booking.ID, found func(booking.ID, *R)) error
	most    int           // ids of one query
	timeout time.Duration // of one query, and of the wait for its turn
	turn    chan struct{} // full while a query is under way

	mu   sync.Mutex   // guards next, and what it holds
	next *question[R] // nil: nobody waits for a turn
}

// question is one query and its answer. Rows and err are written by the caller that leads before answered is closed.
type question[R any] struct {
	ids      []booking.ID
	rows     map[booking.ID]*R // nil: not found
	err      error
	answered chan struct{}
}

func newTogether[R any](most int, timeout time.Duration, query func(context.Context, []booking.ID, func(booking.ID, *R)) error) *together[R] {
	return &together[R]{query: query, most: most, timeout: timeout, turn: make(chan struct{}, 1)}
}

// read is one booking's row. It is shared with others who asked for the same: callers must not change what it refers to.
// booking.ErrNotFound.
func (t *together[R]) read(ctx context.Context, id booking.ID) (*R, error) {
	if err := context.Cause(ctx); err != nil {
		return nil, fmt.Errorf("nothing was read: %w", err)
	}
	q, leads := t.join(id)
	if leads {
		t.lead(ctx, q)
	}
	select {
	case <-q.answered:
	case <-ctx.Done():
		return nil, fmt.Errorf("nothing was read: %w", context.Cause(ctx))
	}
	if q.err != nil {
		return nil, q.err
	}
	if row := q.rows[id]; row != nil {
		return row, nil
	}
	return nil, booking.ErrNotFound
}

// join adds id to the next question. Who is its first leads.
func (t *together[R]) join(id booking.ID) (q *question[R], leads bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.next == nil {
		t.next = &question[R]{rows: map[booking.ID]*R{}, answered: make(chan struct{}), err: errReadFailed}
		leads = true
	}
	q = t.next
	if _, asked := q.rows[id]; !asked {
		q.rows[id] = nil
		q.ids = append(q.ids, id)
	}
	if len(q.ids) == t.most {
		t.next = nil
	}
	return q, leads
}

// lead asks q when it is its turn, for all who have joined it by then, whatever becomes of the leader's own call.
func (t *together[R]) lead(ctx context.Context, q *question[R]) {
	defer close(q.answered)
	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), t.timeout, errQueryDeadline)
	defer cancel()
	select {
	case t.turn <- struct{}{}:
		defer func() { <-t.turn }()
	case <-ctx.Done():
	}
	t.shut(q)
	err := context.Cause(ctx)
	if err == nil {
		err = t.query(ctx, q.ids, func(id booking.ID, row *R) { q.rows[id] = row })
	}
	q.err = err
}

// shut lets nobody join q any more.
func (t *together[R]) shut(q *question[R]) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.next == q {
		t.next = nil
	}
}

// byKey gives each row that template, which has {rows}, reads of the bookings with these ids.
func byKey[R any](ctx context.Context, s *Store, template string, ids []booking.ID, fields func(*R) []any, each func(*R)) error {
	return s.sql.each(template, idsIn, column1(ids), func(statement string, args []any) error {
		return scan(s.keyed.WithContext(ctx).Raw(statement, args...), fields, each)
	})
}
