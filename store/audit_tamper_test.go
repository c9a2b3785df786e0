package store_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"hotelbooking/booking"
	"hotelbooking/store"
	"hotelbooking/store/storetest"
)

// tampering is what somebody does who may do everything in the database, and does not have the key.
type tampering struct {
	do    string   // statements, divided by semicolons
	names []string // what some finding says
	seq   int64    // of which row some finding is; 0: of any, or of none
	only  bool     // that row's, and no other's
}

// The tamperings that are not of one column: see alterations for those.
var tamperings = map[string]tampering{
	"a row in the middle is deleted":        {do: "DELETE FROM audit WHERE seq = 3", names: []string{"1 row is missing before row 4: removed", "has no row"}, seq: 3, only: true},
	"several rows are deleted":              {do: "DELETE FROM audit WHERE seq IN (2, 3)", names: []string{"2 rows are missing before row 4: removed", "has no row"}, seq: 2},
	"the first row is deleted":              {do: "DELETE FROM audit WHERE seq = 1", names: []string{"1 row is missing before row 2: removed"}, seq: 1},
	"the last row is deleted":               {do: "DELETE FROM audit WHERE seq = 6", names: []string{"1 row is missing at the end of the chain: removed", "has no row"}, seq: 6},
	"a row and its line are deleted":        {do: "DELETE FROM history WHERE version = 3 AND actor <> 'system'; DELETE FROM audit WHERE version = 3", names: []string{"missing before row"}},
	"a line of history is deleted":          {do: "DELETE FROM history WHERE " + thirdLine, names: []string{"its line of history is missing: removed"}, seq: 3, only: true},
	"a forged row is inserted at the end":   {do: forged("seq + 1"), names: []string{"is behind the end of the chain"}, seq: 7},
	"and the head moved to it":              {do: forged("seq + 1") + "; " + headToLast, names: []string{"its digest is not that of its columns"}, seq: 7, only: true},
	"a forged row is inserted before all":   {do: strings.ReplaceAll(forged("seq - 6"), "seq - 6", "0"), names: []string{"no row of the chain has such a number: added"}},
	"a forged line is inserted":             {do: forgedLine, names: []string{"has no row: the line was added"}},
	"a forged line of before the beginning": {do: strings.Replace(forgedLine, "h.at,", "1,", 1), names: []string{"1 line is from before the chain began, and there were 0"}},
	"two rows are swapped":                  {do: "UPDATE audit SET seq = -1 WHERE seq = 2; UPDATE audit SET seq = 2 WHERE seq = 3; UPDATE audit SET seq = 3 WHERE seq = -1", names: []string{"row 2: changed", "row 3: changed"}},
	"the chain is emptied":                  {do: "DELETE FROM audit", names: []string{"6 rows are missing at the end of the chain: removed"}},
	"the chain is emptied, and its head":    {do: "DELETE FROM audit; UPDATE audit_head SET seq = 0, digest = " + empty, names: []string{"has no row"}},
	"the head's row is gone":                {do: "DELETE FROM audit_head", names: []string{"audit_head has 0 rows"}},
	"the head goes back":                    {do: "UPDATE audit_head SET seq = 5, digest = (SELECT digest FROM audit WHERE seq = 5)", names: []string{"is behind the end of the chain"}, seq: 6},
	"the head has another digest":           {do: "UPDATE audit_head SET digest = (SELECT digest FROM audit WHERE seq = 5)", names: []string{"is not the row that audit_head says"}, seq: 6},
	"the beginning is put off":              {do: "UPDATE audit_head SET began_at = began_at + 3600000000", names: []string{"does not follow the chain's beginning"}, seq: 1},
	"the beginning had other lines":         {do: "UPDATE audit_head SET earlier = 1", names: []string{"does not follow the chain's beginning", "0 lines are from before the chain began, and there were 1"}, seq: 1},
	"a note is passed off as erased":        {do: "UPDATE history SET detail = 'erased' WHERE " + thirdLine, names: []string{"has another detail than was written"}, seq: 3, only: true},
	"a turn is passed off as an action":     {do: "UPDATE history SET actor = 'support:ana' WHERE actor = 'customer'", names: []string{"has no row"}},
	"an action is passed off as a turn":     {do: "UPDATE history SET actor = 'system' WHERE " + thirdLine, names: []string{"its line of history has actor system, and the row support:ana"}, seq: 3, only: true},
	"both the row and the line are changed": {do: "UPDATE history SET actor = 'support:bo' WHERE " + thirdLine + "; UPDATE audit SET actor = 'support:bo' WHERE seq = 3", names: []string{"its digest is not that of its columns", "its line of history was changed"}, seq: 3, only: true},
}

