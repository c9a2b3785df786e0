// Package bookingtest has sample bookings and a scripted outside world for tests. The world keeps its own ledger of what
// really happened, and shares no code with the flow that it judges.
package bookingtest

import (
	"time"

	"hotelbooking/booking"
)

// Start is the moment at which sample bookings are made.
var Start = time.Date(2027, 1, 10, 12, 0, 0, 0, time.UTC)

// Ask is a complete, valid submission; change tunes it.
func Ask(change ...func(*booking.Ask)) booking.Ask {
	ask := booking.Ask{
		ID:              "01945e2a-7c00-7000-8000-000000000001",
		Reference:       booking.NewReference([6]byte{1, 2, 3, 4, 5, 6}),
		Client:          "web",
		ClientReference: "web-4711",
		CreatedAt:       Start,
		Offer: booking.Offer{
			Supplier: "sandbox", Token: "sim_ok", Total: booking.Money{Minor: 34600, Currency: "EUR"},
		},
		Stay: booking.Stay{
			HotelID: "h-1", HotelName: "Hotel Sol", HotelTimezone: "Europe/Madrid", CheckIn: "2027-03-01", CheckOut: "2027-03-04",
			Rooms: []booking.Room{{Adults: 2, Guests: []booking.Guest{{GivenName: "Ana", FamilyName: "Núñez", Lead: true}}}},
		},
		Contact: booking.Contact{
			GivenName: "Ana", FamilyName: "Núñez", Email: "ana@example.com", Phone: "+34600000000", Country: "ES", Language: "es",
		},
		PaymentToken: "pm_card_visa",
		Attribution:  map[string]string{"click_id": "abc"},
	}
	for _, f := range change {
		f(&ask)
	}
	return ask
}
