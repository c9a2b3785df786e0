package store

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"

	"go.uber.org/zap"
	"gorm.io/gorm"

	"hotelbooking/booking"
)

// The audit is a row for each action of our own people, written with its line of history. Rows are one chain: the digest of
// each is a MAC over all its columns and over the digest before it, so that a row that is changed, removed, added or moved
// shows (see Auditor). The key is derived from the key that people are sealed under, which the database does not have.

// auditRow is one action.
type auditRow struct {
	Seq        int64
	BookingID  string
	Version    int64
	At         int64
	Actor      string
	Role       string
	Action     string
	Asked      string
	FromPhase  string
	FromStep   string
	FromStatus string
	ToPhase    string
	ToStep     string
	ToStatus   string
	RequestID  string
	TextDigest []byte
	LineDigest []byte
	KeyID      string
	Previous   []byte
	Digest     []byte
}

const auditColumns = "seq, booking_id, version, at, actor, role, action, asked, from_phase, from_step, from_status, to_phase, to_step, " +
	"to_status, request_id, text_digest, line_digest, key_id, previous, digest"

var auditIn = []column{
	{"seq", isInt}, {"booking_id", isID}, {"version", isInt}, {"at", isInt}, {"actor", isText}, {"role", isText},
	{"action", isText}, {"asked", isText}, {"from_phase", isText}, {"from_step", isText}, {"from_status", isText},
	{"to_phase", isText}, {"to_step", isText}, {"to_status", isText}, {"request_id", isText}, {"text_digest", isBytes},
	{"line_digest", isBytes}, {"key_id", isText}, {"previous", isBytes}, {"digest", isBytes},
}

const (
	// reserveAudit locks the end of the chain until the transaction ends: so the chain has no branches, whoever else writes.
	reserveAudit = "UPDATE audit_head SET seq = seq + ? WHERE id = 1 RETURNING seq, digest, began_at, earlier"
	insertAudit  = "WITH {rows} INSERT INTO audit (" + auditColumns + ") SELECT " + auditColumns + " FROM v"
	moveHead     = "UPDATE audit_head SET digest = ? WHERE id = 1"
)

// auditHead is the end of the chain, and its beginning.
type auditHead struct {
	Seq     int64
	Digest  []byte
	BeganAt int64 // lines of before have no rows,
	Earlier int64 // and there were so many
}

// auditTextLimit bounds what a row holds of what came from outside; the whole of it is in the booking's facts.
const auditTextLimit = 500

// auditOf is the row of an action, but for its place in the chain; nil where it is none of our own people's.
func (k Keys) auditOf(id booking.ID, e booking.Entry, line historyRow, texts lineTexts) (*auditRow, error) {
	if !booking.ByStaff(e.Actor) {
		return nil, nil
	}
	key, err := k.audit(k.Current)
	if err != nil {
		return nil, err
	}
	row := &auditRow{
		BookingID: string(id), Version: line.Version, At: line.At, Actor: line.Actor, Role: clean(e.Mandate.Role, auditTextLimit),
		Action: line.Verb, Asked: clean(e.Mandate.Asked, auditTextLimit),
		FromPhase: line.FromPhase, FromStep: line.FromStep, FromStatus: string(e.Mandate.Was),
		ToPhase: line.ToPhase, ToStep: line.ToStep, ToStatus: line.Status,
		RequestID: clean(e.Mandate.RequestID, auditTextLimit), KeyID: k.Current,
	}
	row.TextDigest, row.LineDigest = key.line(string(id), line, texts)
	return row, nil
}

