package web

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
	"hotelbooking/booking/bookingtest"
)

// states are the bookings that a customer can see, and how to get there.
var states = map[string]struct {
	fates   fates
	reached func(*booking.Booking) bool
	then    func(g *guest)
	status  Status
	after   string // Retry-After
}{
	"pending":            {reached: func(*booking.Booking) bool { return true }, status: StatusPending, after: "1"},
	"processing":         {reached: at(booking.Doing, booking.StepAuthorize), status: StatusProcessing, after: "1"},
	"outcome_unknown":    {fates: fates{"confirm": {bookingtest.LosesReply}, "find room": {bookingtest.IsBusy}}, reached: at(booking.Finding, booking.StepConfirm), status: StatusProcessing, after: "1"},
	"three_ds":           {fates: fates{"authorize": {bookingtest.AsksCustomer}}, reached: at(booking.Parked, booking.StepAuthorize), status: StatusRequiresAction, after: "5"},
	"new_payment_method": {fates: fates{"authorize": {bookingtest.Refuses}}, reached: at(booking.Parked, booking.StepAuthorize), status: StatusRequiresAction, after: "5"},
	"accept_offer":       {fates: fates{"hold": {bookingtest.AsksCustomer}}, reached: at(booking.Parked, booking.StepHold), status: StatusRequiresAction, after: "5"},
	"in_review":          {fates: fates{"screen": {bookingtest.AsksStaff}}, reached: at(booking.Parked, booking.StepScreen), status: StatusInReview, after: "30"},
	"confirmed":          {reached: atRest, status: StatusConfirmed},
	"failed":             {fates: fates{"confirm": {bookingtest.Refuses}}, reached: atRest, status: StatusFailed},
	"cancelling": {reached: atRest, status: StatusCancelling, after: "1", then: func(g *guest) {
		g.house.pass(time.Minute)
		g.call("POST", g.path+"/cancellation", g.secret, "").is(http.StatusAccepted)
	}},
	"cancelled": {reached: atRest, status: StatusCancelled, then: func(g *guest) {
		g.house.pass(time.Minute)
		g.call("POST", g.path+"/cancellation", g.secret, "").is(http.StatusAccepted)
		g.house.until(g.T, g.id, hasStatus(booking.StatusCancelled))
	}},
}

func TestEachStateOfABookingIsShownAsAgreed(t *testing.T) {
	t.Parallel()
	for name, state := range states {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := open(t).guest()
			g.house.script(g.id, state.fates)
			g.house.until(t, g.id, state.reached)
			if state.then != nil {
				state.then(g)
			}
			answer := g.get().is(http.StatusOK).golden("booking_" + name)
			b := answer.booking()
			require.Equal(t, state.status, b.Status)
			require.Equal(t, state.after, answer.header.Get("Retry-After"))
			require.Equal(t, state.after == "", b.Terminal)
			require.Equal(t, etag(b.Version), answer.header.Get("ETag"))
			require.Equal(t, "private, no-cache", answer.header.Get("Cache-Control"))
			require.Empty(t, b.ClientSecret, "only the answer to the submission has it")
			require.Empty(t, contract().violations("Booking", generic(answer)))
		})
	}
}

func TestEveryStatusHasASample(t *testing.T) {
	t.Parallel()
	seen := map[Status]bool{}
	for _, state := range states {
		seen[state.status] = true
	}
	for _, status := range contract().doc.Components.Schemas["Status"].Value.Enum {
		require.True(t, seen[Status(status.(string))], "%s", status)
	}
}
