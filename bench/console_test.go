package bench

import (
	"testing"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
)

func TestTheConsoleIsMeasuredOnBookingsThatFailedAndThatWait(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, c *crowded) {
		failed, err := c.told(t.Context(), booking.Reject(booking.OfferSoldOut))
		require.NoError(t, err)
		waiting, err := c.told(t.Context(), booking.Park(booking.Staff, booking.OutcomeUnknown))
		require.NoError(t, err)
		for id, want := range map[booking.ID]booking.Filter{failed.ID: {Failure: booking.OfferSoldOut}, waiting.ID: {NeedsLook: true}} {
			want.Limit = 10
			found, err := c.store.List(t.Context(), want)
			require.NoError(t, err)
			require.Len(t, found, 1)
			require.Equal(t, id, found[0].ID)
		}
	})
}
