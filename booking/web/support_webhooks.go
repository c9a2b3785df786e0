package web

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"github.com/labstack/echo/v4"

	"hotelbooking/booking"
)

// Webhooks tells what becomes of events that others are sent, and sends them again: *webhooks.Sender and *store.Store.
type Webhooks interface {
	// Endpoints tells how it goes with each endpoint.
	Endpoints(ctx context.Context) ([]booking.WebhookEndpoint, error)
	// Deliveries lists what a filter selects, newest first, without bodies.
	Deliveries(ctx context.Context, f booking.DeliveryFilter) ([]booking.Delivery, error)
	// RetryDelivery makes a dead letter due again: booking.ErrNotFound, booking.ErrNotDead.
	RetryDelivery(ctx context.Context, order booking.DeliveryOrder) error
	// Replay makes events due again, and tells how many: booking.ErrNoEndpoint, booking.ErrTooManyEvents.
	Replay(ctx context.Context, order booking.DeliveryOrder) (int, error)
}

// ListWebhookEndpoints tells how it goes with those who are told of events.
func (s *Server) ListWebhookEndpoints(c echo.Context) error {
	list, err := s.webhookEndpoints(c.Request().Context())
	if err != nil {
		return err
	}
	c.Response().Header().Set("Cache-Control", "private, no-cache")
	return answer(c, http.StatusOK, WebhookEndpointList{Endpoints: list})
}

func (s *Server) webhookEndpoints(ctx context.Context) ([]WebhookEndpoint, error) {
	endpoints, err := s.webhooks.Endpoints(ctx)
	if err != nil {
		return nil, err
	}
	pauses, err := s.controls.Pauses(ctx)
	if err != nil {
		return nil, err
	}
	list := make([]WebhookEndpoint, len(endpoints))
	for i, e := range endpoints {
		list[i] = WebhookEndpoint{
			Name: e.Name, Types: append([]string{}, e.Types...), Failing: e.Failing, Due: e.Due, Dead: e.Dead, LagSeconds: int(e.Lag.Seconds()),
		}
		if at := slices.IndexFunc(pauses, func(p booking.Pause) bool { return p.What == booking.PauseOfWebhook(e.Name) }); at >= 0 {
			p := pauses[at]
			list[i].Paused, list[i].PausedSince, list[i].PausedBy, list[i].PausedReason = true, p.Since, p.Actor, p.Reason
		}
	}
	return list, nil
}

// webhookEndpoint is the one of that name: booking.ErrNoEndpoint.
func (s *Server) webhookEndpoint(ctx context.Context, name string) (WebhookEndpoint, error) {
	list, err := s.webhookEndpoints(ctx)
	if err != nil {
		return WebhookEndpoint{}, err
	}
	at := slices.IndexFunc(list, func(e WebhookEndpoint) bool { return e.Name == name })
	if at < 0 {
		return WebhookEndpoint{}, booking.ErrNoEndpoint
	}
	return list[at], nil
}

// ListWebhookDeliveries pages through what was sent, is to be sent, or died.
func (s *Server) ListWebhookDeliveries(c echo.Context, params ListWebhookDeliveriesParams) error {
	limit, err := pageLimit(c, params.Limit)
	if err != nil {
		return err
	}
	if params.State != "" && !params.State.Valid() {
		return badParameter("query:state", "not_allowed", "It is not a state of deliveries.")
	}
	filters := params.Endpoint + "\x00" + string(params.State) + "\x00" + params.Booking
	f := booking.DeliveryFilter{
		Endpoint: params.Endpoint, State: booking.DeliveryState(params.State), Booking: booking.ID(params.Booking), Limit: limit,
	}
	if params.Cursor != "" {
		if f.Before, err = decodeDeliveryCursor(params.Cursor, filters); err != nil {
			return badParameter("query:cursor", "invalid_format", "It is not a cursor of this list.")
		}
	}
	deliveries, err := s.webhooks.Deliveries(c.Request().Context(), f)
	if err != nil {
		return err
	}
	page := WebhookDeliveryList{Deliveries: []WebhookDelivery{}}
	for _, d := range deliveries {
		page.Deliveries = append(page.Deliveries, webhookDelivery(d))
	}
	if len(deliveries) >= limit { // a full page: there may be more
		page.NextCursor = encodeDeliveryCursor(deliveries[len(deliveries)-1].ID, filters)
	}
	c.Response().Header().Set("Cache-Control", "private, no-cache")
	return answer(c, http.StatusOK, page)
}

func webhookDelivery(d booking.Delivery) WebhookDelivery {
	return WebhookDelivery{
		Id: strconv.FormatInt(d.ID, 10), Endpoint: d.Endpoint, EventId: d.Event, Type: string(d.Type), BookingId: string(d.Booking), Version: d.Version,
		State: WebhookDeliveryState(d.State), Since: d.Since, Attempts: d.Attempts, DueAt: d.Due, EndedAt: d.Ended, LastStatus: d.Status, LastError: d.LastError,
	}
}

