package sandbox

import (
	"crypto/rand"
	"net/http"
	"time"
)

// stayState is where a reservation stands at the supplier.
type stayState string

const (
	stayHeld       stayState = "held"
	stayExpired    stayState = "expired" // the hold ran out; the reference may hold again
	staySoldOut    stayState = "sold_out"
	stayPending    stayState = "pending" // taken, not decided
	stayConfirmed  stayState = "confirmed"
	stayCancelling stayState = "cancelling"
	stayCancelled  stayState = "cancelled" // for good
	stayReleased   stayState = "released"  // for good; also of a reference that never held anything
)

// later is what becomes of a reservation by itself.
type later string

const (
	laterBooks   later = "books"
	laterCancels later = "cancels"
	laterNumber  later = "number" // the hotel's own number arrives
	laterDropped later = "dropped"
)

// reservation is the supplier's record under one reference of ours.
type reservation struct {
	State        stayState `json:"state"`
	Token        string    `json:"token,omitzero"`
	HoldHash     string    `json:"hold_hash,omitzero"`
	HoldNumber   string    `json:"hold_number,omitzero"`
	BookHash     string    `json:"book_hash,omitzero"`
	Minor        int64     `json:"minor,omitzero"`
	Currency     string    `json:"currency,omitzero"`
	PriceChanged bool      `json:"price_changed,omitzero"`
	TermsChanged bool      `json:"terms_changed,omitzero"`
	Policy       []penalty `json:"policy"`
	HeldUntil    time.Time `json:"held_until,omitzero"`
	Asked        bool      `json:"asked,omitzero"` // somebody tried to confirm it
	Number       string    `json:"number,omitzero"`
	HotelsOwn    string    `json:"hotels_own,omitzero"`
	PenaltyDue   int64     `json:"penalty_due,omitzero"`
	Later        later     `json:"later,omitzero"`
	LaterAt      time.Time `json:"later_at,omitzero"`
}

// reservationView is a reservation on the wire.
type reservationView struct {
	Reference         string     `json:"reference"`
	Status            stayState  `json:"status"`
	Total             money      `json:"total"`
	ExpiresAt         *time.Time `json:"expires_at,omitempty"`    // of a hold
	PriceChanged      bool       `json:"price_changed,omitempty"` // it is not what was expected
	TermsChanged      bool       `json:"terms_changed,omitempty"` // the conditions are not those of the quote
	HoldReference     string     `json:"hold_reference,omitempty"`
	Policy            []penalty  `json:"cancellation_policy"`
	SupplierReference string     `json:"supplier_reference,omitempty"`
	HotelConfirmation string     `json:"hotel_confirmation,omitempty"` // may arrive later than the confirmation
	Penalty           *money     `json:"penalty,omitempty"`            // of a cancellation
}

func (r *reservation) view(reference string) reservationView {
	v := reservationView{
		Reference: reference, Status: r.State, Total: inMoney(r.Minor, r.Currency), Policy: r.Policy,
		PriceChanged: r.PriceChanged, TermsChanged: r.TermsChanged, HoldReference: r.HoldNumber,
		SupplierReference: r.Number, HotelConfirmation: r.HotelsOwn,
	}
	if r.State == stayHeld {
		v.ExpiresAt = &r.HeldUntil
	}
	if r.State == stayCancelled {
		due := inMoney(r.PenaltyDue, r.Currency)
		v.Penalty = &due
	}
	return v
}

// look is the reservation of a reference after what time did to it; nil where nothing is known.
func (c *change) look(reference string) *reservation {
	r := c.reservations[reference]
	if r != nil {
		c.lapse(reference, r, false)
	}
	return r
}

// stay is look for who is about to alter it.
func (c *change) stay(reference string) *reservation {
	r := c.look(reference)
	if r != nil {
		c.touch(kindReservation, reference)
	}
	return r
}

func (c *change) open(reference string, r *reservation) *reservation {
	c.reservations[reference] = r
	c.touch(kindReservation, reference)
	return r
}

// lapse does what time does; settle: as if enough of it had passed for whatever is pending.
func (c *change) lapse(reference string, r *reservation, settle bool) {
	if r.State == stayHeld && !c.now.Before(r.HeldUntil) {
		c.touch(kindReservation, reference)
		r.State = stayExpired
		c.row(reference).giveBackHold()
		c.did("hold_expired")
	}
	if r.Later == "" || (!settle && c.now.Before(r.LaterAt)) {
		return
	}
	c.touch(kindReservation, reference)
	what := r.Later
	r.Later = ""
	switch what {
	case laterBooks:
		if r.State == stayPending {
			c.book(reference, r)
		}
	case laterCancels:
		if r.State == stayCancelling {
			c.cancel(reference, r, r.PenaltyDue)
		}
	case laterNumber:
		r.HotelsOwn = "HC-" + rand.Text()[:6]
		c.did("hotel_confirmation")
	case laterDropped:
		if r.State == stayConfirmed {
			c.cancel(reference, r, 0)
		}
	}
}

// did adds to what the call did, for the journal.
func (c *change) did(effect string) {
	if c.effect == nothing {
		c.effect = effect
		return
	}
	c.effect += ", " + effect
}

func (c *change) book(reference string, r *reservation) {
	if r.State == stayHeld {
		c.row(reference).endHold()
	}
	r.State = stayConfirmed
	r.Number = "SBX-" + rand.Text()[:8]
	s, _ := scriptOf(r.Token)
	switch {
	case s.lateNumber:
		r.Later, r.LaterAt = laterNumber, c.now.Add(c.cfg.SettleAfter)
	case s.cancelsLater:
		r.Later, r.LaterAt = laterDropped, c.now.Add(c.cfg.SettleAfter)
		r.HotelsOwn = "HC-" + rand.Text()[:6]
	default:
		r.HotelsOwn = "HC-" + rand.Text()[:6]
	}
	c.row(reference).book(r.Currency)
	c.did("booked")
}

func (c *change) cancel(reference string, r *reservation, penalty int64) {
	r.State, r.PenaltyDue = stayCancelled, penalty
	c.row(reference).cancel(penalty)
	c.did("cancelled")
}

// release gives back whatever is under the reference, for good: a hold or a booking later on is refused, also one that was sent
// earlier and arrives late.
func (c *change) release(reference string) answer {
	r := c.stay(reference)
	if r == nil {
		r = c.open(reference, &reservation{State: stayReleased})
		c.did("tombstone")
		return answer{status: http.StatusOK, body: r.view(reference)}
	}
	switch r.State {
	case stayCancelled, stayReleased:
		return answer{status: http.StatusOK, body: r.view(reference)}
	case stayHeld:
		c.row(reference).giveBackHold()
		c.did("released")
	case stayConfirmed, stayCancelling:
		c.row(reference).dropBooking()
		c.did("booking_dropped")
	case stayPending, stayExpired, staySoldOut:
		c.did("tombstone")
	}
	r.State, r.Later = stayReleased, ""
	return answer{status: http.StatusOK, body: r.view(reference)}
}
