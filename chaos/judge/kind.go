package judge

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// Kind is a submission whose outcome its magic tokens decide.
type Kind struct {
	Name               string
	Offer, Card, Email string
	Supplier           string
	Want               string // its status in the end, unless it is cancelled
	Code               string // of its failure
	Parks              string // the reason for which it waits for staff in the end, for good
	Weight             int
}

const (
	Confirmed = "confirmed"
	Failed    = "failed"
	Cancelled = "cancelled"
)

// Kinds is the usual mix: six of ten simply work, the others meet what the outside has in store.
func Kinds() []Kind {
	return []Kind{
		{Name: "ok", Want: Confirmed, Weight: 60},
		{Name: "slow", Offer: "sim_slow_600", Want: Confirmed, Weight: 6},
		{Name: "answer lost", Offer: "sim_timeout_booked", Want: Confirmed, Weight: 3},
		{Name: "not booked", Offer: "sim_timeout_not_booked", Want: Failed, Code: "supplier_no_confirmation", Weight: 2},
		{Name: "5xx", Offer: "sim_5xx_booked", Want: Confirmed, Weight: 4},
		{Name: "garbage", Offer: "sim_garbage_200_booked", Want: Confirmed, Weight: 3},
		{Name: "pending", Offer: "sim_pending_then_confirmed", Want: Confirmed, Weight: 4},
		{Name: "sold out", Offer: "sim_sold_out_check", Want: Failed, Code: "offer_sold_out", Weight: 3},
		{Name: "sold out late", Offer: "sim_sold_out_book", Want: Failed, Code: "offer_sold_out", Weight: 5},
		{Name: "declined", Card: "pm_card_chargeDeclinedInsufficientFunds", Want: Failed, Code: "payment_declined", Weight: 4},
		{Name: "rejected", Email: "ana+reject@example.com", Want: Failed, Code: "payment_refused", Weight: 3},
		{Name: "reviewed", Email: "ana+review@example.com", Want: Failed, Code: "review_expired", Weight: 2},
		{Name: "not captured", Card: "pm_card_captureFails", Want: Confirmed, Parks: "capture_failed", Weight: 1},
	}
}

// Only is the one kind that works.
func Only(name string) []Kind {
	for _, k := range Kinds() {
		if k.Name == name {
			return []Kind{k}
		}
	}
	return nil
}

func Pick(all []Kind, random *rand.Rand) Kind {
	sum := 0
	for _, k := range all {
		sum += k.Weight
	}
	at := random.IntN(sum)
	for _, k := range all {
		if at -= k.Weight; at < 0 {
			return k
		}
	}
	return all[0]
}

const (
	price    = 34600 // of every submission, in minor units
	currency = "EUR"
)

// Body is a submission of the kind; reference is the client's own name for it.
func (k Kind) Body(reference string) string {
	or := func(value, otherwise string) string {
		if value == "" {
			return otherwise
		}
		return value
	}
	arrival := time.Now().UTC().AddDate(0, 3, 0)
	return fmt.Sprintf(strings.Join([]string{
		`{"client_reference":%q,"offer":{"supplier":%q,"token":%q,"total":{"amount":"346.00","currency":"EUR"},"price_tolerance_percent":0},`,
		`"stay":{"hotel_id":"h-1","hotel_name":"Hotel Sol","hotel_timezone":"Europe/Madrid","check_in":%q,"check_out":%q,"rooms":[{"adults":2,`,
		`"child_ages":[],"guests":[{"given_name":"Ana","family_name":"Núñez","lead":true}],"special_requests":""}]},"contact":{"given_name":"Ana",`,
		`"family_name":"Núñez","email":%q,"phone":"+34600000000","country":"ES","language":"es"},"payment":{"token":%q},"attribution":{"click_id":"abc"}}`,
	}, ""), reference, or(k.Supplier, "sandbox"), or(k.Offer, "sim_ok"), arrival.Format(time.DateOnly), arrival.AddDate(0, 0, 3).Format(time.DateOnly),
		or(k.Email, "ana@example.com"), or(k.Card, "pm_card_visa"))
}
