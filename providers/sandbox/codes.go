package sandbox

import "slices"

// Codes lists the codes with which an operation (as the journal names it) can refuse, for those who map them.
func Codes(system System, operation string) []string {
	own := map[System]map[string][]string{
		Hotel: {
			"hold":         {"sold_out", "offer_expired", "duplicate_reference", "reference_released", "occupancy_not_allowed"},
			"release":      {},
			"confirm":      {"sold_out", "offer_expired", "duplicate_reference", "reference_released", "guest_data_rejected", "booking_rejected", "price_mismatch", "hold_not_found", "hold_expired", "internal_error"},
			"cancel":       {"cancellation_refused"},
			"retrieve":     {"reference_unknown"},
			"cancel_quote": {"reference_unknown"},
		},
		Fraud: {
			"screen":   {},
			"retrieve": {"reference_unknown"},
			"decide":   {"reference_unknown"},
		},
		Payment: {
			"authorize":    {"card_declined", "authorization_voided", "idempotency_key_in_use", "idempotency_key_reused"},
			"capture":      {"payment_unknown", "already_captured", "authorization_expired", "capture_failed", "payment_not_authorized", "currency_mismatch", "amount_too_large", "idempotency_key_in_use", "idempotency_key_reused"},
			"void":         {"payment_unknown", "already_captured"},
			"refund":       {"payment_unknown", "payment_not_captured", "currency_mismatch", "amount_too_large", "idempotency_key_in_use", "idempotency_key_reused"},
			"retrieve":     {},
			"authenticate": {},
		},
		Tracking: {"track": {}},
	}[system][operation]
	return append(slices.Clone(own), "invalid_request", "unauthorized", "service_unavailable")
}
