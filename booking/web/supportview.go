package web

import (
	"strings"
	"time"
	"unicode/utf8"

	"hotelbooking/booking"
)

// summary is one line of support's list. It has no personal data.
func summary(b *booking.Booking) SupportSummary {
	out := SupportSummary{
		Id: string(b.ID), Reference: b.Reference, ClientReference: b.ClientReference, Version: b.Version,
		Status: Status(b.Status()), Terminal: b.Terminal(), Stage: string(b.Stage()), Attention: string(b.Attention),
		PaymentStatus: PaymentStatus(b.PaymentStatus()), Price: money(b.Facts.Price), Client: b.Client,
		HotelName: b.Stay.HotelName, CheckIn: b.Stay.CheckIn, CheckOut: b.Stay.CheckOut,
		CreatedAt: instant(b.CreatedAt), UpdatedAt: instant(b.UpdatedAt),
	}
	out.FailureCode = string(b.Facts.Failure.Code)
	return out
}

// fromInside is all that is known of a booking.
func fromInside(b *booking.Booking, people peopleView, history []booking.Entry, now time.Time) SupportBooking {
	contact := people.Contact
	story := booking.Tell(b, now)
	return SupportBooking{
		Booking: render(b), Client: b.Client, Attention: string(b.Attention),
		Story: Story{Happened: story.Happened, Next: story.Next, Charged: story.Charged},
		Money: moneyView(b), Actions: []SupportVerb{},
		References: References{
			Supplier: b.Facts.Reservation.SupplierReference, Hotel: b.Facts.Reservation.HotelConfirmation,
			Hold: b.Facts.Hold.Reference, Payment: b.Facts.Money.Reference, Screening: b.Facts.Verdict.Reference,
		},
		Offer: Offer{
			Supplier: b.Offer.Supplier, Token: b.Offer.Token, Total: money(b.Offer.Total),
			PriceTolerancePercent: b.Offer.TolerancePercent, ExpiresAt: instant(b.Offer.ExpiresAt),
		},
		Stay: SupportStay{
			HotelId: b.Stay.HotelID, HotelName: b.Stay.HotelName, HotelTimezone: b.Stay.HotelTimezone,
			CheckIn: b.Stay.CheckIn, CheckOut: b.Stay.CheckOut, Rooms: supportRooms(people.Rooms),
		},
		Contact: SupportContact{
			GivenName: contact.GivenName, FamilyName: contact.FamilyName, Email: contact.Email, Phone: contact.Phone,
			Country: contact.Country, Language: contact.Language,
		},
		Masked:      people.Masked,
		Attribution: b.Attribution,
		Place:       Place{Phase: PlacePhase(b.Place.Phase), Step: string(b.Place.Step), DueAt: instant(b.DueAt)},
		Timeline:    timeline(history),
		TraceId:     b.TraceID(),
	}
}

func moneyView(b *booking.Booking) MoneyView {
	m, price := b.Facts.Money, b.Facts.Price
	view := MoneyView{
		Price: money(price), Authorized: money(price.Of(m.Authorized)), Captured: money(price.Of(m.Captured)),
		Refunded: money(price.Of(m.Refunded)), RefundPending: m.RefundPending, Voided: m.Voided, CaptureBefore: instant(m.CaptureBefore),
	}
	if m.Last4 != "" {
		view.Card = strings.TrimSpace(m.Brand + " " + m.Last4)
	}
	return view
}

func supportRooms(rooms []booking.Room) []SupportRoom {
	out := make([]SupportRoom, len(rooms))
	for i, r := range rooms {
		out[i] = SupportRoom{Adults: r.Adults, ChildAges: r.ChildAges, SpecialRequests: r.SpecialRequests}
		for _, g := range r.Guests {
			out[i].Guests = append(out[i].Guests, Guest{GivenName: g.GivenName, FamilyName: g.FamilyName, Lead: g.Lead})
		}
	}
	return out
}

func timeline(history []booking.Entry) []TimelineEntry {
	out := make([]TimelineEntry, len(history))
	for i, e := range history {
		out[i] = TimelineEntry{
			Version: e.Version, At: instant(e.At), Actor: e.Actor, Verb: e.Verb, What: strings.TrimSpace(e.Say()),
			Outcome: string(e.Outcome), Reason: string(e.Reason), Detail: e.Detail, Attempt: e.Attempt,
			Status: string(e.Status), TookMs: int(e.Took.Milliseconds()), Calls: calls(e.Calls),
		}
		if e.From.Step != "" {
			out[i].Step, out[i].Phase = string(e.From.Step), string(e.From.Phase)
		}
	}
	return out
}

func calls(made []booking.Call) []Call {
	var out []Call
	for _, call := range made {
		outcome := CallOutcomeDone
		if call.Fault != "" {
			outcome = CallOutcome(call.Fault)
		}
		out = append(out, Call{
			Vendor: call.Vendor, Operation: call.Operation, RequestId: call.RequestID, IdempotencyKey: call.Key, Status: call.Status,
			Code: call.Code, Outcome: outcome, TookMs: int(call.Took.Milliseconds()),
		})
	}
	return out
}

// mask leaves of personal data what it takes to recognise a caller who says it.
func mask(c booking.Contact, rooms []booking.Room) (booking.Contact, []booking.Room) {
	local, domain, _ := strings.Cut(c.Email, "@")
	c.GivenName, c.FamilyName = initial(c.GivenName), initial(c.FamilyName)
	c.Email = initial(local) + "@" + domain
	if len(c.Phone) > 3 {
		c.Phone = c.Phone[:3] + "…" + c.Phone[len(c.Phone)-2:]
	}
	masked := make([]booking.Room, len(rooms))
	for i, r := range rooms {
		masked[i] = booking.Room{Adults: r.Adults, ChildAges: r.ChildAges}
		if r.SpecialRequests != "" {
			masked[i].SpecialRequests = "…"
		}
		for _, g := range r.Guests {
			masked[i].Guests = append(masked[i].Guests, booking.Guest{GivenName: initial(g.GivenName), FamilyName: initial(g.FamilyName), Lead: g.Lead})
		}
	}
	return c, masked
}

func initial(name string) string {
	_, size := utf8.DecodeRuneInString(name)
	return name[:size] + "…"
}
