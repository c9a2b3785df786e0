package store

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/zap"
)

// Auditor proves the audit, or names what is wrong with it. It only reads, while services write.
type Auditor struct{ store *Store }

// Auditor reads by the store's own connections.
func (s *Store) Auditor() *Auditor { return &Auditor{s} }

// OpenAuditor opens a database for one connection that cannot write. It applies no migrations.
func OpenAuditor(ctx context.Context, cfg Config, log *zap.Logger) (*Auditor, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	s := &Store{cfg: cfg.withDefaults(), log: log}
	var err error
	if cfg.URL == "" {
		s.sql = s.cfg.sqlite()
		if _, err = os.Stat(filepath.Join(cfg.Dir, sqliteFile)); err == nil { // or SQLite would make it
			s.read, err = sqlitePool(cfg.Dir, 1, readerOptions())
		}
	} else {
		var server *pgx.ConnConfig
		if server, err = pgx.ParseConfig(cfg.URL); err == nil {
			s.sql = postgresDialect
			s.tune(server)
			server.RuntimeParams["default_transaction_read_only"] = "on"
			s.read, err = postgresPool(server, 1)
		}
	}
	if err == nil {
		err = s.Ping(ctx)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the database: %w", err), s.Close())
	}
	return &Auditor{s}, nil
}

// Close ends the auditor's connection.
func (a *Auditor) Close() error { return a.store.Close() }

// Finding is one thing that is wrong with the audit.
type Finding struct {
	Seq       int64  `json:"seq,omitempty"`       // of the row; 0: there is none
	Booking   string `json:"booking,omitempty"`   // id
	Reference string `json:"reference,omitempty"` // of the booking, where it exists
	Version   int64  `json:"version,omitempty"`   // of the line of history
	What      string `json:"what"`
}

// AuditReport is what was verified.
type AuditReport struct {
	Actions  int64     `json:"actions"`       // rows of the chain
	From     time.Time `json:"from,omitzero"` // of the first of them
	To       time.Time `json:"to,omitzero"`   // of the last
	Seq      int64     `json:"seq"`           // of the end of the chain
	Head     string    `json:"head"`          // its digest; empty while there are no actions
	BeganAt  time.Time `json:"began_at"`      // then the chain began:
	Earlier  int64     `json:"earlier"`       // so many lines are older, and have no rows
	Findings int64     `json:"findings"`      // told to report; 0: the chain is intact
}

// auditPage is how many rows, or lines, one query reads.
const auditPage = 1000

// Verify reads the chain from its beginning, in memory that does not depend on its length, and compares each row with its line
// of history, and each line of our own people with its row. What is wrong goes to report. expected is the digest that was the
// head once, as it was logged, or empty: without one, rows that are missing at the end together with their lines do not show.
func (a *Auditor) Verify(ctx context.Context, expected string, report func(Finding)) (AuditReport, error) {
	v := &verification{Store: a.store, report: report, expected: strings.ToLower(expected), keys: map[string]auditKey{}}
	if err := v.all(ctx); err != nil {
		return v.result, fmt.Errorf("verify the audit: %w", err)
	}
	return v.result, nil
}

// verification is one run.
type verification struct {
	*Store

	report   func(Finding)
	expected string
	keys     map[string]auditKey
	result   AuditReport
	head     auditHead
	last     auditRow // the row before
	derived  []byte   // the digest that it should have
	found    bool     // something was wrong with it
	seen     bool     // expected was
}

func (v *verification) all(ctx context.Context) error {
	if err := v.readHead(ctx); err != nil {
		return err
	}
	for next := int64(math.MinInt64); ; {
		rows, err := v.rows(ctx, next)
		if err != nil {
			return err
		}
		if err := v.page(ctx, rows); err != nil {
			return err
		}
		if len(rows) < auditPage {
			break
		}
		next = rows[len(rows)-1].Seq + 1
	}
	if err := v.end(ctx); err != nil {
		return err
	}
	return v.unaudited(ctx)
}

func (v *verification) finding(ctx context.Context, row Finding, what string, args ...any) {
	row.What = fmt.Sprintf(what, args...)
	if row.Booking != "" && row.Reference == "" {
		ctx, cancel := v.deadline(ctx)
		defer cancel()
		v.read.WithContext(ctx).Raw("SELECT reference FROM bookings WHERE id = ?", v.sql.id(row.Booking)).Scan(&row.Reference) // or it stays empty
	}
	v.result.Findings++
	v.found = true
	v.report(row)
}

func (v *verification) query(ctx context.Context, into any, statement string, args ...any) error {
	ctx, cancel := v.deadline(ctx)
	defer cancel()
	return v.read.WithContext(ctx).Raw(statement, args...).Find(into).Error
}

