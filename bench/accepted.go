package bench

import (
	"context"
	"crypto/sha256"
	"errors"
	"time"

	"github.com/sourcegraph/conc/pool"

	"hotelbooking/booking"
	"hotelbooking/store"
)

// accepted is a database of a kind with n bookings that nobody holds.
func (b *bench) accepted(ctx context.Context, kind string, n int) (*database, error) {
	return b.acceptedBy(ctx, kind, n, func(s *store.Store, _ booking.Flow) (taker, error) { return s, nil })
}

// taker is who takes bookings: the store, or a queue around it.
type taker interface {
	Accept(ctx context.Context, a booking.Acceptance) (booking.Receipt, error)
}

func (b *bench) acceptedBy(ctx context.Context, kind string, n int, by func(*store.Store, booking.Flow) (taker, error)) (db *database, err error) {
	db, err = b.open(ctx, kind)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, db.close())
		}
	}()
	s, err := store.Open(ctx, db.config(), b.log)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	flow := booking.NewFlow(booking.Outside{}, booking.DefaultLimits())
	taking, err := by(s, flow)
	if err != nil {
		return nil, err
	}
	tasks := pool.New().WithErrors().WithFirstError().WithMaxGoroutines(accepting)
	for range n {
		tasks.Go(func() error {
			b, entry := flow.Begin(ask(time.Now().UTC()), time.Now().UTC())
			_, err := taking.Accept(ctx, booking.Acceptance{Booking: b, Entry: entry, Key: string(b.ID), Fingerprint: sha256.Sum256([]byte(b.ID))})
			return err
		})
	}
	return db, tasks.Wait()
}
