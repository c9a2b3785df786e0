package web

import (
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"
)

// route is one line of the table: what, where, who may call it, and what answers.
type route struct {
	method string
	path   string
	access access
	handle echo.HandlerFunc
	before []func(echo.Context) error // after the caller is known, before parameters and body are read
	page   bool                       // of a page: the caller is who has signed in, whatever key the request carries
	others bool                       // its address is made by another site's machinery: what it has behind the question mark is not judged
	query  []string                   // what a page's address may have behind the question mark; the specification knows the API's
	lists  []string                   // those of query that may be there several times, as forms send them
}

// routes is every route of the public listener. openapi.yaml has the same ones, with the same access; a test compares.
func (s *Server) routes() []route {
	api := ServerInterfaceWrapper{Handler: s}
	return []route{
		// frontends and their backends
		{method: "POST", path: "/v1/bookings", access: accessSubmit, handle: api.CreateBooking, before: []func(echo.Context) error{s.admit, requireIdempotencyKey}},
		{method: "GET", path: "/v1/bookings", access: accessBookings, handle: api.ListBookings},
		{method: "GET", path: "/v1/bookings/:id", access: accessBooking, handle: api.GetBooking, before: []func(echo.Context) error{joinLists}},
		{method: "GET", path: "/v1/bookings/:id/stream", access: accessBooking, handle: api.StreamBooking},
		{method: "GET", path: "/v1/bookings/:id/cancellation", access: accessBooking, handle: api.QuoteCancellation},
		{method: "POST", path: "/v1/bookings/:id/cancellation", access: accessBooking, handle: api.CancelBooking},
		{method: "POST", path: "/v1/bookings/:id/actions/payment", access: accessBooking, handle: api.ContinuePayment},
		{method: "POST", path: "/v1/bookings/:id/actions/accept-offer", access: accessBooking, handle: api.AcceptOffer},

		// support staff and their tools
		{method: "GET", path: "/v1/support/bookings", access: accessViewer, handle: api.SearchBookings},
		{method: "GET", path: "/v1/support/bookings/:identifier", access: accessViewer, handle: api.GetBookingForSupport},
		{method: "POST", path: "/v1/support/bookings/:id/actions/retry", access: accessAgent, handle: api.SupportRetry},
		{method: "POST", path: "/v1/support/bookings/:id/actions/cancel", access: accessAgent, handle: api.SupportCancel},
		{method: "POST", path: "/v1/support/bookings/:id/actions/resolve", access: accessAgent, handle: api.SupportResolve},
		{method: "POST", path: "/v1/support/bookings/:id/actions/approve", access: accessAgent, handle: api.SupportApprove},
		{method: "POST", path: "/v1/support/bookings/:id/actions/reject", access: accessAgent, handle: api.SupportReject},
		{method: "POST", path: "/v1/support/bookings/:id/actions/refund", access: accessSupervisor, handle: api.SupportRefund},
		{method: "POST", path: "/v1/support/bookings/:id/actions/note", access: accessAgent, handle: api.SupportNote},
		{method: "POST", path: "/v1/support/bookings/:id/actions/reveal", access: accessViewer, handle: api.SupportReveal},
		{method: "GET", path: "/v1/support/webhooks", access: accessViewer, handle: api.ListWebhookEndpoints},
		{method: "GET", path: "/v1/support/webhooks/deliveries", access: accessViewer, handle: api.ListWebhookDeliveries},
		{method: "POST", path: "/v1/support/webhooks/deliveries/:delivery/actions/retry", access: accessSupervisor, handle: api.RetryWebhookDelivery},
		{method: "POST", path: "/v1/support/webhooks/:endpoint/actions/replay", access: accessSupervisor, handle: api.ReplayWebhooks},
		{method: "POST", path: "/v1/support/webhooks/:endpoint/actions/pause", access: accessSupervisor, handle: api.PauseWebhookEndpoint},
		{method: "POST", path: "/v1/support/webhooks/:endpoint/actions/resume", access: accessSupervisor, handle: api.ResumeWebhookEndpoint},

		// vendors
		{method: "POST", path: "/v1/webhooks/:vendor", access: accessVendor, handle: api.ReceiveWebhook},

		// whoever wants to know
		{method: "GET", path: "/openapi.yaml", access: accessPublic, handle: api.GetSpec},
		{method: "GET", path: "/docs", access: accessPublic, handle: api.GetDocs},
		{method: "GET", path: docsAssets, access: accessPublic, handle: s.docs}, // the page's own files; not API
	}
}

// Routes lists what the router answers to, as "GET /v1/bookings/:id". It asks the router and not the table, so that a test
// sees whatever is installed past it.
func (s *Server) Routes() []string {
	var all []string
	for _, r := range s.echo.Routes() {
		all = append(all, r.Method+" "+r.Path)
	}
	slices.Sort(all)
	return all
}

