package workers

import (
	"context"
	"time"

	"hotelbooking/booking"
)

// Queue is where bookings live. The engine keeps nothing that the queue does not have: what is in memory is a cache of
// rows whose lease this process holds, and losing it costs a delay. Every write is a compare-and-set, so a caller that was
// paused for an hour changes nothing. Implementations pass the suite in queuetest.
type Queue interface {
	// Accept stores a new booking with its first line of history and its idempotency key, in one transaction. The same
	// client and key with the same fingerprint gives the stored booking, Replayed; with another one ErrKeyReused. With
	// a.Owner it is leased from the start. An error other than ErrKeyReused may hide a commit: the caller must not
	// conclude that nothing was stored.
	Accept(ctx context.Context, a booking.Acceptance) (booking.Receipt, error)
	// Claim leases up to c.Limit due bookings of one pool, the longest due first, and returns them complete, with their
	// personal data. A row whose lease ran out is due as well: it comes back with Crashed set, and with Crashes one
	// higher unless the lease was one of c.Process. The queue's clock decides what is due. The version does not change. An error may hide leases that nobody knows of; they
	// run out.
	Claim(ctx context.Context, c booking.Claim) ([]*booking.Booking, error)
	// Save writes b, whose version Apply has raised, with its line of history, if the row still has b.Owner and the version
	// before. lease > 0 keeps it leased for so long, booking.KeepLease for as long as it was; 0 gives it back, due at b.DueAt
	// (never, where that is zero). ErrConflict:
	// a decision came between, the lease is still ours. ErrLost: it is somebody else's. Any other error may hide a commit; the
	// same b and e again is nil then, and writes nothing.
	Save(ctx context.Context, b *booking.Booking, e booking.Entry, lease time.Duration) error
	// Renew extends leases, all in one statement, and returns those that are not held any more. lease 0 gives them back, due
	// now. The version does not change.
	Renew(ctx context.Context, held []booking.Lease, lease time.Duration) (lost []booking.ID, err error)
	// Get reads a booking as it is now, Owner included, without personal data. ErrNotFound where there is none.
	Get(ctx context.Context, id booking.ID) (*booking.Booking, error)
	// Backlog counts, up to some bound, what is due and not leased. It must be cheap.
	Backlog(ctx context.Context) (booking.Backlog, error)
	// Decide reads a booking, lets decide change it, and writes it with the line of history that decide returns, again
	// where it moved meanwhile. A leased row keeps its owner and lease. decide's error is returned as it is, and then
	// nothing was written.
	Decide(ctx context.Context, id booking.ID, decide func(*booking.Booking) (booking.Entry, error)) (*booking.Booking, error)
}

// Notices is the inbox of what vendors told us and nobody has applied yet.
type Notices interface {
	// Notices returns up to limit notices that are due, oldest first.
	Notices(ctx context.Context, limit int) ([]booking.Notice, error)
	// SettleNotice takes n out of the inbox, or with retryIn > 0 keeps it there and makes it due again after that long.
	SettleNotice(ctx context.Context, n booking.Notice, retryIn time.Duration) error
	// ByReference is the id of the booking with our reference; ErrNotFound where there is none.
	ByReference(ctx context.Context, reference string) (booking.ID, error)
}

// Versions tells how far bookings have come, so that changes made by other processes are seen.
type Versions interface {
	// Versions returns the version of each booking of ids that exists, in one statement.
	Versions(ctx context.Context, ids []booking.ID) (map[booking.ID]int, error)
}

// Steps tells which steps stored bookings stand at.
type Steps interface {
	// StepsInUse lists step names of bookings that have not ended: of a sample, where there are many. A claim leaves alone
	// what stands at others that this version does not have.
	StepsInUse(ctx context.Context) ([]booking.Name, error)
}
