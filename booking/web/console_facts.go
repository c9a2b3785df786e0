package web

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"hotelbooking/booking"
)

// fact is a name and what stands beside it.
type fact struct {
	ID    string // for what can be copied
	Name  string
	Value string
	Hint  string
}

// policyRow is one row of the cancellation policy.
type policyRow struct {
	Local string // from when on, in the hotel's own time
	UTC   string // the same
	Fee   booking.Money
	Now   bool // cancelling costs this now
}

// since is when what staff should look at began.
func since(b *booking.Booking, history []booking.Entry) time.Time {
	switch {
	case b.Attention == "":
		return time.Time{}
	case b.Place.Phase == booking.Parked && !b.Facts.Waiting.Since.IsZero():
		return b.Facts.Waiting.Since
	case !b.Facts.UnknownSince.IsZero():
		return b.Facts.UnknownSince
	}
	for _, e := range slices.Backward(history) {
		if e.From != e.To {
			return e.At
		}
	}
	return b.UpdatedAt
}

func moneyFacts(b *booking.Booking) []fact {
	m, price := b.Facts.Money, b.Facts.Price
	facts := []fact{{Name: "Price now", Value: price.String()}, {Name: "Authorised", Value: price.Of(m.Authorized).String()}, {Name: "Captured", Value: price.Of(m.Captured).String()}}
	if m.Voided {
		facts[1].Hint = "released"
	}
	refunded := fact{Name: "Refunded", Value: price.Of(m.Refunded).String()}
	if m.RefundPending {
		refunded.Hint = "on its way to the guest's bank"
	}
	facts = append(facts, refunded, fact{Name: "Kept by us", Value: price.Of(m.Captured - m.Refunded).String()})
	if b.Goal == booking.GiveBack && m.RefundTarget > m.Refunded {
		facts = append(facts, fact{Name: "Still to refund", Value: price.Of(m.RefundTarget - m.Refunded).String()})
	}
	if wish := b.Facts.Cancellation; wish != nil {
		facts = append(facts, fact{Name: "Cancellation fee", Value: wish.Fee.String()})
	}
	card := strings.TrimSpace(m.Brand + " •••• " + m.Last4)
	if m.Last4 == "" {
		card = "not known"
	}
	return append(facts, fact{Name: "Card", Value: card}, fact{Name: "Payment", Value: strings.ReplaceAll(string(b.PaymentStatus()), "_", " ")})
}

// captureBefore is until when what is reserved can be taken, while it is not.
func captureBefore(b *booking.Booking) time.Time {
	if m := b.Facts.Money; m.Captured > 0 || m.Voided {
		return time.Time{}
	}
	return b.Facts.Money.CaptureBefore
}

func acceptedFacts(b *booking.Booking, rooms []booking.Room) []fact {
	facts := []fact{
		{Name: "Hotel", Value: b.Stay.HotelName, Hint: b.Stay.HotelID},
		{Name: "Stay", Value: b.Stay.CheckIn + " to " + b.Stay.CheckOut, Hint: nights(b.Stay)},
		{Name: "Hotel's time", Value: b.Stay.HotelTimezone},
		{Name: "Supplier", Value: b.Offer.Supplier},
		{Name: "Offer accepted", Value: b.Offer.Total.String()},
		{Name: "May rise by", Value: strconv.Itoa(b.Offer.TolerancePercent) + " %", Hint: "without asking the guest, who still pays the offer"},
	}
	if b.Facts.Hold.Total != (booking.Money{}) {
		facts = append(facts, fact{Name: "Room costs now", Value: b.Facts.Hold.Total.String()})
	}
	if b.Facts.Offered != (booking.Money{}) && b.Facts.Offered != b.Facts.Price {
		facts = append(facts, fact{Name: "Offered instead", Value: b.Facts.Offered.String(), Hint: "waits for the guest's consent, or was not accepted"})
	}
	switch {
	case b.Facts.TermsAgreed:
		facts = append(facts, fact{Name: "Terms", Value: "changed, and the guest agreed"})
	case b.Facts.Hold.TermsChanged:
		facts = append(facts, fact{Name: "Terms", Value: "changed, and the guest has not agreed"})
	}
	if !b.Offer.ExpiresAt.IsZero() {
		facts = append(facts, fact{Name: "Offer expires", Value: utc(b.Offer.ExpiresAt)})
	}
	if !b.Facts.Hold.ExpiresAt.IsZero() && b.Result == booking.Undecided {
		facts = append(facts, fact{Name: "Hold expires", Value: utc(b.Facts.Hold.ExpiresAt)})
	}
	for i, r := range rooms {
		room := fact{Name: "Room " + strconv.Itoa(i+1), Value: plural(uint64(max(r.Adults, 0)), "adult")} //nolint:gosec // not negative
		if len(r.ChildAges) > 0 {
			room.Value += ", children aged " + strings.Trim(strings.ReplaceAll(fmt.Sprint(r.ChildAges), " ", ", "), "[]")
		}
		facts = append(facts, room)
	}
	return facts
}

func nights(stay booking.Stay) string {
	from, err := time.Parse(time.DateOnly, stay.CheckIn)
	until, err2 := time.Parse(time.DateOnly, stay.CheckOut)
	if err != nil || err2 != nil || until.Before(from) {
		return ""
	}
	return plural(uint64(until.Sub(from)/(24*time.Hour)), "night") //nolint:gosec // not negative
}

func (s *Server) policy(b *booking.Booking, now time.Time) []policyRow {
	zone, err := s.rules.zones.find(b.Stay.HotelTimezone)
	if err != nil {
		zone = time.UTC // a zone that was dropped since
	}
	rows := make([]policyRow, len(b.Facts.Hold.Penalties))
	current := -1
	for i, p := range b.Facts.Hold.Penalties {
		rows[i] = policyRow{Local: p.From.In(zone).Format("2 Jan 2006 15:04 MST"), UTC: utc(p.From), Fee: p.Fee}
		if !now.Before(p.From) {
			current = i
		}
	}
	if current >= 0 {
		rows[current].Now = true
	}
	return rows
}

// nameFacts is what the booking is called, by whom.
func nameFacts(b *booking.Booking, key string) []fact {
	facts := []fact{
		{ID: "ours", Name: "Our reference", Value: b.Reference, Hint: "also our reference at suppliers"},
		{ID: "id", Name: "Id", Value: string(b.ID), Hint: "sent with every call as X-Correlation-Id"},
		{ID: "client", Name: "Shop's reference", Value: b.ClientReference, Hint: b.Client},
		{ID: "supplier", Name: "Supplier", Value: b.Facts.Reservation.SupplierReference, Hint: b.Offer.Supplier},
		{ID: "hotel", Name: "Hotel's confirmation", Value: b.Facts.Reservation.HotelConfirmation},
		{ID: "hold", Name: "Hold", Value: b.Facts.Hold.Reference},
		{ID: "payment", Name: "Payment", Value: b.Facts.Money.Reference},
		{ID: "screening", Name: "Screening", Value: b.Facts.Verdict.Reference},
		{ID: "key", Name: "Idempotency key", Value: key},
	}
	return slices.DeleteFunc(facts, func(f fact) bool { return f.Value == "" })
}

func utc(t time.Time) string { return t.UTC().Format("2 Jan 2006 15:04 UTC") }
