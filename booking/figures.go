package booking

import "time"

// Figures is what one process has done and has before it at one moment. Totals count from its start and only grow, so a rate is
// the difference of two Figures of the same process.
type Figures struct {
	At time.Time

	Accepted  int64 // bookings stored for the first time, total
	Shed      int64 // submissions refused for now, total
	Confirmed int64 // total
	Cancelled int64 // total
	Failed    int64 // total
	Unknown   int64 // turns after which nobody could tell what had happened, total

	Codes map[Reason]int64 // failed bookings by the code the customer sees, totals

	Backlog int           // due and waiting, in this process and in the database
	Oldest  time.Duration // how long the first of those in the database has waited
	Held    int           // bookings in memory, with their leases

	Pools    []PoolFigures
	Breakers []BreakerFigures
}

// PoolFigures is one pool's use.
type PoolFigures struct {
	Pool    Pool
	InUse   int // slots taken
	Size    int // slots there are
	Waiting int // bookings in memory that wait for a slot
}

// BreakerFigures is one outside system's circuit.
type BreakerFigures struct {
	System string // "provider:sandbox", "payment"
	State  BreakerState
}

// BreakerState is how an outside system is treated.
type BreakerState string

// Closed lets all calls pass, half-open a few that try whether it is back, open none.
const (
	BreakerClosed   BreakerState = "closed"
	BreakerHalfOpen BreakerState = "half-open"
	BreakerOpen     BreakerState = "open"
)

// AttentionCount is how many bookings need a person for one reason.
type AttentionCount struct {
	Reason Reason
	Count  int       // at most the bound that was asked for
	Oldest time.Time // since when the first of those counted has needed one
}
