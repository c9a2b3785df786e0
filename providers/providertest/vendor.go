package providertest

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
	"hotelbooking/booking/bookingtest"
)

// Vendor is a double of one vendor.
type Vendor struct {
	URL    string
	Ledger func(t *testing.T, reference string) Ledger
}

// Ledger is what a vendor really has under one of our references. A double fills in what it plays.
type Ledger struct {
	Holds        int    `json:"holds"`
	HoldsPlaced  int    `json:"holds_placed"` // ever
	Reservations int    `json:"active_reservations"`
	Reserved     int    `json:"ever_confirmed"`
	Open         int    `json:"open_authorizations"`
	Authorized   int    `json:"ever_authorized"`
	Captures     int    `json:"captures"`
	Captured     string `json:"captured"` // decimal
	Refunds      int    `json:"refunds"`
	Refunded     string `json:"refunded"` // decimal
	Tracked      int    `json:"tracked"`  // distinct message ids of "Booking Confirmed"
}

// Sandbox is the sandbox at url, as a double.
func Sandbox(url string) Vendor {
	return Vendor{URL: url, Ledger: func(t *testing.T, reference string) Ledger {
		t.Helper()
		req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, url+"/_ledger?reference="+reference, nil)
		require.NoError(t, err)
		res, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		defer func() { _ = res.Body.Close() }()
		var answer struct {
			References map[string]Ledger `json:"references"`
		}
		require.NoError(t, json.NewDecoder(res.Body).Decode(&answer))
		return answer.References[reference]
	}}
}

// Canary is a word that stands where personal data and secrets stand. No error may ever hold it.
const Canary = "CANARY"

// Booking is a booking at the point where a call is made: priced, and with a reference of its own. change tunes it.
func Booking(t *testing.T, change ...func(*booking.Booking)) *booking.Booking {
	t.Helper()
	var random [6]byte
	_, err := rand.Read(random[:])
	require.NoError(t, err)
	b := &booking.Booking{Ask: bookingtest.Ask(func(a *booking.Ask) {
		a.ID = booking.ID("018f0000-0000-7000-8000-" + rand.Text()[:12])
		a.Reference = booking.NewReference(random)
		a.Contact.GivenName, a.Contact.FamilyName = "Ana"+Canary, "Núñez"+Canary
		a.Contact.Email, a.Contact.Phone = "ana."+Canary+"@example.com", "+34"+Canary
		a.Stay.Rooms = []booking.Room{{
			Adults: 2, ChildAges: []int{7}, SpecialRequests: "allergic to " + Canary,
			Guests: []booking.Guest{{GivenName: "Ana" + Canary, FamilyName: "Núñez" + Canary, Lead: true}, {GivenName: "李" + Canary, FamilyName: "明"}},
		}}
	})}
	b.Facts.Price = b.Offer.Total
	b.Facts.Hold = booking.Hold{Total: b.Offer.Total}
	for _, f := range change {
		f(b)
	}
	return b
}

// operation is one call of an adapter, for what holds of every call.
type operation struct {
	name     string // as in the suite's Meanings
	harmless bool   // it may be repeated, so that its failures are NotDone
	call     func(ctx context.Context) error
}

// fault is err as a *booking.Fault, which every error of an adapter is.
func fault(t *testing.T, err error) *booking.Fault {
	t.Helper()
	require.Error(t, err)
	var f *booking.Fault
	require.ErrorAs(t, err, &f)
	require.NotEmpty(t, f.Reason, "a fault without a reason: %v", err)
	require.NotContains(t, err.Error(), Canary, "personal data or a secret in an error")
	return f
}
