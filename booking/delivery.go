package booking

import (
	"errors"
	"time"
)

// DeliveryState is where the delivery of an event to an endpoint stands.
type DeliveryState string

// The states of a delivery.
const (
	DeliveryDue       DeliveryState = "due"       // to be sent, or sent again
	DeliveryDelivered DeliveryState = "delivered" // the endpoint took it
	DeliveryDead      DeliveryState = "dead"      // nobody tries any more, until a person does
)

// DeliveryStates lists them.
func DeliveryStates() []DeliveryState {
	return []DeliveryState{DeliveryDue, DeliveryDelivered, DeliveryDead}
}

// Delivery is one event on its way to one webhook endpoint.
type Delivery struct {
	ID       int64 // in the order in which deliveries came to be
	Endpoint string
	Event    string // the event's id, and the same for every try: receivers know it as webhook-id
	Type     EventType
	Booking  ID
	Version  int
	Part     int    // of several events of one version: which
	Body     string // exactly what is sent, at every try

	State     DeliveryState
	Since     time.Time // when it came to be due: with the event, or when a person asked for it again
	Attempts  int       // since then
	Due       time.Time // of the next try; zero once nobody tries any more
	Ended     time.Time // delivered or dead
	LastError string    // a code, such as "timeout" or "http_503"; empty: it was not tried, or it was taken
	Status    int       // HTTP's, of the last answer; 0: there was none
}

// DeliveryClaim asks for deliveries to send.
type DeliveryClaim struct {
	Endpoint string
	Owner    string // of the claim; whoever settles says the same
	Limit    int
	Lease    time.Duration // then they are anybody's again
}

// DeliveryResult is what became of a try.
type DeliveryResult struct {
	Delivery Delivery
	Owner    string // that claimed it
	State    DeliveryState
	RetryIn  time.Duration // of one that stays due
	Status   int
	Error    string // as Delivery.LastError
}

// DeliveryFigures is how far behind an endpoint is.
type DeliveryFigures struct {
	Due, Dead int
	Lag       time.Duration // how long the first of those due waits
	Paused    bool          // see PauseOfWebhook
}

// WebhookEndpoint is somebody who is told of events, and how it goes. Where it is told is nobody's to know.
type WebhookEndpoint struct {
	Name    string
	Types   []string // of events, as configured; none: all
	Failing bool     // this process tries it less, because it takes nothing
	DeliveryFigures
}

// DeliveryFilter selects deliveries, newest first. The zero filter but for Limit selects all.
type DeliveryFilter struct {
	Endpoint string
	State    DeliveryState
	Booking  ID
	Before   int64 // an id; 0: from the newest
	Limit    int
}

// DeliveryOrder is what a supervisor wants to be sent again.
type DeliveryOrder struct {
	Delivery int64 // one dead letter; 0: Endpoint's, of Booking, or of the time span
	Endpoint string
	Booking  ID
	From, To time.Time // when the events happened: from From, and before To

	Actor     string
	Role      string
	RequestID string
	Reason    string
}

// EventFilter selects events that happened, of one booking or of a time span. A page of them is in the order of their bookings
// and versions; page after page they come in order of time.
type EventFilter struct {
	Booking  ID
	From, To time.Time   // from From, and before To; of a booking they may be zero
	After    EventCursor // the page before: see Next
	Limit    int         // of changes, each of which may have made more than one event
}

// ReplayMost bounds how many events are sent again at once.
const ReplayMost = 10_000

// What is wrong with an order.
var (
	ErrNoEndpoint    = errors.New("there is no webhook endpoint of that name")
	ErrNotDead       = errors.New("the delivery is no dead letter")
	ErrTooManyEvents = errors.New("that is more events than are sent again at once")
)