const (
	thirdLine  = "(booking_id, version) = (SELECT booking_id, version FROM audit WHERE seq = 3)"
	headToLast = "UPDATE audit_head SET seq = 7, digest = (SELECT digest FROM audit WHERE seq = 7)"
	forgedLine = `INSERT INTO history (booking_id, version, attempt, at, took_us, actor, verb, from_phase, from_step, to_phase, to_step, outcome, status, written_by, reason, detail)
SELECT h.booking_id, 99, h.attempt, h.at, h.took_us, h.actor, h.verb, h.from_phase, h.from_step, h.to_phase, h.to_step, h.outcome, h.status, h.written_by, h.reason, h.detail
FROM history AS h WHERE ` + thirdLine
	empty     = "{nothing}"
	anotherID = "'ffffffff-0000-7000-8000-000000000001'" // no booking's
)

// forged inserts a copy of the last row, of the version that is not taken yet.
func forged(seq string) string {
	return `INSERT INTO audit (seq, booking_id, version, at, actor, role, action, asked, from_phase, from_step, from_status, to_phase, to_step, to_status,
    request_id, text_digest, line_digest, key_id, previous, digest)
SELECT ` + seq + `, booking_id, version + 50, at, 'support:bo', role, action, asked, from_phase, from_step, from_status, to_phase, to_step, to_status,
    request_id, text_digest, line_digest, key_id, digest, digest FROM audit WHERE seq = 6`
}

// audited is a store with six actions on two bookings, and turns between them, whose database lets everything be done.
func audited(t *testing.T, cfg store.Config) *store.Store {
	t.Helper()
	s := storetest.Open(t, cfg)
	a, b := withNotes(t, s, 1, "one"), withNotes(t, s, 2, "two", "three", "four")
	for range 2 {
		_, err := s.Claim(t.Context(), booking.Claim{Pool: booking.ProviderPool, Limit: 1, Owner: "a.1", Lease: time.Minute})
		require.NoError(t, err)
	}
	turned := get(t, s, a.ID)
	after, entry := turn(turned, booking.Next())
	after.Facts.Hold.Reference = "HLD-1"
	require.NoError(t, s.Save(t.Context(), after, entry, time.Minute))
	for _, id := range []booking.ID{a.ID, b.ID} {
		_, err := s.Decide(t.Context(), id, noteOf("last"))
		require.NoError(t, err)
	}
	report, findings := verified(t, s, "")
	require.Empty(t, findings)
	require.EqualValues(t, 6, report.Actions)
	undefended(t, s, cfg.URL != "")
	return s
}

// undefended drops the triggers.
func undefended(t *testing.T, s *store.Store, postgres bool) {
	t.Helper()
	drop := "SELECT 'DROP TRIGGER ' || name FROM sqlite_schema WHERE type = 'trigger'"
	if postgres {
		drop = "SELECT 'DROP TRIGGER ' || tgname || ' ON ' || CAST(CAST(tgrelid AS regclass) AS TEXT) FROM pg_trigger WHERE NOT tgisinternal AND tgrelid IN (CAST('audit' AS regclass), CAST('history' AS regclass))"
	}
	statements, err := s.Lines(t.Context(), drop)
	require.NoError(t, err)
	require.NotEmpty(t, statements)
	for _, statement := range statements {
		require.NoError(t, s.Exec(t.Context(), statement))
	}
}