// appendAudit continues the chain with the actions among what was written, in their order. It locks the end of the chain, and
// is the last to lock anything, so that nobody who has it waits for a row of somebody who wants it.
func (s *Store) appendAudit(tx *gorm.DB, written []*op) (head auditHead, err error) {
	var rows []*auditRow
	for _, o := range written {
		if o.audit != nil {
			rows = append(rows, o.audit)
		}
	}
	if len(rows) == 0 {
		return head, nil
	}
	found := tx.Raw(reserveAudit, len(rows)).Scan(&head)
	if found.Error != nil {
		return head, fmt.Errorf("lock the end of the audit: %w", found.Error)
	}
	if found.RowsAffected != 1 {
		return head, errNoHead
	}
	seq, values := head.Seq-int64(len(rows)), make([][]any, len(rows))
	for i, row := range rows {
		key, err := s.cfg.Keys.audit(row.KeyID)
		if err != nil {
			return head, err
		}
		if row.Seq, row.Previous = seq+int64(i)+1, head.Digest; row.Seq == 1 {
			row.Previous = key.beginning(head)
		}
		row.Digest = key.row(*row)
		head.Digest, values[i] = row.Digest, row.values()
	}
	err = s.sql.each(insertAudit, auditIn, values, func(statement string, args []any) error { return tx.Exec(statement, args...).Error })
	if err != nil {
		return head, fmt.Errorf("write the audit: %w", err)
	}
	if err := tx.Exec(moveHead, head.Digest).Error; err != nil {
		return head, fmt.Errorf("move the end of the audit: %w", err)
	}
	return head, nil
}

// errNoHead: without it nobody could tell a chain that begins from one that was removed.
var errNoHead = errors.New("the row of audit_head is gone: no action can be written until it is restored from a backup")

// logHead puts the end of the chain where whoever changes the database does not reach: that is what shows that rows at the
// end are missing.
func (s *Store) logHead(head auditHead) {
	if head.Seq > 0 {
		s.log.Info("audit", zap.Int64("seq", head.Seq), zap.String("head", hex.EncodeToString(head.Digest)))
	}
}

func (r auditRow) values() []any {
	return []any{
		r.Seq, r.BookingID, r.Version, r.At, r.Actor, r.Role, r.Action, r.Asked, r.FromPhase, r.FromStep, r.FromStatus, r.ToPhase, r.ToStep,
		r.ToStatus, r.RequestID, r.TextDigest, r.LineDigest, r.KeyID, r.Previous, r.Digest,
	}
}

// auditKey makes the digests.
type auditKey []byte

// audit derives the key of the audit from one of those that people are sealed under.
func (k Keys) audit(id string) (auditKey, error) {
	secret, known := k.Wrap[id]
	if !known {
		return nil, fmt.Errorf("the key %q is not among the keys", id)
	}
	return hkdf.Key(sha256.New, secret, nil, "hotelbooking audit v1", sha256.Size)
}

// row is the digest of a row: over all its columns but the digest itself.
func (k auditKey) row(r auditRow) []byte {
	values := r.values()
	return k.mac("row", values[:len(values)-1]...)
}

// line is two digests of a line of history: of the text, and of the rest. The text's own can stay when the text must go. Lines
// of before there were calls and events have none, and most lines have none today: so what is NULL at the end of a line is not in
// the digest, and what is added to a line later shows.
func (k auditKey) line(id string, r historyRow, texts lineTexts) (text, rest []byte) {
	text = k.mac("text", id, r.Version, r.Detail)
	r.Detail = ""
	values := r.values(id, texts)
	if texts.Events == nil {
		if values = values[:len(values)-1]; texts.Calls == nil {
			values = values[:len(values)-1]
		}
	}
	return text, k.mac("line", values...)
}

// beginning is what stands for the digest before the first row.
func (k auditKey) beginning(head auditHead) []byte {
	return k.mac("beginning", head.BeganAt, head.Earlier)
}

// mac writes each value with its length before it, so that no two lists of values look alike.
func (k auditKey) mac(label string, values ...any) []byte {
	h := hmac.New(sha256.New, k)
	write := func(n int, b []byte) {
		var size [8]byte
		binary.BigEndian.PutUint64(size[:], uint64(n)) //nolint:gosec // -1 stands for NULL
		h.Write(size[:])
		h.Write(b)
	}
	write(len(label), []byte(label))
	for _, value := range values {
		switch v := value.(type) {
		case string:
			write(len(v), []byte(v))
		case *string:
			if v == nil {
				write(-1, nil)
				continue
			}
			write(len(*v), []byte(*v))
		case int64:
			write(8, binary.BigEndian.AppendUint64(nil, uint64(v))) //nolint:gosec // the same bits
		case []byte:
			write(len(v), v)
		default:
			panic(fmt.Sprintf("a column of %T has no way into a digest", v)) // our own defect, which any test of an action meets
		}
	}
	return h.Sum(nil)
}
