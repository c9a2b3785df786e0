package web

import (
	"context"
	"fmt"
	"slices"
	"time"

	"hotelbooking/booking"
)

// told is what the house knows of webhooks: endpoints, deliveries newest first, and what was ordered.
type told struct {
	endpoints  []booking.WebhookEndpoint
	deliveries []booking.Delivery
	orders     []booking.DeliveryOrder
	happened   int // events that a replay finds
}

const anyBooking = "019a9e5c-4d10-7c3a-9d4e-2f6a8b0c1d2e"

// toldOf makes two endpoints, and 60 deliveries to each; every third one is dead.
func (h *house) toldOf() {
	h.told.endpoints = []booking.WebhookEndpoint{
		{Name: "shop", Types: []string{"booking.*"}, DeliveryFigures: booking.DeliveryFigures{Due: 3, Dead: 2, Lag: 90 * time.Second}},
		{Name: "ledger", Failing: true},
	}
	for i := 120; i > 0; i-- {
		d := booking.Delivery{
			ID: int64(i), Endpoint: []string{"shop", "ledger"}[i%2], Event: fmt.Sprintf("%s:%d:booking.confirmed", anyBooking, i), Type: booking.EventConfirmed,
			Booking: anyBooking, Version: i, State: booking.DeliveryDue, Since: h.now, Attempts: 1, Due: h.now, Status: 503, LastError: "http_503",
			Body: "canary",
		}
		if i%3 == 0 {
			d.State, d.Due, d.Ended = booking.DeliveryDead, time.Time{}, h.now
		}
		h.told.deliveries = append(h.told.deliveries, d)
	}
}

func (h *house) Endpoints(context.Context) ([]booking.WebhookEndpoint, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.told.endpoints), h.down
}

func (h *house) Deliveries(_ context.Context, f booking.DeliveryFilter) ([]booking.Delivery, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	found := slices.DeleteFunc(slices.Clone(h.told.deliveries), func(d booking.Delivery) bool {
		return f.Endpoint != "" && d.Endpoint != f.Endpoint || f.State != "" && d.State != f.State || f.Booking != "" && d.Booking != f.Booking ||
			f.Before > 0 && d.ID >= f.Before
	})
	return found[:min(len(found), f.Limit)], h.down
}

func (h *house) RetryDelivery(_ context.Context, order booking.DeliveryOrder) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	at := slices.IndexFunc(h.told.deliveries, func(d booking.Delivery) bool { return d.ID == order.Delivery })
	switch {
	case h.down != nil:
		return h.down
	case at < 0:
		return booking.ErrNotFound
	case h.told.deliveries[at].State != booking.DeliveryDead:
		return booking.ErrNotDead
	}
	h.told.orders = append(h.told.orders, order)
	return nil
}

func (h *house) Replay(_ context.Context, order booking.DeliveryOrder) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	known := slices.ContainsFunc(h.told.endpoints, func(e booking.WebhookEndpoint) bool { return e.Name == order.Endpoint })
	switch {
	case h.down != nil:
		return 0, h.down
	case !known:
		return 0, booking.ErrNoEndpoint
	case h.told.happened > booking.ReplayMost:
		return 0, booking.ErrTooManyEvents
	}
	h.told.orders = append(h.told.orders, order)
	return h.told.happened, nil
}
