package sandbox_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
	"hotelbooking/providers"
	fraud "hotelbooking/providers/fraud/sandbox"
	"hotelbooking/providers/providertest"
)

// Nobody is accepted, or rejected, unless the screening says just that about this booking.
func FuzzAnswersOfAScreening(f *testing.F) {
	ref := providertest.Known().Reference
	for _, recommendation := range []string{"ACCEPT", "REVIEW", "REJECT", "accept", "", "MAYBE"} {
		f.Add(200, "application/json", []byte(`{"reference":"`+ref+`","risk_id":"R-1","recommendation":"`+recommendation+`","score":12}`))
	}
	f.Add(200, "application/json", []byte(`{"reference":"OTHER","recommendation":"ACCEPT"}`))
	f.Add(200, "application/json", []byte(`{"reference":"`+ref+`","recommendation":"ACCEPT","score":1e99}`))
	f.Add(500, "application/json", []byte(`{"reference":"`+ref+`","recommendation":"ACCEPT"}`))
	f.Add(307, "application/json", []byte(`null`))

	vendor := providertest.NewScripted(f)
	screener, err := fraud.New(providers.Config{BaseURL: vendor.URL})
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, status int, kind string, body []byte) {
		b := providertest.Known()
		vendor.Answer(status, kind, body)
		verdict, err := screener.Screen(t.Context(), b)
		if err != nil {
			var fault *booking.Fault
			require.ErrorAs(t, err, &fault)
			require.NotEqual(t, booking.Refused, fault.Kind, "a screening refuses nothing by itself")
			require.Zero(t, verdict)
			return
		}
		said, success := vendor.Succeeded()
		require.True(t, success && said.At("reference").Is(b.Reference))
		words := map[string]booking.Ruling{"ACCEPT": booking.Accept, "REVIEW": booking.Review, "REJECT": booking.Deny}
		require.Equal(t, words[said.At("recommendation").Text()], verdict.Ruling)
		require.NotEmpty(t, verdict.Ruling)
	})
}
