package sandbox

import (
	"maps"
	"slices"
	"sync"
)

// card is what a magic payment token stands for. The names and the last digits are those of Stripe's test cards.
type card struct {
	brand, last4  string
	decline       string // decline code; empty: the issuer agrees
	advice        string // what the issuer advises after a decline
	authenticate  bool   // the bank wants to see its customer first
	captureFails  bool   // it authorises, and the capture is refused for good
	refundPending bool   // refunds are accepted and take their time
}

// What an issuer advises.
const (
	adviceLater = "try_again_later"
	adviceNever = "do_not_try_again"
	adviceCheck = "confirm_card_data"
)

// cards is every magic payment token. Nobody alters it.
var cards = sync.OnceValue(func() map[string]card {
	return map[string]card{
		"pm_card_visa":                                                  {brand: "visa", last4: "4242"},
		"pm_card_mastercard":                                            {brand: "mastercard", last4: "4444"},
		"pm_card_chargeDeclined":                                        {brand: "visa", last4: "0002", decline: "generic_decline", advice: adviceLater},
		"pm_card_chargeDeclinedInsufficientFunds":                       {brand: "visa", last4: "9995", decline: "insufficient_funds", advice: adviceLater},
		"pm_card_chargeDeclinedProcessingError":                         {brand: "visa", last4: "0119", decline: "processing_error", advice: adviceLater},
		"pm_card_chargeDeclinedIncorrectCvc":                            {brand: "visa", last4: "0127", decline: "incorrect_cvc", advice: adviceCheck},
		"pm_card_chargeDeclinedExpiredCard":                             {brand: "visa", last4: "0069", decline: "expired_card", advice: adviceNever},
		"pm_card_chargeDeclinedLostCard":                                {brand: "visa", last4: "9987", decline: "lost_card", advice: adviceNever},
		"pm_card_chargeDeclinedStolenCard":                              {brand: "visa", last4: "9979", decline: "stolen_card", advice: adviceNever},
		"pm_card_chargeDeclinedFraudulent":                              {brand: "visa", last4: "0019", decline: "fraudulent", advice: adviceNever},
		"pm_card_authenticationRequired":                                {brand: "visa", last4: "3184", authenticate: true},
		"pm_card_authenticationRequiredChargeDeclinedInsufficientFunds": {brand: "visa", last4: "3178", authenticate: true, decline: "insufficient_funds", advice: adviceLater},
		"pm_card_captureFails":                                          {brand: "visa", last4: "0341", captureFails: true},
		"pm_card_pendingRefund":                                         {brand: "visa", last4: "7726", refundPending: true},
	}
})

// cardOf is the card of a token; one that nobody knows is declined.
func cardOf(token string) card {
	c, known := cards()[token]
	if !known {
		return card{brand: "unknown", decline: "invalid_payment_method", advice: adviceCheck}
	}
	return c
}

// PaymentTokens lists the magic payment tokens, sorted.
func PaymentTokens() []string { return slices.Sorted(maps.Keys(cards())) }
