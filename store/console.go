package store

import (
	"context"
	"errors"

	"hotelbooking/booking"
)

var errNotBuilt = errors.New("not built")

func (s *Store) Related(ctx context.Context, id booking.ID, limit int) ([]*booking.Booking, error) {
	return nil, errNotBuilt
}
func (s *Store) Count(ctx context.Context, f booking.Filter, most int) (int, error) {
	return 0, errNotBuilt
}
func (s *Store) Attentions(ctx context.Context, most int) ([]booking.AttentionCount, error) {
	return nil, errNotBuilt
}
func (s *Store) OpenSession(ctx context.Context, in booking.Session) error { return errNotBuilt }
func (s *Store) Session(ctx context.Context, digest [32]byte) (booking.Session, error) {
	return booking.Session{}, errNotBuilt
}
func (s *Store) CloseSession(ctx context.Context, digest [32]byte) error { return errNotBuilt }
func (s *Store) Pauses(ctx context.Context) ([]booking.Pause, error)     { return nil, errNotBuilt }
func (s *Store) PauseLog(ctx context.Context, limit int) ([]booking.PauseEvent, error) {
	return nil, errNotBuilt
}
func (s *Store) Pause(ctx context.Context, change booking.PauseChange) error { return errNotBuilt }
