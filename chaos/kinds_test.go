package chaos_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// kind is a submission whose outcome its magic tokens decide.
type kind struct {
	name               string
	offer, card, email string
	supplier           string
	want               string // its status in the end, unless it is cancelled
	code               string // of its failure
	parks              string // the reason for which it waits for staff in the end, for good
	weight             int
}

const (
	confirmed = "confirmed"
	failed    = "failed"
	cancelled = "cancelled"
)

// kinds is the usual mix: six of ten simply work, the others meet what the outside has in store.
func kinds() []kind {
	return []kind{
		{name: "ok", want: confirmed, weight: 60},
		{name: "slow", offer: "sim_slow_600", want: confirmed, weight: 6},
		{name: "answer lost", offer: "sim_timeout_booked", want: confirmed, weight: 3},
		{name: "not booked", offer: "sim_timeout_not_booked", want: failed, code: "supplier_no_confirmation", weight: 2},
		{name: "5xx", offer: "sim_5xx_booked", want: confirmed, weight: 4},
		{name: "garbage", offer: "sim_garbage_200_booked", want: confirmed, weight: 3},
		{name: "pending", offer: "sim_pending_then_confirmed", want: confirmed, weight: 4},
		{name: "sold out", offer: "sim_sold_out_check", want: failed, code: "offer_sold_out", weight: 3},
		{name: "sold out late", offer: "sim_sold_out_book", want: failed, code: "offer_sold_out", weight: 5},
		{name: "declined", card: "pm_card_chargeDeclinedInsufficientFunds", want: failed, code: "payment_declined", weight: 4},
		{name: "rejected", email: "ana+reject@example.com", want: failed, code: "payment_refused", weight: 3},
		{name: "reviewed", email: "ana+review@example.com", want: failed, code: "review_expired", weight: 2},
		{name: "not captured", card: "pm_card_captureFails", want: confirmed, parks: "capture_failed", weight: 1},
	}
}

// only is the one kind that works.
func only(name string) []kind {
	for _, k := range kinds() {
		if k.name == name {
			return []kind{k}
		}
	}
	return nil
}

func pick(all []kind, random *rand.Rand) kind {
	sum := 0
	for _, k := range all {
		sum += k.weight
	}
	at := random.IntN(sum)
	for _, k := range all {
		if at -= k.weight; at < 0 {
			return k
		}
	}
	return all[0]
}

const (
	price    = 34600 // of every submission, in minor units
	currency = "EUR"
)

// body is a submission of the kind; reference is the client's own name for it.
func (k kind) body(reference string) string {
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
	}, ""), reference, or(k.supplier, "sandbox"), or(k.offer, "sim_ok"), arrival.Format(time.DateOnly), arrival.AddDate(0, 0, 3).Format(time.DateOnly),
		or(k.email, "ana@example.com"), or(k.card, "pm_card_visa"))
}
