package store

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgtype"
)

// dialect is all in which the two databases' SQL differs.
type dialect struct {
	now  func() string // the clock that leases are judged by, in microseconds since 1970, as SQL
	lock string        // what a claim says about rows that somebody else is claiming
	// lanes is the oldest that wait for the suppliers of a table v: due no later than ?, ? for each supplier, of those the
	// ? oldest, and of those the first ? that nobody else is claiming.
	lanes string
	by    func(index string) string // keeps a select to an index, where the planner would not
	// together is up to how many rows a write is one statement for all its tables: that saves ways to the database and back,
	// which are nothing beside what many rows cost, and then the large statement costs more than several small ones.
	together int
	// barrier writes something whose commit a standby has only if it has all that was committed before.
	barrier string
	id      func(id string) any                                           // an id to compare with; nil for what can be none
	table   func(columns []column, rows [][]any) (sql string, args []any) // rows as a table v of a WITH clause
	longest int                                                           // rows of one statement
}

// now is set by Config.sqlite: the process's clock is SQLite's, for whoever shares the file shares the machine.
var sqliteDialect = dialect{
	lanes: `
            SELECT w.id, w.due_at FROM v JOIN places AS w ON w.rowid IN (
                SELECT rowid FROM places INDEXED BY places_lanes
                WHERE queue = 'provider' AND supplier = v.supplier AND due_at <= ? ORDER BY due_at LIMIT ?)
            WHERE v.excepted = 0 ORDER BY w.due_at LIMIT min( ?, ?)`,
	by:    func(index string) string { return "INDEXED BY " + index },
	id:    func(id string) any { return id },
	table: jsonTable,
	// One parameter, because the driver looks for each of them in the list of all, and parses the statement each time.
	longest: 1024,
}

// The clock of the statement, not of the transaction, which may have waited for locks; and not clock_timestamp(), with
// which no index can be used.
var postgresDialect = dialect{
	lock: "FOR UPDATE SKIP LOCKED", together: 96,
	by: func(string) string { return "" },
	// Only what is taken is locked, in the order of its age, which the outer LIMIT ends. The inner selects stay as they are,
	// whatever the planner thinks of, because of the LIMIT in the one and the lock in the other.
	lanes: `
            SELECT c.id, c.due_at FROM (
                SELECT w.id, w.due_at FROM v CROSS JOIN LATERAL (
                    SELECT id, due_at FROM places WHERE queue = 'provider' AND supplier = v.supplier AND due_at <= ? ORDER BY due_at LIMIT ?) AS w
                WHERE v.excepted = 0 ORDER BY w.due_at LIMIT ?) AS c
            CROSS JOIN LATERAL (SELECT id FROM places WHERE id = c.id AND queue = 'provider' AND due_at <= {now} FOR UPDATE SKIP LOCKED) AS free
            LIMIT ?`,
	barrier: "SELECT pg_logical_emit_message(true, 'hotelbooking', 'barrier')",
	now:     func() string { return "CAST(EXTRACT(EPOCH FROM statement_timestamp()) * 1000000 AS BIGINT)" },
	// An array for each column: one statement for any number of rows, which both sides keep prepared.
	id: func(id string) any {
		if len(id) != len(uuid.Nil.String()) || uuid.Validate(id) != nil {
			return nil // PostgreSQL would refuse the query
		}
		return id
	},
	table:   arraysTable,
	longest: 1024,
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
	isID // a UUID where the database has such a type, written as text
)

// each runs template once for each of the statements that rows are divided into. In it {now} is the clock, and {rows} a
// table v of the given columns, whose types are spelled out because PostgreSQL knows nothing of a parameter but its use.
func (d dialect) each(template string, columns []column, rows [][]any, run func(sql string, args []any) error) error {
	for part := range slices.Chunk(rows, d.longest) {
		table, args := d.table(columns, part)
		if err := run(strings.NewReplacer("{now}", d.now(), "{rows}", table).Replace(template), args); err != nil {
			return err
		}
	}
	return nil
}

// jsonTable has one parameter, a list of lists, in which bytes are hexadecimal.
func jsonTable(columns []column, rows [][]any) (string, []any) {
	names, values := make([]string, len(columns)), make([]string, len(columns))
	for i, c := range columns {
		names[i], values[i] = c.name, fmt.Sprintf("value ->> %d", i)
		if c.kind == isBytes {
			values[i] = "unhex(" + values[i] + ")"
		}
	}
	text := []byte{'['}
	for i, row := range rows {
		if i > 0 {
			text = append(text, ',')
		}
		text = append(text, '[')
		for k, value := range row {
			if k > 0 {
				text = append(text, ',')
			}
			text = appendJSON(text, value)
		}
		text = append(text, ']')
	}
	return "v (" + strings.Join(names, ", ") + ") AS MATERIALIZED (SELECT " + strings.Join(values, ", ") + " FROM jsonb_each(?))",
		[]any{string(append(text, ']'))}
}

// appendJSON writes one of the kinds of values that rows have.
func appendJSON(to []byte, value any) []byte {
	switch v := value.(type) {
	case string:
		to, _ = jsontext.AppendQuote(to, v) // what is no UTF-8 is mended
		return to
	case *string:
		if v != nil {
			to, _ = jsontext.AppendQuote(to, *v)
			return to
		}
	case int64:
		return strconv.AppendInt(to, v, 10)
	case *int64:
		if v != nil {
			return strconv.AppendInt(to, *v, 10)
		}
	case []byte:
		if v != nil {
			return append(hex.AppendEncode(append(to, '"'), v), '"')
		}
	}
	return append(to, "null"...)
}

var arrayTypes = map[kind]string{isText: "TEXT", isInt: "BIGINT", isBytes: "BYTEA", isID: "UUID"}

// arraysTable has a parameter for each column.
func arraysTable(columns []column, rows [][]any) (string, []any) {
	names, arrays, args := make([]string, len(columns)), make([]string, len(columns)), make([]any, len(columns))
	for i, c := range columns {
		names[i], args[i] = c.name, array{rows: rows, column: i, kind: c.kind}
		arrays[i] = "CAST(? AS " + arrayTypes[c.kind] + "[])"
	}
	return "v (" + strings.Join(names, ", ") + ") AS (SELECT * FROM unnest(" + strings.Join(arrays, ", ") + "))", args
}

// array is one column of rows, as pgx sends arrays. It is a pgtype.ArrayGetter.
type array struct {
	rows   [][]any
	column int
	kind   kind
}

func (a array) Dimensions() []pgtype.ArrayDimension {
	return []pgtype.ArrayDimension{{Length: int32(len(a.rows)), LowerBound: 1}} //nolint:gosec // at most longest
}

func (a array) Index(i int) any {
	value := a.rows[i][a.column]
	if a.kind != isID {
		return value
	}
	text, _ := value.(string)
	id, err := uuid.Parse(text)
	if err != nil {
		return nil // which is no row's, and which no row can have
	}
	return [16]byte(id)
}

func (a array) IndexType() any {
	switch a.kind {
	case isInt:
		return int64(0)
	case isBytes:
		return []byte(nil)
	case isID:
		return [16]byte{}
	case isText:
		return ""
	default:
		return ""
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
