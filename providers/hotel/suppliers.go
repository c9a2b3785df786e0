// Package hotel sends a booking to the supplier that its offer names. Each supplier has an adapter in a folder of its own.
package hotel

import (
	"context"
	"fmt"

	"hotelbooking/booking"
)

// Suppliers are the hotel suppliers by the name that offers carry. It is itself booking.Hotels.
type Suppliers map[string]booking.Hotels

// Hold asks the offer's supplier.
func (s Suppliers) Hold(ctx context.Context, b *booking.Booking) (booking.Hold, error) {
	supplier, err := s.of(b)
	if err != nil {
		return booking.Hold{}, err
	}
	return supplier.Hold(ctx, b)
}

// Release asks the offer's supplier.
func (s Suppliers) Release(ctx context.Context, b *booking.Booking) error {
	supplier, err := s.of(b)
	if err != nil {
		return err
	}
	return supplier.Release(ctx, b)
}

// Confirm asks the offer's supplier.
func (s Suppliers) Confirm(ctx context.Context, b *booking.Booking) (booking.Reservation, error) {
	supplier, err := s.of(b)
	if err != nil {
		return booking.Reservation{}, err
	}
	return supplier.Confirm(ctx, b)
}

// Cancel asks the offer's supplier.
func (s Suppliers) Cancel(ctx context.Context, b *booking.Booking) error {
	supplier, err := s.of(b)
	if err != nil {
		return err
	}
	return supplier.Cancel(ctx, b)
}

// Find asks the offer's supplier.
func (s Suppliers) Find(ctx context.Context, b *booking.Booking) (booking.Standing, error) {
	supplier, err := s.of(b)
	if err != nil {
		return booking.Standing{}, err
	}
	return supplier.Find(ctx, b)
}

// of finds the adapter. A supplier that was taken out of the configuration while bookings with it are under way cannot be
// asked anything: it is NotDone, so that putting it back is all that is needed.
func (s Suppliers) of(b *booking.Booking) (booking.Hotels, error) {
	if supplier, known := s[b.Offer.Supplier]; known {
		return supplier, nil
	}
	return nil, &booking.Fault{
		Kind: booking.NotDone, Reason: booking.SupplierUnavailable,
		Err: fmt.Errorf("no supplier %q is configured", b.Offer.Supplier),
	}
}
