// Package store keeps bookings, on SQLite or PostgreSQL, and is the only package that knows gorm. Accepts, saves and
// decisions of many callers share one commit (writer.go); every write is a compare-and-set on owner and version.
//
//	s, err := store.Open(ctx, store.Config{Dir: "data", Keys: keys}, log)
//	...
//	defer s.Close()
//	receipt, err := s.Accept(ctx, acceptance) // durable once it returns
package store

import (
	"context"
	"errors"
	"time"

	"go.uber.org/zap"
	"gorm.io/gorm"

	"hotelbooking/booking"
)

// Store is the bookings of one database.
type Store struct {
	cfg Config
	log *zap.Logger
	db  *gorm.DB
}

var errNotBuilt = errors.New("not built yet")

// Open connects, refuses a database that may lose what it acknowledged, and applies the migrations that are missing.
func Open(ctx context.Context, cfg Config, log *zap.Logger) (*Store, error) {
	return nil, errNotBuilt
}

// Close ends all connections.
func (s *Store) Close() error { return errNotBuilt }

// Ping asks whether the database answers.
func (s *Store) Ping(ctx context.Context) error { return errNotBuilt }

// Counts are running totals since Open, for metrics.
type Counts struct {
	Commits  int64 // group commits that succeeded
	Rows     int64 // bookings accepted or saved by them
	Fenced   int64 // writes refused because the lease was lost or the booking had moved
	Unknown  int64 // commits of which the database did not say whether they happened
	Deadlock int64 // batches repeated after a deadlock or a busy database
}

// Counts reads the running totals.
func (s *Store) Counts() Counts { return Counts{} }

// MigrateUp applies the migrations that are missing; with N processes at once each is applied once.
func MigrateUp(ctx context.Context, cfg Config, log *zap.Logger) (applied []string, err error) {
	return nil, errNotBuilt
}

// Migration is one numbered step of the schema.
type Migration struct {
	Version int64
	Name    string
	Applied time.Time // zero: not applied yet
}

// MigrateStatus lists all migrations in order.
func MigrateStatus(ctx context.Context, cfg Config, log *zap.Logger) ([]Migration, error) {
	return nil, errNotBuilt
}

// Accept stores a booking.
func (s *Store) Accept(ctx context.Context, a booking.Acceptance) (booking.Receipt, error) {
	return booking.Receipt{}, errNotBuilt
}

// Claim leases bookings that are due.
func (s *Store) Claim(ctx context.Context, c booking.Claim) ([]*booking.Booking, error) {
	return nil, errNotBuilt
}

// Save stores a turn.
func (s *Store) Save(ctx context.Context, b *booking.Booking, e booking.Entry, lease time.Duration) error {
	return errNotBuilt
}

// Renew extends leases.
func (s *Store) Renew(ctx context.Context, held []booking.Lease, lease time.Duration) ([]booking.ID, error) {
	return nil, errNotBuilt
}

// Get reads a booking without personal data.
func (s *Store) Get(ctx context.Context, id booking.ID) (*booking.Booking, error) {
	return nil, errNotBuilt
}

// Backlog counts what waits.
func (s *Store) Backlog(ctx context.Context) (booking.Backlog, error) {
	return booking.Backlog{}, errNotBuilt
}

// Decide applies a decision.
func (s *Store) Decide(ctx context.Context, id booking.ID, decide func(*booking.Booking) (booking.Entry, error)) (*booking.Booking, error) {
	return nil, errNotBuilt
}

// Versions reads the versions of many bookings.
func (s *Store) Versions(ctx context.Context, ids []booking.ID) (map[booking.ID]int, error) {
	return nil, errNotBuilt
}

// StepsInUse lists the steps at which unfinished bookings stand.
func (s *Store) StepsInUse(ctx context.Context) ([]booking.Name, error) { return nil, errNotBuilt }

// History lists a booking's entries, oldest first.
func (s *Store) History(ctx context.Context, id booking.ID) ([]booking.Entry, error) {
	return nil, errNotBuilt
}

// ByClientReference finds a client's own bookings.
func (s *Store) ByClientReference(ctx context.Context, client, clientReference string) ([]*booking.Booking, error) {
	return nil, errNotBuilt
}

// ByReference finds a booking by its reference.
func (s *Store) ByReference(ctx context.Context, reference string) (booking.ID, error) {
	return "", errNotBuilt
}

// Search finds bookings by any identifier.
func (s *Store) Search(ctx context.Context, q string, limit int) ([]*booking.Booking, error) {
	return nil, errNotBuilt
}

// List selects bookings for support, newest first.
func (s *Store) List(ctx context.Context, f booking.Filter) ([]*booking.Booking, error) {
	return nil, errNotBuilt
}

// People reads a booking's personal data.
func (s *Store) People(ctx context.Context, id booking.ID) (booking.Contact, []booking.Room, error) {
	return booking.Contact{}, nil, errNotBuilt
}

// IdempotencyKey is the key that a booking was submitted with.
func (s *Store) IdempotencyKey(ctx context.Context, id booking.ID) (string, error) {
	return "", errNotBuilt
}

// Erase makes a booking's personal data unreadable for good.
func (s *Store) Erase(ctx context.Context, id booking.ID) error { return errNotBuilt }

// ReceiveNotice stores a vendor's notification.
func (s *Store) ReceiveNotice(ctx context.Context, n booking.Notice) (fresh bool, err error) {
	return false, errNotBuilt
}

// Notices lists what is to be applied.
func (s *Store) Notices(ctx context.Context, limit int) ([]booking.Notice, error) {
	return nil, errNotBuilt
}

// SettleNotice ends or postpones a notification.
func (s *Store) SettleNotice(ctx context.Context, n booking.Notice, retryIn time.Duration) error {
	return errNotBuilt
}
