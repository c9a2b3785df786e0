package webhooks

import (
	"context"
	"fmt"

	"hotelbooking/booking"
)

// Replay sends to an endpoint again what happened to a booking, or within a time span, as far as the endpoint wants it: with the
// same ids, so that receivers know what they have. It tells how many deliveries that are. booking.ErrNoEndpoint,
// booking.ErrTooManyEvents; then nothing is sent.
func (s *Sender) Replay(ctx context.Context, order booking.DeliveryOrder) (int, error) {
	e := s.endpoint(order.Endpoint)
	if e == nil {
		return 0, booking.ErrNoEndpoint
	}
	events, err := s.deps.Events.Events(ctx, booking.EventFilter{Booking: order.Booking, From: order.From, To: order.To, Limit: booking.ReplayMost + 1})
	if err != nil {
		return 0, fmt.Errorf("find what to send again: %w", err)
	}
	if len(events) > booking.ReplayMost {
		return 0, booking.ErrTooManyEvents
	}
	deliveries, err := s.deliveries(e, events)
	if err != nil {
		return 0, err
	}
	if len(deliveries) == 0 {
		return 0, nil
	}
	if err := s.deps.Queue.Redeliver(ctx, order, deliveries); err != nil {
		return 0, err
	}
	signal(s.wake)
	return len(deliveries), nil
}
