package sandbox_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
	"hotelbooking/providers"
	"hotelbooking/providers/providertest"
	tracking "hotelbooking/providers/tracking/sandbox"
)

// An event counts as taken when the tracker says so, and all else is tried again: its calls are harmless.
func FuzzAnswersOfATracker(f *testing.F) {
	for _, body := range []string{`{"success":true}`, `{"success":false}`, `{"success":"true"}`, `{"SUCCESS":true}`, `{}`, `null`, ``, `{"success":1}`} {
		f.Add(200, "application/json", []byte(body))
		f.Add(503, "application/json; charset=utf-8", []byte(body))
	}
	vendor := providertest.NewScripted(f)
	tracker, err := tracking.New(providers.Config{BaseURL: vendor.URL})
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, status int, kind string, body []byte) {
		b := providertest.Known()
		vendor.Answer(status, kind, body)
		err := tracker.Track(t.Context(), booking.Conversion{MessageID: "m-1", Event: "Booking Confirmed", Reference: b.Reference, Value: b.Facts.Price})
		if err != nil {
			var fault *booking.Fault
			require.ErrorAs(t, err, &fault)
			require.Equal(t, booking.NotDone, fault.Kind)
			return
		}
		said, success := vendor.Succeeded()
		require.True(t, success && said.At("success").Is(true))
	})
}
