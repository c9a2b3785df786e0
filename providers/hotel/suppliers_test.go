package hotel_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
	"hotelbooking/booking/bookingtest"
	"hotelbooking/providers/hotel"
)

// ask makes every call that there is, and returns their errors.
func ask(s hotel.Suppliers, b *booking.Booking) (errs []error) {
	_, held := s.Hold(context.Background(), b)
	_, confirmed := s.Confirm(context.Background(), b)
	_, found := s.Find(context.Background(), b)
	return append(errs, held, confirmed, found, s.Cancel(context.Background(), b), s.Release(context.Background(), b))
}

func TestABookingGoesToTheSupplierOfItsOffer(t *testing.T) {
	t.Parallel()
	here, elsewhere := bookingtest.NewWorld(nil), bookingtest.NewWorld(nil)
	suppliers := hotel.Suppliers{"sandbox": here.Outside().Hotels, "other": elsewhere.Outside().Hotels}
	for _, err := range ask(suppliers, &booking.Booking{Ask: bookingtest.Ask()}) {
		require.NoError(t, err)
	}
	require.Equal(t, []string{"hold", "confirm", "find room", "cancel", "release"}, here.Calls)
	require.Empty(t, elsewhere.Calls)
}

func TestASupplierThatWasTakenOutIsNotDoneAndCanBePutBack(t *testing.T) {
	t.Parallel()
	b := &booking.Booking{Ask: bookingtest.Ask(func(a *booking.Ask) { a.Offer.Supplier = "gone" })}
	for _, err := range ask(hotel.Suppliers{}, b) {
		var fault *booking.Fault
		require.ErrorAs(t, err, &fault)
		require.Equal(t, booking.NotDone, fault.Kind)
		require.ErrorContains(t, err, `"gone"`)
	}
}
