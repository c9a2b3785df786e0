package bench

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/sourcegraph/conc/pool"

	"hotelbooking/booking"
)

// crowd is bookings made by SQL, as many as a service collects in years: copies of one that the service made itself, each
// with an id, a reference and a time of its own. Identifiers are spread over all that they can be, as real ones are, so that
// what is accepted afterwards falls between them in every index.
type crowd struct {
	of       *booking.Booking
	letter   string // tells its identifiers from other crowds': A to F
	from, to time.Time
	n        int
	erased   bool // without the key to their people, so that whoever claims a copy reads none instead of failing
}

const sheetRows = 250_000

// keptFree is bytes of the disk, for what else happens on this machine. Tests, whose crowds are small, need none.
var keptFree uint64 = 12 << 30

// filler makes crowds. What its tables are like it learns from the database, so that it survives their next migration.
type filler struct {
	kind   string
	file   string // SQLite's
	dir    string // on the disk that must not become full
	sheet  int    // bookings that one statement for each table makes
	db     *sql.DB
	tables []table
}

// table is one that has a row, or some, for each booking.
type table struct {
	name    string
	key     string // the column with the booking's id
	columns []tableColumn
}

type tableColumn struct{ name, kind string }

// newFiller connects to the database of a store, whose file is SQLite's. Nobody else may have that open: nothing keeps what
// is written from a crash until fill returns.
func newFiller(ctx context.Context, d *database, file string) (*filler, error) {
	driver, address, conns := "pgx", d.url, fillers
	if d.kind == onSQLite {
		driver, address, conns = "sqlite", "file:"+file+"?_pragma=locking_mode(EXCLUSIVE)&_pragma=journal_mode(OFF)&_pragma=synchronous(OFF)"+
			"&_pragma=cache_size(-1000000)", 1
	}
	db, err := sql.Open(driver, address)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	f := &filler{kind: d.kind, file: file, dir: d.dir, sheet: sheetRows, db: db}
	if f.tables, err = f.catalogue(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return f, nil
}

// fillers is how many of PostgreSQL's tables are filled at once.
const fillers = 3

func (f *filler) close() error { return f.db.Close() }

const (
	postgresColumns = `
SELECT c.table_name, c.column_name, c.data_type FROM information_schema.columns AS c
JOIN information_schema.tables AS t ON t.table_schema = c.table_schema AND t.table_name = c.table_name AND t.table_type = 'BASE TABLE'
WHERE c.table_schema = current_schema() AND c.is_generated = 'NEVER' AND c.is_identity = 'NO'
ORDER BY c.table_name, c.ordinal_position`
	sqliteColumns = `
SELECT m.name, c.name, c.type FROM sqlite_schema AS m, pragma_table_info(m.name) AS c
WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%'
ORDER BY m.name, c.cid`
)

// catalogue lists the tables of bookings, the one first that the others refer to.
func (f *filler) catalogue(ctx context.Context) ([]table, error) {
	query := postgresColumns
	if f.kind == onSQLite {
		query = sqliteColumns
	}
	rows, err := f.db.QueryContext(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("read which tables there are: %w", err)
	}
	defer rows.Close()
	var tables []table
	for rows.Next() {
		var name string
		var c tableColumn
		if err := rows.Scan(&name, &c.name, &c.kind); err != nil {
			return nil, err
		}
		c.kind = strings.ToLower(c.kind)
		if len(tables) == 0 || tables[len(tables)-1].name != name {
			tables = append(tables, table{name: name})
		}
		t := &tables[len(tables)-1]
		t.columns = append(t.columns, c)
		if (c.kind == "text" || c.kind == "uuid") && (c.name == "booking_id" || c.name == "id" && t.key == "") {
			t.key = c.name
		}
	}
	tables = slices.DeleteFunc(tables, func(t table) bool { return t.key == "" })
	slices.SortStableFunc(tables, func(a, b table) int {
		first := func(t table) int { return map[bool]int{true: 0, false: 1}[t.name == "bookings"] }
		return first(a) - first(b)
	})
	if len(tables) == 0 {
		return nil, errors.New("the database has no table of bookings")
	}
	return tables, rows.Err()
}

// fill makes as much of a crowd as there is time and room for, and says how much that is.
func (f *filler) fill(ctx context.Context, c crowd, within time.Duration) (made int, err error) {
	began := time.Now()
	if err := f.prepare(ctx); err != nil {
		return 0, err
	}
	originals, err := f.originals(ctx, c)
	if err != nil {
		return 0, err
	}
	for sheet := 0; made < c.n; sheet++ {
		took := time.Since(began)
		if free, err := freeBytes(f.dir); err != nil || free < keptFree || sheet > 0 && took+took/time.Duration(sheet) > within {
			return made, errors.Join(err, f.settle(ctx))
		}
		size := min(f.sheet, c.n-made)
		if err := f.fillSheet(ctx, c, sheet, size, originals); err != nil {
			return made, fmt.Errorf("make rows: %w", err)
		}
		made += size
	}
	return made, f.settle(ctx)
}

func freeBytes(dir string) (uint64, error) {
	var disk syscall.Statfs_t
	err := syscall.Statfs(dir, &disk)
	return disk.Bavail * uint64(disk.Bsize), err
}

// fillSheet fills all tables with one sheet of a crowd: the first, and then those that refer to it.
func (f *filler) fillSheet(ctx context.Context, c crowd, sheet, size int, originals map[string]bool) error {
	if err := f.exec(ctx, f.identifiers(c, sheet, size), f.copies(f.tables[0], c, originals)); err != nil {
		return err
	}
	tasks := pool.New().WithErrors().WithFirstError()
	for i, t := range f.tables {
		tasks.Go(func() error {
			if i > 0 {
				if err := f.exec(ctx, f.copies(t, c, originals)); err != nil {
					return err
				}
			}
			return f.vacuum(ctx, t)
		})
	}
	if err := tasks.Wait(); err != nil {
		return err
	}
	return f.exec(ctx, "DROP TABLE copies")
}

// vacuum does what autovacuum would, while PostgreSQL still has the new pages in memory.
func (f *filler) vacuum(ctx context.Context, t table) error {
	if f.kind == onSQLite {
		return nil
	}
	return f.exec(ctx, "VACUUM "+t.name)
}

func (f *filler) exec(ctx context.Context, statements ...string) error {
	for _, statement := range statements {
		if _, err := f.db.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("%.100s: %w", statement, err)
		}
	}
	return nil
}

