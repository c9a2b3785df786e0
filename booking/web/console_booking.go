package web

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"hotelbooking/booking"
)

const bookingsPath = consolePath + "/bookings"

func bookingPath(id booking.ID) string { return bookingsPath + "/" + string(id) }

// bookingParameters: which part of the page a script asks for, and the line of history whose doing is to be told.
var bookingParameters = []string{"part", "done"}

// What of a long history the page shows; the rest is in the API.
const (
	laneMax     = 25
	callsMax    = 60
	timelineMax = 250
	relatedMax  = 20
)

// bookingView is one booking as somebody on the phone needs it.
type bookingView struct {
	B        *booking.Booking
	Story    booking.Story
	Since    time.Time // of Attention
	Done     string    // what the reader has just done
	Buttons  []button
	Money    []fact
	Capture  time.Time // until when the money can be taken; zero: that does not matter any more
	Accepted []fact
	Policy   []policyRow
	Lanes    []lane
	Calls    []callLine
	CallsCut bool
	History  []historyLine // newest first
	Cut      int           // older lines that are not shown
	Notes    []historyLine
	NoteForm string // the token of the box for a note
	CanNote  bool
	Names    []fact // of the booking, here and elsewhere
	People   peopleView
	Related  []relation
	Twin     *relation // that may be the same booking again
}

// button opens an action's dialogue.
type button struct {
	Action deskAction
	Denied string // why this role cannot; empty: it can
}

// idButton is a button of a booking, for its template.
type idButton struct {
	button
	ID booking.ID
}

func actButton(id booking.ID, b button) idButton { return idButton{b, id} }

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

// peopleView is who booked and who stays.
type peopleView struct {
	Contact booking.Contact
	Rooms   []booking.Room
	Masked  bool
	Once    bool // shown plainly to somebody who sees it masked otherwise
}

// showBooking is the page of the newest booking that carries the identifier. Its address is the one with the id: e-mail
// addresses do not stay in the browser's history.
func (s *Server) showBooking(c echo.Context) error {
	id, err := bookingID(c.Param("identifier"))
	if err != nil {
		found, err := s.desk.Search(c.Request().Context(), strings.TrimSpace(c.Param("identifier")), 1)
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return errNoBooking
		}
		return c.Redirect(http.StatusSeeOther, bookingPath(found[0].ID))
	}
	b, err := s.bookings.Get(c.Request().Context(), id)
	if isNotFound(err) {
		return errNoBooking
	}
	if err != nil {
		return err
	}
	view, err := s.bookingView(c, b, false)
	if err != nil {
		return err
	}
	if c.QueryParam("part") == "live" {
		return s.renderPart(c, http.StatusOK, "booking", "live", view)
	}
	if done, err := strconv.Atoi(c.QueryParam("done")); err == nil {
		view.Done = doneWords(view.History, caller(c).actor(), done, b)
	}
	return s.render(c, http.StatusOK, "booking", view)
}

var errNoBooking = &problem{code: ProblemCodeNotFound, cause: booking.ErrNotFound, detail: "No booking is called that. Type one of its names as a whole: our reference, the id, " +
	"the shop's own reference, the number at the supplier, at the payment provider or of the hold, the idempotency key, or the guest's e-mail address."}

// bookingView gathers all that the page shows; plainly, even for those who see personal data masked otherwise.
func (s *Server) bookingView(c echo.Context, b *booking.Booking, plainly bool) (bookingView, error) {
	ctx, role := c.Request().Context(), caller(c).key.Role
	history, err := s.desk.History(ctx, b.ID)
	if err != nil {
		return bookingView{}, err
	}
	key, err := s.desk.IdempotencyKey(ctx, b.ID)
	if err != nil {
		return bookingView{}, err
	}
	people, err := s.people(ctx, b.ID, role, plainly)
	if err != nil {
		return bookingView{}, err
	}
	related, err := s.views.Related(ctx, b.ID, relatedMax)
	if err != nil {
		return bookingView{}, err
	}
	now := s.now()
	view := bookingView{
		B: b, Story: booking.Tell(b, now), Since: since(b, history), Buttons: s.buttons(b, role),
		Money: moneyFacts(b), Capture: captureBefore(b), Accepted: acceptedFacts(b, people.Rooms), Policy: s.policy(b, now),
		Lanes: s.lanes(b, history), Names: nameFacts(b, key), People: people, Related: relations(b, related),
		CanNote: rank(role) >= rank(RoleAgent),
	}
	view.Calls, view.CallsCut = callLines(history)
	for _, e := range slices.Backward(history) {
		line := lineOf(e)
		if view.History = append(view.History, line); e.Verb == string(booking.VerbNote) {
			view.Notes = append(view.Notes, line)
		}
	}
	if view.Cut = max(0, len(view.History)-timelineMax); view.Cut > 0 {
		view.History = view.History[:timelineMax]
	}
	view.Notes = view.Notes[:min(len(view.Notes), timelineMax)]
	for i := range view.Related {
		if view.Related[i].Kind == possibleDuplicate {
			view.Twin = &view.Related[i]
			break
		}
	}
	if foreseen, err := s.flow.Preview(b, booking.Decision{Verb: booking.VerbNote}, now); err == nil {
		view.NoteForm = token{optionOnly, b.Version, foreseen.Digest}.String()
	}
	return view, nil
}

// Tone is how the banner looks.
func (v bookingView) Tone() string {
	switch v.B.Status() {
	case booking.StatusRequiresAction, booking.StatusInReview:
		return "warn"
	case booking.StatusConfirmed:
		if v.B.Attention == "" {
			return "good"
		}
	case booking.StatusFailed, booking.StatusCancelled:
		if v.B.Attention == "" {
			return "still"
		}
	case booking.StatusPending, booking.StatusProcessing, booking.StatusCancelling:
	}
	if v.B.Attention != "" {
		return "bad"
	}
	return ""
}

func (s *Server) people(ctx context.Context, id booking.ID, role Role, plainly bool) (peopleView, error) {
	contact, rooms, err := s.desk.People(ctx, id)
	if err != nil {
		return peopleView{}, err
	}
	view := peopleView{Contact: contact, Rooms: rooms, Once: plainly, Masked: role == RoleViewer && !plainly}
	if view.Masked {
		view.Contact, view.Rooms = mask(contact, rooms)
	}
	return view, nil
}

// buttons are the actions that the booking allows now, with those that the role lacks. Revealing is for who sees masked.
func (s *Server) buttons(b *booking.Booking, role Role) []button {
	var all []button
	legal := s.flow.Allowed(b)
	for _, a := range deskActions {
		if !slices.Contains(legal, a.Verb) || a.Verb == booking.VerbReveal || a.Verb == booking.VerbNote {
			continue // those two stand where their subject is
		}
		one := button{Action: a}
		if rank(role) < rank(a.access.role()) {
			one.Denied = "for supervisors"
			if a.access.role() == RoleAgent {
				one.Denied = "for agents and supervisors"
			}
		}
		all = append(all, one)
	}
	return all
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
