package providers_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
	"hotelbooking/providers"
)

// BenchmarkCall is one call to a vendor that answers at once, with both its ends.
func BenchmarkCall(b *testing.B) {
	said := []byte(`{"reference":"BK7Q2M9XTA","status":"held","total":{"amount":"346.00","currency":"EUR"}}`)
	vendor := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(said)
	}))
	defer vendor.Close()
	caller, err := providers.NewCaller(providers.Config{BaseURL: vendor.URL}, providers.Vendor{
		Name: "bench", Down: booking.SupplierUnavailable, Code: providers.CodeAt("error", "code"),
	})
	require.NoError(b, err)
	type money struct{ Amount, Currency string }
	request := providers.Request{
		Operation: "hold", Method: http.MethodPost, Path: "/holds", Correlation: "0199",
		Body: map[string]any{"reference": "BK7Q2M9XTA", "expected_total": money{"346.00", "EUR"}},
	}
	b.ReportAllocs()
	b.RunParallel(func(each *testing.PB) {
		for each.Next() {
			var answer struct {
				Reference, Status string
				Total             money
			}
			if _, err := caller.Do(b.Context(), request, &answer); err != nil {
				b.Error(err)
			}
		}
	})
}
