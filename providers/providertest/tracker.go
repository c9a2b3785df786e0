package providertest

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
)

// TrackerSuite is what the contract of booking.Tracker needs.
type TrackerSuite struct {
	Vendor   func(t *testing.T) Vendor                      // a fresh double
	Connect  func(t *testing.T, url string) booking.Tracker // the adapter, talking to url; secrets in it hold Canary
	Refusal  func(code string) string                       // the vendor's JSON of a refusal
	Meanings Meanings                                       // of "track"
}

// Tracker is the contract. A message id counts once, so whatever goes wrong is NotDone.
func Tracker(t *testing.T, s TrackerSuite) {
	t.Parallel()
	t.Run("a message id counts once", func(t *testing.T) {
		t.Parallel()
		vendor := s.Vendor(t)
		w := newWire(t, vendor.URL)
		tracker, e := s.Connect(t, w.url), Event(Booking(t))
		for _, m := range []mode{{loseAnswer: true}, {loseRequest: true}, {late: true}} {
			w.during(m, func() { require.Equal(t, booking.NotDone, fault(t, tracker.Track(t.Context(), e)).Kind) })
		}
		w.during(mode{twice: true}, func() { require.NoError(t, tracker.Track(t.Context(), e)) })
		w.land()
		require.NoError(t, tracker.Track(t.Context(), e))
		require.Equal(t, 1, vendor.Ledger(t, e.Reference).Tracked)
		e.MessageID += ":2"
		require.NoError(t, tracker.Track(t.Context(), e))
		require.Equal(t, 2, vendor.Ledger(t, e.Reference).Tracked)
	})
	operations := func(t *testing.T, url string) []operation {
		t.Helper()
		tracker, e := s.Connect(t, url), Event(Booking(t))
		return []operation{{"track", true, func(ctx context.Context) error { return tracker.Track(ctx, e) }}}
	}
	t.Run("whatever the vendor says", func(t *testing.T) { t.Parallel(); hostile(t, operations) })
	t.Run("refusals", func(t *testing.T) { t.Parallel(); refusals(t, s.Refusal, s.Meanings, operations) })
}

// Event is the conversion of a confirmed booking.
func Event(b *booking.Booking) booking.Conversion {
	return booking.Conversion{
		MessageID: string(b.ID) + ":Booking Confirmed", Event: "Booking Confirmed", Reference: b.Reference, At: b.CreatedAt,
		Value: b.Facts.Price, HotelID: b.Stay.HotelID, CheckIn: b.Stay.CheckIn, CheckOut: b.Stay.CheckOut,
		Attribution: map[string]string{"click_id": "abc"},
	}
}
