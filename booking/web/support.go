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

const (
	pageMax     = 100
	pageDefault = 25
)

// pageLimit is how many a caller wants on a page.
func pageLimit(c echo.Context, limit int) (int, error) {
	if !c.QueryParams().Has("limit") {
		return pageDefault, nil
	}
	if limit < 1 || limit > pageMax {
		return 0, badParameter("query:limit", "invalid_format", "It must be a whole number from 1 to 100.")
	}
	return limit, nil
}

// SearchBookings lists bookings for support, newest first.
func (s *Server) SearchBookings(c echo.Context, params SearchBookingsParams) error {
	limit, err := pageLimit(c, params.Limit)
	if err != nil {
		return err
	}
	if params.Status != "" && !params.Status.Valid() {
		return badParameter("query:status", "not_allowed", "It is not a status.")
	}
	filter := booking.Filter{CreatedAfter: params.CreatedAfter, Limit: limit}
	if params.Status != "" {
		filter.Statuses = []booking.Status{booking.Status(params.Status)}
	}
	switch {
	case params.Attention == "any" || params.Attention == "true":
		filter.NeedsLook = true
	case len(params.Attention) > 40:
		return badParameter("query:attention", "too_long", "It must have at most 40 characters.")
	default:
		filter.Attention = booking.Reason(params.Attention)
	}
	query := strings.TrimSpace(params.Q)
	if len(query) > 255 {
		return badParameter("query:q", "too_long", "It must have at most 255 characters.")
	}
	filters := strings.Join([]string{query, string(params.Status), params.Attention, params.CreatedAfter.UTC().Format(time.RFC3339Nano)}, "\x00")
	if params.Cursor != "" {
		var err error
		if filter.After, err = decodeCursor(params.Cursor, filters); err != nil {
			return badParameter("query:cursor", "invalid_format", "It is not a cursor of this search.")
		}
	}
	list, err := s.search(c.Request().Context(), query, filter)
	if err != nil {
		return err
	}
	page := SupportList{Bookings: []SupportSummary{}}
	if len(list) >= limit { // a full page: there may be more
		list = list[:limit]
		if page.NextCursor, err = encodeCursor(list[limit-1].ID, filters); err != nil {
			return &problem{code: ProblemCodeInternal, cause: err}
		}
	}
	for _, b := range list {
		page.Bookings = append(page.Bookings, summary(b))
	}
	c.Response().Header().Set("Cache-Control", "private, no-cache")
	return answer(c, http.StatusOK, page)
}

// search lists by filter alone, or finds the few bookings that carry an identifier and filters those.
func (s *Server) search(ctx context.Context, query string, f booking.Filter) ([]*booking.Booking, error) {
	if query == "" {
		return s.desk.List(ctx, f)
	}
	found, err := s.desk.Search(ctx, query, pageMax)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(found, func(b *booking.Booking) bool { return !selects(f, b) }), nil
}

// selects tells what the store's list would: whether a filter has a booking.
func selects(f booking.Filter, b *booking.Booking) bool {
	return (len(f.Statuses) == 0 || slices.Contains(f.Statuses, b.Status())) &&
		(!f.NeedsLook || b.Attention != "") &&
		(f.Attention == "" || b.Attention == f.Attention) &&
		(f.Supplier == "" || b.Offer.Supplier == f.Supplier) &&
		(f.Failure == "" || b.Facts.Failure.Code == f.Failure) &&
		(!f.Uncaptured || b.Result == booking.Confirmed && b.Goal == booking.Confirm && b.Place.Step == booking.StepCapture) &&
		(f.CreatedAfter.IsZero() || b.CreatedAt.After(f.CreatedAfter)) &&
		(f.CreatedBefore.IsZero() || b.CreatedAt.Before(f.CreatedBefore)) &&
		(f.After == "" || b.ID < f.After) // UUIDv7: by age
}

// GetBookingForSupport shows the newest booking that carries the identifier, from the inside.
func (s *Server) GetBookingForSupport(c echo.Context, identifier string) error {
	ctx := c.Request().Context()
	found, err := s.desk.Search(ctx, strings.TrimSpace(identifier), 1)
	if err != nil {
		return err
	}
	if len(found) == 0 {
		return booking.ErrNotFound
	}
	return s.inside(c, http.StatusOK, found[0], false)
}

// inside answers with all that is known of a booking; plainly, even to those who see personal data masked otherwise.
func (s *Server) inside(c echo.Context, status int, b *booking.Booking, plainly bool) error {
	ctx := c.Request().Context()
	history, err := s.desk.History(ctx, b.ID)
	if err != nil {
		return err
	}
	people, err := s.people(ctx, b.ID, caller(c).key.Role, plainly)
	if err != nil {
		return err
	}
	key, err := s.desk.IdempotencyKey(ctx, b.ID)
	if err != nil {
		return err
	}
	traceTo(ctx, b)
	header := c.Response().Header()
	header.Set("ETag", etag(b.Version))
	header.Set("Cache-Control", "private, no-cache")
	view := fromInside(b, people, history, s.now())
	view.References.IdempotencyKey = key
	for _, verb := range s.flow.Allowed(b) {
		if v := SupportVerb(verb); v.Valid() {
			view.Actions = append(view.Actions, v)
		}
	}
	return answer(c, status, view)
}

