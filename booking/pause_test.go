package booking_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
)

func TestOnlyPausesOfPoolsAndSuppliersHoldBookings(t *testing.T) {
	t.Parallel()
	for what, holds := range map[string]bool{
		booking.PauseIntake: false, booking.PauseOfWebhook("shop"): false,
		booking.PauseOfSupplier("acme"): true, booking.PauseOfPool(booking.PaymentPool): true,
	} {
		require.NoError(t, booking.Pausable(what))
		require.Equal(t, holds, booking.HoldsBookings(what), what)
	}
	for _, what := range []string{"", "webhook:", "supplier:", "pool:none", "webhooks:shop"} {
		require.ErrorIs(t, booking.Pausable(what), booking.ErrNotPausable, what)
	}
}
