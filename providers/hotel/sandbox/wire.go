package sandbox

import (
	"time"

	"hotelbooking/booking"
)

// The supplier's words. Its amounts are decimals; its policy's first row has no moment: it holds from the start.

type money struct {
	Amount   string `json:"amount"`
	Currency string `json:"currency"`
}

func (m money) parse() (booking.Money, bool) {
	parsed, err := booking.ParseMoney(m.Amount, m.Currency)
	return parsed, err == nil && m.Currency != ""
}

func moneyOf(m booking.Money) money { return money{Amount: m.Decimal(), Currency: m.Currency} }

type named struct {
	Reference string `json:"reference"`
}

type hold struct {
	Reference     string `json:"reference"`
	OfferToken    string `json:"offer_token"`
	ExpectedTotal money  `json:"expected_total"`
	Stay          stay   `json:"stay"`
}

type confirmation struct {
	Reference  string  `json:"reference"`
	OfferToken string  `json:"offer_token"`
	Total      money   `json:"total"`
	Stay       stay    `json:"stay"`
	Contact    contact `json:"contact"`
}

type stay struct {
	HotelID  string `json:"hotel_id"`
	Timezone string `json:"timezone,omitempty"`
	CheckIn  string `json:"check_in"`
	CheckOut string `json:"check_out"`
	Rooms    []room `json:"rooms"`
}

type room struct {
	Adults          int     `json:"adults"`
	ChildAges       []int   `json:"child_ages,omitempty"`
	Guests          []guest `json:"guests,omitempty"`
	SpecialRequests string  `json:"special_requests,omitempty"`
}

type guest struct {
	GivenName  string `json:"given_name"`
	FamilyName string `json:"family_name"`
	Lead       bool   `json:"lead,omitempty"`
}

type contact struct {
	GivenName  string `json:"given_name"`
	FamilyName string `json:"family_name"`
	Email      string `json:"email"`
	Phone      string `json:"phone,omitempty"`
	Country    string `json:"country,omitempty"`
	Language   string `json:"language,omitempty"`
}

// holdBody says nothing about people: the supplier needs them only when it books.
func holdBody(b *booking.Booking) hold {
	return hold{
		Reference: b.Reference, OfferToken: b.Offer.Token, ExpectedTotal: moneyOf(b.Offer.Total),
		Stay: stayOf(b.Stay, func(r booking.Room) room { return room{Adults: r.Adults, ChildAges: r.ChildAges} }),
	}
}

func confirmBody(b *booking.Booking) confirmation {
	c := b.Contact
	return confirmation{
		Reference: b.Reference, OfferToken: b.Offer.Token, Total: moneyOf(b.Facts.Hold.Total),
		Stay: stayOf(b.Stay, func(r booking.Room) room {
			guests := make([]guest, 0, len(r.Guests))
			for _, g := range r.Guests {
				guests = append(guests, guest{GivenName: g.GivenName, FamilyName: g.FamilyName, Lead: g.Lead})
			}
			return room{Adults: r.Adults, ChildAges: r.ChildAges, Guests: guests, SpecialRequests: r.SpecialRequests}
		}),
		Contact: contact{
			GivenName: c.GivenName, FamilyName: c.FamilyName, Email: c.Email, Phone: c.Phone, Country: c.Country, Language: c.Language,
		},
	}
}

func stayOf(s booking.Stay, roomOf func(booking.Room) room) stay {
	rooms := make([]room, 0, len(s.Rooms))
	for _, r := range s.Rooms {
		rooms = append(rooms, roomOf(r))
	}
	return stay{HotelID: s.HotelID, Timezone: s.HotelTimezone, CheckIn: s.CheckIn, CheckOut: s.CheckOut, Rooms: rooms}
}

// reservation is the answer to every call.
type reservation struct {
	Reference         string    `json:"reference"`
	Status            string    `json:"status"`
	Total             money     `json:"total"`
	ExpiresAt         time.Time `json:"expires_at"`
	TermsChanged      bool      `json:"terms_changed"`
	HoldReference     string    `json:"hold_reference"`
	Policy            []penalty `json:"cancellation_policy"`
	SupplierReference string    `json:"supplier_reference"`
	HotelConfirmation string    `json:"hotel_confirmation"`
}

type penalty struct {
	From    *time.Time `json:"from"`
	Penalty money      `json:"penalty"`
}

func (r reservation) gone() bool { return r.Status == "released" || r.Status == "cancelled" }

// hold is false where a price is missing, or cannot be read.
func (r reservation) hold() (booking.Hold, bool) {
	total, ok := r.Total.parse()
	hold := booking.Hold{Reference: r.HoldReference, Total: total, TermsChanged: r.TermsChanged, ExpiresAt: r.ExpiresAt}
	for _, p := range r.Policy {
		fee, readable := p.Penalty.parse()
		ok = ok && readable
		switch {
		case p.From != nil:
			hold.Penalties = append(hold.Penalties, booking.Penalty{From: *p.From, Fee: fee})
		case fee.Minor > 0: // from the start
			hold.Penalties = append(hold.Penalties, booking.Penalty{Fee: fee})
		}
	}
	return hold, ok && (r.Status != "held" || !r.ExpiresAt.IsZero())
}
