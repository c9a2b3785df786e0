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
	"fmt"
	"sync/atomic"

	"go.uber.org/zap"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"hotelbooking/booking"
)

// Store is the bookings of one database. Its methods may be called by many goroutines at once; each has a deadline of
// its own beside its caller's.
type Store struct {
	cfg    Config
	sql    dialect
	steps  []booking.Name                // of the flow, in its order
	pools  map[booking.Name]booking.Pool // who runs each step
	write  *gorm.DB
	read   *gorm.DB // the same as write in ":memory:"
	keyed  *gorm.DB // to read by key; the same as read on SQLite, and where there are few connections
	log    *zap.Logger
	writer *writer
	counts counts
	lanes  rotation

	signals *Signals // nil: none

	glances  *together[glanceRow]
	bookings *together[fullRow]

	// lostAnswer, in tests, makes a COMMIT that succeeded look as if its answer had been lost.
	lostAnswer func() bool
}

// Open connects, refuses a database that may lose what it acknowledged, and applies the migrations that are missing.
func Open(ctx context.Context, cfg Config, log *zap.Logger) (*Store, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	s := &Store{cfg: cfg, log: log, pools: map[booking.Name]booking.Pool{}}
	for _, step := range booking.NewFlow(booking.Outside{}, booking.DefaultLimits()).Steps {
		s.steps, s.pools[step.Name] = append(s.steps, step.Name), step.Pool
	}
	open, flushers := s.openSQLite, 1
	if cfg.URL != "" {
		open, flushers = s.openPostgres, cfg.Flushers
	}
	if err := open(ctx, log); err != nil {
		return nil, errors.Join(fmt.Errorf("open the database: %w", err), s.Close())
	}
	if s.keyed == nil {
		s.keyed = s.read
	}
	if err := s.checkKeys(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if err := s.subscribe(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.writer = &writer{flush: s.flush, flushers: flushers}
	s.glances = newTogether(s.sql.longest, cfg.Timeout, func(ctx context.Context, ids []booking.ID, found func(booking.ID, *glanceRow)) error {
		return byKey(ctx, s, glancesOf, ids, (*glanceRow).fields, func(row *glanceRow) { found(booking.ID(row.ID), row) })
	})
	s.bookings = newTogether(s.sql.longest, cfg.Timeout, func(ctx context.Context, ids []booking.ID, found func(booking.ID, *fullRow)) error {
		return byKey(ctx, s, bookingsWith, ids, (*fullRow).fields, func(row *fullRow) { found(booking.ID(row.Asked.ID), row) })
	})
	return s, nil
}

// Close ends all connections. Nobody may be writing any more.
func (s *Store) Close() error {
	var problems []error
	if s.signals != nil {
		s.signals.close()
	}
	for i, db := range []*gorm.DB{s.write, s.read, s.keyed} {
		if db == nil || i > 0 && db == s.write || i > 1 && db == s.read {
			continue
		}
		pool, err := db.DB()
		if err == nil {
			err = pool.Close()
		}
		problems = append(problems, err)
	}
	return errors.Join(problems...)
}

// Ping asks whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	ctx, cancel := s.deadline(ctx)
	defer cancel()
	if err := s.read.WithContext(ctx).Exec("SELECT 1").Error; err != nil {
		return fmt.Errorf("ping the database: %w", err)
	}
	return nil
}

// Counts are running totals since Open, for metrics.
type Counts struct {
	Commits  int64 // group commits that wrote something
	Rows     int64 // accepts, saves and decisions that they wrote
	Fenced   int64 // writes refused because the lease was lost or the booking had moved
	Unknown  int64 // commits of which the database did not say whether they happened
	Repeated int64 // commits repeated because another transaction stood in their way
}

// Counts reads the running totals.
func (s *Store) Counts() Counts {
	c := &s.counts
	return Counts{
		Commits: c.commits.Load(), Rows: c.rows.Load(), Fenced: c.fenced.Load(), Unknown: c.unknown.Load(),
		Repeated: c.repeated.Load(),
	}
}

// counts are written by flushers and claims, and read by Counts.
type counts struct{ commits, rows, fenced, unknown, repeated atomic.Int64 }

// deadline bounds one query.
func (s *Store) deadline(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, s.cfg.Timeout, errQueryDeadline)
}

// gormConfig leaves transactions to us, and logging to those who handle the error.
func gormConfig() *gorm.Config {
	return &gorm.Config{SkipDefaultTransaction: true, Logger: logger.Discard, DisableAutomaticPing: true}
}
