// Package providertest is the contract of the ports: what every adapter must do, run against a double of its vendor. The
// suites put a wire between the two, which loses, delays, repeats and falsifies what passes, so that the double needs to
// play the vendor and to keep a ledger, and nothing else.
//
//	func TestHotels(t *testing.T) {
//		providertest.Hotels(t, providertest.HotelsSuite{
//			Vendor:   func(t *testing.T) providertest.Vendor { return ... },
//			Connect:  func(t *testing.T, url string) booking.Hotels { return ... },
//			Offer:    "a token of a room that can be booked and cancelled",
//			Refusal:  func(code string) string { return `{"error":{"code":"` + code + `"}}` },
//			Meanings: ...,
//		})
//	}
package providertest