func databases() map[string]func(testing.TB) store.Config {
	return map[string]func(testing.TB) store.Config{"sqlite": storetest.SQLiteConfig, "postgres": storetest.PostgresConfig}
}

func TestEveryTamperingIsNamed(t *testing.T) {
	t.Parallel()
	for database, config := range databases() {
		t.Run(database, func(t *testing.T) {
			t.Parallel()
			cfg, nothing := config(t), "x''"
			if cfg.URL != "" {
				nothing = "''"
			}
			s := audited(t, cfg)
			for name, tampered := range tamperings {
				t.Run(name, func(t *testing.T) {
					mended(t, s)
					for statement := range strings.SplitSeq(tampered.do, "; ") {
						require.NoError(t, s.Exec(t.Context(), strings.ReplaceAll(statement, empty, nothing)))
					}
					requireNamed(t, s, tampered)
				})
			}
		})
	}
}

// mended puts what is tampered with back as it was, once the test has ended.
func mended(t *testing.T, s *store.Store) {
	t.Helper()
	tables := []string{"audit", "audit_head", "history"}
	for _, table := range tables {
		require.NoError(t, s.Exec(t.Context(), fmt.Sprintf("CREATE TABLE IF NOT EXISTS kept_%s AS SELECT * FROM %[1]s", table)))
	}
	t.Cleanup(func() {
		for _, table := range tables {
			require.NoError(t, s.Exec(context.Background(), "DELETE FROM "+table))
			require.NoError(t, s.Exec(context.Background(), fmt.Sprintf("INSERT INTO %s SELECT * FROM kept_%[1]s", table)))
		}
	})
}

func requireNamed(t *testing.T, s *store.Store, tampered tampering) {
	t.Helper()
	_, findings := verified(t, s, "")
	require.NotEmpty(t, findings)
	said := ""
	for _, f := range findings {
		said += fmt.Sprintf("row %d: %s\n", f.Seq, f.What)
		if tampered.only {
			require.Contains(t, []int64{0, tampered.seq}, f.Seq, "%s: of no other row, but perhaps of a line without one", f.What)
		}
		if f.Booking != "" && !strings.HasPrefix(f.Booking, "ffffffff") {
			require.Len(t, f.Reference, 10, "staff know bookings by their reference: %+v", f)
		}
	}
	for _, name := range tampered.names {
		require.Contains(t, said, name)
	}
	require.True(t, tampered.seq == 0 || slices.ContainsFunc(findings, func(f store.Finding) bool { return f.Seq == tampered.seq }), said)
}

// Whatever column is changed, of a row or of its line, it shows, and it is that row that is named. The columns are those that
// the database has: a new one that no digest covers fails here.
func TestAChangeOfAnyColumnIsNamed(t *testing.T) {
	t.Parallel()
	for database, config := range databases() {
		for table, where := range map[string]string{"audit": "seq = 3", "history": thirdLine} {
			t.Run(database+"/"+table, func(t *testing.T) {
				t.Parallel()
				cfg := config(t)
				s := audited(t, cfg)
				columns := columnsOf(t, s, table, cfg.URL != "")
				require.Greater(t, len(columns), 15)
				for column, kind := range columns {
					t.Run(column, func(t *testing.T) {
						changed := map[string]string{
							"text": "%s || 'x'", "integer": "%s + 100", "bigint": "%s + 100", "blob": "substr(%s, 2)", "bytea": "substr(%s, 2)",
							"uuid": anotherID,
						}[kind]
						require.NotEmpty(t, changed, "how is a %s changed?", kind)
						switch column {
						case "reference", "calls", "events":
							changed = "'x'" // it may be NULL
						case "booking_id":
							changed = anotherID
						}
						if strings.Contains(changed, "%s") {
							changed = fmt.Sprintf(changed, column)
						}
						mended(t, s)
						require.NoError(t, s.Exec(t.Context(), fmt.Sprintf("UPDATE %s SET %s = %s WHERE %s", table, column, changed, where)))
						tampered := tampering{seq: 3, only: true}
						if column == "seq" {
							tampered = tampering{seq: 103, names: []string{"behind the end", "missing before row 4"}}
						}
						requireNamed(t, s, tampered)
					})
				}
			})
		}
	}
}

