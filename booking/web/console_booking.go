package web

import (
	"context"
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
	Told     []toldLine    // newest first
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
	told, err := s.told(ctx, b.ID)
	if err != nil {
		return bookingView{}, err
	}
	now := s.now()
	view := bookingView{
		Told: told,
		B:    b, Story: booking.Tell(b, now), Since: since(b, history), Buttons: s.buttons(b, role),
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
