package webhooks

import (
	"context"

	"hotelbooking/booking"
)

// Endpoints tells how it goes with each endpoint, in their order.
func (s *Sender) Endpoints(ctx context.Context) ([]booking.WebhookEndpoint, error) {
	list := make([]booking.WebhookEndpoint, len(s.endpoints))
	for i, e := range s.endpoints {
		figures, err := s.deps.Upkeep.DeliveryFigures(ctx, e.Name)
		if err != nil {
			return nil, err
		}
		list[i] = booking.WebhookEndpoint{Name: e.Name, Types: e.Types, Failing: e.isOpen(), DeliveryFigures: figures}
	}
	return list, nil
}