// columnsOf are the columns of a table as the database has them, and their types.
func columnsOf(t *testing.T, s *store.Store, table string, postgres bool) map[string]string {
	t.Helper()
	query := "SELECT name || ' ' || lower(type) FROM pragma_table_info(?)"
	if postgres {
		query = "SELECT column_name || ' ' || data_type FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = ?"
	}
	lines, err := s.Lines(t.Context(), query, table)
	require.NoError(t, err)
	columns := map[string]string{}
	for _, line := range lines {
		name, kind, _ := strings.Cut(line, " ")
		columns[name] = kind
	}
	return columns
}

// A row that is as the service wrote it, but in another copy of the database, fits nowhere else.
func TestARowOfAnotherCopyDoesNotFollow(t *testing.T) {
	t.Parallel()
	cfg, other := storetest.SQLiteConfig(t), storetest.SQLiteConfig(t)
	s := audited(t, cfg)
	audited(t, other)
	require.NoError(t, s.Exec(t.Context(), "ATTACH ? AS other", filepath.Join(other.Dir, "booking.db")))
	for _, table := range []string{"audit", "history"} {
		var columns []string
		for column := range columnsOf(t, s, table, false) {
			columns = append(columns, column)
		}
		list := strings.Join(columns, ", ")
		require.NoError(t, s.Exec(t.Context(), fmt.Sprintf("UPDATE %[1]s SET (%[2]s) = (SELECT %[2]s FROM other.%[1]s WHERE %[3]s) WHERE %[3]s",
			table, list, map[string]string{"audit": "seq = 3", "history": strings.ReplaceAll(thirdLine, "FROM audit", "FROM other.audit")}[table])))
	}
	_, findings := verified(t, s, "")
	require.Equal(t, "does not follow row 2: one of them was exchanged", findings[0].What)
}

// Without a head that was noted elsewhere nobody can tell that the end was cut off with everything that belongs to it.
func TestAnEndThatWasCutOffShowsByAHeadThatWasNoted(t *testing.T) {
	t.Parallel()
	for database, config := range databases() {
		t.Run(database, func(t *testing.T) {
			t.Parallel()
			s := audited(t, config(t))
			before, _ := verified(t, s, "")
			for _, statement := range []string{
				"DELETE FROM history WHERE (booking_id, version) IN (SELECT booking_id, version FROM audit WHERE seq > 4)",
				"DELETE FROM audit WHERE seq > 4",
				"UPDATE audit_head SET seq = 4, digest = (SELECT digest FROM audit WHERE seq = 4)",
			} {
				require.NoError(t, s.Exec(t.Context(), statement))
			}
			after, findings := verified(t, s, "")
			require.Empty(t, findings, "it looks whole")
			_, findings = verified(t, s, after.Head)
			require.Empty(t, findings)
			_, findings = verified(t, s, strings.ToUpper(before.Head))
			require.Len(t, findings, 1)
			require.Contains(t, findings[0].What, before.Head)
		})
	}
}

// Who has another key cannot go on with the chain, nor prove it.
func TestTheChainIsProvedByItsKeyAlone(t *testing.T) {
	t.Parallel()
	cfg := storetest.SQLiteConfig(t)
	withNotes(t, storetest.Open(t, cfg), 1, "one")
	cfg.Keys.Wrap = map[string][]byte{"test": []byte("another secret of thirty-two b..")}
	auditor, err := store.OpenAuditor(t.Context(), cfg, zap.NewNop())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, auditor.Close()) })
	var said []string
	report, err := auditor.Verify(t.Context(), "", func(f store.Finding) { said = append(said, f.What) })
	require.NoError(t, err)
	require.EqualValues(t, 1, report.Actions)
	require.Contains(t, said[0], "its digest is not that of its columns")
}

