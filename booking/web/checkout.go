package web

import (
	"cmp"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
)

// showCheckout is the page on which guests book. Without a key that may be published there is none, and the address says what
// else is here.
func (s *Server) showCheckout(c echo.Context) error {
	if s.config.CheckoutKey == "" {
		return s.render(c, http.StatusNotFound, "closed", nil)
	}
	supplier := "sandbox"
	if len(s.config.Suppliers) > 0 {
		supplier = s.config.Suppliers[0]
	}
	return s.render(c, http.StatusOK, "checkout", checkoutView{
		Setup: checkoutSetup{Key: s.config.CheckoutKey, Supplier: supplier, Offers: sampleOffers(s.now())},
		Rooms: roomScenarios, Cards: cardScenarios, Checks: fraudScenarios, Sandbox: supplier == "sandbox",
		Following: c.QueryParam("booking") != "" || c.QueryParam("booking-return") != "",
	})
}

// clientModule serves the module that frontends can take.
func (s *Server) clientModule(c echo.Context) error { return s.published(c, "booking-client.js") }

// clientTypes serves the module's types.
func (s *Server) clientTypes(c echo.Context) error { return s.published(c, "booking-client.d.ts") }

// published serves a file that pages of other sites may load.
func (s *Server) published(c echo.Context, name string) error {
	header := c.Response().Header()
	header.Set(echo.HeaderAccessControlAllowOrigin, "*")
	header.Set("Cross-Origin-Resource-Policy", "cross-origin")
	return s.file(c, name, "public, max-age=300")
}

// checkoutView is what the page shows.
type checkoutView struct {
	Setup     checkoutSetup
	Rooms     []scenarioGroup
	Cards     []scenarioGroup
	Checks    []scenario
	Sandbox   bool // the supplier is the sandbox, which knows the scenarios
	Following bool // the address is that of a booking: the form is not to flash up before the script hides it
}

// checkoutSetup is what the page's script gets. Everybody can read it.
type checkoutSetup struct {
	Key      string        `json:"key"`
	Supplier string        `json:"supplier"`
	Offers   []sampleOffer `json:"offers"`
}

// sampleOffer is a room that can be booked, as a search would have found it.
type sampleOffer struct {
	ID       string `json:"id"`
	HotelID  string `json:"hotel_id"`
	Hotel    string `json:"hotel"`
	City     string `json:"city"`
	Zone     string `json:"zone"`
	Room     string `json:"room"`
	Adults   int    `json:"adults"`
	CheckIn  string `json:"check_in"`
	CheckOut string `json:"check_out"`
	Nights   int    `json:"nights"`
	Dates    string `json:"-"` // in words
	Total    Money  `json:"total"`
	Terms    string `json:"terms"`
	Token    string `json:"token"`
}

const (
	termsFree    = "Free cancellation until 18:00 on the day before arrival; the full price after that."
	termsFee     = "Cancelling costs a fifth of the price until 18:00 on the day before arrival; the full price after that."
	termsNothing = "Not refundable: cancelling gives nothing back."
)

// sampleOffers are for a weekend about three months ahead. They stay the same for a week, so that a reload shows what was there.
func sampleOffers(now time.Time) []sampleOffer {
	arrival := now.UTC().Truncate(24*time.Hour).AddDate(0, 0, 90)
	for arrival.Weekday() != time.Friday {
		arrival = arrival.AddDate(0, 0, 1)
	}
	offers := []sampleOffer{
		{ID: "sol", HotelID: "h-1", Hotel: "Hotel Sol", City: "Madrid", Zone: "Europe/Madrid", Room: "Double room, breakfast included",
			Nights: 3, Total: Money{Amount: "346.00", Currency: "EUR"}, Terms: termsFree, Token: "sim_ok"},
		{ID: "tejo", HotelID: "h-2", Hotel: "Casa do Tejo", City: "Lisbon", Zone: "Europe/Lisbon", Room: "Room with a view of the river",
			Nights: 2, Total: Money{Amount: "218.50", Currency: "EUR"}, Terms: termsFee, Token: "sim_fee"},
		{ID: "harbour", HotelID: "h-3", Hotel: "Harbour House", City: "London", Zone: "Europe/London", Room: "Small double room, saver rate",
			Nights: 2, Total: Money{Amount: "189.00", Currency: "GBP"}, Terms: termsNothing, Token: "sim_nonrefundable"},
		{ID: "kamo", HotelID: "h-4", Hotel: "Kamo Ryokan", City: "Kyoto", Zone: "Asia/Tokyo", Room: "Tatami room, breakfast and dinner",
			Nights: 4, Total: Money{Amount: "128000", Currency: "JPY"}, Terms: termsFree, Token: "sim_ok"},
	}
	for i := range offers {
		o := &offers[i]
		departure := arrival.AddDate(0, 0, o.Nights)
		o.Adults, o.CheckIn, o.CheckOut = cmp.Or(o.Adults, 2), arrival.Format(time.DateOnly), departure.Format(time.DateOnly)
		o.Dates = arrival.Format("Mon 2 Jan") + " – " + departure.Format("Mon 2 Jan 2006")
	}
	return offers
}

// Price is the total for people.
func (o sampleOffer) Price() string {
	symbol := map[string]string{"EUR": "€", "GBP": "£", "JPY": "¥"}[o.Total.Currency]
	if len(o.Total.Amount) > len("99999") && o.Total.Currency == "JPY" {
		return symbol + o.Total.Amount[:len(o.Total.Amount)-3] + "," + o.Total.Amount[len(o.Total.Amount)-3:]
	}
	return symbol + o.Total.Amount
}
