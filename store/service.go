package store

import (
	"crypto/rand"
	"errors"
	"strings"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"hotelbooking/booking"
)

// What is done to the service itself, and to no booking, has its lines of history under an id that no booking has: so the
// audit covers it as it covers every action. A line's reason is what it was done to, its detail why.
var serviceItself = booking.ID(uuid.Nil.String())

const (
	// serviceTurn locks the end of the audit, which every action needs anyhow: so one comes after another, whatever the process.
	serviceTurn = "UPDATE audit_head SET seq = seq WHERE id = 1"
	serviceNow  = "SELECT {now} AS now, (SELECT COALESCE(MAX(version), 0) FROM history WHERE booking_id = ?) AS version"
)

var insertLine = "WITH {rows}" + strings.ReplaceAll(insertLines, "{written}", "TRUE")

// lockService is the beginning of the next line of the service itself: its version and its moment. Whoever has it must wait for
// nobody any more until the transaction ends, for nobody acts meanwhile.
func (s *Store) lockService(tx *gorm.DB) (e booking.Entry, err error) {
	found := tx.Exec(serviceTurn)
	if found.Error != nil {
		return e, found.Error
	}
	if found.RowsAffected != 1 {
		return e, errNoHead
	}
	var is struct{ Now, Version int64 }
	err = tx.Raw(strings.ReplaceAll(serviceNow, "{now}", s.sql.now()), string(serviceItself)).Scan(&is).Error
	return booking.Entry{Version: int(is.Version) + 1, At: moment(is.Now)}, err
}

// writeService writes a line of the service itself, and its row of the audit.
func (s *Store) writeService(tx *gorm.DB, e booking.Entry) (head auditHead, err error) {
	line := newHistoryRow(e, rand.Text())
	audit, err := s.cfg.Keys.auditOf(serviceItself, e, line, lineTexts{})
	if err == nil && audit == nil {
		err = errors.New("it would leave no row in the audit")
	}
	if err != nil {
		return head, err
	}
	o := &op{id: serviceItself, entry: line, history: line.values(string(serviceItself), lineTexts{}), audit: audit}
	err = s.sql.each(insertLine, linesIn, [][]any{o.history}, func(statement string, args []any) error { return tx.Exec(statement, args...).Error })
	if err != nil {
		return head, err
	}
	return s.appendAudit(tx, []*op{o})
}
