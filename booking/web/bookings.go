package web

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"hotelbooking/booking"
)

// CreateBooking stores a submission and answers 202. Nothing outside is called, and nothing is started that a crash after
// the answer could lose.
func (s *Server) CreateBooking(c echo.Context, params CreateBookingParams) error {
	var in Submission
	if err := s.decode(c, "Submission", &in); err != nil {
		return err
	}
	ctx, client := c.Request().Context(), caller(c).key.Name
	ask, found := s.rules.ask(in, client, s.now())
	if len(found.fields) > 0 {
		return invalid(append(found.fields, found.late...)...)
	}
	if len(found.late) > 0 {
		// A repetition of what was accepted in time is not late: it gets its booking.
		known, err := s.submitted(ctx, client, params.IdempotencyKey)
		if err != nil {
			return err
		}
		if !known {
			return invalid(found.late...)
		}
	}
	meant, err := fingerprint(ask)
	if err != nil {
		return &problem{code: ProblemCodeInternal, cause: err}
	}
	receipt, err := s.engine.Submit(ctx, ask, params.IdempotencyKey, meant)
	if err != nil {
		return err
	}
	if receipt.Replayed {
		c.Response().Header().Set("Idempotent-Replayed", "true")
	}
	return s.accepted(c, receipt.Booking, s.keys.clientSecret(receipt.Booking.Client, receipt.Booking.ID))
}

// submitted tells whether client has used key before.
func (s *Server) submitted(ctx context.Context, client, key string) (bool, error) {
	list, err := s.desk.Search(ctx, key, pageMax)
	if err != nil {
		return false, err
	}
	for _, b := range list {
		if b.Client != client {
			continue
		}
		if used, err := s.desk.IdempotencyKey(ctx, b.ID); err != nil || used == key {
			return used == key, err
		}
	}
	return false, nil
}

// ListBookings finds the caller's own bookings by the caller's own name for them.
func (s *Server) ListBookings(c echo.Context, params ListBookingsParams) error {
	if params.ClientReference == "" {
		return badParameter("query:client_reference", "required", "It is missing.")
	}
	list, err := s.bookings.ByClientReference(c.Request().Context(), caller(c).key.Name, tidy(params.ClientReference))
	if err != nil {
		return err
	}
	return answer(c, http.StatusOK, BookingList{Bookings: renderAll(list)})
}

// GetBooking answers with the booking, with 304 where the caller has it, and later rather than sooner where they prefer to
// wait for a change. A glance tells which; only news is worth reading the whole.
func (s *Server) GetBooking(c echo.Context, id string, params GetBookingParams) error {
	ctx, p := c.Request().Context(), caller(c)
	wait, patient := preferredWait(params.Prefer, s.config.WaitMax)
	var g booking.Glance
	var err error
	switch {
	case patient:
		c.Response().Header().Set("Preference-Applied", "wait="+strconv.Itoa(int(wait.Seconds())))
		g, err = s.awaitNews(c, id, params.IfNoneMatch, wait)
	case params.IfNoneMatch != "":
		g, err = s.ownGlance(ctx, p, id)
	}
	if err != nil {
		return err
	}
	if params.IfNoneMatch != "" && matches(params.IfNoneMatch, g.Version) {
		s.standing(c, g)
		return c.NoContent(http.StatusNotModified)
	}
	b, err := s.ownBooking(ctx, p, id)
	if err != nil {
		return err
	}
	s.standing(c, b.Glance())
	return answerBooking(c, http.StatusOK, b, "")
}

// awaitNews holds the answer until there is something to tell of the booking, for at most wait. It ends early, and nothing is
// new, when the server drains or holds too many answers already.
func (s *Server) awaitNews(c echo.Context, id, ifNoneMatch string, wait time.Duration) (g booking.Glance, err error) {
	known, err := bookingID(id)
	if err != nil {
		return g, err
	}
	ctx, cancel := context.WithTimeout(c.Request().Context(), wait)
	defer cancel()
	defer context.AfterFunc(s.draining, cancel)()
	held, release := 0, func() {} // held is the version that is to be passed
	defer func() { release() }()
	ended := s.engine.Wait(ctx, known, func() (seen int, more bool) {
		if g, err = s.ownGlance(c.Request().Context(), caller(c), id); err != nil {
			return 0, false
		}
		if held > 0 {
			return g.Version, g.Version == held
		}
		if !worthHolding(g, ifNoneMatch) {
			return g.Version, false
		}
		held = g.Version
		if release, more = s.hold(); more {
			err = outlive(c, wait+s.config.WriteTimeout)
		}
		return held, more && err == nil
	})
	if err == nil && c.Request().Context().Err() != nil {
		err = ended
	}
	return g, err
}

// worthHolding: who has it waits for a change, decided or not, for it may still be captured, or cancelled. Who does not waits
// for news.
func worthHolding(g booking.Glance, ifNoneMatch string) bool {
	if ifNoneMatch != "" {
		return matches(ifNoneMatch, g.Version)
	}
	return !g.Status.Terminal()
}

// outlive moves the connection's deadlines, which are meant for answers that are not held. The one for reading goes:
// when it passes, net/http takes the client for gone.
func outlive(c echo.Context, d time.Duration) error {
	control := http.NewResponseController(c.Response())
	if err := control.SetReadDeadline(time.Time{}); err != nil {
		return ignoreUnsupported(err)
	}
	return ignoreUnsupported(control.SetWriteDeadline(time.Now().Add(d)))
}

// ignoreUnsupported: what is not a connection, such as a test's recorder, has no deadlines.
func ignoreUnsupported(err error) error {
	if errors.Is(err, http.ErrNotSupported) {
		return nil
	}
	return err
}

// standing sets the headers that go with a booking's state.
func (s *Server) standing(c echo.Context, g booking.Glance) {
	header := c.Response().Header()
	header.Set("ETag", etag(g.Version))
	header.Set("Cache-Control", "private, no-cache")
	header.Add("Vary", "Authorization")
	if after := pollAfter(g, s.now()); after > 0 {
		header.Set(echo.HeaderRetryAfter, strconv.Itoa(after))
	}
}

// accepted answers 202 with where to follow the booking. secret is "" but for who submitted it.
func (s *Server) accepted(c echo.Context, b *booking.Booking, secret string) error {
	s.standing(c, b.Glance())
	c.Response().Header().Set(echo.HeaderLocation, "/v1/bookings/"+string(b.ID))
	return answerBooking(c, http.StatusAccepted, b, secret)
}
