package workers

import (
	"context"
	"errors"

	"hotelbooking/booking"
)

// Pauses keeps what operators have paused: *store.Store.
type Pauses interface {
	Pauses(ctx context.Context) ([]booking.Pause, error)
	PauseLog(ctx context.Context, limit int) ([]booking.PauseEvent, error)
	Pause(ctx context.Context, change booking.PauseChange) error
}

var errNotBuilt = errors.New("not built")

func (w *Workers) Pauses(ctx context.Context) ([]booking.Pause, error) { return nil, errNotBuilt }
func (w *Workers) PauseLog(ctx context.Context, limit int) ([]booking.PauseEvent, error) {
	return nil, errNotBuilt
}
func (w *Workers) Pause(ctx context.Context, change booking.PauseChange) error { return errNotBuilt }
