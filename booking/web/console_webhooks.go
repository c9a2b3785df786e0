package web

import (
	"context"

	"hotelbooking/booking"
)

// toldMax is how many deliveries of a booking's events the page shows; the rest is in the API.
const toldMax = 50

// toldLine is one event on its way to one endpoint.
type toldLine struct {
	booking.Delivery
	Say string
}

// told lists what other systems were told of a booking, newest first; nothing where nobody is told.
func (s *Server) told(ctx context.Context, id booking.ID) ([]toldLine, error) {
	deliveries, err := s.webhooks.Deliveries(ctx, booking.DeliveryFilter{Booking: id, Limit: toldMax})
	if err != nil {
		return nil, err
	}
	lines := make([]toldLine, len(deliveries))
	for i, d := range deliveries {
		lines[i] = toldLine{d, toldWords(d)}
	}
	return lines, nil
}

func toldWords(d booking.Delivery) string {
	switch {
	case d.State == booking.DeliveryDelivered:
		return "taken"
	case d.State == booking.DeliveryDead:
		return "not taken; nobody tries any more"
	case d.LastError != "":
		return "not taken yet; it is tried again"
	default:
		return "to be sent"
	}
}
