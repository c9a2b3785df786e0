package web

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
)

// spec is the specification at work: it validates bodies, and knows which parameters an address has.
type spec struct {
	doc *openapi3.T
}

// newSpec reads the specification. That it is valid is for a test to say, not for every start.
func newSpec(yaml []byte) (*spec, error) {
	doc, err := openapi3.NewLoader().LoadFromData(yaml)
	if err != nil {
		return nil, fmt.Errorf("read the specification: %w", err)
	}
	return &spec{doc: doc}, nil
}

// ownSpec is the specification of this API. Nobody alters it, so it is read once.
var ownSpec = sync.OnceValues(func() (*spec, error) { return newSpec(specYAML) })

// violations lists what is wrong with a decoded body, in the order of its pointers. It never quotes the body.
func (s *spec) violations(schema string, body any) []FieldError {
	err := s.doc.Components.Schemas[schema].Value.VisitJSON(body, openapi3.MultiErrors())
	if err == nil {
		return nil
	}
	var fields []FieldError
	collect(err, &fields)
	slices.SortStableFunc(fields, func(a, b FieldError) int { return cmp.Compare(a.Pointer, b.Pointer) })
	return fields
}

func collect(err error, fields *[]FieldError) {
	var (
		several openapi3.MultiError
		one     *openapi3.SchemaError
	)
	switch {
	case errors.As(err, &several):
		for _, e := range several {
			collect(e, fields)
		}
	case errors.As(err, &one):
		code, detail := explain(one)
		*fields = append(*fields, FieldError{jsonPointer(one.JSONPointer()), code, detail})
	default:
		*fields = append(*fields, FieldError{"", "invalid_format", "It does not fit the specification."})
	}
}

// explain says what the schema wanted.
func explain(err *openapi3.SchemaError) (code, detail string) {
	schema := err.Schema
	switch err.SchemaField {
	case "required":
		return "required", "It is missing."
	case "minLength":
		return "too_short", "It must have " + atLeast(schema.MinLength, "character") + "."
	case "maxLength":
		return "too_long", "It must have " + atMost(schema.MaxLength, "character") + "."
	case "minItems":
		return "too_few", "There must be " + atLeast(schema.MinItems, "element") + "."
	case "maxItems":
		return "too_many", "There must be " + atMost(schema.MaxItems, "element") + "."
	case "maxProperties":
		return "too_many", "There must be " + atMost(schema.MaxProps, "member") + "."
	case "minimum":
		return "too_small", "It must be " + number(schema.Min) + " or more."
	case "maximum":
		return "too_large", "It must be " + number(schema.Max) + " or less."
	case "enum":
		return "not_allowed", fmt.Sprintf("It must be one of %v.", schema.Enum)
	case "nullable":
		return "not_allowed", "It must not be null; leave it out instead."
	case "pattern":
		return "invalid_format", "It must match " + schema.Pattern + "."
	case "format":
		return "invalid_format", "It must be in the format " + schema.Format + "."
	default:
		return "invalid_format", "It does not fit the specification."
	}
}

func atLeast(n uint64, unit string) string { return "at least " + plural(n, unit) }

func atMost(n *uint64, unit string) string {
	if n == nil {
		return "fewer " + unit + "s"
	}
	return "at most " + plural(*n, unit)
}

func plural(n uint64, unit string) string {
	if n == 1 {
		return "1 " + unit
	}
	return strconv.FormatUint(n, 10) + " " + unit + "s"
}

func number(f *float64) string {
	if f == nil {
		return "another number"
	}
	return strconv.FormatFloat(*f, 'f', -1, 64)
}

func jsonPointer(path []string) string {
	var b strings.Builder
	for _, p := range path {
		b.WriteByte('/')
		b.WriteString(strings.NewReplacer("~", "~0", "/", "~1").Replace(p))
	}
	return b.String()
}

// queryParameters are the names that an address of the specification knows; none where it is not in it.
func (s *spec) queryParameters(method, echoPath string) map[string]bool {
	known := map[string]bool{}
	item := s.doc.Paths.Find(specPath(echoPath))
	if item == nil || item.GetOperation(method) == nil {
		return known
	}
	for _, p := range item.GetOperation(method).Parameters {
		if p.Value.In == openapi3.ParameterInQuery {
			known[p.Value.Name] = true
		}
	}
	return known
}

// specPath writes /v1/bookings/:id as /v1/bookings/{id}.
func specPath(echoPath string) string {
	parts := strings.Split(echoPath, "/")
	for i, p := range parts {
		if name, ok := strings.CutPrefix(p, ":"); ok {
			parts[i] = "{" + name + "}"
		}
	}
	return strings.Join(parts, "/")
}
