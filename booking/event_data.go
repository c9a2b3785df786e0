package booking

import (
	"encoding/json"
	"fmt"
	"time"
)

// EventData is what an event says: version 1 of it. Fields are only ever added, and one that is missing means that there is
// nothing to say. There is no personal data in it, nor what could lead to some: no names, no addresses, no free text but the
// caller's own reference, no tokens, and nothing of a card.
type EventData struct {
	ID              ID            `json:"id"`
	Reference       string        `json:"reference"`
	ClientReference string        `json:"client_reference,omitempty"`
	Version         int           `json:"version"`
	Status          Status        `json:"status"` // what the customer sees from then on
	Code            Reason        `json:"code,omitempty"`
	Supplier        string        `json:"supplier"`
	Hotel           EventHotel    `json:"hotel"`
	CheckIn         string        `json:"check_in"`
	CheckOut        string        `json:"check_out"`
	Price           EventAmount   `json:"price"`
	Fee             *EventAmount  `json:"fee,omitempty"` // of a cancellation
	CreatedAt       time.Time     `json:"created_at"`
	Payment         *EventPayment `json:"payment,omitempty"` // of the payment's events
}

// EventHotel is where.
type EventHotel struct {
	ID       string `json:"id"`
	Timezone string `json:"timezone"`
}

// EventAmount is money as everything that leaves the service writes it.
type EventAmount struct {
	Amount   string `json:"amount"`
	Currency string `json:"currency"`
}

// EventPayment is the money: what this event moved, and all that was moved so far.
type EventPayment struct {
	Status     PaymentStatus `json:"status"`
	Amount     EventAmount   `json:"amount"`
	Authorized EventAmount   `json:"authorized"`
	Captured   EventAmount   `json:"captured"`
	Refunded   EventAmount   `json:"refunded"`
}

// Events are what other systems are told of the change that made after and the line e; none for most lines.
func Events(after *Booking, e Entry) ([]Event, error) {
	var events []Event
	for i, h := range e.Happenings {
		data, err := json.Marshal(eventData(after, e, h))
		if err != nil {
			return nil, fmt.Errorf("tell of %s: %w", h.Type, err)
		}
		events = append(events, NewEvent(after.ID, e.Version, i, h.Type, e.At, data))
	}
	return events, nil
}

// NewEvent is the event that stands at place part, from 0, among those of one line of history.
func NewEvent(id ID, version, part int, event EventType, at time.Time, data []byte) Event {
	return Event{ID: string(id) + ":" + itoa(version) + ":" + string(event), Type: event, Booking: id, Version: version, Part: part, At: at, Data: data}
}

func eventData(b *Booking, e Entry, h Happening) EventData {
	amount := func(minor int64) EventAmount {
		return EventAmount{Amount: b.Facts.Price.Of(minor).Decimal(), Currency: b.Facts.Price.Currency}
	}
	data := EventData{
		ID: b.ID, Reference: b.Reference, ClientReference: b.ClientReference, Version: e.Version, Status: e.Status,
		Supplier: b.Offer.Supplier, Hotel: EventHotel{ID: b.Stay.HotelID, Timezone: b.Stay.HotelTimezone},
		CheckIn: b.Stay.CheckIn, CheckOut: b.Stay.CheckOut, Price: amount(b.Facts.Price.Minor), CreatedAt: b.CreatedAt,
	}
	switch h.Type {
	case EventFailed:
		data.Code = b.Facts.Failure.Code
	case EventCancelled:
		if wish := b.Facts.Cancellation; wish != nil {
			fee := amount(wish.Fee.Minor)
			data.Code, data.Fee = wish.Code, &fee
		}
	case EventAttention:
		data.Code = b.Attention
	case EventAuthorized, EventCaptured, EventVoided, EventRefunded:
		data.Payment = &EventPayment{
			Status: b.PaymentStatus(), Amount: amount(h.Minor),
			Authorized: amount(b.reservation()), Captured: amount(b.taken()), Refunded: amount(b.Facts.Money.Refunded),
		}
	case EventAccepted, EventConfirmed:
	}
	return data
}
