// Package sandbox is the adapter for the sandbox's PSP, and the reader of its notifications. The PSP answers a repeated
// idempotency key with what it answered first, and refuses for good to authorise under a key that was voided.
package sandbox

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"hotelbooking/booking"
	"hotelbooking/providers"
)

// Payments is booking.Payments. All its calls name the authorisation by our own key, never by the PSP's id: the key is
// known even where the answer with the id was lost, and a repeated call must have the same body.
type Payments struct{ caller *providers.Caller }

// New checks cfg; it dials nothing.
func New(cfg providers.Config) (*Payments, error) {
	caller, err := providers.NewCaller(cfg, providers.Vendor{
		Name: "sandbox payment", Down: booking.PaymentUnavailable, Code: providers.CodeAt("error", "code"), Nothing: []string{"service_unavailable"},
	})
	if err != nil {
		return nil, err
	}
	return &Payments{caller}, nil
}

// Authorize reserves the price. A declined card is an answer.
func (p *Payments) Authorize(ctx context.Context, b *booking.Booking) (booking.Payment, error) {
	const operation = "authorize"
	var answer payment
	_, err := p.caller.Do(ctx, providers.Request{
		Operation: operation, Method: http.MethodPost, Path: "/payment/v1/authorizations",
		Key: b.Key("authorize"), Correlation: string(b.ID),
		Body: authorization{
			Reference: b.Reference, Amount: moneyOf(b.Facts.Price), PaymentToken: b.Facts.Money.Token, ReturnURL: b.ReturnURL,
		},
		Refusals: map[string]booking.Reason{
			"card_declined":        booking.PaymentDeclined,
			"authorization_voided": booking.PaymentActionExpired,
			"invalid_request":      booking.PaymentUnavailable,
		},
	}, &answer)
	if declined, ok := declineOf(err); ok {
		return declined, nil
	}
	if err != nil {
		return booking.Payment{}, err
	}
	paid, fault := p.read(operation, b, answer)
	if fault != nil {
		return booking.Payment{}, fault
	}
	if paid.State == booking.PaymentNeedsAction && paid.ActionURL == "" {
		return booking.Payment{}, p.caller.Unclear(operation, "the answer asks for an action and does not say which")
	}
	return paid, nil
}

// Void gives the authorisation of the current generation up, known or not.
func (p *Payments) Void(ctx context.Context, b *booking.Booking) (booking.Payment, error) {
	const operation = "void"
	var answer payment
	_, err := p.caller.Do(ctx, providers.Request{
		Operation: operation, Method: http.MethodPost, Path: "/payment/v1/voids", Correlation: string(b.ID),
		Body: naming{Reference: b.Reference, AuthorizationKey: b.Key("authorize")},
		Refusals: map[string]booking.Reason{
			"already_captured": booking.UndoRefused,
			"invalid_request":  booking.UndoRefused,
		},
	}, &answer)
	if said(err, "already_captured") { // not refused, but too late: what it is now tells the flow what to do
		return p.Find(ctx, b)
	}
	if err != nil {
		return booking.Payment{}, err
	}
	paid, fault := p.read(operation, b, answer)
	switch {
	case fault != nil:
		return booking.Payment{}, fault
	case paid.State == booking.PaymentAuthorized || paid.State == booking.PaymentNeedsAction || paid.State == booking.PaymentProcessing:
		return booking.Payment{}, p.caller.Unclear(operation, "the answer is not that it is voided")
	}
	return paid, nil
}

// Capture takes amount; the rest is released.
func (p *Payments) Capture(ctx context.Context, b *booking.Booking, amount booking.Money) (booking.Payment, error) {
	const operation = "capture"
	var answer payment
	_, err := p.caller.Do(ctx, providers.Request{
		Operation: operation, Method: http.MethodPost, Path: "/payment/v1/captures", Key: b.Key("capture"), Correlation: string(b.ID),
		Body: movement{Reference: b.Reference, AuthorizationKey: b.Key("authorize"), Amount: moneyOf(amount)},
		// "already_captured" is not among them: somebody took the money, and asking tells how much.
		Refusals: map[string]booking.Reason{
			"capture_failed":         booking.CaptureFailed,
			"authorization_expired":  booking.CaptureFailed,
			"payment_not_authorized": booking.CaptureFailed,
			"payment_unknown":        booking.CaptureFailed,
			"amount_too_large":       booking.CaptureFailed,
			"invalid_request":        booking.CaptureFailed,
			"currency_mismatch":      booking.CurrencyMismatch,
		},
	}, &answer)
	if err != nil {
		return booking.Payment{}, err
	}
	paid, fault := p.read(operation, b, answer)
	switch {
	case fault != nil:
		return booking.Payment{}, fault
	case paid.State != booking.PaymentCaptured || paid.Captured != amount.Minor:
		return booking.Payment{}, p.caller.Unclear(operation, "the answer is not that this amount was captured")
	}
	return paid, nil
}

// Refund gives amount back.
func (p *Payments) Refund(ctx context.Context, b *booking.Booking, amount booking.Money) (booking.Payment, error) {
	const operation = "refund"
	var answer payment
	_, err := p.caller.Do(ctx, providers.Request{
		Operation: operation, Method: http.MethodPost, Path: "/payment/v1/refunds", Key: b.Key("refund"), Correlation: string(b.ID),
		Body: movement{Reference: b.Reference, AuthorizationKey: b.Key("authorize"), Amount: moneyOf(amount)},
		Refusals: map[string]booking.Reason{
			"payment_not_captured": booking.UndoRefused,
			"payment_unknown":      booking.UndoRefused,
			"amount_too_large":     booking.UndoRefused,
			"invalid_request":      booking.UndoRefused,
			"currency_mismatch":    booking.CurrencyMismatch,
		},
	}, &answer)
	if err != nil {
		return booking.Payment{}, err
	}
	paid, fault := p.read(operation, b, answer)
	switch {
	case fault != nil:
		return booking.Payment{}, fault
	case paid.State != booking.PaymentCaptured || paid.Refunded < amount.Minor:
		return booking.Payment{}, p.caller.Unclear(operation, "the answer is not that this amount was refunded")
	}
	return paid, nil
}

