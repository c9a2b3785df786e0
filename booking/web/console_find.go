package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/labstack/echo/v4"

	"hotelbooking/booking"
)

const (
	findLimit = 50     // rows of a page
	countMost = 10_000 // counting further takes longer than anybody needs to know
)

// findView is the list of bookings, and the box that finds one by anything it is called.
type findView struct {
	Selection  selection
	Presets    []preset
	Statuses   []booking.Status
	Attentions []booking.Reason
	Suppliers  []string // empty: any
	Failures   []booking.Reason
	Rows       []*booking.Booking
	Here       string // this view, from its newest
	Older      string // the next page; empty: there is none
	Paged      bool   // this is not the first page
	Count      string // where the number of bookings is
	CSV        string // where the file is
	Elsewhere  int    // how many carry the identifier that the filter leaves out
	Everywhere string // where those are
	Slow       bool   // the store gave up
	Verbs      []bulkVerb
}

// Unfolded: the filter has something to say that no preset's name does.
func (v findView) Unfolded() bool {
	return v.Selection.Narrows() && !slices.ContainsFunc(v.Presets, func(p preset) bool { return p.Active })
}

// Moving tells whether a booking's stage says more than its status.
func (findView) Moving(b *booking.Booking) bool {
	return slices.Contains([]booking.Status{booking.StatusPending, booking.StatusProcessing, booking.StatusCancelling}, b.Status())
}

// showFind answers with a page of the list; whoever looks for one booking, and finds it, is taken to it.
func (s *Server) showFind(c echo.Context) error {
	query := c.QueryParams()
	v := parseSelection(query)
	now := s.now()
	filter := v.filter(now)
	filter.Limit = findLimit
	cursor := query.Get("cursor")
	if cursor != "" {
		var err error
		if filter.After, err = decodeCursor(cursor, v.Values().Encode()); err != nil {
			v.Wrong["cursor"] = "The place in the list belongs to another view. Here is this one, from its newest."
		}
	}
	view := findView{
		Selection: v, Statuses: booking.Statuses(), Attentions: withWord(attentionReasons, v.Attention), Failures: withWord(failureReasons, v.Failure),
		Suppliers: s.config.Suppliers, Here: v.at(consolePath), Paged: cursor != "", Count: v.at(countPath), CSV: v.at(csvPath),
		Verbs: bulkVerbs(caller(c).key.Role), Presets: v.presets(),
	}
	if len(v.Wrong) > 0 {
		return s.render(c, http.StatusBadRequest, "find", view)
	}
	ctx := c.Request().Context()
	found, err := s.search(ctx, v.Query, filter)
	if tooSlow(ctx, err) {
		view.Slow = true
		return s.render(c, s.report(c, asProblem(err)), "find", view)
	}
	if err != nil {
		return err
	}
	if v.Query != "" && len(found) == 1 && cursor == "" {
		return c.Redirect(http.StatusSeeOther, bookingPath(found[0].ID))
	}
	if view.Rows, view.Older, err = pageOf(found, v, findLimit); err != nil {
		return err
	}
	if v.Query != "" && len(found) == 0 && v.Narrows() {
		all, err := s.desk.Search(ctx, v.Query, pageMax)
		if err != nil {
			return err
		}
		view.Elsewhere, view.Everywhere = len(all), selection{Query: v.Query}.at(consolePath)
	}
	return s.render(c, http.StatusOK, "find", view)
}

// pageOf cuts a page, and tells where the next one is; a full page may be the last.
func pageOf(found []*booking.Booking, v selection, limit int) (rows []*booking.Booking, older string, err error) {
	if len(found) < limit {
		return found, "", nil
	}
	rows = found[:limit]
	cursor, err := encodeCursor(rows[limit-1].ID, v.Values().Encode())
	if err != nil {
		return nil, "", &problem{code: ProblemCodeInternal, cause: err}
	}
	return rows, v.at(consolePath, "cursor", cursor), nil
}

// tooSlow: the store gave a search up that the caller still waits for. Then it is the search that has to change.
func tooSlow(ctx context.Context, err error) bool {
	return errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil
}

// countFound answers with how many bookings a view has, in words. The page asks for it once it is there, and never waits.
func (s *Server) countFound(c echo.Context) error {
	v := parseSelection(c.QueryParams())
	filter := v.filter(s.now())
	if len(v.Wrong) > 0 {
		return s.renderPart(c, http.StatusBadRequest, "find", "count", "")
	}
	ctx := c.Request().Context()
	n, err := s.count(ctx, v.Query, filter)
	if tooSlow(ctx, err) {
		return s.renderPart(c, http.StatusOK, "find", "count", "more than can be counted quickly")
	}
	if err != nil { // beside a list that is there, it is worth no more than two words
		return s.renderPart(c, s.report(c, asProblem(err)), "find", "count", "")
	}
	return s.renderPart(c, http.StatusOK, "find", "count", bookings(n))
}

// count is how many bookings a view has, one more than countMost at most.
func (s *Server) count(ctx context.Context, query string, f booking.Filter) (int, error) {
	if query == "" {
		return s.views.Count(ctx, f, countMost+1)
	}
	found, err := s.search(ctx, query, f)
	return len(found), err
}

// bookings is a bounded count in words.
func bookings(n int) string {
	switch {
	case n == 1:
		return "1 booking"
	case n > countMost:
		return "more than " + thousands(countMost) + " bookings"
	default:
		return thousands(n) + " bookings"
	}
}

func thousands(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return thousands(n/1000) + fmt.Sprintf(",%03d", n%1000)
}

// attentionReasons are why a booking may need a person.
var attentionReasons = []booking.Reason{
	booking.CaptureFailed, booking.CrashedRepeatedly, booking.FraudReview, booking.FraudUnavailable, booking.OutcomeUnknown, booking.PaymentPending,
	booking.SupplierPending, booking.TurnPanicked, booking.Unclassified, booking.UndoRefused, booking.UndoStuck, booking.Unreadable,
}

// failureReasons are why a booking may have failed.
var failureReasons = []booking.Reason{
	booking.BookingDeadlineExceeded, booking.CurrencyMismatch, booking.GuestDataRejected, booking.OfferExpired, booking.OfferPriceChanged,
	booking.OfferRestricted, booking.OfferSoldOut, booking.OfferTermsChanged, booking.PaymentActionExpired, booking.PaymentAuthenticationFailed,
	booking.PaymentAuthenticationNeeded, booking.PaymentDeclined, booking.PaymentRefused, booking.PaymentUnavailable, booking.ReviewExpired,
	booking.ReviewRejected, booking.SupplierNoConfirmation, booking.SupplierRejected, booking.SupplierUnavailable,
}

// withWord has the chosen word in the list, too, where another version of the service made the address.
func withWord(list []booking.Reason, chosen string) []booking.Reason {
	if chosen == "" || chosen == attentionAny || slices.Contains(list, booking.Reason(chosen)) {
		return list
	}
	return append(slices.Clone(list), booking.Reason(chosen))
}