// originals is which columns of the original have its identifiers in them: the others are copied as they are.
func (f *filler) originals(ctx context.Context, c crowd) (map[string]bool, error) {
	named := map[string]bool{}
	for _, t := range f.tables {
		for _, column := range t.columns {
			if column.kind != "text" {
				continue
			}
			var n int
			query := fmt.Sprintf("SELECT COUNT(*) FROM %s WHERE %s = %s AND (%s LIKE '%%%s%%' OR %s LIKE '%%%s%%')",
				t.name, t.key, quoted(string(c.of.ID)), column.name, c.of.ID, column.name, c.of.Reference)
			if err := f.db.QueryRowContext(ctx, query).Scan(&n); err != nil {
				return nil, fmt.Errorf("look at the %s of %s: %w", column.name, t.name, err)
			}
			named[t.name+"."+column.name] = n > 0
		}
	}
	return named, nil
}

// prepare keeps PostgreSQL from looking after tables that are being filled, and from asking for each copy whether the row
// exists that it refers to, where we may.
func (f *filler) prepare(ctx context.Context) error {
	if f.kind == onSQLite {
		return nil
	}
	for _, t := range f.tables {
		if err := f.exec(ctx, "ALTER TABLE "+t.name+" SET (autovacuum_enabled = false)"); err != nil {
			return err
		}
		_ = f.exec(ctx, "ALTER TABLE "+t.name+" DISABLE TRIGGER ALL") // for superusers; for others it takes longer
	}
	return nil
}

// settle leaves the tables as autovacuum would have, and everything on disk. Nobody analyses SQLite's tables in production.
func (f *filler) settle(ctx context.Context) error {
	if f.kind == onSQLite {
		file, err := os.OpenFile(f.file, os.O_RDWR, 0)
		if err != nil {
			return err
		}
		return errors.Join(file.Sync(), file.Close())
	}
	tasks := pool.New().WithErrors()
	for _, t := range f.tables {
		tasks.Go(func() error {
			_ = f.exec(ctx, "ALTER TABLE "+t.name+" ENABLE TRIGGER ALL")
			return f.exec(ctx, "ALTER TABLE "+t.name+" RESET (autovacuum_enabled)", "VACUUM (ANALYZE) "+t.name)
		})
	}
	return errors.Join(tasks.Wait(), f.exec(ctx, "CHECKPOINT"))
}

