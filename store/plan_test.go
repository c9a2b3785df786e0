package store_test

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
	"hotelbooking/store"
	"hotelbooking/store/storetest"
)

// crowds are many bookings of each kind, the newest the least wanted: some ended, some are due much later, some need a look,
// and some wait for a supplier that is busy. A few wait for another, and are older than all of them.
type crowds struct {
	*store.Store
	number string             // a number's last digits as hexadecimal ones, in SQL
	id     string             // text as an id, in SQL
	kinds  []*booking.Booking // each to be multiplied
	made   int                // of each kind
}

// crowdsFrom is when the first of the crowds came; those that are no crowd were there before.
var crowdsFrom = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func newCrowds(t *testing.T, s *store.Store, number, id string) *crowds {
	t.Helper()
	of := func(supplier string, more ...func(*booking.Acceptance)) func(a *booking.Acceptance) {
		return func(a *booking.Acceptance) {
			a.Booking.Offer.Supplier = supplier
			for _, f := range more {
				f(a)
			}
		}
	}
	c := &crowds{Store: s, number: number, id: id}
	c.kinds = []*booking.Booking{
		saved(t, s, accepted(t, s, 1, of("busy", leased)), booking.Reject(booking.OfferSoldOut)),
		saved(t, s, accepted(t, s, 2, of("busy", leased)), booking.Retry(booking.SupplierUnavailable, time.Hour)),
		saved(t, s, accepted(t, s, 3, of("busy", leased)), booking.Park(booking.Staff, booking.OutcomeUnknown)),
		accepted(t, s, 4, of("busy")),
	}
	for n := range 3 {
		accepted(t, s, 10+n, of("calm"))
	}
	return c
}

// grow adds n bookings of each kind.
func (c *crowds) grow(t *testing.T, n int) {
	t.Helper()
	for kind, b := range c.kinds {
		ms := crowdsFrom.AddDate(0, kind, 0).UnixMilli() + int64(c.made)*1000
		digits := fmt.Sprintf(c.number, fmt.Sprintf("%d + i * 1000", ms))
		text := fmt.Sprintf("substr(%s, 1, 8) || '-' || substr(%s, 9, 4) || '-7000-8000-%012d'", digits, digits, kind)
		multiply(t, c.Store, b, n, fmt.Sprintf(c.id, text))
	}
	c.made += n
}

// multiply copies b n times; id is the id of copy i.
func multiply(t *testing.T, s *store.Store, b *booking.Booking, n int, id string) {
	t.Helper()
	series := fmt.Sprintf("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) ", n)
	require.NoError(t, s.Exec(t.Context(), series+`
INSERT INTO bookings (id, reference, client, idempotency_key, fingerprint, flow_version, created_at, offer, stay, payment_token, attribution)
SELECT `+id+`, `+id+`, client, `+id+`, fingerprint, 1, created_at, offer, stay, payment_token, attribution
FROM bookings, n WHERE id = ?`, string(b.ID)))
	require.NoError(t, s.Exec(t.Context(), series+`
INSERT INTO places (id, phase, step, pool, supplier, goal, result, status, shelf, version, owner, queue, due_at, crashes, crashed, attention,
    attention_since, failure, updated_at, terms, facts, money, marks)
SELECT `+id+`, phase, step, pool, supplier, goal, result, status, shelf, version, owner, queue, due_at, crashes, crashed, attention,
    attention_since, failure, updated_at, terms, facts, money, marks
FROM places, n WHERE id = ?`, string(b.ID)))
}

// query is a statement that must read no more however many bookings there are, and what SQLite says of how it is read.
type query struct {
	statement func(*store.Store) (string, []any)
	sqlite    []string
	writes    bool // it runs on a writer's connection
}

