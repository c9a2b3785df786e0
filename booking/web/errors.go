package web

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"
	"go.uber.org/zap"

	"hotelbooking/booking"
)

// problem is an error that knows which answer it deserves. The zero detail is the catalogue's.
type problem struct {
	code       ProblemCode
	detail     string
	fields     []FieldError
	allowed    []string
	quote      CancellationQuote
	newTotal   Money
	retryAfter time.Duration
	cause      error // for the log
}

func (p *problem) Error() string {
	if p.cause != nil {
		return string(p.code) + ": " + p.cause.Error()
	}
	return string(p.code)
}

func (p *problem) Unwrap() error { return p.cause }

// describe is the catalogue: the only place where an HTTP status is chosen for an error.
func describe(code ProblemCode) (status int, title, detail string) {
	switch code {
	case ProblemCodeMalformedRequest:
		return 400, "The body cannot be read", "Correct what is listed and send the request again."
	case ProblemCodeInvalidParameter:
		return 400, "A parameter cannot be read", "Correct it and send the request again."
	case ProblemCodeIdempotencyKeyMissing:
		return 400, "The Idempotency-Key header is missing", "Send a key of your own with each submission, and the same one when you repeat it."
	case ProblemCodeIdempotencyKeyInvalid:
		return 400, "The Idempotency-Key header cannot be used", "It must have 1 to 255 visible ASCII characters."
	case ProblemCodeUnauthorized:
		return 401, "Who is asking?", "Send a key that we know as Authorization: Bearer."
	case ProblemCodeWebhookSignatureInvalid:
		return 401, "The signature does not hold", "It is missing, wrong, or more than five minutes old."
	case ProblemCodeForbidden:
		return 403, "Not with this key", "The key's scope or role does not cover this request."
	case ProblemCodeNotFound:
		return 404, "There is nothing here", "It does not exist, or it is not yours."
	case ProblemCodeMethodNotAllowed:
		return 405, "The address does not have this method", "The Allow header lists those it has."
	case ProblemCodeRequestTimeout:
		return 408, "The body did not arrive in time", "Send it again, with the same Idempotency-Key if it was a submission."
	case ProblemCodeFeeChanged:
		return 409, "The cancellation fee has changed", "Show the new quote and ask again."
	case ProblemCodeOfferChanged:
		return 409, "The offer has changed again", "Show the new total and ask again."
	case ProblemCodeStateConflict:
		return 409, "Not in this state", "The booking's state does not allow it. What it allows is listed."
	case ProblemCodeCancelNotAllowed:
		return 409, "This booking cannot be cancelled", "It is over, or the hotel insists on the stay."
	case ProblemCodeBodyTooLarge:
		return 413, "The body is too large", "At most 16 KiB are read; 64 KiB of a webhook."
	case ProblemCodeUnsupportedMediaType:
		return 415, "The body must be JSON", "Send it as application/json, uncompressed."
	case ProblemCodeValidationFailed:
		return 422, "Some fields make no sense", "Correct the fields listed and send the request again."
	case ProblemCodeIdempotencyKeyReused:
		return 422, "This Idempotency-Key belongs to another submission", "A booking with other content was submitted with it. Use a new key for a new booking."
	case ProblemCodeCardDataRefused:
		return 422, "Card numbers are not accepted here", "Something in the request looks like a card number. Nothing of it was stored or logged. Use your payment provider's token."
	case ProblemCodeRateLimited:
		return 429, "Too many requests", "Ask again after Retry-After."
	case ProblemCodeHeadersTooLarge:
		return 431, "The headers are too large", "At most 8 KiB are read."
	case ProblemCodeOverloaded:
		return 503, "Too much to do", "Nothing was stored. Send it again after Retry-After, with the same Idempotency-Key."
	case ProblemCodeUnavailable:
		return 503, "Out of service for a moment", "Ask again after Retry-After; with the same Idempotency-Key if it was a submission."
	case ProblemCodeInternal:
		return 500, "Something broke on our side", "Asking again is safe. Quote request_id when you tell us."
	default:
		return 500, "Something broke on our side", "Asking again is safe. Quote request_id when you tell us."
	}
}

