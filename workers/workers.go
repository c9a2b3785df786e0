// Package workers is the engine: it walks accepted bookings through the flow in bounded pools of goroutines, and owns all
// of them. New binds it to a flow and a queue; Start begins, Submit and Decide feed it, Stop drains it.
package workers

import (
	"context"
	"errors"
	"io"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"hotelbooking/booking"
)

// Deps is what the engine needs beside its queue. The zero value of each works.
type Deps struct {
	Log      *zap.Logger
	Metrics  prometheus.Registerer
	Boot     string    // random for each start of the process: the first half of every lease's owner
	Random   io.Reader // of ids and references; nil is crypto/rand
	Notices  Notices   // nil: no vendor sends any
	Versions Versions  // nil: only changes of this process are watched
	Steps    Steps     // nil: the stored steps are not checked at the start
}

// Workers is the engine.
type Workers struct {
	flow  booking.Flow
	queue Queue
	cfg   Config
	deps  Deps
}

// New makes an engine that does nothing until Start. cfg must be valid.
func New(flow booking.Flow, queue Queue, cfg Config, deps Deps) *Workers {
	return &Workers{flow: flow, queue: queue, cfg: cfg, deps: deps}
}

// Start checks that the table knows every step that a stored booking stands at, and begins to work. ctx bounds the check
// only.
func (w *Workers) Start(ctx context.Context) error { return errors.New("not written yet") }

// Stop ends the engine: nothing more is accepted or begun, running turns may finish for Config.Grace and are cancelled
// then, what is finished is saved, and every lease is given back. ctx bounds it all.
func (w *Workers) Stop(ctx context.Context) error { return nil }

// Submit stores a new booking and sets it on its way. It returns after the commit. *booking.Overloaded: nothing was
// stored. booking.ErrKeyReused: the key belongs to another request. Any other error: it may have been stored, and the same
// key will tell.
func (w *Workers) Submit(ctx context.Context, ask booking.Ask, key string, fingerprint [32]byte) (booking.Receipt, error) {
	return booking.Receipt{}, errors.New("not written yet")
}

// Admit tells whether a new booking would be taken: nil, or a *booking.Overloaded. It costs nothing.
func (w *Workers) Admit() error { return nil }

// Decide applies a person's or a vendor's decision, and sees to it that it is acted upon. Errors are those of
// booking.Flow.Decide and of Queue.Decide.
func (w *Workers) Decide(ctx context.Context, id booking.ID, d booking.Decision) (*booking.Booking, error) {
	return nil, errors.New("not written yet")
}

// Wait returns nil once the booking's version may be higher than version, or ctx.Err(). It holds no goroutine.
func (w *Workers) Wait(ctx context.Context, id booking.ID, version int) error { return nil }

// Noticed says that a notice has come in, so that it is applied at once.
func (w *Workers) Noticed() {}

// Healthy is nil while the loops that find and keep work make progress.
func (w *Workers) Healthy() error { return nil }
