package sandbox_test

import (
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
	"hotelbooking/providers"
	fraud "hotelbooking/providers/fraud/sandbox"
	"hotelbooking/providers/providertest"
	"hotelbooking/providers/sandbox"
)

func TestTheScreenerKeepsTheContract(t *testing.T) {
	providertest.Screener(t, providertest.ScreenerSuite{
		Vendor:  func(t *testing.T) providertest.Vendor { return providertest.Sandbox(serve(t)) },
		Connect: func(t *testing.T, url string) booking.Screener { return connect(t, url) },
		Guests: map[booking.Ruling]string{
			booking.Accept: "ana@example.com", booking.Review: "ana+review@example.com", booking.Deny: "ana+reject@example.com",
		},
		Refusal:  func(code string) string { return `{"error":{"code":"` + code + `","message":"no"}}` },
		Meanings: meanings(),
	})
}

func meanings() providertest.Meanings {
	down := booking.Fault{Kind: booking.NotDone, Reason: booking.FraudUnavailable}
	return providertest.Meanings{"screen": {"invalid_request": down, "unauthorized": down, "service_unavailable": down}}
}

func TestEveryCodeOfTheScreeningHasAMeaning(t *testing.T) {
	t.Parallel()
	for _, code := range sandbox.Codes(sandbox.Fraud, "screen") {
		require.Contains(t, meanings()["screen"], code)
	}
}

func TestAScreeningThatIsDownIsNotDone(t *testing.T) {
	t.Parallel()
	_, err := connect(t, serve(t)).Screen(t.Context(), providertest.Booking(t, func(b *booking.Booking) {
		b.Contact.Email = "ana+down@example.com"
	}))
	var fault *booking.Fault
	require.ErrorAs(t, err, &fault)
	require.Equal(t, booking.NotDone, fault.Kind)
	require.Equal(t, booking.FraudUnavailable, fault.Reason)
}

func serve(t *testing.T) (url string) {
	t.Helper()
	vendor, err := sandbox.New(sandbox.Config{})
	require.NoError(t, err)
	server := httptest.NewServer(vendor)
	t.Cleanup(func() {
		require.NoError(t, vendor.Close())
		server.Close()
	})
	return server.URL
}

func connect(t *testing.T, url string) *fraud.Screener {
	t.Helper()
	s, err := fraud.New(providers.Config{BaseURL: url, APIKey: "sk_" + providertest.Canary, Timeout: 20 * time.Second})
	require.NoError(t, err)
	return s
}