func (v *verification) readHead(ctx context.Context) error {
	var heads []auditHead
	if err := v.query(ctx, &heads, "SELECT seq, digest, began_at, earlier FROM audit_head"); err != nil {
		return err
	}
	if len(heads) != 1 {
		v.finding(ctx, Finding{}, "audit_head has %d rows, not one: where the chain ends is not known", len(heads))
		v.head.Seq = math.MaxInt64
		return nil
	}
	v.head = heads[0]
	v.result.Seq, v.result.Head = v.head.Seq, hex.EncodeToString(v.head.Digest)
	v.result.BeganAt = moment(v.head.BeganAt)
	return nil
}

// rows are a page from seq on, up to where the chain ended when it was begun to be read.
func (v *verification) rows(ctx context.Context, seq int64) (rows []auditRow, err error) {
	return rows, v.query(ctx, &rows, "SELECT "+auditColumns+" FROM audit WHERE seq >= ? AND seq <= ? ORDER BY seq LIMIT ?", seq, v.head.Seq, auditPage)
}

// page verifies rows, which follow those before.
func (v *verification) page(ctx context.Context, rows []auditRow) error {
	lines, err := v.lines(ctx, rows)
	if err != nil {
		return err
	}
	for i, row := range rows {
		before := v.found
		v.found = false
		v.row(ctx, row, lines[i], before)
		if v.result.Actions++; v.result.Actions == 1 {
			v.result.From = moment(row.At)
		}
		v.result.To = moment(row.At)
		v.seen = v.seen || v.expected == hex.EncodeToString(row.Digest)
	}
	return nil
}

// row verifies one row. What follows a row that is wrong is not blamed for that.
func (v *verification) row(ctx context.Context, row auditRow, line *lineRow, after bool) {
	at := Finding{Seq: row.Seq, Booking: row.BookingID, Version: row.Version}
	if missing := row.Seq - v.last.Seq - 1; missing > 0 {
		v.finding(ctx, Finding{Seq: v.last.Seq + 1}, "%s before row %d: removed", some(missing, "row is missing", "rows are missing"), row.Seq)
		after = true
	} else if missing < 0 {
		v.finding(ctx, at, "no row of the chain has such a number: added")
		return
	}
	key, err := v.key(row.KeyID)
	if err != nil {
		v.finding(ctx, at, "cannot be verified: %v", err)
		v.last, v.derived = row, row.Digest
		return
	}
	derived := key.row(row)
	if !bytes.Equal(derived, row.Digest) {
		v.finding(ctx, at, "changed, or added: its digest is not that of its columns")
	}
	if row.Seq == 1 {
		v.last, v.derived = auditRow{Digest: key.beginning(v.head)}, nil
	}
	if follows := bytes.Equal(row.Previous, v.last.Digest) || bytes.Equal(row.Previous, v.derived); !follows && !after && !v.found {
		if row.Seq == 1 {
			v.finding(ctx, at, "does not follow the chain's beginning: began_at or earlier of audit_head was changed")
		} else {
			v.finding(ctx, at, "does not follow row %d: one of them was exchanged", v.last.Seq)
		}
	}
	v.last, v.derived = row, derived
	for _, differs := range line.against(row, key) {
		v.finding(ctx, at, "%s", differs)
	}
}

func (v *verification) key(id string) (auditKey, error) {
	if key, known := v.keys[id]; known {
		return key, nil
	}
	key, err := v.cfg.Keys.audit(id)
	if err == nil {
		v.keys[id] = key
	}
	return key, err
}

// end compares the end of the chain with where it should be.
func (v *verification) end(ctx context.Context) error {
	if !bytes.Equal(v.last.Digest, v.head.Digest) && v.last.Seq == v.head.Seq && v.last.Seq > 0 && !bytes.Equal(v.derived, v.head.Digest) {
		v.finding(ctx, Finding{Seq: v.last.Seq}, "is not the row that audit_head says the chain ends with")
	}
	if v.head.Seq == 0 && len(v.head.Digest) > 0 {
		v.finding(ctx, Finding{}, "audit_head was changed: it has a digest and no row")
	}
	if v.head.Seq != math.MaxInt64 && v.last.Seq < v.head.Seq {
		v.finding(ctx, Finding{Seq: v.last.Seq + 1}, "%s at the end of the chain: removed", some(v.head.Seq-v.last.Seq, "row is missing", "rows are missing"))
	}
	var behind []auditRow
	err := v.query(ctx, &behind, "SELECT "+auditColumns+" FROM audit WHERE seq > (SELECT MAX(seq) FROM audit_head) ORDER BY seq LIMIT ?", auditPage)
	if err != nil {
		return err
	}
	for _, row := range behind {
		v.finding(ctx, Finding{Seq: row.Seq, Booking: row.BookingID, Version: row.Version}, "is behind the end of the chain: added, or audit_head was changed")
	}
	if v.expected != "" && !v.seen {
		v.finding(ctx, Finding{}, "no row has the digest %s, which is said to have been the head: rows at the end were removed, or all were exchanged", v.expected)
	}
	return nil
}

func some(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