// Rows keep the key that they were written under: the chain goes on across a new one, as long as the old one can be read.
func TestTheChainGoesOnUnderANewKey(t *testing.T) {
	t.Parallel()
	cfg := storetest.SQLiteConfig(t)
	withNotes(t, storetest.Open(t, cfg), 1, "one", "two")
	rotated := cfg
	rotated.Keys.Current, rotated.Keys.Wrap = "new", map[string][]byte{"test": cfg.Keys.Wrap["test"], "new": []byte("another secret of thirty-two b..")}
	s := storetest.Open(t, rotated)
	withNotes(t, s, 2, "three")
	report, findings := verified(t, s, "")
	require.Empty(t, findings)
	require.EqualValues(t, 3, report.Actions)

	auditor, err := store.OpenAuditor(t.Context(), cfg, zap.NewNop())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, auditor.Close()) })
	var said []string
	_, err = auditor.Verify(t.Context(), "", func(f store.Finding) { said = append(said, f.What) })
	require.NoError(t, err)
	require.Len(t, said, 1)
	require.Contains(t, said[0], `the key "new" is not among the keys`)
}

func TestLinesFromBeforeTheChainAreToldApart(t *testing.T) {
	t.Parallel()
	for database, config := range databases() {
		t.Run(database, func(t *testing.T) {
			t.Parallel()
			cfg, nothing := config(t), "''"
			if cfg.URL == "" {
				nothing = "x''"
			}
			require.NoError(t, store.MigrateTo(t.Context(), cfg, 1))
			require.NoError(t, store.ExecAlone(t.Context(), cfg, oldRows(parkedID, "REF2",
				`'parked', 'confirm', 'provider', 'x', 'confirm', '', 'processing', 2, '', NULL, 0, 0, 'outcome_unknown', 1795390000000000`, nothing)...))
			require.NoError(t, store.ExecAlone(t.Context(), cfg, "UPDATE history SET actor = 'support:ana', at = 1700000000000000 WHERE version = 2"))
			s := storetest.Open(t, cfg)
			report, findings := verified(t, s, "")
			require.Empty(t, findings)
			require.EqualValues(t, 1, report.Earlier)

			_, err := s.Decide(t.Context(), parkedID, noteOf("new"))
			require.NoError(t, err)
			report, findings = verified(t, s, "")
			require.Empty(t, findings)
			require.EqualValues(t, 1, report.Earlier)
			require.EqualValues(t, 1, report.Actions)

			undefended(t, s, cfg.URL != "")
			require.NoError(t, s.Exec(t.Context(), "UPDATE history SET actor = 'system' WHERE version = 2"))
			_, findings = verified(t, s, "")
			require.Len(t, findings, 1)
			require.Contains(t, findings[0].What, "0 lines are from before the chain began, and there were 1")
		})
	}
}

// A chain and a history of more than one page, and of more than one part, are read whole.
func TestALongChainIsReadInPages(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		const actions = 2*store.AuditPage + 3
		for first := 0; first < actions; first += 500 {
			turns := map[*booking.Booking]booking.Entry{}
			accepts := make([]booking.Acceptance, 0, 500)
			for n := first; n < min(first+500, actions); n++ {
				accepts = append(accepts, acceptance(n, leased))
			}
			receipts, errs := s.Together(t.Context(), accepts...)
			for i, receipt := range receipts {
				require.NoError(t, errs[i])
				entry, err := noteOf("x")(receipt.Booking)
				require.NoError(t, err)
				turns[receipt.Booking] = entry
			}
			for _, err := range s.SaveTogether(t.Context(), turns) {
				require.NoError(t, err)
			}
		}
		report, findings := verified(t, s, "")
		require.Empty(t, findings)
		require.EqualValues(t, actions, report.Actions)
	})
}
