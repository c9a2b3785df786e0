package sandbox_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
	"hotelbooking/providers"
	hotel "hotelbooking/providers/hotel/sandbox"
	"hotelbooking/providers/providertest"
)

// Whatever the supplier answers, nothing counts as done unless the answer says so of this booking, at its price; and what is
// refused for good has a code that says so.
func FuzzAnswersOfAHotel(f *testing.F) {
	ref := providertest.Known().Reference
	const total = `"total":{"amount":"346.00","currency":"EUR"}`
	for _, status := range []string{"held", "confirmed", "released", "cancelled", "cancelling", "pending", "expired", "sold_out", "lost"} {
		for operation := range byte(5) {
			f.Add(operation, 200, "application/json", []byte(`{"reference":"`+ref+`","status":"`+status+`",`+total+`,"expires_at":"2027-01-10T13:00:00Z",
"hold_reference":"H-1","supplier_reference":"S-1","cancellation_policy":[{"from":null,"penalty":{"amount":"0.00","currency":"EUR"}},
{"from":"2027-02-01T00:00:00Z","penalty":{"amount":"99.00","currency":"EUR"}}]}`))
		}
	}
	f.Add(byte(0), 409, "application/problem+json", []byte(`{"error":{"code":"sold_out"}}`))
	f.Add(byte(2), 500, "application/json", []byte(`{"error":{"code":"sold_out"}}`))
	f.Add(byte(4), 404, "application/json", []byte(`{"error":{"code":"reference_unknown"}}`))
	f.Add(byte(2), 200, "text/html", []byte(`<html>`))
	f.Add(byte(2), 204, "application/json", []byte(``))
	f.Add(byte(2), 302, "application/json", []byte(`{"reference":"`+ref+`","status":"confirmed"}`))
	f.Add(byte(2), 200, "application/json", []byte(`{"reference":"`+ref+`","status":"confirmed","supplier_reference":"S-1","total":{"amount":"347.00","currency":"EUR"}}`))
	f.Add(byte(2), 200, "application/json", []byte(`{"reference":"OTHER","status":"confirmed","supplier_reference":"S-1",`+total+`}`))

	vendor := providertest.NewScripted(f)
	hotels, err := hotel.New(providers.Config{BaseURL: vendor.URL})
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, operation byte, status int, kind string, body []byte) {
		b, ctx := providertest.Known(), t.Context()
		vendor.Answer(status, kind, body)
		said, success := vendor.Succeeded()
		ours := success && said.At("reference").Is(b.Reference)
		word := said.At("status").Text()
		switch operation % 5 {
		case 0:
			held, err := hotels.Hold(ctx, b)
			if wellFaulted(t, err) {
				return
			}
			require.True(t, ours && word == "held" && said.At("total").At("currency").Is("EUR"))
			require.True(t, said.At("total").Amounts(held.Total))
			require.False(t, held.ExpiresAt.IsZero())
		case 1:
			if !wellFaulted(t, hotels.Release(ctx, b)) {
				require.True(t, ours && (word == "released" || word == "cancelled"))
			}
		case 2:
			booked, err := hotels.Confirm(ctx, b)
			if wellFaulted(t, err) {
				return
			}
			require.True(t, ours && word == "confirmed" && said.At("total").Amounts(b.Facts.Hold.Total))
			require.NotEmpty(t, booked.SupplierReference)
			require.True(t, said.At("supplier_reference").Is(booked.SupplierReference))
		case 3:
			if !wellFaulted(t, hotels.Cancel(ctx, b)) {
				require.True(t, ours && (word == "released" || word == "cancelled"))
			}
		case 4:
			found, err := hotels.Find(ctx, b)
			if wellFaulted(t, err) {
				var fault *booking.Fault
				require.ErrorAs(t, err, &fault)
				require.NotEqual(t, booking.Refused, fault.Kind, "to be refused an answer is none")
				return
			}
			if !success {
				require.Equal(t, booking.Standing{State: booking.RoomAbsent, Sure: true}, found)
				require.Contains(t, string(body), "reference_unknown")
				require.GreaterOrEqual(t, status, http.StatusMultipleChoices)
				return
			}
			require.True(t, ours)
			states := map[string]booking.RoomState{
				"held": booking.RoomHeld, "expired": booking.RoomAbsent, "sold_out": booking.RoomAbsent, "pending": booking.RoomPending,
				"cancelling": booking.RoomPending, "released": booking.RoomGone, "cancelled": booking.RoomGone, "confirmed": booking.RoomBooked,
			}
			require.Equal(t, states[word], found.State)
			require.NotEmpty(t, found.State)
			if found.State == booking.RoomBooked {
				require.NotEmpty(t, found.Reservation.SupplierReference)
			}
		}
	})
}

// wellFaulted tells whether there is an error; each says in one of three words whether it happened, and why.
func wellFaulted(t *testing.T, err error) bool {
	t.Helper()
	if err == nil {
		return false
	}
	var fault *booking.Fault
	require.ErrorAs(t, err, &fault)
	require.Contains(t, providertest.FaultKinds(), fault.Kind)
	require.NotEmpty(t, fault.Reason)
	require.NotEqual(t, booking.KindNext, booking.Judge(err).Kind())
	return true
}
