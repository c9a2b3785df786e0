package sandbox

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"time"
)

// payState is where an authorisation stands.
type payState string

const (
	payNeedsAction   payState = "requires_action"
	payAuthorized    payState = "authorized"
	payDeclined      payState = "declined"
	payFailed        payState = "authentication_failed"
	payVoided        payState = "voided"
	payExpired       payState = "expired"
	payCaptured      payState = "captured"
	payCaptureFailed payState = "capture_failed" // the issuer took the authorisation back
)

// account is everything that the PSP has under one reference of ours.
type account struct {
	Payments []*payment      `json:"payments"`        // oldest first
	Voided   map[string]bool `json:"voided,omitzero"` // authorisation keys under which nothing can be authorised any more
}

// payment is one authorisation and what became of it.
type payment struct {
	ID            string    `json:"id"`
	Key           string    `json:"key,omitzero"` // idempotency key of its authorisation
	Token         string    `json:"token,omitzero"`
	State         payState  `json:"state"`
	Minor         int64     `json:"minor,omitzero"`
	Currency      string    `json:"currency,omitzero"`
	Decline       string    `json:"decline,omitzero"`
	CaptureBefore time.Time `json:"capture_before,omitzero"`
	Captured      int64     `json:"captured,omitzero"`
	Refunds       []refund  `json:"refunds,omitzero"`
	Secret        string    `json:"secret,omitzero"`
	ActionURL     string    `json:"action_url,omitzero"`
	ReturnURL     string    `json:"return_url,omitzero"`
}

type refund struct {
	ID      string    `json:"id"`
	Minor   int64     `json:"minor,omitzero"`
	Pending bool      `json:"pending,omitzero"`
	PaidAt  time.Time `json:"paid_at,omitzero"` // when a pending one arrives
}

// storedAnswer is what an idempotency key was answered with. The same key and body get it again, whatever happened since.
type storedAnswer struct {
	Hash   string          `json:"hash"`
	Status int             `json:"status"`
	Body   json.RawMessage `json:"body"`
}

// paymentView is a payment on the wire.
type paymentView struct {
	ID            string       `json:"id,omitempty"` // empty: a key that was voided before it authorised anything
	Reference     string       `json:"reference"`
	Key           string       `json:"authorization_key"`
	Status        payState     `json:"status"`
	Amount        *money       `json:"amount,omitempty"`
	Captured      *money       `json:"captured,omitempty"`
	Refunded      *money       `json:"refunded,omitempty"` // with what is pending
	Refunds       []refundView `json:"refunds,omitempty"`
	Card          *cardView    `json:"card,omitempty"`
	CaptureBefore *time.Time   `json:"capture_before,omitempty"`
	DeclineCode   string       `json:"decline_code,omitempty"`
	AdviceCode    string       `json:"advice_code,omitempty"`
	NextAction    *nextAction  `json:"next_action,omitempty"`
}

type refundView struct {
	ID     string `json:"id"`
	Amount money  `json:"amount"`
	Status string `json:"status"` // pending, succeeded
}

type cardView struct {
	Brand string `json:"brand"`
	Last4 string `json:"last4"`
}

type nextAction struct {
	URL          string `json:"url"`
	ClientSecret string `json:"client_secret"`
}

func (p *payment) view(reference string) paymentView {
	amount, captured := inMoney(p.Minor, p.Currency), inMoney(p.Captured, p.Currency)
	c := cardOf(p.Token)
	v := paymentView{
		ID: p.ID, Reference: reference, Key: p.Key, Status: p.State, Amount: &amount, Captured: &captured,
		Card: &cardView{Brand: c.brand, Last4: c.last4}, DeclineCode: p.Decline,
	}
	if p.Decline != "" {
		v.AdviceCode = c.advice
	}
	sum := int64(0)
	for _, r := range p.Refunds {
		status := "succeeded"
		if r.Pending {
			status = "pending"
		}
		v.Refunds = append(v.Refunds, refundView{ID: r.ID, Amount: inMoney(r.Minor, p.Currency), Status: status})
		sum += r.Minor
	}
	refunded := inMoney(sum, p.Currency)
	v.Refunded = &refunded
	if p.State == payAuthorized {
		v.CaptureBefore = &p.CaptureBefore
	}
	if p.State == payNeedsAction {
		v.NextAction = &nextAction{URL: p.ActionURL, ClientSecret: p.Secret}
	}
	return v
}

// pays is the account of a reference after what time did to it, about to be altered.
func (c *change) pays(reference string) *account {
	a := c.accounts[reference]
	if a == nil {
		a = &account{Voided: map[string]bool{}}
		c.accounts[reference] = a
	}
	c.touch(kindAccount, reference)
	c.mature(reference, a, false)
	return a
}

// mature lets time work on payments: authorisations expire, refunds arrive.
func (c *change) mature(reference string, a *account, settle bool) {
	for _, p := range a.Payments {
		if p.State == payAuthorized && !c.now.Before(p.CaptureBefore) {
			c.touch(kindAccount, reference)
			p.State = payExpired
			c.row(reference).loseAuthorization()
			c.happened("authorization_expired", "payment.expired", reference, p)
		}
		for i := range p.Refunds {
			if r := &p.Refunds[i]; r.Pending && (settle || !c.now.Before(r.PaidAt)) {
				c.touch(kindAccount, reference)
				r.Pending = false
				c.row(reference).refund(r.Minor)
				c.happened("refunded", "payment.refunded", reference, p)
			}
		}
	}
}

