package sandbox_test

import (
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
	"hotelbooking/providers"
	"hotelbooking/providers/providertest"
	"hotelbooking/providers/sandbox"
	tracking "hotelbooking/providers/tracking/sandbox"
)

func TestTheTrackerKeepsTheContract(t *testing.T) {
	providertest.Tracker(t, providertest.TrackerSuite{
		Vendor:   func(t *testing.T) providertest.Vendor { return providertest.Sandbox(serve(t)) },
		Connect:  func(t *testing.T, url string) booking.Tracker { return connect(t, url) },
		Refusal:  func(code string) string { return `{"error":{"code":"` + code + `","message":"no"}}` },
		Meanings: meanings(),
	})
}

func meanings() providertest.Meanings {
	down := booking.Fault{Kind: booking.NotDone, Reason: booking.TrackingUnavailable}
	return providertest.Meanings{"track": {"invalid_request": down, "unauthorized": down, "service_unavailable": down}}
}

func TestEveryCodeOfTheTrackingHasAMeaning(t *testing.T) {
	t.Parallel()
	for _, code := range sandbox.Codes(sandbox.Tracking, "track") {
		require.Contains(t, meanings()["track"], code)
	}
}

func TestAnAttributionCannotReplaceOurOwnWords(t *testing.T) {
	t.Parallel()
	url := serve(t)
	b := providertest.Booking(t)
	e := providertest.Event(b)
	e.Attribution = map[string]string{"reference": "ANOTHER99", "value": "1.00"}
	require.NoError(t, connect(t, url).Track(t.Context(), e))
	require.Equal(t, 1, providertest.Sandbox(url).Ledger(t, b.Reference).Tracked)
	require.Zero(t, providertest.Sandbox(url).Ledger(t, "ANOTHER99").Tracked)
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

func connect(t *testing.T, url string) *tracking.Tracker {
	t.Helper()
	tr, err := tracking.New(providers.Config{BaseURL: url, APIKey: "sk_" + providertest.Canary, Timeout: 20 * time.Second})
	require.NoError(t, err)
	return tr
}
