package store

import (
	"errors"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"hotelbooking/booking"
)

// The three documents that each turn writes, at a fifth of what json.Marshal takes; a test holds them against it. What few
// bookings have is left to it.

func encodeTerms(t booking.Terms) string {
	e := encoder{text: make([]byte, 0, 512)}
	e.open()
	e.money("price", t.Price)
	e.time("deadline", t.Deadline)
	if h := t.Hold; h.Reference != "" || h.Total != (booking.Money{}) || h.TermsChanged || h.Penalties != nil || !h.ExpiresAt.IsZero() {
		e.name("hold")
		e.open()
		e.word("reference", h.Reference)
		e.money("total", h.Total)
		e.yes("terms_changed", h.TermsChanged)
		if h.Penalties != nil {
			e.name("penalties")
			e.text = append(e.text, '[')
			for _, p := range h.Penalties {
				e.open()
				e.time("from", p.From)
				e.money("fee", p.Fee)
				e.close()
			}
			e.text = append(e.text, ']')
		}
		if !h.ExpiresAt.IsZero() {
			e.time("expires_at", h.ExpiresAt)
		}
		e.close()
	}
	if !t.Offered.IsZero() {
		e.money("offered", t.Offered)
	}
	e.yes("terms_agreed", t.TermsAgreed)
	e.close()
	return string(e.text)
}

func encodeMoney(m booking.Ledger) string {
	e := encoder{text: make([]byte, 0, 256)}
	e.open()
	e.word("token", m.Token)
	e.number("generation", int64(m.Generation))
	e.number("capture_try", int64(m.CaptureTry))
	e.number("refund_try", int64(m.RefundTry))
	e.word("reference", m.Reference)
	e.number("authorized", m.Authorized)
	e.number("captured", m.Captured)
	e.number("refunded", m.Refunded)
	e.number("refund_target", m.RefundTarget)
	e.yes("voided", m.Voided)
	e.yes("refund_pending", m.RefundPending)
	if !m.CaptureBefore.IsZero() {
		e.time("capture_before", m.CaptureBefore)
	}
	e.word("brand", m.Brand)
	e.word("last4", m.Last4)
	e.close()
	return string(e.text)
}

func encodeFacts(f *booking.Facts) (string, error) {
	e := encoder{text: make([]byte, 0, 384)}
	e.open()
	if f.Failure != (booking.Failure{}) {
		e.other("failure", f.Failure)
	}
	if v := f.Verdict; v != (booking.Verdict{}) {
		e.name("verdict")
		e.open()
		e.name("ruling")
		e.string(string(v.Ruling))
		e.word("reference", v.Reference)
		e.number("score", int64(v.Score))
		e.word("source", v.Source)
		e.close()
	}
	if r := f.Reservation; r != (booking.Reservation{}) {
		e.name("reservation")
		e.open()
		e.word("supplier_reference", r.SupplierReference)
		e.word("hotel_confirmation", r.HotelConfirmation)
		e.close()
	}
	if f.Waiting != (booking.Waiting{}) {
		e.other("waiting", f.Waiting)
	}
	if !f.UnknownSince.IsZero() {
		e.time("unknown_since", f.UnknownSince)
	}
	if f.Deaths != (booking.Deaths{}) {
		e.other("deaths", f.Deaths)
	}
	if !f.ConfirmedAt.IsZero() {
		e.time("confirmed_at", f.ConfirmedAt)
	}
	if f.Cancellation != nil {
		e.other("cancellation", f.Cancellation)
	}
	e.close()
	return string(e.text), e.err
}

// encoder writes JSON, member by member. word, number and yes leave out what is zero.
type encoder struct {
	text []byte
	err  error
}

// open begins an object, as the next of a list where it is in one.
func (e *encoder) open() {
	if n := len(e.text); n > 0 && e.text[n-1] == '}' {
		e.text = append(e.text, ',')
	}
	e.text = append(e.text, '{')
}

func (e *encoder) close() { e.text = append(e.text, '}') }

// name begins a member.
func (e *encoder) name(name string) {
	if e.text[len(e.text)-1] != '{' {
		e.text = append(e.text, ',')
	}
	e.text = append(append(append(e.text, '"'), name...), `":`...)
}

// string writes s, mended where it is no valid UTF-8: that is no error of ours, and a turn must not be lost because of it.
func (e *encoder) string(s string) { e.text, _ = jsontext.AppendQuote(e.text, s) }

func (e *encoder) word(name, s string) {
	if s != "" {
		e.name(name)
		e.string(s)
	}
}

func (e *encoder) number(name string, n int64) {
	if n != 0 {
		e.name(name)
		e.text = strconv.AppendInt(e.text, n, 10)
	}
}

func (e *encoder) yes(name string, yes bool) {
	if yes {
		e.name(name)
		e.text = append(e.text, "true"...)
	}
}

func (e *encoder) time(name string, t time.Time) {
	e.name(name)
	e.text = append(t.AppendFormat(append(e.text, '"'), time.RFC3339Nano), '"')
}

func (e *encoder) money(name string, m booking.Money) {
	e.name(name)
	e.text = strconv.AppendInt(append(e.text, `{"minor":`...), m.Minor, 10)
	e.text = append(e.text, `,"currency":`...)
	e.string(m.Currency)
	e.close()
}

// other leaves a member to the library.
func (e *encoder) other(name string, value any) {
	e.name(name)
	encoded, err := json.Marshal(value, asStored)
	e.text, e.err = append(e.text, encoded...), errors.Join(e.err, err)
}
