package sandbox

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"slices"
)

type authorizeRequest struct {
	Reference    string `json:"reference"`
	Amount       money  `json:"amount"`
	PaymentToken string `json:"payment_token"`
	ReturnURL    string `json:"return_url,omitempty"` // where the bank's page sends the customer afterwards
}

type captureRequest struct {
	Reference        string `json:"reference"`
	PaymentReference string `json:"payment_reference,omitempty"` // this, or the key of the authorisation
	AuthorizationKey string `json:"authorization_key,omitempty"`
	Amount           money  `json:"amount"`
}

type refundRequest captureRequest

type voidRequest struct {
	Reference        string `json:"reference"`
	PaymentReference string `json:"payment_reference,omitempty"`
	AuthorizationKey string `json:"authorization_key,omitempty"`
}

func idempotencyKey(r *http.Request) (string, error) {
	key := r.Header.Get("Idempotency-Key")
	if key == "" || len(key) > 255 {
		return key, errors.New("Idempotency-Key: 1 to 255 characters are required")
	}
	return key, nil
}

func (s *Server) readAuthorize(r *http.Request, body []byte) (request, error) {
	var in authorizeRequest
	if err := decode(body, &in); err != nil {
		return request{}, err
	}
	key, keyProblem := idempotencyKey(r)
	minor, err := in.Amount.minor()
	if err == nil && minor <= 0 {
		err = errors.New("amount: want more than nothing")
	}
	bank := s.cfg.PublicURL
	if bank == "" {
		bank = "http://" + r.Host
	}
	return request{reference: in.Reference, key: key, apply: func(c *change) answer {
		return c.authorize(in, minor, bank)
	}}, errors.Join(checkReference(in.Reference), keyProblem, err, linkProblem(in.ReturnURL))
}

func readCapture(r *http.Request, body []byte) (request, error) {
	var in captureRequest
	if err := decode(body, &in); err != nil {
		return request{}, err
	}
	key, keyProblem := idempotencyKey(r)
	minor, err := in.Amount.minor()
	return request{reference: in.Reference, key: key, apply: func(c *change) answer {
		return c.capture(in, minor)
	}}, errors.Join(checkReference(in.Reference), keyProblem, err)
}

func readRefund(r *http.Request, body []byte) (request, error) {
	var in refundRequest
	if err := decode(body, &in); err != nil {
		return request{}, err
	}
	key, keyProblem := idempotencyKey(r)
	minor, err := in.Amount.minor()
	return request{reference: in.Reference, key: key, apply: func(c *change) answer {
		return c.refund(in, minor)
	}}, errors.Join(checkReference(in.Reference), keyProblem, err)
}

func readVoid(_ *http.Request, body []byte) (request, error) {
	var in voidRequest
	if err := decode(body, &in); err != nil {
		return request{}, err
	}
	var problem error
	if in.PaymentReference == "" && in.AuthorizationKey == "" {
		problem = errors.New("payment_reference or authorization_key: one is required")
	}
	return request{reference: in.Reference, apply: func(c *change) answer {
		return c.voidPayment(in)
	}}, errors.Join(checkReference(in.Reference), problem)
}

func readPayments(r *http.Request, _ []byte) (request, error) {
	reference, key := r.URL.Query().Get("reference"), r.URL.Query().Get("authorization_key")
	return request{reference: reference, apply: func(c *change) answer {
		return c.payments(reference, key)
	}}, checkReference(reference)
}

// payments lists what stands under a reference, or under one authorisation key of it: also a key that was voided before it
// authorised anything.
func (c *change) payments(reference, key string) answer {
	views := []paymentView{}
	if a := c.accounts[reference]; a != nil {
		c.mature(reference, a, false)
		seen := map[string]bool{}
		for _, p := range a.Payments {
			if key == "" || p.Key == key {
				views = append(views, p.view(reference))
				seen[p.Key] = true
			}
		}
		for voided := range a.Voided {
			if !seen[voided] && (key == "" || voided == key) {
				views = append(views, voidedView(reference, voided))
			}
		}
		slices.SortStableFunc(views, func(a, b paymentView) int { return len(b.ID) - len(a.ID) })
	}
	return answer{status: http.StatusOK, body: map[string]any{"reference": reference, "payments": views}}
}

func (c *change) capture(in captureRequest, minor int64) answer {
	return c.once("capture", in.Reference, digest(in), func(a *account) answer {
		p := a.find(in.PaymentReference, in.AuthorizationKey)
		switch {
		case p == nil:
			return refuse(http.StatusNotFound, "payment_unknown", "no such payment under this reference")
		case p.State == payCaptured:
			return refuse(http.StatusConflict, "already_captured", "a payment is captured once")
		case p.State == payExpired:
			return refuse(http.StatusConflict, "authorization_expired", "the authorisation is not valid any more")
		case p.State == payCaptureFailed:
			return refuse(http.StatusPaymentRequired, "capture_failed", "the issuer took the authorisation back")
		case p.State != payAuthorized:
			return refuse(http.StatusConflict, "payment_not_authorized", fmt.Sprintf("the payment is %s", p.State))
		case in.Amount.Currency != p.Currency:
			return refuse(http.StatusBadRequest, "currency_mismatch", "the authorisation is in "+p.Currency)
		case minor <= 0 || minor > p.Minor:
			return refuse(http.StatusBadRequest, "amount_too_large", "want more than nothing and no more than is authorised")
		}
		if cardOf(p.Token).captureFails {
			p.State = payCaptureFailed
			c.row(in.Reference).loseAuthorization()
			c.answered("capture_failed", "payment.capture_failed", in.Reference, p)
			return refuse(http.StatusPaymentRequired, "capture_failed", "the issuer took the authorisation back")
		}
		p.State, p.Captured = payCaptured, minor
		c.row(in.Reference).capture(minor)
		c.answered("captured", "payment.captured", in.Reference, p)
		return answer{status: http.StatusCreated, body: p.view(in.Reference)}
	})
}

func (c *change) refund(in refundRequest, minor int64) answer {
	return c.once("refund", in.Reference, digest(in), func(a *account) answer {
		p := a.find(in.PaymentReference, in.AuthorizationKey)
		switch {
		case p == nil:
			return refuse(http.StatusNotFound, "payment_unknown", "no such payment under this reference")
		case p.State != payCaptured:
			return refuse(http.StatusConflict, "payment_not_captured", fmt.Sprintf("the payment is %s", p.State))
		case in.Amount.Currency != p.Currency:
			return refuse(http.StatusBadRequest, "currency_mismatch", "the payment is in "+p.Currency)
		}
		left := p.Captured
		for _, r := range p.Refunds {
			left -= r.Minor
		}
		if minor <= 0 || minor > left {
			return refuse(http.StatusConflict, "amount_too_large", "want more than nothing and no more than is left of the capture")
		}
		r := refund{ID: "re_" + rand.Text(), Minor: minor}
		if cardOf(p.Token).refundPending {
			r.Pending, r.PaidAt = true, c.now.Add(c.cfg.SettleAfter)
			p.Refunds = append(p.Refunds, r)
			c.answered("refund_pending", "payment.refund_pending", in.Reference, p)
		} else {
			p.Refunds = append(p.Refunds, r)
			c.row(in.Reference).refund(minor)
			c.answered("refunded", "payment.refunded", in.Reference, p)
		}
		return answer{status: http.StatusCreated, body: p.view(in.Reference)}
	})
}
