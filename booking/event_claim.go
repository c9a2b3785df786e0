package booking

import (
	"cmp"
	"time"
)

// EventClaim asks for events that a subscriber has not been told of. While it lasts nobody else is given the events of the
// same bookings for that subscriber.
type EventClaim struct {
	Subscriber string
	Owner      string // unique for each claim, random for each boot
	Limit      int    // of changes, each of which may make more than one event
	Lease      time.Duration
}

// EventFigures is how far behind a subscriber is.
type EventFigures struct {
	Waiting int           // changes that it was not told of
	Lag     time.Duration // how long ago the first of them was
}

// EventCursor is how far a list of events was read. The zero EventCursor is its beginning.
type EventCursor struct {
	At      time.Time
	Booking ID
	Version int
}

// Next is the filter of the page that follows page, which f gave. An empty page has none after it.
func (f EventFilter) Next(page []Event) EventFilter {
	for _, e := range page {
		read := EventCursor{At: e.At, Booking: e.Booking, Version: e.Version}
		if cmp.Or(read.At.Compare(f.After.At), cmp.Compare(read.Booking, f.After.Booking), cmp.Compare(read.Version, f.After.Version)) > 0 {
			f.After = read
		}
	}
	return f
}