// happened is an effect on a payment, by itself or by its customer: nobody who asks is told by an answer.
func (c *change) happened(effect, event, reference string, p *payment) {
	c.did(effect)
	c.notices = append(c.notices, notice{Type: event, Data: noticeData{
		Reference: reference, PaymentReference: p.ID, Status: string(p.State),
	}})
}

// answered is an effect on a payment that the answer to the call tells.
func (c *change) answered(effect, event, reference string, p *payment) {
	c.happened(effect, event, reference, p)
	c.notices[len(c.notices)-1].told = true
}

// once answers a keyed call as it was answered before, or acts. hash is of what the call means.
func (c *change) once(operation, reference, hash string, act func(*account) answer) answer {
	name := operation + " " + c.key
	if before, ok := c.answers[name]; ok {
		if before.Hash != hash {
			c.row(reference).KeysReused++
			return refuse(http.StatusBadRequest, "idempotency_key_reused", "the key was used for another request")
		}
		return answer{status: before.Status, body: before.Body}
	}
	said := act(c.pays(reference))
	if said.status < 300 || said.status == http.StatusPaymentRequired { // what began to be executed is remembered
		text, err := json.Marshal(said.body)
		if err != nil {
			return refuse(http.StatusInternalServerError, "internal_error", err.Error())
		}
		said.body = json.RawMessage(text)
		c.answers[name] = &storedAnswer{Hash: hash, Status: said.status, Body: text}
		c.touch(kindAnswer, name)
	}
	return said
}

func (c *change) authorize(in authorizeRequest, minor int64, bank string) answer {
	return c.once("authorize", in.Reference, digest(in), func(a *account) answer {
		if a.Voided[c.key] {
			return refuse(http.StatusGone, "authorization_voided", "the authorisation was given up before it arrived")
		}
		card := cardOf(in.PaymentToken)
		p := &payment{
			ID: "pay_" + rand.Text(), Key: c.key, Token: in.PaymentToken, State: payAuthorized,
			Minor: minor, Currency: in.Amount.Currency, ReturnURL: in.ReturnURL,
			CaptureBefore: c.now.Add(c.cfg.CaptureWithin).Truncate(time.Second),
		}
		a.Payments = append(a.Payments, p)
		c.paymentOf[p.ID] = in.Reference
		if card.authenticate {
			p.State, p.Secret, p.ActionURL = payNeedsAction, p.ID+"_secret_"+rand.Text(), bank+"/payment/3ds/"+p.ID
			c.answered("requires_action", "payment.requires_action", in.Reference, p)
			return answer{status: http.StatusCreated, body: p.view(in.Reference)}
		}
		return c.issue(in.Reference, p, c.answered)
	})
}

// issue is the issuer's answer; tell is happened or answered.
func (c *change) issue(reference string, p *payment, tell func(effect, event, reference string, p *payment)) answer {
	card := cardOf(p.Token)
	if card.decline != "" {
		p.State, p.Decline = payDeclined, card.decline
		tell("declined", "payment.declined", reference, p)
		return answer{status: http.StatusPaymentRequired, body: problem{problemError{
			Code: "card_declined", Message: "the card was declined", DeclineCode: card.decline, AdviceCode: card.advice,
		}}}
	}
	p.State = payAuthorized
	c.row(reference).authorize(p.Currency)
	tell("authorized", "payment.authorized", reference, p)
	return answer{status: http.StatusCreated, body: p.view(reference)}
}

// voidPayment gives an authorisation up, and its key with it: one that was sent earlier and arrives late is refused.
func (c *change) voidPayment(in voidRequest) answer {
	a := c.pays(in.Reference)
	p := a.find(in.PaymentReference, in.AuthorizationKey)
	if p == nil && in.AuthorizationKey == "" {
		return refuse(http.StatusNotFound, "payment_unknown", "no such payment under this reference")
	}
	if p == nil {
		if !a.Voided[in.AuthorizationKey] {
			a.Voided[in.AuthorizationKey] = true
			c.did("tombstone")
		}
		return answer{status: http.StatusOK, body: voidedView(in.Reference, in.AuthorizationKey)}
	}
	switch p.State {
	case payCaptured:
		return refuse(http.StatusConflict, "already_captured", "the payment was captured; it can be refunded")
	case payAuthorized:
		c.row(in.Reference).void()
		p.State = payVoided
		c.answered("voided", "payment.voided", in.Reference, p)
	case payNeedsAction:
		p.State = payVoided
		c.answered("voided_before_action", "payment.voided", in.Reference, p)
	case payDeclined, payFailed, payVoided, payExpired, payCaptureFailed: // nothing is reserved
	}
	return answer{status: http.StatusOK, body: p.view(in.Reference)}
}

func voidedView(reference, key string) paymentView {
	return paymentView{Reference: reference, Key: key, Status: payVoided}
}

func (a *account) find(id, key string) *payment {
	for _, p := range a.Payments {
		if (id != "" && p.ID == id) || (id == "" && p.Key == key) {
			return p
		}
	}
	return nil
}
