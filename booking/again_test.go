package booking_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
	"hotelbooking/booking/bookingtest"
)

// A payment provider that was still at work on our first call refused each later one, and answered each question with "not
// captured yet": sixty tries were used up within seconds, and a person was asked for what a minute's wait would have settled.
func TestWhatDidNotHappenAgainAndAgainIsNotRepeatedWithoutAWait(t *testing.T) {
	t.Parallel()
	t.Run("forwards", func(t *testing.T) {
		t.Parallel()
		j := start(t, map[string][]bookingtest.Fate{"capture": {bookingtest.LosesRequest}}).until(at(booking.Doing, booking.StepCapture))
		began := j.now
		j.until(func(b *booking.Booking) bool { return b.Place.Phase == booking.Parked })
		require.Greater(t, j.now.Sub(began), time.Hour)
	})
	t.Run("backwards", func(t *testing.T) {
		t.Parallel()
		j := start(t, map[string][]bookingtest.Fate{
			"confirm": {bookingtest.Refuses}, "void": {bookingtest.LosesRequest},
		}).until(at(booking.Undoing, booking.StepAuthorize))
		began := j.now
		for range 60 {
			j.turn()
		}
		require.Greater(t, j.now.Sub(began), 10*time.Minute)
		require.Equal(t, booking.UndoStuck, j.b.Attention, "and staff see it")
	})
	t.Run("once is not too often", func(t *testing.T) {
		t.Parallel()
		j := start(t, map[string][]bookingtest.Fate{"capture": {bookingtest.LosesRequest, bookingtest.Obeys}}).until(at(booking.Doing, booking.StepCapture))
		began := j.now
		j.until(ended)
		require.Equal(t, began, j.now)
	})
}
