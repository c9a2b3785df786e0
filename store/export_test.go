package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/pressly/goose/v3"
	"gorm.io/gorm"

	"hotelbooking/booking"
)

// LoseAnswers makes commits that succeed look as if their answer had been lost, while lost says so.
func (s *Store) LoseAnswers(lost func() bool) { s.lostAnswer = lost }

// Exec runs a statement on the writer's connection.
func (s *Store) Exec(ctx context.Context, statement string, args ...any) error {
	return s.write.WithContext(ctx).Exec(statement, args...).Error
}

// Lines runs a query whose rows are one text each.
func (s *Store) Lines(ctx context.Context, query string, args ...any) ([]string, error) {
	var lines []string
	return lines, s.write.WithContext(ctx).Raw(query, args...).Find(&lines).Error
}

// Together puts accepts into one batch. Each has its own receipt or its own error.
func (s *Store) Together(ctx context.Context, accepts ...booking.Acceptance) ([]booking.Receipt, []error) {
	ops := make([]*op, len(accepts))
	for i, a := range accepts {
		o, err := s.acceptOp(a)
		if err != nil {
			panic(err)
		}
		ops[i] = o
	}
	s.flush(ctx, ops)
	receipts, errs := make([]booking.Receipt, len(ops)), make([]error, len(ops))
	for i, o := range ops {
		if errs[i] = o.err; o.err == nil {
			receipts[i], errs[i] = s.receipt(ctx, accepts[i], o.accept.taken)
		}
	}
	return receipts, errs
}

// SaveTogether puts saves into one batch, each giving its booking back.
func (s *Store) SaveTogether(ctx context.Context, turns map[*booking.Booking]booking.Entry) map[booking.ID]error {
	var ops []*op
	for b, entry := range turns {
		o, err := s.saveOp(b, entry, b.Owner, b.Owner, afterwards{dueIn: dueIn(b)})
		if err != nil {
			panic(err)
		}
		ops = append(ops, o)
	}
	s.flush(ctx, ops)
	errs := map[booking.ID]error{}
	for _, o := range ops {
		errs[o.id] = o.err
	}
	return errs
}

// FailCommit runs a transaction that the database refuses at its very end.
func (s *Store) FailCommit(ctx context.Context) error {
	return s.transact(ctx, func(tx *gorm.DB) error {
		if err := tx.Exec("PRAGMA defer_foreign_keys = 1").Error; err != nil {
			return err
		}
		return tx.Exec("INSERT INTO people (id, key_id, sealed) VALUES ('nobody', '', x'00')").Error
	})
}

// While runs fn while another transaction holds the locks that statement takes.
func (s *Store) While(ctx context.Context, statement string, fn func()) error {
	return s.read.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		if err := tx.Exec(statement).Error; err != nil {
			return err
		}
		fn()
		return nil
	})
}

// Everything is each row of a table, written out, with bytes as they are.
func (s *Store) Everything(ctx context.Context, table string) ([]string, error) {
	rows, err := s.write.WithContext(ctx).Table(table).Rows()
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	var lines []string
	for rows.Next() {
		values, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		for i, value := range values {
			if raw, ok := value.([]byte); ok {
				values[i] = string(raw)
			}
		}
		lines = append(lines, fmt.Sprint(values...))
	}
	return lines, rows.Err()
}

// ExecAsReader runs a statement on a reader's connection.
func (s *Store) ExecAsReader(ctx context.Context, statement string) error {
	return s.read.WithContext(ctx).Exec(statement).Error
}

// ClaimDue is the statement of a claim.
func ClaimDue(s *Store) (string, []any) {
	return s.claimDue(booking.Claim{Pool: booking.ProviderPool, Limit: 1, Owner: "a.1", Lease: time.Minute})
}

// ClaimLanes are the two statements of a claim that leaves a supplier out, beside others.
func ClaimLanes(out string, others ...string) [2]func(*Store) (string, []any) {
	return [2]func(*Store) (string, []any){
		func(s *Store) (string, []any) { return s.listLanes("", lanesAtOnce) },
		func(s *Store) (string, []any) {
			now := time.Now().UnixMicro()
			lanes := []lane{{Supplier: out, Oldest: &now, Now: now}}
			for _, other := range others {
				lanes = append(lanes, lane{Supplier: other, Oldest: &now, Now: now})
			}
			return s.claimLanes(booking.Claim{Pool: booking.ProviderPool, Limit: 2, Except: []string{out}, Owner: "a.1", Lease: time.Minute}, lanes)
		},
	}
}

// LanesAtOnce is how many suppliers a claim looks at.
const LanesAtOnce = lanesAtOnce

// ClaimNamed is the statement of a claim of one booking by its id.
func ClaimNamed(id booking.ID) func(*Store) (string, []any) {
	return func(s *Store) (string, []any) {
		return s.claimNamed(booking.Claim{Pool: booking.ProviderPool, Only: []booking.ID{id}, Limit: 1, Owner: "x.1"})
	}
}

