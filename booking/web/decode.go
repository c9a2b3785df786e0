package web

import (
	"bytes"
	"errors"
	"mime"
	"net/http"
	"os"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/labstack/echo/v4"
)

const (
	bodyMax        = 16 << 10
	webhookBodyMax = 64 << 10
)

// decode reads the body into v, strictly, and holds it against the schema of that name in the specification. What cannot
// be read as that type is 400; what can be read and makes no sense is 422. No message ever quotes the body.
func (s *Server) decode(c echo.Context, schema string, v any) error {
	raw, err := readBody(c, bodyMax)
	if err != nil {
		return err
	}
	if holdsCard(string(raw)) {
		return &problem{code: ProblemCodeCardDataRefused}
	}
	var plain any
	if err := json.Unmarshal(raw, &plain); err != nil {
		return malformed(raw, err)
	}
	if bytes.IndexByte(raw, '\\') >= 0 && cardAmong(plain) { // an escape can hide a digit
		return &problem{code: ProblemCodeCardDataRefused}
	}
	if err := json.Unmarshal(raw, v, json.RejectUnknownMembers(true)); err != nil {
		return malformed(raw, err)
	}
	if fields := s.spec.violations(schema, plain); len(fields) > 0 {
		return invalid(fields...)
	}
	return nil
}

// decodeOptional is decode for a body that may be missing, which then means {}.
func (s *Server) decodeOptional(c echo.Context, schema string, v any) error {
	if c.Request().ContentLength == 0 {
		return nil
	}
	return s.decode(c, schema, v)
}

// readBody reads at most limit bytes of JSON.
func readBody(c echo.Context, limit int64) ([]byte, error) {
	header := c.Request().Header
	media, params, err := mime.ParseMediaType(header.Get(echo.HeaderContentType))
	if err != nil || media != echo.MIMEApplicationJSON || params["charset"] != "" && !strings.EqualFold(params["charset"], "utf-8") {
		return nil, &problem{code: ProblemCodeUnsupportedMediaType}
	}
	if coding := header.Get(echo.HeaderContentEncoding); coding != "" && coding != "identity" {
		return nil, &problem{code: ProblemCodeUnsupportedMediaType}
	}
	if c.Request().ContentLength > limit {
		return nil, &problem{code: ProblemCodeBodyTooLarge}
	}
	var raw bytes.Buffer
	raw.Grow(int(max(c.Request().ContentLength, 0)) + bytes.MinRead)
	_, err = raw.ReadFrom(http.MaxBytesReader(c.Response(), c.Request().Body, limit))
	tooLarge := &http.MaxBytesError{}
	switch {
	case err == nil:
		return raw.Bytes(), nil
	case errors.As(err, &tooLarge):
		return nil, err
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, &problem{code: ProblemCodeRequestTimeout, cause: err}
	default: // the caller broke off in the middle
		return nil, &problem{code: ProblemCodeMalformedRequest, detail: "The body ended early.", cause: err}
	}
}

// malformed says where a body could not be read, without quoting it.
func malformed(raw []byte, err error) *problem {
	p := &problem{code: ProblemCodeMalformedRequest}
	var (
		syntax   *jsontext.SyntacticError
		semantic *json.SemanticError
	)
	switch {
	case len(bytes.TrimSpace(raw)) == 0:
		p.detail = "The body is empty."
	case errors.Is(err, jsontext.ErrDuplicateName) && errors.As(err, &syntax):
		p.fields = []FieldError{{pointer(syntax.JSONPointer), "duplicate_field", "It is there twice."}}
	case errors.Is(err, json.ErrUnknownName) && errors.As(err, &semantic):
		p.fields = []FieldError{{pointer(semantic.JSONPointer), "unknown_field", "There is no such field."}}
	case errors.As(err, &syntax) && complete(raw):
		p.fields = []FieldError{{"", "trailing_data", "Something follows the JSON value."}}
	case errors.As(err, &syntax):
		p.fields = []FieldError{{pointer(syntax.JSONPointer), "syntax", "This is not JSON in UTF-8."}}
	case errors.As(err, &semantic):
		p.fields = []FieldError{{pointer(semantic.JSONPointer), "wrong_type", "It has another type, or does not fit into it."}}
	default:
		p.cause = err
	}
	if len(p.fields) > 0 && holdsCard(p.fields[0].Pointer) { // a name can hold one, too
		return &problem{code: ProblemCodeCardDataRefused}
	}
	return p
}

// complete tells whether raw begins with a whole JSON value: then what was wrong comes after it.
func complete(raw []byte) bool {
	_, err := jsontext.NewDecoder(bytes.NewReader(raw)).ReadValue()
	return err == nil
}

// pointer is cut, because its last part is the caller's own text.
func pointer(p jsontext.Pointer) string {
	const longest = 200
	if len(p) > longest {
		return strings.ToValidUTF8(string(p[:longest]), "") + "…"
	}
	return string(p)
}

// cardAmong looks into every string, name and number of a decoded document.
func cardAmong(v any) bool {
	switch v := v.(type) {
	case string:
		return holdsCard(v)
	case map[string]any:
		for name, member := range v {
			if holdsCard(name) || cardAmong(member) {
				return true
			}
		}
	case []any:
		for _, element := range v {
			if cardAmong(element) {
				return true
			}
		}
	}
	return false
}