// Find asks where the payment of the current generation stands.
func (p *Payments) Find(ctx context.Context, b *booking.Booking) (booking.Payment, error) {
	const operation = "find"
	var answer struct {
		Reference string     `json:"reference"`
		Payments  *[]payment `json:"payments"`
	}
	query := url.Values{"reference": {b.Reference}, "authorization_key": {b.Key("authorize")}}
	_, err := p.caller.Do(ctx, providers.Request{
		Operation: operation, Method: http.MethodGet, Path: "/payment/v1/payments?" + query.Encode(),
		Correlation: string(b.ID), Harmless: true,
	}, &answer)
	switch {
	case err != nil:
		return booking.Payment{}, err
	case answer.Reference != b.Reference || answer.Payments == nil:
		return booking.Payment{}, p.caller.Unclear(operation, "the answer is about another reference")
	case len(*answer.Payments) == 0:
		return booking.Payment{State: booking.PaymentAbsent}, nil
	case len(*answer.Payments) > 1:
		return booking.Payment{}, p.caller.Unclear(operation, "the answer has more than one payment for the key")
	}
	found, fault := p.read(operation, b, (*answer.Payments)[0])
	if fault != nil {
		return booking.Payment{}, fault
	}
	return found, nil
}

// read translates a payment, which must be the one of this booking, in its currency.
func (p *Payments) read(operation string, b *booking.Booking, answer payment) (booking.Payment, *booking.Fault) {
	if answer.Reference != b.Reference || answer.AuthorizationKey != b.Key("authorize") {
		return booking.Payment{}, p.caller.Unclear(operation, "the answer is about another payment")
	}
	state, known := states()[answer.Status]
	if !known {
		return booking.Payment{}, p.caller.Unclear(operation, "the answer has a status that we do not know")
	}
	paid := booking.Payment{State: state, Reference: answer.ID}
	if answer.ID == "" { // a key that was voided before it authorised anything
		if state != booking.PaymentVoided {
			return booking.Payment{}, p.caller.Unclear(operation, "the answer has no payment reference")
		}
		return paid, nil
	}
	amounts := [3]int64{}
	for i, m := range []money{answer.Amount, answer.Captured, answer.Refunded} {
		parsed, err := booking.ParseMoney(m.Amount, m.Currency)
		if err != nil || parsed.Currency != b.Facts.Price.Currency {
			return booking.Payment{}, p.caller.Unclear(operation, "the answer is in another currency")
		}
		amounts[i] = parsed.Minor
	}
	authorized, captured, refunded := amounts[0], amounts[1], amounts[2]
	if authorized != b.Facts.Price.Minor || captured > authorized || refunded > captured {
		return booking.Payment{}, p.caller.Unclear(operation, "the answer's amounts do not fit the booking")
	}
	paid.Captured, paid.Refunded = captured, refunded
	// A payment that was never authorised can be voided too: only what was has an instant at which it lapses.
	if state == booking.PaymentAuthorized || state == booking.PaymentCaptured || !answer.CaptureBefore.IsZero() {
		paid.Authorized = authorized
	}
	paid.Brand, paid.Last4, paid.CaptureBefore = answer.Card.Brand, answer.Card.Last4, answer.CaptureBefore
	paid.ActionURL, paid.ClientSecret = answer.NextAction.URL, answer.NextAction.ClientSecret
	if state == booking.PaymentDecline {
		paid.Decline, paid.HardDecline = answer.DeclineCode, hard(answer.DeclineCode)
	}
	for _, r := range answer.Refunds {
		paid.RefundPending = paid.RefundPending || r.Status == "pending"
	}
	return paid, nil
}

// states translates the PSP's words. An authorisation that expired, or that the issuer took back, is as good as voided:
// nothing is reserved, and nothing can be captured.
func states() map[string]booking.PaymentState {
	return map[string]booking.PaymentState{
		"requires_action":       booking.PaymentNeedsAction,
		"authorized":            booking.PaymentAuthorized,
		"declined":              booking.PaymentDecline,
		"authentication_failed": booking.PaymentUnauthenticated,
		"voided":                booking.PaymentVoided,
		"expired":               booking.PaymentVoided,
		"capture_failed":        booking.PaymentVoided,
		"captured":              booking.PaymentCaptured,
	}
}

// declineOf is the issuer's no.
func declineOf(err error) (booking.Payment, bool) {
	var answered *providers.Answered
	if !said(err, "card_declined") || !errors.As(err, &answered) {
		return booking.Payment{}, false
	}
	var why struct {
		Error struct {
			DeclineCode string `json:"decline_code"`
		} `json:"error"`
	}
	if answered.Decode(&why) != nil || why.Error.DeclineCode == "" {
		why.Error.DeclineCode = "generic_decline"
	}
	code := why.Error.DeclineCode
	return booking.Payment{State: booking.PaymentDecline, Decline: code, HardDecline: hard(code)}, true
}

// hard: the issuer knows the card as lost or stolen, or its use as fraud. All else another card can mend.
func hard(decline string) bool {
	switch decline {
	case "lost_card", "stolen_card", "fraudulent", "pickup_card":
		return true
	default:
		return false
	}
}

// said tells whether err is the PSP's word, and that one.
func said(err error, code string) bool {
	var answered *providers.Answered
	return providers.SaidNo(err) && errors.As(err, &answered) && answered.Code == code
}
