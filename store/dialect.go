package store

import (
	"fmt"
	"math/bits"
	"strings"
	"time"
)

// dialect is all in which the two databases' SQL differs.
type dialect struct {
	bytes string        // the type of a string of bytes
	now   func() string // the clock that leases are judged by, in microseconds since 1970, as SQL
	lock  string        // what a claim says about rows that somebody else is claiming
	// barrier writes something whose commit a standby has only if it has all that was committed before.
	barrier string
	rows    func(n int) []int // how many rows each of the statements has that n rows are written by
}

// The process's clock is SQLite's: whoever shares the file shares the machine.
var sqliteDialect = dialect{
	bytes: "BLOB",
	now:   func() string { return fmt.Sprint(time.Now().UnixMicro()) },
	// The driver looks for each parameter in the list of all, so a statement's cost grows with the square of its rows.
	rows: func(n int) []int { return pieces(n, 16) },
}

// The clock of the statement, not of the transaction, which may have waited for locks; and not clock_timestamp(), with
// which no index can be used.
var postgresDialect = dialect{
	bytes: "BYTEA", lock: "FOR UPDATE SKIP LOCKED",
	barrier: "SELECT pg_logical_emit_message(true, 'hotelbooking', 'barrier')",
	now:     func() string { return "CAST(EXTRACT(EPOCH FROM statement_timestamp()) * 1000000 AS BIGINT)" },
	// Powers of two, filled up with empty rows: so there are few statements, which both sides keep prepared.
	rows: func(n int) []int {
		sizes := pieces(n, 1024) // the protocol counts parameters in 16 bits
		for i, size := range sizes {
			sizes[i] = 1 << bits.Len(uint(size-1))
		}
		return sizes
	},
}

func pieces(n, longest int) []int {
	var sizes []int
	for ; n > 0; n -= longest {
		sizes = append(sizes, min(n, longest))
	}
	return sizes
}

// column is one column of a multi-row statement.
type column struct {
	name string
	kind kind
}

type kind int

const (
	isText kind = iota + 1
	isInt
	isBytes
)

// each runs template once for each of the statements that rows are divided into. In it {now} is the clock, and {rows} a
// table v of the given columns, whose types are spelled out because PostgreSQL knows nothing of a parameter but its use.
// Rows of NULL may follow the given ones: template must leave those out whose first column is NULL.
func (d dialect) each(template string, columns []column, rows [][]any, run func(sql string, args []any) error) error {
	for _, size := range d.rows(len(rows)) {
		n := min(size, len(rows))
		args := make([]any, 0, size*len(columns))
		for _, row := range rows[:n] {
			args = append(args, row...)
		}
		rows = rows[n:]
		args = append(args, make([]any, size*len(columns)-len(args))...)
		statement := strings.NewReplacer("{now}", d.now(), "{rows}", d.table(columns, size)).Replace(template)
		if err := run(statement, args); err != nil {
			return err
		}
	}
	return nil
}

func (d dialect) table(columns []column, size int) string {
	names, first, other := make([]string, len(columns)), make([]string, len(columns)), make([]string, len(columns))
	for i, c := range columns {
		// The space keeps gorm from spelling a []byte out as a list, as it does right after a parenthesis.
		names[i], first[i], other[i] = c.name, "CAST( ? AS "+d.typeOf(c.kind)+")", "?"
	}
	var b strings.Builder
	b.WriteString("v (" + strings.Join(names, ", ") + ") AS (VALUES (" + strings.Join(first, ", ") + ")")
	next := ", (" + strings.Join(other, ", ") + ")"
	for range size - 1 {
		b.WriteString(next)
	}
	b.WriteString(")")
	return b.String()
}

func (d dialect) typeOf(k kind) string {
	switch k {
	case isInt:
		return "BIGINT"
	case isBytes:
		return d.bytes
	case isText:
		return "TEXT"
	default:
		return "TEXT"
	}
}

// column1 makes rows of one text each.
func column1[T ~string](texts []T) [][]any {
	rows := make([][]any, len(texts))
	for i, text := range texts {
		rows[i] = []any{string(text)}
	}
	return rows
}
