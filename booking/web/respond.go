package web

import (
	"github.com/go-json-experiment/json"
	"github.com/labstack/echo/v4"

	"hotelbooking/booking"
)

// writeJSON answers with v. Maps are written in order, so that equal answers are equal bytes.
func writeJSON(c echo.Context, status int, contentType string, v any) error {
	body, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		return &problem{code: ProblemCodeInternal, cause: err}
	}
	return c.Blob(status, contentType, body)
}

func answer(c echo.Context, status int, v any) error {
	return writeJSON(c, status, echo.MIMEApplicationJSON, v)
}

func answerBooking(c echo.Context, status int, b *booking.Booking, secret string) error {
	out := render(b)
	out.ClientSecret = secret
	body, err := encodeBooking(&out)
	if err != nil {
		return &problem{code: ProblemCodeInternal, cause: err}
	}
	return c.Blob(status, echo.MIMEApplicationJSON, body)
}
