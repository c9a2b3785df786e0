package web

import (
	"context"
	"strings"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"hotelbooking/booking"
)

// access says who may call a route. The zero access is nobody, so that a route whose access was forgotten stays shut.
type access string

// Each route of the table in routes.go has one of these; openapi.yaml says the same with x-access.
const (
	accessPublic     access = "public"
	accessVendor     access = "webhook"            // whoever signs as the vendor in the path
	accessSubmit     access = "submit"             // a key of scope bookings or publishable
	accessBookings   access = "bookings"           // a key of scope bookings
	accessBooking    access = "booking"            // the key that submitted the booking, or its client secret
	accessViewer     access = "support.viewer"     // a key of scope support
	accessAgent      access = "support.agent"      // the same, of an agent or supervisor
	accessSupervisor access = "support.supervisor" // the same, of a supervisor
)

func (a access) role() Role {
	switch a {
	case accessViewer:
		return RoleViewer
	case accessAgent:
		return RoleAgent
	case accessSupervisor:
		return RoleSupervisor
	case accessPublic, accessVendor, accessSubmit, accessBookings, accessBooking:
		return ""
	default:
		return ""
	}
}

// principal is who calls: a key, or whoever holds a client secret, or nobody.
type principal struct {
	key    Key
	secret string // not verified yet: that takes the booking it is said to open
}

func (p principal) staff() bool { return p.key.Scope == ScopeSupport }

// actor is the name in the history.
func (p principal) actor() string {
	if p.staff() {
		return booking.SupportActor(p.key.Name)
	}
	return booking.CustomerActor
}

func caller(c echo.Context) principal {
	if v, ok := c.(*visit); ok {
		return v.caller
	}
	return principal{}
}

// authenticate finds out who calls, as far as that can be told without a booking.
func (s *Server) authenticate(c echo.Context) (principal, error) {
	token, ok := bearer(c)
	if !ok {
		return principal{}, &problem{code: ProblemCodeUnauthorized}
	}
	if isClientSecret(token) {
		return principal{secret: token}, nil
	}
	key, ok := s.keys.find(token)
	if !ok {
		return principal{}, &problem{code: ProblemCodeUnauthorized}
	}
	return principal{key: key}, nil
}

// authorize tells whether p may call a route at all. Whether a booking is p's is for ownBooking to say.
func authorize(p principal, a access) error {
	switch a {
	case accessBooking:
		if p.secret != "" || p.key.Scope == ScopeBookings {
			return nil
		}
	case accessSubmit, accessBookings:
		if p.secret != "" {
			return &problem{code: ProblemCodeUnauthorized}
		}
		if p.key.Scope == ScopeBookings || a == accessSubmit && p.key.Scope == ScopePublishable {
			return nil
		}
	case accessViewer, accessAgent, accessSupervisor:
		if p.secret != "" {
			return &problem{code: ProblemCodeUnauthorized}
		}
		if p.staff() && rank(p.key.Role) >= rank(a.role()) {
			return nil
		}
	case accessPublic, accessVendor:
		return nil
	}
	return &problem{code: ProblemCodeForbidden}
}

// ownBooking is the booking if it is the caller's. One that is not, one that does not exist and an id that cannot be one
// are the same error.
func (s *Server) ownBooking(ctx context.Context, p principal, id string) (*booking.Booking, error) {
	known, err := bookingID(id)
	if err != nil {
		return nil, err
	}
	b, err := s.bookings.Get(ctx, known)
	if err != nil {
		return nil, err
	}
	if !s.owns(p, b.Client, b.ID) {
		return nil, booking.ErrNotFound
	}
	traceTo(ctx, b)
	return b, nil
}

// ownGlance is a look at the booking, with the errors of ownBooking.
func (s *Server) ownGlance(ctx context.Context, p principal, id string) (booking.Glance, error) {
	known, err := bookingID(id)
	if err != nil {
		return booking.Glance{}, err
	}
	g, err := s.bookings.Glance(ctx, known)
	if err != nil {
		return booking.Glance{}, err
	}
	if !s.owns(p, g.Client, g.ID) {
		return booking.Glance{}, booking.ErrNotFound
	}
	return g, nil
}

// owns tells whether p may follow the booking that client submitted.
func (s *Server) owns(p principal, client string, id booking.ID) bool {
	if p.secret != "" {
		return s.keys.opens(p.secret, client, id)
	}
	return p.key.Scope == ScopeBookings && p.key.Name == client
}

// bookingID takes the one way of writing a UUID that we hand out, and no other.
func bookingID(id string) (booking.ID, error) {
	const written = len("01945e2a-7c00-7000-8000-000000000001")
	if len(id) != written || uuid.Validate(id) != nil || strings.ToLower(id) != id {
		return "", booking.ErrNotFound
	}
	return booking.ID(id), nil
}

func bearer(c echo.Context) (string, bool) {
	values := c.Request().Header.Values(echo.HeaderAuthorization)
	if len(values) != 1 {
		return "", false
	}
	scheme, token, ok := strings.Cut(values[0], " ")
	return token, ok && token != "" && strings.EqualFold(scheme, "bearer")
}