// RetryWebhookDelivery sends a dead letter again.
func (s *Server) RetryWebhookDelivery(c echo.Context, delivery string) error {
	order, err := s.deliveryOrder(c)
	if err != nil {
		return err
	}
	if order.Delivery, err = strconv.ParseInt(delivery, 10, 64); err != nil || order.Delivery < 1 {
		return booking.ErrNotFound
	}
	if err := s.webhooks.RetryDelivery(c.Request().Context(), order); err != nil {
		return err
	}
	return answer(c, http.StatusAccepted, WebhookReplayReceipt{Deliveries: 1})
}

// ReplayWebhooks sends an endpoint what happened to a booking, or within a time, again.
func (s *Server) ReplayWebhooks(c echo.Context, endpoint string) error {
	var in WebhookReplay
	if err := s.decode(c, "WebhookReplay", &in); err != nil {
		return err
	}
	var found findings
	order := s.orderBy(c, in.Reason, &found)
	order.Endpoint, order.From, order.To = endpoint, in.From, in.To
	switch {
	case in.Booking != "" && in.From.IsZero() && in.To.IsZero():
		id, err := bookingID(in.Booking)
		if err != nil {
			found.add("/booking", "invalid_format", "It is not a booking's id.")
		}
		order.Booking = id
	case in.Booking != "" || in.From.IsZero() || in.To.IsZero():
		found.add("", "required", "Say either which booking, or from when to when.")
	case !in.From.Before(in.To):
		found.add("/to", "too_small", "It must be later than from.")
	}
	if len(found.fields) > 0 {
		return invalid(found.fields...)
	}
	n, err := s.webhooks.Replay(c.Request().Context(), order)
	if err != nil {
		return err
	}
	return answer(c, http.StatusAccepted, WebhookReplayReceipt{Deliveries: n})
}

// PauseWebhookEndpoint has an endpoint told nothing.
func (s *Server) PauseWebhookEndpoint(c echo.Context, endpoint string) error {
	return s.changeWebhookEndpoint(c, endpoint, true)
}

// ResumeWebhookEndpoint lets it go on.
func (s *Server) ResumeWebhookEndpoint(c echo.Context, endpoint string) error {
	return s.changeWebhookEndpoint(c, endpoint, false)
}

func (s *Server) changeWebhookEndpoint(c echo.Context, name string, paused bool) error {
	order, err := s.deliveryOrder(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	if _, err := s.webhookEndpoint(ctx, name); err != nil {
		return err
	}
	err = s.controls.Pause(ctx, booking.PauseChange{
		What: booking.PauseOfWebhook(name), Paused: paused, Actor: order.Actor, Role: order.Role, RequestID: order.RequestID, Reason: order.Reason,
	})
	if err != nil {
		return err
	}
	s.pauses.forget()
	after, err := s.webhookEndpoint(ctx, name)
	if err != nil {
		return err
	}
	return answer(c, http.StatusAccepted, after)
}

// deliveryOrder is by whom and why, of a body that says nothing else.
func (s *Server) deliveryOrder(c echo.Context) (booking.DeliveryOrder, error) {
	var in SupportAction
	if err := s.decode(c, "SupportAction", &in); err != nil {
		return booking.DeliveryOrder{}, err
	}
	var found findings
	order := s.orderBy(c, in.Reason, &found)
	if len(found.fields) > 0 {
		return booking.DeliveryOrder{}, invalid(found.fields...)
	}
	return order, nil
}

func (s *Server) orderBy(c echo.Context, reason string, found *findings) booking.DeliveryOrder {
	order := booking.DeliveryOrder{Actor: caller(c).actor(), Role: string(caller(c).key.Role), RequestID: requestID(c), Reason: found.text("/reason", reason)}
	if order.Reason == "" {
		found.add("/reason", "too_short", "It must say something.")
	}
	return order
}

// webhookProblem is what these errors become; nil: it is none of them.
func webhookProblem(err error) *problem {
	switch {
	case errors.Is(err, booking.ErrNoEndpoint):
		return &problem{code: ProblemCodeNotFound, cause: err}
	case errors.Is(err, booking.ErrNotDead):
		return &problem{code: ProblemCodeStateConflict, detail: "It is no dead letter: it was delivered, or is to be sent anyhow.", cause: err}
	case errors.Is(err, booking.ErrTooManyEvents):
		return invalid(FieldError{"/to", "too_large", fmt.Sprintf("More than %d events happened in that time. Send them in parts.", booking.ReplayMost)})
	default:
		return nil
	}
}

var errDeliveryCursor = errors.New("not a cursor of this list")

// A cursor of deliveries is made like one of bookings, with a number instead of a UUID.
func encodeDeliveryCursor(last int64, filters string) string {
	raw := binary.BigEndian.AppendUint64(nil, uint64(last)) //nolint:gosec // ids begin at 1
	return base64.RawURLEncoding.EncodeToString(binary.BigEndian.AppendUint32(raw, digest(filters)))
}

func decodeDeliveryCursor(text, filters string) (int64, error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(raw) != 12 || binary.BigEndian.Uint32(raw[8:]) != digest(filters) {
		return 0, errDeliveryCursor
	}
	last := binary.BigEndian.Uint64(raw)
	if last == 0 || last > 1<<62 {
		return 0, errDeliveryCursor
	}
	return int64(last), nil //nolint:gosec // it was looked at
}
