package web

import (
	"github.com/go-json-experiment/json"
	"github.com/labstack/echo/v4"
)

// writeJSON answers with v. Maps are written in order, so that equal answers are equal bytes.
func writeJSON[T any](c echo.Context, status int, contentType string, v T) error {
	body, err := json.Marshal(&v, json.Deterministic(true)) // by its address: json copies what it cannot address
	if err != nil {
		return &problem{code: ProblemCodeInternal, cause: err}
	}
	return c.Blob(status, contentType, body)
}

func answer[T any](c echo.Context, status int, v T) error {
	return writeJSON(c, status, echo.MIMEApplicationJSON, v)
}
