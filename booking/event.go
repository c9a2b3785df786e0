package booking

import (
	"context"
	"time"
)

// EventType is what happened, as other systems are told.
type EventType string

// Event is what other systems are told of a change. docs/events.md describes each type; none has personal data.
type Event struct {
	ID      string // unique, and the same when it is sent again: "<booking>:<version>:<type>"
	Type    EventType
	Booking ID
	Version int // of the booking after the change; with Part the order of the events of one booking
	Part    int // of several events of one change: which, from 0
	At      time.Time
	Data    []byte // a JSON object
}

// Subscriber is told of events: the broker, the webhooks.
type Subscriber interface {
	// Take returns nil once all events are safe with the subscriber. The events of one booking come in the order of their
	// versions, all of them again after an error, and now and then twice.
	Take(ctx context.Context, events []Event) error
}
