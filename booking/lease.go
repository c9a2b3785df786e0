package booking

import (
	"errors"
	"fmt"
	"time"
)

// Errors that callers branch on. The store and the engine return them, wrapped; the web layer's table turns them into
// HTTP.
var (
	// ErrNotFound: there is no such booking, or it is not the caller's.
	ErrNotFound = errors.New("there is no such booking")
	// ErrKeyReused: the idempotency key was used before for another body.
	ErrKeyReused = errors.New("the idempotency key was used for another request")
	// ErrConflict: the booking has moved since it was read, under the same lease. Read it and apply the outcome again.
	ErrConflict = errors.New("the booking has changed meanwhile")
	// ErrLost: the lease is somebody else's by now. Nothing was written, and nothing more may be done.
	ErrLost = errors.New("the lease on the booking is lost")
)

// Overloaded says that a new booking could not be started in time. Nothing was stored.
type Overloaded struct {
	RetryAfter time.Duration
	Why        string // "backlog", "predicted_wait", "paused" or "not_running", for logs and metrics
}

func (e *Overloaded) Error() string {
	return fmt.Sprintf("overloaded (%s): try again in %s", e.Why, e.RetryAfter)
}

// Acceptance is a booking to be stored for the first time, with all that its transaction holds.
type Acceptance struct {
	Booking     *Booking
	Entry       Entry
	Key         string   // the caller's idempotency key
	Fingerprint [32]byte // SHA-256 of the canonical request: the same key with another one is ErrKeyReused
	Owner       string   // who holds it from the start; empty: whoever claims it first
	Lease       time.Duration
}

// Receipt is the answer to an Acceptance: the stored booking, or the one that the same key made before.
type Receipt struct {
	Booking  *Booking
	Replayed bool
}

// Claim asks for bookings of one pool that are due.
type Claim struct {
	Pool    Pool
	Limit   int      // at most so many; never more than can be started at once
	Except  []string // suppliers that have no free slot, or are left alone; of the provider pool, which alone knows suppliers
	Only    []ID     // no others than these, where somebody has said that they are due; empty: whichever are due
	Owner   string   // unique for each claim, random for each boot
	Process string   // who claims, where Owner is Process, a dot and more: it lives, so what it let go of is no death of a process
	Lease   time.Duration
}

// KeepLease, as the lease of a save, leaves the lease's end where it is.
const KeepLease time.Duration = -1

// Lease is the right to work on one booking.
type Lease struct {
	ID    ID
	Owner string
}

// Backlog is what waits to be worked on, and is not being worked on.
type Backlog struct {
	Waiting int       // due now and not leased, by all processes that share the database
	Oldest  time.Time // when the longest waiting of them became due; zero: none waits
}

// Filter selects bookings for support. Zero fields do not filter.
type Filter struct {
	Statuses      []Status
	NeedsLook     bool // Attention is set
	Attention     Reason
	Supplier      string
	Failure       Reason
	Uncaptured    bool // confirmed, and not paid yet
	CreatedAfter  time.Time
	CreatedBefore time.Time
	After         ID  // the last id of the page before: newest first
	Limit         int // 1 to 100
}

// ErrForged: a notification is not signed by its vendor. It says nothing more: whoever forges is not to learn what was wrong.
var ErrForged = errors.New("the signature does not hold")

// Notice is a vendor's notification, verified: something changed about a payment or a screening. It is a reason to ask,
// never a fact.
type Notice struct {
	Vendor    string // as in the webhook's path
	EventID   string // the vendor's, for deduplication
	Reference string // our reference of the booking it is about
	Verb      Verb   // VerbNotify, VerbApprove or VerbReject
	Kind      string // the vendor's own name of the event, for the history
	At        time.Time
}
