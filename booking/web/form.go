package web

import (
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"

	"github.com/labstack/echo/v4"
)

// formMax bounds a page's form.
const formMax = 16 << 10

// form reads a page's form, which has no fields but these, each once, and no card numbers.
func (s *Server) form(c echo.Context, fields ...string) (url.Values, error) {
	request := c.Request()
	if kind, _, err := mime.ParseMediaType(request.Header.Get(echo.HeaderContentType)); err != nil || kind != echo.MIMEApplicationForm {
		return nil, &problem{code: ProblemCodeUnsupportedMediaType, detail: "A form is sent as application/x-www-form-urlencoded."}
	}
	request.Body = http.MaxBytesReader(c.Response(), request.Body, formMax)
	if err := request.ParseForm(); err != nil {
		if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
			return nil, err
		}
		return nil, &problem{code: ProblemCodeMalformedRequest, detail: "The form cannot be read."}
	}
	for name, values := range request.PostForm {
		if !slices.Contains(fields, name) || len(values) > 1 {
			return nil, &problem{code: ProblemCodeMalformedRequest, detail: "The form has a field that it should not have, or one twice."}
		}
		for _, value := range values {
			if holdsCard(value) {
				return nil, &problem{code: ProblemCodeCardDataRefused}
			}
		}
	}
	return request.PostForm, nil
}

// sameOrigin refuses forms and fetches that another site's page has sent. SameSite cookies do so, too; each is there for the
// browsers that lack the other.
func (s *Server) sameOrigin(c echo.Context) error {
	if err := s.crossOrigin.Check(c.Request()); err != nil {
		return &problem{code: ProblemCodeForbidden, detail: "This was sent by the page of another site.", cause: fmt.Errorf("cross-origin: %w", err)}
	}
	return nil
}
