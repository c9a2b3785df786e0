package sandbox

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// script is what a magic offer token makes the supplier do. The zero script is a supplier that works.
type script struct {
	down         bool          // 503 to every call that names the token
	slow         time.Duration // hold and confirm take so long
	hold         refusal       // of every hold
	priceUp      int           // percent above what was quoted
	newTerms     bool          // the conditions are others than those quoted
	policy       policy
	confirm      confirming
	confirmNo    refusal // with confirmRefuses
	cancel       cancelling
	lateNumber   bool // the hotel's own confirmation number comes later
	cancelsLater bool // the supplier cancels it by itself
}

// refusal is a final no; the zero refusal is none.
type refusal struct {
	status  int
	code    string
	message string
}

func (r refusal) answer() answer { return refuse(r.status, r.code, r.message) }

type policy int

const (
	policyFree   policy = iota // free until the evening before arrival
	policyFee                  // a fifth is due already
	policyNoBack               // nothing is ever given back
)

type confirming int

const (
	confirmWorks      confirming = iota
	confirmRefuses               // see confirmNo
	confirmSoldOut               // the held room is gone
	confirmCostsMore             // 409, with another total
	confirmHangs                 // books and never answers
	confirmLost                  // never books and never answers
	confirmLostAsking            // as confirmLost, and never answers a retrieve afterwards
	confirmBreaks                // books and answers 500
	confirmGarbage               // books and answers a web page
	confirmPends                 // answers 202, and books later
)

type cancelling int

const (
	cancelWorks   cancelling = iota
	cancelPends              // answers 202, and cancels later
	cancelRefuses            // 409 once booked
)

var (
	soldOut    = refusal{410, "sold_out", "no such room is left"}
	expired    = refusal{410, "offer_expired", "the offer is not known or not valid any more"}
	duplicate  = refusal{409, "duplicate_reference", "the reference is in use for another booking"}
	released   = refusal{410, "reference_released", "everything under this reference was given back"}
	restricted = refusal{422, "occupancy_not_allowed", "the room does not take these guests"}
	badGuest   = refusal{422, "guest_data_rejected", "a guest's name is not accepted"}
	rejected   = refusal{409, "booking_rejected", "the hotel does not accept the booking"}
)

// scripts is every magic offer token, but sim_slow_<ms>. Nobody alters it.
var scripts = sync.OnceValue(func() map[string]script {
	return map[string]script{
		"sim_ok":                     {},
		"sim_sold_out_check":         {hold: soldOut},
		"sim_sold_out_book":          {confirm: confirmSoldOut},
		"sim_price_up_3pct":          {priceUp: 3},
		"sim_price_up_30pct":         {priceUp: 30},
		"sim_price_mismatch_book":    {confirm: confirmCostsMore},
		"sim_terms_changed":          {newTerms: true},
		"sim_timeout_booked":         {confirm: confirmHangs},
		"sim_timeout_not_booked":     {confirm: confirmLost},
		"sim_timeout_forever":        {confirm: confirmLostAsking},
		"sim_5xx_booked":             {confirm: confirmBreaks},
		"sim_garbage_200_booked":     {confirm: confirmGarbage},
		"sim_pending_then_confirmed": {confirm: confirmPends, lateNumber: true},
		"sim_down":                   {down: true},
		"sim_202_cancel":             {cancel: cancelPends},
		"sim_cancel_refused":         {cancel: cancelRefuses},
		"sim_nonrefundable":          {policy: policyNoBack},
		"sim_fee":                    {policy: policyFee},
		"sim_duplicate_ref":          {hold: duplicate},
		"sim_restricted":             {hold: restricted},
		"sim_guest_rejected":         {confirm: confirmRefuses, confirmNo: badGuest},
		"sim_rejected_book":          {confirm: confirmRefuses, confirmNo: rejected},
		"sim_number_later":           {lateNumber: true},
		"sim_supplier_cancels_later": {cancelsLater: true},
	}
})

// OfferTokens lists the magic offer tokens, sorted; sim_slow_<ms> stands for any number of milliseconds up to 60000.
func OfferTokens() []string {
	return slices.Sorted(slices.Values(append(slices.Collect(maps.Keys(scripts())), "sim_slow_<ms>")))
}

// scriptOf is what a token means; false: no such offer.
func scriptOf(token string) (script, bool) {
	const longest = 60_000
	if millis, ok := strings.CutPrefix(token, "sim_slow_"); ok {
		n, err := strconv.Atoi(millis)
		if err != nil || n < 0 {
			return script{}, false
		}
		return script{slow: time.Duration(min(n, longest)) * time.Millisecond}, true
	}
	s, ok := scripts()[token]
	return s, ok
}
