package store

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"strings"

	"github.com/google/uuid"

	"hotelbooking/booking"
)

// What the audit is compared with: the lines of history of our own people.

// lineRow is a line of history as the audit sees it.
type lineRow struct {
	BookingID string
	Line      historyRow `gorm:"embedded"`
	Texts     lineTexts  `gorm:"embedded"`
	Erased    bool       // what people wrote before was erased
}

var auditedLines = `
WITH {rows}
SELECT h.booking_id, ` + prefixed("h.", historyColumns) + `, h.written_by, h.reference, h.calls, h.events,
    EXISTS (SELECT 1 FROM audit AS e WHERE e.booking_id = h.booking_id AND e.version > h.version AND e.action = 'erase') AS erased
FROM v JOIN history AS h ON h.booking_id = v.id AND h.version = v.version`

func prefixed(prefix, columns string) string {
	return prefix + strings.ReplaceAll(columns, ", ", ", "+prefix)
}

// lines are those of rows, in their order; nil where there is none.
func (v *verification) lines(ctx context.Context, rows []auditRow) ([]*lineRow, error) {
	type name struct {
		id      string
		version int64
	}
	byName, keys := map[name]*lineRow{}, make([][]any, len(rows))
	for i, row := range rows {
		keys[i] = []any{row.BookingID, row.Version}
	}
	err := v.sql.each(auditedLines, lineKeys, keys, func(statement string, args []any) error {
		var found []*lineRow
		err := v.query(ctx, &found, statement, args...)
		for _, line := range found {
			byName[name{line.BookingID, line.Line.Version}] = line
		}
		return err
	})
	lines := make([]*lineRow, len(rows))
	for i, row := range rows {
		lines[i] = byName[name{row.BookingID, row.Version}]
	}
	return lines, err
}

// against lists in what a line and its row differ.
func (l *lineRow) against(row auditRow, key auditKey) (differs []string) {
	if l == nil {
		return []string{"its line of history is missing: removed"}
	}
	for _, c := range []struct {
		column   string
		is, said any
	}{
		{"at", l.Line.At, row.At}, {"actor", l.Line.Actor, row.Actor}, {"verb", l.Line.Verb, row.Action},
		{"from_phase", l.Line.FromPhase, row.FromPhase}, {"from_step", l.Line.FromStep, row.FromStep},
		{"to_phase", l.Line.ToPhase, row.ToPhase}, {"to_step", l.Line.ToStep, row.ToStep}, {"status", l.Line.Status, row.ToStatus},
	} {
		if c.is != c.said {
			differs = append(differs, fmt.Sprintf("its line of history has %s %v, and the row %v", c.column, c.is, c.said))
		}
	}
	text, rest := key.line(l.BookingID, l.Line, l.Texts)
	if !bytes.Equal(rest, row.LineDigest) && len(differs) == 0 {
		differs = append(differs, "its line of history was changed: it has another digest")
	}
	if erased := l.Erased && l.Line.Detail == booking.ErasedText; !bytes.Equal(text, row.TextDigest) && !erased {
		differs = append(differs, "its line of history has another detail than was written: changed")
	}
	return differs
}

// unaudited looks for lines of our own people without a row. They have no index, which turns would pay for, so all lines are
// read, in parts that are each a short query.
func (v *verification) unaudited(ctx context.Context) error {
	from := ""
	if v.sql.id("") == nil { // the first id there can be
		from = uuid.Nil.String()
	}
	for more := true; more; {
		to, err := v.partEnd(ctx, from)
		if err != nil {
			return err
		}
		if err := v.unauditedIn(ctx, from, to); err != nil {
			return err
		}
		from, more = to, to != endOfLines
	}
	if v.result.Earlier != v.head.Earlier && v.head.Seq != math.MaxInt64 {
		v.finding(ctx, Finding{}, "%s from before the chain began, and there were %d: removed or added", some(v.result.Earlier, "line is", "lines are"), v.head.Earlier)
	}
	return nil
}

const endOfLines = "" // what follows the last part

// linesAtOnce is about how many lines one query looks at.
const linesAtOnce = 20_000

// partEnd is the booking that the next part begins with.
func (v *verification) partEnd(ctx context.Context, from string) (string, error) {
	var ids []string
	err := v.query(ctx, &ids, "SELECT booking_id FROM history WHERE booking_id >= ? ORDER BY booking_id, version LIMIT 1 OFFSET ?", from, linesAtOnce)
	if err == nil && len(ids) == 1 && ids[0] == from { // one booking with that many lines
		ids = nil
		err = v.query(ctx, &ids, "SELECT booking_id FROM history WHERE booking_id > ? ORDER BY booking_id, version LIMIT 1", from)
	}
	if err != nil || len(ids) == 0 {
		return endOfLines, err
	}
	return ids[0], nil
}

func (v *verification) unauditedIn(ctx context.Context, from, to string) error {
	statement := "SELECT h.booking_id, " + prefixed("h.", historyColumns) + " FROM history AS h WHERE h.booking_id >= ?"
	args := []any{from}
	if to != endOfLines {
		statement, args = statement+" AND h.booking_id < ?", append(args, to)
	}
	statement += " AND (" + actorIsStaff + ") AND NOT EXISTS (SELECT 1 FROM audit AS a WHERE a.booking_id = h.booking_id AND a.version = h.version)" +
		" ORDER BY h.booking_id, h.version"
	var lines []lineRow
	if err := v.query(ctx, &lines, statement, args...); err != nil {
		return err
	}
	for _, line := range lines {
		if line.Line.At < v.head.BeganAt {
			v.result.Earlier++
			continue
		}
		v.finding(ctx, Finding{Booking: line.BookingID, Version: line.Line.Version},
			"a line of history, %s of %s, has no row: the line was added, or the row removed", line.Line.Verb, line.Line.Actor)
	}
	return nil
}