// SupportRetry takes a waiting booking up again.
func (s *Server) SupportRetry(c echo.Context, id string) error {
	return s.plainAction(c, id, booking.VerbRetry)
}

// SupportApprove lets a booking under review go on.
func (s *Server) SupportApprove(c echo.Context, id string) error {
	return s.plainAction(c, id, booking.VerbApprove)
}

// SupportReject ends a booking under review.
func (s *Server) SupportReject(c echo.Context, id string) error {
	return s.plainAction(c, id, booking.VerbReject)
}

// SupportNote writes into the timeline.
func (s *Server) SupportNote(c echo.Context, id string) error {
	return s.plainAction(c, id, booking.VerbNote)
}

// SupportReveal shows a booking with its personal data, to whoever says why. Written down first, shown then.
func (s *Server) SupportReveal(c echo.Context, id string) error {
	return s.plainAction(c, id, booking.VerbReveal)
}

// SupportCancel cancels for the guest.
func (s *Server) SupportCancel(c echo.Context, id string) error {
	var in SupportCancellation
	if err := s.decode(c, "SupportCancellation", &in); err != nil {
		return err
	}
	if in.WaiveFee && rank(caller(c).key.Role) < rank(RoleSupervisor) {
		return &problem{code: ProblemCodeForbidden, detail: "Only a supervisor can waive the fee."}
	}
	return s.act(c, id, in.Reason, booking.Decision{Verb: booking.VerbCancel, WaiveFee: in.WaiveFee})
}

// SupportResolve says what really happened.
func (s *Server) SupportResolve(c echo.Context, id string) error {
	var in SupportResolution
	if err := s.decode(c, "SupportResolution", &in); err != nil {
		return err
	}
	var found findings
	d := booking.Decision{
		Verb: booking.VerbResolve, Happened: in.Outcome == SupportResolutionOutcomeHappened,
		SupplierReference: found.line("/supplier_reference", in.SupplierReference),
	}
	if len(found.fields) > 0 {
		return invalid(found.fields...)
	}
	return s.act(c, id, in.Reason, d)
}

// SupportRefund gives money back.
func (s *Server) SupportRefund(c echo.Context, id string) error {
	var in SupportRefund
	if err := s.decode(c, "SupportRefund", &in); err != nil {
		return err
	}
	d := booking.Decision{Verb: booking.VerbRefund}
	if in.Amount != (Money{}) {
		var found findings
		d.Amount = s.rules.money("/amount", in.Amount, &found)
		if d.Amount.IsZero() && len(found.fields) == 0 {
			found.add("/amount/amount", "too_small", "It must be more than nothing.")
		}
		if len(found.fields) > 0 {
			return invalid(found.fields...)
		}
	}
	return s.act(c, id, in.Reason, d)
}

func (s *Server) plainAction(c echo.Context, id string, verb booking.Verb) error {
	var in SupportAction
	if err := s.decode(c, "SupportAction", &in); err != nil {
		return err
	}
	return s.act(c, id, in.Reason, booking.Decision{Verb: verb})
}

// act applies a staff member's decision and shows what it led to.
func (s *Server) act(c echo.Context, id, reason string, d booking.Decision) error {
	decided, err := s.conclude(c, id, reason, d)
	if err != nil {
		return err
	}
	header := c.Response().Header()
	header.Set(echo.HeaderLocation, "/v1/support/bookings/"+string(decided.ID))
	if after := pollAfter(decided.Glance(), s.now()); after > 0 {
		header.Set(echo.HeaderRetryAfter, strconv.Itoa(after))
	}
	return s.inside(c, http.StatusAccepted, decided, d.Verb == booking.VerbReveal)
}

// conclude applies a staff member's decision, under the name and the role of who makes it.
func (s *Server) conclude(c echo.Context, id, reason string, d booking.Decision) (*booking.Booking, error) {
	known, err := bookingID(id)
	if err != nil {
		return nil, err
	}
	var found findings
	d.Actor, d.Reason = caller(c).actor(), found.text("/reason", reason)
	d.Role, d.RequestID = string(caller(c).key.Role), requestID(c)
	if len(d.Reason) == 0 {
		found.add("/reason", "too_short", "It must say something.")
	}
	if len(found.fields) > 0 {
		return nil, invalid(found.fields...)
	}
	return s.decide(c.Request().Context(), known, d)
}