// OverdueOf is the statement of Overdue.
func OverdueOf(s *Store) (string, []any) { return s.overdue(booking.ProviderPool, time.Second, 1) }

// StepsInUse is the statement of Store.StepsInUse.
func StepsInUse(s *Store) (string, []any) { return s.stepsInUse() }

// AttentionsInUse is the statement that List asks first for what needs a look.
func AttentionsInUse(*Store) (string, []any) { return attentionsInUse, nil }

// CountAttentions is the statement of Attentions, of at most 50 of each.
func CountAttentions(s *Store) (string, []any) {
	return s.countAttentions([]booking.Reason{booking.OutcomeUnknown, booking.FraudReview}, 50)
}

// Related is the statement of Store.Related, for one of a guest with that name and that address.
func Related(id booking.ID, client, clientReference string, email []byte) func(*Store) (string, []any) {
	return func(s *Store) (string, []any) {
		return s.related(guestNames{Client: client, ClientReference: nullable(clientReference, 0), EmailIndex: email}, id, 50)
	}
}

// EmailIndex is what a guest with that address is found by.
func (s *Store) EmailIndex(email string) []byte { return s.cfg.Keys.emailIndex(email) }

// LookedMost is how many bookings are looked at in one place for those that are not paid yet.
const LookedMost = lookedMost

// List is the statement that finds the bookings of Store.List.
func List(f booking.Filter) func(*Store) (string, []any) {
	return func(s *Store) (string, []any) { return s.list(f, nil, max(f.Limit, 1)) }
}

// CountBacklog is the statement of Backlog.
func CountBacklog(s *Store) (string, []any) { return s.countBacklog() }

// SearchAny is the statement of Search, by an e-mail address with that index.
func SearchAny(email []byte) func(*Store) (string, []any) {
	return func(s *Store) (string, []any) {
		return searchAny, []any{s.sql.id("a"), "b", "c", "d", "e", email, uuid.Nil.String(), email, uuid.Max.String(), 10, 10}
	}
}

// Explain runs an EXPLAIN as a writer does, and takes back what it did.
func (s *Store) Explain(ctx context.Context, statement string, args ...any) ([]string, error) {
	return explain(s.write.WithContext(ctx), statement, args)
}

// ExplainAsReader runs an EXPLAIN as a reader does.
func (s *Store) ExplainAsReader(ctx context.Context, statement string, args ...any) ([]string, error) {
	return explain(s.read.WithContext(ctx), statement, args)
}

func explain(db *gorm.DB, statement string, args []any) ([]string, error) {
	tx := db.Begin()
	defer tx.Rollback()
	rows, err := tx.Raw(statement, args...).Rows()
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	var lines []string
	for rows.Next() {
		into := make([]any, len(columns)) // the plan is the last column
		for i := range into {
			into[i] = new(string)
		}
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		lines = append(lines, *into[len(into)-1].(*string))
	}
	return lines, rows.Err()
}

// MigrateTo applies the migrations up to version.
func MigrateTo(ctx context.Context, cfg Config, version int64) error {
	return alone(cfg, func(db *sql.DB, dialect goose.Dialect) error {
		provider, err := newProvider(db, dialect)
		if err != nil {
			return err
		}
		_, err = provider.UpTo(ctx, version)
		return err
	})
}

// ExecAlone runs statements on a database that no store has open.
func ExecAlone(ctx context.Context, cfg Config, statements ...string) error {
	return alone(cfg, func(db *sql.DB, _ goose.Dialect) error {
		for _, statement := range statements {
			if _, err := db.ExecContext(ctx, statement); err != nil {
				return err
			}
		}
		return nil
	})
}

func alone(cfg Config, use func(*sql.DB, goose.Dialect) error) error {
	db, dialect, err := (*sql.DB)(nil), goose.DialectPostgres, error(nil)
	if cfg.URL == "" {
		dialect = goose.DialectSQLite3
		db, err = sqliteDB(cfg.Dir, sqliteFile, writerOptions())
	} else {
		db, err = sql.Open("pgx", cfg.URL)
	}
	if err != nil {
		return err
	}
	return errors.Join(use(db, dialect), db.Close())
}

// AuditPage is how many rows of the audit one query reads.
const AuditPage = auditPage

// ShardOf is the shard that a booking's events wait in.
func ShardOf(id booking.ID) int64 { return shardOf(id) }

// WaitingEvents is the statement that reads the events of four shards.
func WaitingEvents(*Store) (string, []any) {
	return waitingLines(toldColumns, "one", []int64{1, 2, 3, 4}, 25)
}

// EventFiguresOf is the statement that counts what waits for a subscriber.
func EventFiguresOf(s *Store) (string, []any) { return s.eventFigures("one") }

// ClaimShards is the statement that takes shards.
func ClaimShards(s *Store) (string, []any) {
	return s.sql.clocked(claimShards), []any{"one", shardsClaim, "a.1", int64(1), "one"}
}
