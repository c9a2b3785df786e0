package providertest

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
)

// ScreenerSuite is what the contract of booking.Screener needs.
type ScreenerSuite struct {
	Vendor   func(t *testing.T) Vendor                       // a fresh double
	Connect  func(t *testing.T, url string) booking.Screener // the adapter, talking to url; secrets in it hold Canary
	Guests   map[booking.Ruling]string                       // an e-mail address for each ruling
	Refusal  func(code string) string                        // the vendor's JSON of a refusal
	Meanings Meanings                                        // of "screen"
}

// Screener is the contract. Screening is safe to repeat, so whatever goes wrong is NotDone.
func Screener(t *testing.T, s ScreenerSuite) {
	t.Parallel()
	t.Run("verdicts", func(t *testing.T) {
		t.Parallel()
		for _, ruling := range []booking.Ruling{booking.Accept, booking.Review, booking.Deny} {
			screener, w, b := s.rig(t)
			b.Contact.Email = s.Guests[ruling]
			for _, m := range []mode{{loseAnswer: true}, {loseRequest: true}, {late: true}} {
				w.during(m, func() {
					_, err := screener.Screen(t.Context(), b)
					require.Equal(t, booking.NotDone, fault(t, err).Kind)
				})
			}
			first, err := screener.Screen(t.Context(), b)
			require.NoError(t, err)
			require.Equal(t, ruling, first.Ruling)
			require.NotEmpty(t, first.Reference)
			require.Equal(t, "screening", first.Source)
			w.land()
			again, err := screener.Screen(t.Context(), b)
			require.NoError(t, err)
			require.Equal(t, first, again)
		}
	})
	t.Run("an answer about something else", func(t *testing.T) {
		t.Parallel()
		screener, w, b := s.rig(t)
		w.set(saying(b.Reference, "ANOTHER99"))
		_, err := screener.Screen(t.Context(), b)
		require.NotEqual(t, booking.Refused, fault(t, err).Kind)
	})
	operations := func(t *testing.T, url string) []operation {
		t.Helper()
		screener, b := s.Connect(t, url), Booking(t)
		return []operation{{"screen", true, func(ctx context.Context) error { _, err := screener.Screen(ctx, b); return err }}}
	}
	t.Run("whatever the vendor says", func(t *testing.T) { t.Parallel(); hostile(t, operations) })
	t.Run("refusals", func(t *testing.T) { t.Parallel(); refusals(t, s.Refusal, s.Meanings, operations) })
}

func (s ScreenerSuite) rig(t *testing.T) (booking.Screener, *wire, *booking.Booking) {
	t.Helper()
	w := newWire(t, s.Vendor(t).URL)
	return s.Connect(t, w.url), w, Booking(t)
}