// install puts the routes behind their guards. A route that nobody may call is a mistake, and stops the start.
func (s *Server) install(routes []route) error {
	for _, r := range routes {
		if r.access == "" {
			return fmt.Errorf("%s %s: who may call it?", r.method, r.path)
		}
		checks := append([]func(echo.Context) error{s.guard(r)}, r.before...)
		s.echo.Add(r.method, r.path, func(c echo.Context) error {
			for _, check := range checks {
				if err := check(c); err != nil {
					return err
				}
			}
			return r.handle(c)
		})
	}
	return nil
}

// guard lets through only those callers whom the route is for, at the pace they are allowed, with nothing in the request's
// head that must not be there.
func (s *Server) guard(r route) func(echo.Context) error {
	known := s.spec.queryParameters(r.method, r.path)
	if r.page {
		known = map[string]bool{}
		for _, name := range r.query {
			known[name] = true
		}
	}
	return func(c echo.Context) error {
		p, denied := principal{}, error(nil)
		switch {
		case r.access == accessPublic || r.access == accessVendor:
		case r.page:
			p, denied = s.signedIn(c)
		default:
			p, denied = s.authenticate(c)
		}
		if err := s.pace(c, p); err != nil {
			return err
		}
		if denied != nil {
			return denied
		}
		if err := authorize(p, r.access); err != nil {
			return err
		}
		if v, ok := c.(*visit); ok {
			v.caller = p
		}
		if r.others {
			return nil
		}
		return inspect(c, known, r.lists, r.path != docsAssets)
	}
}

// pace takes a token: of the key, or of the address where there is none.
func (s *Server) pace(c echo.Context, p principal) error {
	buckets, name := s.perKey, p.key.Name
	if name == "" || p.key.Scope == ScopePublishable { // which everybody has
		buckets, name = s.perOrigin, origin(c.RealIP())
	}
	if after, ok := buckets.allow(name, s.now()); !ok {
		return &problem{code: ProblemCodeRateLimited, retryAfter: after}
	}
	return nil
}

// origin is whom an address belongs to: who has one of IPv6 has all 2^64 of its network.
func origin(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil || ip.Unmap().Is4() {
		return address
	}
	network, err := ip.WithZone("").Prefix(64)
	if err != nil {
		return address
	}
	return network.String()
}

// inspect refuses card numbers in path, query and headers, and query parameters that the route does not have: a filter
// that is misspelt must not list everything.
func inspect(c echo.Context, known map[string]bool, lists []string, strict bool) error {
	for _, value := range c.ParamValues() {
		if holdsCard(value) {
			return &problem{code: ProblemCodeCardDataRefused}
		}
	}
	if c.Request().URL.RawQuery != "" {
		if err := inspectQuery(c.QueryParams(), known, lists, strict); err != nil {
			return err
		}
	}
	for name, values := range c.Request().Header {
		if machineHeader(name) {
			continue
		}
		for _, value := range values {
			if holdsCard(value) {
				return &problem{code: ProblemCodeCardDataRefused}
			}
		}
	}
	return nil
}

func inspectQuery(query url.Values, known map[string]bool, lists []string, strict bool) error {
	for name, values := range query {
		for _, value := range values {
			if holdsCard(value) || holdsCard(name) {
				return &problem{code: ProblemCodeCardDataRefused}
			}
		}
		if strict && !known[name] {
			return badParameter("query", "unknown_field", "There is a parameter that this address does not have.")
		}
		if strict && len(values) > 1 && !slices.Contains(lists, name) {
			return badParameter("query:"+name, "duplicate_field", "It is there twice.")
		}
	}
	return nil
}

// machineHeader: those that hold random digits by design, and that we never store or log.
func machineHeader(name string) bool {
	switch name {
	case "Authorization", "Cookie", "Traceparent", "Tracestate", "Baggage", "X-Amzn-Trace-Id", "X-B3-Traceid", "X-B3-Spanid",
		"X-Cloud-Trace-Context", "X-Datadog-Trace-Id", "X-Datadog-Parent-Id", "Sandbox-Signature":
		return true
	default:
		return false
	}
}

// admit sheds submissions before anything is read of them: refusing must cost next to nothing.
func (s *Server) admit(echo.Context) error { return s.engine.Admit() }

// requireIdempotencyKey looks at the key before the generated code does, which would answer its absence with less.
func requireIdempotencyKey(c echo.Context) error {
	keys := c.Request().Header[http.CanonicalHeaderKey("Idempotency-Key")]
	if len(keys) == 0 || len(keys) == 1 && keys[0] == "" {
		return &problem{code: ProblemCodeIdempotencyKeyMissing}
	}
	if len(keys) > 1 || len(keys[0]) > 255 || !visible(keys[0]) {
		return &problem{code: ProblemCodeIdempotencyKeyInvalid}
	}
	return nil
}

// joinLists makes one header of several that are lists, as HTTP allows them to come; the generated code wants one.
func joinLists(c echo.Context) error {
	header := c.Request().Header
	for _, name := range []string{"If-None-Match", "Prefer"} {
		if values := header.Values(name); len(values) > 1 {
			header.Set(name, strings.Join(values, ", "))
		}
	}
	return nil
}

func visible(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
