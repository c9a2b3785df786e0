package booking_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
	"hotelbooking/booking/bookingtest"
)

func TestAnActionOfStaffSaysUnderWhichMandate(t *testing.T) {
	t.Parallel()
	fee := booking.Money{Minor: 100, Currency: "EUR"}
	for _, test := range []struct {
		d     booking.Decision
		asked string
	}{
		{booking.Decision{Verb: booking.VerbNote}, ""},
		{booking.Decision{Verb: booking.VerbCancel, WaiveFee: true}, "waive_fee"},
		{booking.Decision{Verb: booking.VerbRefund}, "amount=all"},
		{booking.Decision{Verb: booking.VerbRefund, Amount: fee}, "amount=1.00 EUR"},
		{booking.Decision{Verb: booking.VerbErase}, ""},
	} {
		j := start(t, nil).until(ended)
		d := test.d
		d.Actor, d.Role, d.RequestID, d.Reason = booking.SupportActor("ana"), "agent", "request-1", "because"
		entry, err := j.flow.Decide(j.b, d, j.now)
		require.NoError(t, err)
		require.Equal(t, booking.Mandate{Role: "agent", RequestID: "request-1", Asked: test.asked, Was: booking.StatusConfirmed}, entry.Mandate, d.Verb)
		require.True(t, booking.ByStaff(entry.Actor))
	}

	j := start(t, map[string][]bookingtest.Fate{"confirm": {bookingtest.LosesRequest}, "find room": {bookingtest.IsBusy}})
	j.until(func(b *booking.Booking) bool { return b.Place.Phase == booking.Parked })
	entry, err := j.flow.Decide(j.b, booking.Decision{
		Verb: booking.VerbResolve, Actor: booking.SupportActor("ana"), Reason: "they have it", Happened: true, SupplierReference: "RES-1",
	}, j.now)
	require.NoError(t, err)
	require.Equal(t, "happened=true supplier_reference=RES-1", entry.Mandate.Asked)
	require.Equal(t, booking.StatusProcessing, entry.Mandate.Was)
	require.Equal(t, booking.StatusConfirmed, entry.Status)
}

func TestCustomersAndVendorsActWithoutAMandate(t *testing.T) {
	t.Parallel()
	for _, d := range []booking.Decision{
		{Verb: booking.VerbCancel, Actor: booking.CustomerActor, Role: "agent"}, {Verb: booking.VerbNotify, Actor: "webhook:psp", RequestID: "x"},
	} {
		j := start(t, nil).until(ended)
		entry, err := j.flow.Decide(j.b, d, j.now)
		require.NoError(t, err)
		require.Zero(t, entry.Mandate)
		require.False(t, booking.ByStaff(entry.Actor))
	}
	require.False(t, booking.ByStaff(booking.SystemActor))
	require.True(t, booking.ByStaff(booking.OperatorActor("root")))
}

// Until a booking is at rest its guests' names may be needed.
func TestOnlyWhatIsAtRestIsErased(t *testing.T) {
	t.Parallel()
	j := start(t, nil)
	erase := booking.Decision{Verb: booking.VerbErase, Actor: booking.OperatorActor("root"), Reason: "a request"}
	for j.b.Place.Phase != booking.Ended {
		version := j.b.Version
		_, err := j.flow.Decide(j.b, erase, j.now)
		illegal := &booking.IllegalError{}
		require.ErrorAs(t, err, &illegal, "%v", j.b.Place)
		require.NotContains(t, illegal.Allowed, booking.VerbErase, "nor is it offered to support")
		require.Equal(t, version, j.b.Version)
		j.turn()
	}
	place := j.b.Place
	j.decide(erase)
	require.Equal(t, place, j.b.Place)
	require.True(t, j.b.DueAt.IsZero())
	require.NotContains(t, j.flow.Allowed(j.b), booking.VerbErase)
}