// identifiers is the statement that makes the identifiers and times of one sheet of a crowd. Each sheet goes once through all
// that identifiers can be, in their order.
func (f *filler) identifiers(c crowd, sheet, size int) string {
	first := sheet * f.sheet
	step := max(1, c.to.Sub(c.from).Microseconds()/int64(c.n))
	return fmt.Sprintf(`
CREATE TABLE copies AS
WITH RECURSIVE g (k) AS (SELECT CAST(0 AS BIGINT) UNION ALL SELECT k + 1 FROM g WHERE k < %d),
p AS MATERIALIZED (SELECT k + %d AS i, k * %d / %d AS spread, %d + (k + %d) * %d AS at FROM g),
m AS MATERIALIZED (SELECT i, spread, at, %s AS moment FROM p)
SELECT spread, at, %s AS id, %s AS reference FROM m`,
		size-1, first, 1<<spreadBits, size, c.from.UnixMicro(), first, step, base(16, "(at / 1000)", 12), idOf(c.letter), referenceOf(c.letter, sheet))
}

// copies is the statement that fills one table with what identifiers has made.
func (f *filler) copies(t table, c crowd, originals map[string]bool) string {
	names, values := make([]string, len(t.columns)), make([]string, len(t.columns))
	for i, column := range t.columns {
		names[i], values[i] = column.name, f.value(column, c, originals[t.name+"."+column.name])
	}
	onlyFirst := ""
	if slices.ContainsFunc(t.columns, func(c tableColumn) bool { return t.key == "booking_id" && c.name == "version" }) {
		onlyFirst = " AND t.version = 1" // one line of history
	}
	return fmt.Sprintf("INSERT INTO %s (%s) SELECT %s FROM copies AS n, %s AS t WHERE t.%s = %s%s",
		t.name, strings.Join(names, ", "), strings.Join(values, ", "), t.name, t.key, quoted(string(c.of.ID)), onlyFirst)
}

// value is what a copy has in a column: the original's, with the copy's identifiers, where it has any, and its times.
func (f *filler) value(column tableColumn, c crowd, named bool) string {
	original := "t." + column.name
	switch {
	case c.erased && (column.name == "data_key" || column.name == "email_index"):
		return "NULL"
	case column.name == "email_index":
		return f.bytes(base(16, "(n.spread << 3)", 7) + " || '0" + strings.Repeat("5a", 28) + "'")
	case column.kind == "uuid": // the booking's own: there is no other
		return "CAST(n.id AS UUID)"
	case named:
		return fmt.Sprintf("replace(replace(%s, %s, n.id), %s, n.reference)", original, quoted(string(c.of.ID)), quoted(c.of.Reference))
	case column.name == "at" || strings.HasSuffix(column.name, "_at"):
		return fmt.Sprintf("%s - %d + n.at", original, c.of.CreatedAt.UnixMicro())
	}
	return original
}

func (f *filler) bytes(hex string) string {
	if f.kind == onSQLite {
		return "unhex(" + hex + ")"
	}
	return "decode(" + hex + ", 'hex')"
}

// spreadBits is how finely identifiers are spread: five characters of a reference.
const spreadBits = 25

// idOf makes ids like real ones, which begin with their time.
func idOf(letter string) string {
	return "substr(moment, 1, 8) || '-' || substr(moment, 9, 4) || '-7" + strings.ToLower(letter) + "00-8000-' || " + base(16, "i", 12)
}

// referenceOf makes references like real ones, which begin with anything. What follows tells the sheets of all crowds apart.
func referenceOf(letter string, sheet int) string {
	return base(32, "spread", 5) + fmt.Sprintf(" || '%04d%s'", sheet, letter)
}

// base is a number's last digits, in SQL. Letters are those of references, and of ids up to sixteen.
func base(radix int, number string, digits int) string {
	alphabet, bits := "0123456789abcdef", 4
	if radix == 32 {
		alphabet, bits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ", 5
	}
	parts := make([]string, digits)
	for i := range parts {
		parts[i] = fmt.Sprintf("substr('%s', CAST(1 + ((%s >> %d) & %d) AS INTEGER), 1)", alphabet, number, bits*(digits-1-i), radix-1)
	}
	return "(" + strings.Join(parts, " || ") + ")"
}

// quoted is a literal; what we quote has no quotes.
func quoted(text string) string { return "'" + text + "'" }