func queries() map[string]query {
	lanes := store.ClaimLanes("busy", "calm")
	waiting, leased := "places_waiting (queue=? AND due_at<?)", "places_leased (due_at<?)"
	all := map[string]query{
		"claim":    {store.ClaimDue, []string{waiting, leased}, true},
		"named":    {store.ClaimNamed(idAt(crowdsFrom)), []string{"sqlite_autoindex_places_1 (id=?)"}, true},
		"overdue":  {store.OverdueOf, []string{waiting, leased}, false},
		"backlog":  {store.CountBacklog, []string{waiting, leased}, false},
		"lanes":    {lanes[0], []string{"places_lanes (supplier>?)", "places_lanes (supplier=? AND due_at<?)"}, true},
		"left out": {lanes[1], []string{"places_lanes (supplier=? AND due_at<?)", leased}, true},
		"looks":    {store.AttentionsInUse, []string{"places_attention (attention>?)"}, false},
		"counts":   {store.CountAttentions, []string{"places_attention ("}, false},
		"steps":    {store.StepsInUse, []string{"places_waiting (queue=? AND due_at>?)", "USING INDEX places_leased", "USING INDEX places_parked"}, false},
	}
	for name, list := range map[string]struct {
		filter booking.Filter
		sqlite string
	}{
		"all":                             {booking.Filter{}, "sqlite_autoindex_places_1 (id>? AND id<?)"},
		"far back":                        {booking.Filter{After: idAt(crowdsFrom)}, "sqlite_autoindex_places_1 (id>? AND id<?)"},
		"created long ago":                {booking.Filter{CreatedBefore: crowdsFrom}, "sqlite_autoindex_places_1 (id>? AND id<?)"},
		"a supplier":                      {booking.Filter{Supplier: "calm"}, "places_supplier ("},
		"no such supplier":                {booking.Filter{Supplier: "nobody"}, "places_supplier ("},
		"no such status of a supplier":    {booking.Filter{Supplier: "busy", Statuses: []booking.Status{booking.StatusConfirmed}}, "places_supplier ("},
		"a status":                        {booking.Filter{Statuses: []booking.Status{booking.StatusFailed}}, "places_shelf ("},
		"processing behind those pending": {booking.Filter{Statuses: []booking.Status{booking.StatusProcessing}}, "places_shelf ("},
		"no such status":                  {booking.Filter{Statuses: []booking.Status{booking.StatusConfirmed, booking.StatusInReview}}, "places_shelf ("},
		"an attention":                    {booking.Filter{Attention: booking.OutcomeUnknown}, "places_attention ("},
		"no such attention":               {booking.Filter{Attention: booking.FraudReview}, "places_attention ("},
		"a failure":                       {booking.Filter{Failure: booking.OfferSoldOut}, "places_failure ("},
		"a failure of late":               {booking.Filter{Failure: booking.OfferSoldOut, CreatedAfter: time.Now()}, "places_failure ("},
		"no such failure":                 {booking.Filter{Failure: booking.PaymentDeclined}, "places_failure ("},
	} {
		list.filter.Limit = 50
		all["list "+name] = query{statement: store.List(list.filter), sqlite: []string{list.sqlite}}
	}
	return all
}

func TestWhatAQueryReadsOnSQLiteIsFoundInAnIndex(t *testing.T) {
	t.Parallel()
	s := storetest.SQLite(t)
	newCrowds(t, s, "printf('%%012x', %s)", "%s").grow(t, 300)
	for _, statistics := range []string{"SELECT 1", "ANALYZE"} { // nobody analyses it in production
		require.NoError(t, s.Exec(t.Context(), statistics))
		for name, q := range queries() {
			plan := explained(t, s.Explain, "EXPLAIN QUERY PLAN ", q, s)
			for _, index := range q.sqlite {
				require.Contains(t, plan, index, name)
			}
			require.NotRegexp(t, `(?m)^SCAN (places|p|w|bookings)$`, plan, name)
			require.NotRegexp(t, `(?m)^SEARCH p .*\nUSE TEMP B-TREE FOR ORDER BY`, plan, name)
		}
	}
}

