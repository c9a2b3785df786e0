package web

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo-contrib/echoprometheus"
	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
)

// use installs what every request passes, outermost first.
func (s *Server) use(metrics prometheus.Registerer) {
	if metrics != nil {
		s.echo.Use(echoprometheus.NewMiddlewareWithConfig(echoprometheus.MiddlewareConfig{
			Subsystem: "http", Registerer: metrics, DoNotUseRequestPathFor404: true,
			LabelFuncs: map[string]echoprometheus.LabelValueFunc{
				"host":   func(echo.Context, error) string { return "" }, // the caller's choice, so not ours to keep
				"method": func(c echo.Context, _ error) string { return knownMethod(c.Request().Method) },
			},
		}))
	}
	if s.tracer != nil {
		s.echo.Use(s.trace)
	}
	s.echo.Use(s.attend)
	if len(s.config.AllowedOrigins) > 0 {
		s.echo.Use(middleware.CORSWithConfig(middleware.CORSConfig{
			AllowOrigins:  s.config.AllowedOrigins,
			AllowMethods:  []string{http.MethodGet, http.MethodPost},
			AllowHeaders:  []string{echo.HeaderAuthorization, echo.HeaderContentType, "Idempotency-Key", "If-None-Match", "Prefer", "Last-Event-ID", echo.HeaderXRequestID, headerTraceparent},
			ExposeHeaders: []string{"ETag", echo.HeaderLocation, echo.HeaderRetryAfter, "Idempotent-Replayed", "Preference-Applied", echo.HeaderXRequestID},
			MaxAge:        600,
		}))
	}
	s.echo.Use(s.paceStrays, protect)
}

// paceStrays holds those to their pace who ask for what is not there: no route's guard sees them, and each has a line in the log.
func (s *Server) paceStrays(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		err := next(c)
		if errors.Is(err, echo.ErrNotFound) || errors.Is(err, echo.ErrMethodNotAllowed) {
			if late := s.pace(c, principal{}); late != nil {
				return late
			}
		}
		return err
	}
}

// visit is echo's context with what we know about the request.
type visit struct {
	echo.Context

	requestID string    // written by identify
	caller    principal // written by guard; nobody before that
}

func requestID(c echo.Context) string {
	if v, ok := c.(*visit); ok {
		return v.requestID
	}
	return ""
}

// attend turns a request into a visit, and logs how it ended. It also turns errors into answers, so that whatever is outside
// of it sees the status that was sent.
func (s *Server) attend(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		begun := s.now()
		v := identify(c)
		secure(c.Response().Header())
		if err := next(v); err != nil {
			s.handleError(err, v)
		}
		s.logAccess(v, s.now().Sub(begun))
		return nil
	}
}

// identify gives the request its id: the caller's own if it is sane, because then it is in their logs too.
func identify(c echo.Context) *visit {
	id := c.Request().Header.Get(echo.HeaderXRequestID)
	if !saneID(id) {
		id = uuid.Must(uuid.NewV7()).String()
	}
	c.Response().Header().Set(echo.HeaderXRequestID, id)
	return &visit{Context: c, requestID: id}
}

func saneID(id string) bool {
	if id == "" || len(id) > 64 || holdsCard(id) {
		return false
	}
	for i := range len(id) {
		c := id[i]
		if !isDigit(c) && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && c != '-' && c != '_' && c != '.' {
			return false
		}
	}
	return true
}

// logAccess writes one line per request: the route, never the address, because addresses hold what people search for.
func (s *Server) logAccess(v *visit, took time.Duration) {
	line := s.requests.Check(zap.InfoLevel, "request")
	if line == nil {
		return
	}
	fields := append(make([]zap.Field, 0, 9),
		zap.String("method", knownMethod(v.Request().Method)), zap.String("route", v.Path()), zap.Int("status", v.Response().Status),
		zap.Duration("took", took), zap.Int64("bytes", v.Response().Size), zap.String("request_id", v.requestID), traceID(v.Request().Context()),
	)
	if name := v.caller.key.Name; name != "" {
		fields = append(fields, zap.String("key", name))
	}
	if id, err := bookingID(v.Param("id")); err == nil {
		fields = append(fields, zap.String("booking", string(id)))
	}
	line.Write(fields...)
}

// knownMethod keeps callers from writing into logs and metrics: any word can be a method, and each would be a new time series.
func knownMethod(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return method
	default:
		return "other"
	}
}

// secure sets the headers that every answer has. The docs page loosens the policy for itself.
func secure(h http.Header) {
	for _, header := range secureHeaders {
		h[header.name] = header.value // shared by all answers: Set and Add replace it, and write nothing into it
	}
}

var secureHeaders = []struct {
	name  string // as http.CanonicalHeaderKey has it
	value []string
}{
	{"X-Content-Type-Options", []string{"nosniff"}},
	{"Referrer-Policy", []string{"no-referrer"}},
	{"Content-Security-Policy", []string{"default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"}},
	{"Cross-Origin-Resource-Policy", []string{"same-origin"}},
	{"Cache-Control", []string{"no-store"}},
}

// protect turns a defect of ours into a 500 that says nothing about it, and refuses what net/http lets through: it allows
// headers of 4 KiB more than it is told. The stack of a panic goes to the log.
func protect(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) (err error) {
		defer func() {
			if r := recover(); r != nil {
				err = &problem{code: ProblemCodeInternal, cause: fmt.Errorf("panic: %v\n%s", r, debug.Stack())}
			}
		}()
		if headSize(c.Request()) > headersMax {
			return &problem{code: ProblemCodeHeadersTooLarge}
		}
		return next(c)
	}
}

const headersMax = 8 << 10

func headSize(r *http.Request) int {
	size := len(r.RequestURI)
	for name, values := range r.Header {
		for _, v := range values {
			size += len(name) + len(v) + len(": \r\n")
		}
	}
	return size
}

// extractor tells who called. Only proxies that we were told to trust may say that it was somebody else.
func extractor(trusted []netip.Prefix) echo.IPExtractor {
	if len(trusted) == 0 {
		return echo.ExtractIPDirect()
	}
	options := []echo.TrustOption{echo.TrustLoopback(false), echo.TrustLinkLocal(false), echo.TrustPrivateNet(false)}
	for _, prefix := range trusted {
		options = append(options, echo.TrustIPRange(ipNet(prefix)))
	}
	return echo.ExtractIPFromXFFHeader(options...)
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Masked().Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}
