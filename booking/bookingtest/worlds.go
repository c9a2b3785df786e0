package bookingtest

import (
	"context"
	"sync"

	"hotelbooking/booking"
)

// Worlds is an outside world for each booking, by its reference.
type Worlds struct {
	Script func(b *booking.Booking, operation string) Fate // nil: everything is obeyed

	mu sync.Mutex
	of map[string]*World // by reference
}

// at runs f with the booking's world; nobody else uses it meanwhile.
func (w *Worlds) at(b *booking.Booking, f func(booking.Outside)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f(w.world(b).Outside())
}

func (w *Worlds) world(b *booking.Booking) *World {
	world, ok := w.of[b.Reference]
	if !ok {
		if w.of == nil {
			w.of = map[string]*World{}
		}
		world = NewWorld(func(operation string) Fate {
			if w.Script == nil {
				return Obeys
			}
			return w.Script(b, operation)
		})
		w.of[b.Reference] = world
	}
	return world
}

// Look is the world of a booking that is at rest.
func (w *Worlds) Look(b *booking.Booking) *World {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.world(b)
}

// Calls lists the operations that a booking's world has seen.
func (w *Worlds) Calls(b *booking.Booking) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string(nil), w.world(b).Calls...)
}

// Each visits all of them.
func (w *Worlds) Each(visit func(*World)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, world := range w.of {
		visit(world)
	}
}

// Outside is all of them as the flow's adapters.
func (w *Worlds) Outside() booking.Outside {
	return booking.Outside{Hotels: eachHotels{w}, Screener: eachScreener{w}, Payments: eachPayments{w}, Tracker: eachTracker{w}}
}

type eachHotels struct{ w *Worlds }

func (h eachHotels) Hold(ctx context.Context, b *booking.Booking) (hold booking.Hold, err error) {
	h.w.at(b, func(o booking.Outside) { hold, err = o.Hotels.Hold(ctx, b) })
	return hold, err
}

func (h eachHotels) Release(ctx context.Context, b *booking.Booking) (err error) {
	h.w.at(b, func(o booking.Outside) { err = o.Hotels.Release(ctx, b) })
	return err
}

func (h eachHotels) Confirm(ctx context.Context, b *booking.Booking) (r booking.Reservation, err error) {
	h.w.at(b, func(o booking.Outside) { r, err = o.Hotels.Confirm(ctx, b) })
	return r, err
}

func (h eachHotels) Cancel(ctx context.Context, b *booking.Booking) (err error) {
	h.w.at(b, func(o booking.Outside) { err = o.Hotels.Cancel(ctx, b) })
	return err
}

func (h eachHotels) Find(ctx context.Context, b *booking.Booking) (s booking.Standing, err error) {
	h.w.at(b, func(o booking.Outside) { s, err = o.Hotels.Find(ctx, b) })
	return s, err
}

type eachScreener struct{ w *Worlds }

func (s eachScreener) Screen(ctx context.Context, b *booking.Booking) (v booking.Verdict, err error) {
	s.w.at(b, func(o booking.Outside) { v, err = o.Screener.Screen(ctx, b) })
	return v, err
}

type eachPayments struct{ w *Worlds }

func (p eachPayments) Authorize(ctx context.Context, b *booking.Booking) (r booking.Payment, err error) {
	p.w.at(b, func(o booking.Outside) { r, err = o.Payments.Authorize(ctx, b) })
	return r, err
}

func (p eachPayments) Void(ctx context.Context, b *booking.Booking) (r booking.Payment, err error) {
	p.w.at(b, func(o booking.Outside) { r, err = o.Payments.Void(ctx, b) })
	return r, err
}

func (p eachPayments) Capture(ctx context.Context, b *booking.Booking, m booking.Money) (r booking.Payment, err error) {
	p.w.at(b, func(o booking.Outside) { r, err = o.Payments.Capture(ctx, b, m) })
	return r, err
}

func (p eachPayments) Refund(ctx context.Context, b *booking.Booking, m booking.Money) (r booking.Payment, err error) {
	p.w.at(b, func(o booking.Outside) { r, err = o.Payments.Refund(ctx, b, m) })
	return r, err
}

func (p eachPayments) Find(ctx context.Context, b *booking.Booking) (r booking.Payment, err error) {
	p.w.at(b, func(o booking.Outside) { r, err = o.Payments.Find(ctx, b) })
	return r, err
}

type eachTracker struct{ w *Worlds }

func (t eachTracker) Track(ctx context.Context, e booking.Conversion) (err error) {
	t.w.at(&booking.Booking{Ask: booking.Ask{Reference: e.Reference}}, func(o booking.Outside) { err = o.Tracker.Track(ctx, e) })
	return err
}