func TestASearchOnSQLiteReadsAnIndexForEachIdentifier(t *testing.T) {
	t.Parallel()
	s := storetest.SQLite(t)
	plan := explained(t, s.Explain, "EXPLAIN QUERY PLAN ", query{statement: store.SearchAny([]byte("f"))}, s)
	require.Equal(t, 6, strings.Count(plan, "SEARCH "), plan)
	require.NotRegexp(t, "SCAN (bookings|history|people)", plan)
}

func TestWhatAQueryReadsOnPostgresDoesNotGrowWithTheTables(t *testing.T) {
	t.Parallel()
	s := storetest.OnPostgres(t, func(cfg *store.Config) { cfg.BacklogCap = 500 })
	c := newCrowds(t, s, "lpad(to_hex(%s), 12, '0')", "CAST(%s AS UUID)")
	c.grow(t, 1200)
	require.NoError(t, s.Exec(t.Context(), "VACUUM (ANALYZE) bookings, places"))
	few := buffers(t, s, queries())
	c.grow(t, 12_000)
	require.NoError(t, s.Exec(t.Context(), "VACUUM (ANALYZE) bookings, places"))
	require.Empty(t, grown(few, buffers(t, s, queries())))
	for _, index := range []string{"places_waiting", "places_lanes", "places_leased", "places_shelf", "places_supplier", "places_parked", "places_attention", "places_failure"} {
		definition, err := s.Lines(t.Context(), "SELECT pg_get_indexdef(CAST(? AS regclass))", index)
		require.NoError(t, err)
		require.NoError(t, s.Exec(t.Context(), "DROP INDEX "+index))
		require.NotEmpty(t, grown(few, buffers(t, s, queries())), "nothing is read with %s", index)
		require.NoError(t, s.Exec(t.Context(), definition[0]))
	}
}

func TestNoIndexIsMadeOfWhatATurnUnderALeaseChanges(t *testing.T) {
	t.Parallel()
	columns, err := storetest.OnPostgres(t).Lines(t.Context(), `
SELECT DISTINCT a.attname
FROM pg_index AS i
JOIN pg_depend AS d ON d.classid = CAST('pg_class' AS regclass) AND d.objid = i.indexrelid AND d.refobjid = i.indrelid
JOIN pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
WHERE i.indrelid = CAST('places' AS regclass)`)
	require.NoError(t, err)
	// The phase changes where the outside gave no usable answer, and on the way back, and these are few.
	require.ElementsMatch(t, []string{"id", "supplier", "shelf", "queue", "due_at", "attention", "failure", "phase"}, columns)
}

// grown lists queries that read more pages than an index that has become deeper accounts for.
func grown(few, many map[string]int) (queries []string) {
	for name, pages := range many {
		if before := few[name]; pages > before+before/2+15 {
			queries = append(queries, fmt.Sprintf("%s: %d pages, not %d", name, pages, before))
		}
	}
	return queries
}

// buffers is how many pages each query reads.
func buffers(t *testing.T, s *store.Store, of map[string]query) map[string]int {
	t.Helper()
	read := map[string]int{}
	for name, q := range of {
		explain := s.ExplainAsReader
		if q.writes {
			explain = s.Explain
		}
		explained(t, explain, "EXPLAIN (ANALYZE) ", q, s) // the first run sets hints and reads the catalogue
		plan := explained(t, explain, "EXPLAIN (ANALYZE, BUFFERS, COSTS OFF, TIMING OFF, SUMMARY OFF) ", q, s)
		found := regexp.MustCompile(`Buffers: shared hit=(\d+)(?: read=(\d+))?`).FindStringSubmatch(plan)
		require.NotEmpty(t, found, plan)
		for _, pages := range found[1:] {
			n, _ := strconv.Atoi(pages) // none were read
			read[name] += n
		}
	}
	return read
}

type explainer func(ctx context.Context, statement string, args ...any) ([]string, error)

func explained(t *testing.T, explain explainer, how string, q query, s *store.Store) string {
	t.Helper()
	text, args := q.statement(s)
	lines, err := explain(t.Context(), how+text, args...)
	require.NoError(t, err)
	return strings.Join(lines, "\n")
}