// asProblem is the table from our errors to problems. An error that is not in it came from the database or the engine, and
// nobody can tell what it did: the caller is asked to come again, which is safe.
func asProblem(err error) *problem {
	var (
		known      *problem
		illegal    *booking.IllegalError
		overloaded *booking.Overloaded
		tooLarge   *http.MaxBytesError
		routing    *echo.HTTPError
	)
	switch {
	case errors.As(err, &known):
		return known
	case errors.As(err, &illegal) && illegal.Verb == booking.VerbCancel:
		return &problem{code: ProblemCodeCancelNotAllowed, cause: err}
	case errors.As(err, &illegal):
		return &problem{code: ProblemCodeStateConflict, allowed: words(illegal.Allowed), cause: err}
	case errors.Is(err, booking.ErrWrongAction):
		return &problem{code: ProblemCodeStateConflict, detail: "The booking waits for something else: see its action.", cause: err}
	case errors.Is(err, booking.ErrFeeChanged):
		return &problem{code: ProblemCodeFeeChanged, cause: err}
	case errors.Is(err, booking.ErrTotalChanged):
		return &problem{code: ProblemCodeOfferChanged, cause: err}
	case errors.Is(err, booking.ErrAmountTooLarge):
		return invalid(FieldError{"/amount", "too_large", "It is more than what is left to refund."})
	case errors.Is(err, booking.ErrEvidenceMissing):
		return invalid(FieldError{"/supplier_reference", "required", "A room that was booked has a number at the supplier: ask for it."})
	case errors.Is(err, booking.ErrNotFound):
		return &problem{code: ProblemCodeNotFound, cause: err}
	case webhookProblem(err) != nil:
		return webhookProblem(err)
	case errors.Is(err, booking.ErrKeyReused):
		return &problem{code: ProblemCodeIdempotencyKeyReused, cause: err}
	case errors.As(err, &overloaded):
		return &problem{code: ProblemCodeOverloaded, retryAfter: overloaded.RetryAfter, cause: err}
	case errors.As(err, &tooLarge):
		return &problem{code: ProblemCodeBodyTooLarge, cause: err}
	case errors.As(err, &routing):
		return routingProblem(routing)
	default:
		return &problem{code: ProblemCodeUnavailable, retryAfter: time.Second, cause: err}
	}
}

// routingProblem is for what echo and the generated code find: no such route, no such method, an unreadable parameter.
func routingProblem(err *echo.HTTPError) *problem {
	switch err.Code {
	case http.StatusNotFound:
		return &problem{code: ProblemCodeNotFound}
	case http.StatusMethodNotAllowed:
		return &problem{code: ProblemCodeMethodNotAllowed}
	case http.StatusBadRequest:
		return &problem{code: ProblemCodeInvalidParameter} // its message may quote the value
	default:
		return &problem{code: ProblemCodeInternal, cause: err}
	}
}

func invalid(fields ...FieldError) *problem {
	return &problem{code: ProblemCodeValidationFailed, fields: fields}
}

func badParameter(where, code, detail string) *problem {
	return &problem{code: ProblemCodeInvalidParameter, fields: []FieldError{{where, code, detail}}}
}

func words(verbs []booking.Verb) []string {
	var list []string
	for _, v := range verbs {
		if v != booking.VerbNotify { // vendors' alone
			list = append(list, string(v))
		}
	}
	return list
}

// handleError answers a failed request with problem+json, and logs those that are our fault.
func (s *Server) handleError(err error, c echo.Context) {
	if errors.Is(err, context.Canceled) && c.Request().Context().Err() != nil {
		c.Response().Status = statusClientGone // nobody is there to read an answer
		return
	}
	if c.Response().Committed {
		s.log.Warn("answer broken off", zap.String("request_id", requestID(c)), zap.String("route", c.Path()), zap.Error(err))
		return
	}
	p := asProblem(err)
	status, title, detail := describe(p.code)
	s.report(c, p)
	if p.detail != "" {
		detail = p.detail
	}
	body := Problem{
		Type: "urn:hotelbooking:problem:" + string(p.code), Title: title, Status: status, Code: p.code, Detail: detail,
		RequestId: requestID(c), Errors: p.fields, Allowed: s.allowedTo(c, p.allowed), Quote: p.quote, NewTotal: p.newTotal,
	}
	header := c.Response().Header()
	if status == http.StatusUnauthorized {
		header.Set(echo.HeaderWWWAuthenticate, "Bearer")
	}
	if p.retryAfter > 0 {
		header.Set(echo.HeaderRetryAfter, strconv.Itoa(jittered(p.retryAfter)))
	}
	answer := func() error { return writeJSON(c, status, "application/problem+json", body) }
	if wantsPage(c) {
		answer = func() error { return s.showProblem(c, body) }
	}
	if err := answer(); err != nil {
		s.log.Warn("answer broken off", zap.String("request_id", body.RequestId), zap.String("route", c.Path()), zap.Error(err))
	}
}

// report logs a problem that is our fault, or that of what we depend on, and tells the status it is answered with.
func (s *Server) report(c echo.Context, p *problem) (status int) {
	status, _, _ = describe(p.code)
	if status >= http.StatusInternalServerError && p.code != ProblemCodeOverloaded {
		s.log.Error("request failed; look at the cause, the caller was asked to come again",
			zap.String("request_id", requestID(c)), zap.String("route", c.Path()), zap.String("code", string(p.code)), zap.Error(p.cause))
	}
	return status
}

const statusClientGone = 499 // in the log only

// allowedTo leaves out of a conflict's list what the caller could not do anyway: customers do not learn staff's verbs.
func (s *Server) allowedTo(c echo.Context, verbs []string) []string {
	staff := caller(c).staff()
	return slices.DeleteFunc(slices.Clone(verbs), func(v string) bool {
		customers := v == string(booking.VerbPay) || v == string(booking.VerbAcceptOffer)
		return v != string(booking.VerbCancel) && customers == staff
	})
}

// jittered is whole seconds, up to half as many again: all who were refused at once must not come back at once.
func jittered(d time.Duration) int {
	return max(1, int(math.Ceil(d.Seconds()*(1+rand.Float64()/2))))
}
