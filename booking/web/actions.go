package web

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/labstack/echo/v4"

	"hotelbooking/booking"
)

// QuoteCancellation says what cancelling would cost now.
func (s *Server) QuoteCancellation(c echo.Context, id string) error {
	b, err := s.ownBooking(c.Request().Context(), caller(c), id)
	if err != nil {
		return err
	}
	if !slices.Contains(s.flow.Allowed(b), booking.VerbCancel) {
		return &problem{code: ProblemCodeCancelNotAllowed}
	}
	c.Response().Header().Set("Cache-Control", "private, no-cache")
	return answer(c, http.StatusOK, quote(b.CancelQuote(s.now())))
}

// CancelBooking records the wish to cancel. Saying it again changes nothing.
func (s *Server) CancelBooking(c echo.Context, id string) error {
	var in CancellationRequest
	if err := s.decodeOptional(c, "CancellationRequest", &in); err != nil {
		return err
	}
	d := booking.Decision{Verb: booking.VerbCancel}
	if in.ExpectedFee != (Money{}) {
		var found findings
		fee := s.rules.money("/expected_fee", in.ExpectedFee, &found)
		if len(found.fields) > 0 {
			return invalid(found.fields...)
		}
		d.ExpectedFee = &fee
	}
	return s.decideOwn(c, id, d)
}

// ContinuePayment goes on after 3-D Secure, or with another payment method.
func (s *Server) ContinuePayment(c echo.Context, id string) error {
	var in PaymentContinuation
	if err := s.decodeOptional(c, "PaymentContinuation", &in); err != nil {
		return err
	}
	return s.decideOwn(c, id, booking.Decision{Verb: booking.VerbPay, PaymentToken: in.Payment.Token})
}

// AcceptOffer consents to a changed price or changed terms.
func (s *Server) AcceptOffer(c echo.Context, id string) error {
	var in OfferAcceptance
	if err := s.decode(c, "OfferAcceptance", &in); err != nil {
		return err
	}
	var found findings
	total := s.rules.money("/accepted_total", in.AcceptedTotal, &found)
	if len(found.fields) > 0 {
		return invalid(found.fields...)
	}
	return s.decideOwn(c, id, booking.Decision{Verb: booking.VerbAcceptOffer, AcceptedTotal: total})
}

// decideOwn applies a customer's decision to the customer's own booking.
func (s *Server) decideOwn(c echo.Context, id string, d booking.Decision) error {
	ctx := c.Request().Context()
	b, err := s.ownBooking(ctx, caller(c), id)
	if err != nil {
		return err
	}
	d.Actor = caller(c).actor()
	decided, err := s.decide(ctx, b.ID, d)
	if err != nil {
		return err
	}
	return s.accepted(c, decided, "")
}

// saidBefore tells whether b goes on, or went on, with just this decision: the browser and the bank both tell how 3-D Secure
// went, people click twice, and answers get lost. A booking that waits for the customer waits for something else.
func saidBefore(b *booking.Booking, d booking.Decision) bool {
	if b.Place.Phase == booking.Parked && b.Facts.Waiting.Who == booking.Customer || b.Result == booking.Failed {
		return false
	}
	if d.Verb == booking.VerbPay {
		card := d.PaymentToken == "" || b.Facts.Money.Generation > 0 && d.PaymentToken == b.Facts.Money.Token
		return card && b.Mark(booking.StepAuthorize).Attempts > 0
	}
	return d.Verb == booking.VerbAcceptOffer && d.AcceptedTotal == b.Facts.Offered && d.AcceptedTotal == b.Facts.Price
}

// decide applies a decision, and adds to a refusal what the caller needs to ask again.
func (s *Server) decide(ctx context.Context, id booking.ID, d booking.Decision) (*booking.Booking, error) {
	decided, err := s.engine.Decide(ctx, id, d)
	if err == nil {
		return decided, nil
	}
	illegal := &booking.IllegalError{}
	switch {
	case errors.As(err, &illegal) && d.Verb == booking.VerbCancel:
		if illegal.Status != booking.StatusCancelling && illegal.Status != booking.StatusCancelled {
			return nil, err
		}
		b, getErr := s.bookings.Get(ctx, id)
		if getErr != nil {
			return nil, getErr
		}
		if d.Actor != booking.CustomerActor && b.Place.Phase == booking.Parked && !s.flow.TurnsRound(b, s.now()) {
			return nil, &problem{code: ProblemCodeStateConflict, allowed: words(illegal.Allowed), cause: err,
				detail: "It is being cancelled, and that waits for a decision of yours. What can be decided is listed."}
		}
		return b, nil // it was said before
	case errors.As(err, &illegal) && (d.Verb == booking.VerbPay || d.Verb == booking.VerbAcceptOffer):
		b, getErr := s.bookings.Get(ctx, id)
		if getErr != nil {
			return nil, getErr
		}
		if saidBefore(b, d) {
			return b, nil
		}
	case errors.Is(err, booking.ErrFeeChanged):
		b, getErr := s.bookings.Get(ctx, id)
		if getErr != nil {
			return nil, getErr
		}
		return nil, &problem{code: ProblemCodeFeeChanged, quote: quote(b.CancelQuote(s.now())), cause: err}
	case errors.Is(err, booking.ErrTotalChanged):
		b, getErr := s.bookings.Get(ctx, id)
		if getErr != nil {
			return nil, getErr
		}
		return nil, &problem{code: ProblemCodeOfferChanged, newTotal: money(b.Facts.Offered), cause: err}
	}
	return nil, err
}
