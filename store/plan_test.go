package store_test

import (
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

// finish adds n bookings that ended long ago, and n that are due much later.
func finish(t *testing.T, s *store.Store, n int, id string) {
	t.Helper()
	multiply(t, s, saved(t, s, accepted(t, s, n, leased), booking.Reject(booking.OfferSoldOut)), n, fmt.Sprintf(id, "ended"))
	multiply(t, s, saved(t, s, accepted(t, s, n+1, leased), booking.Retry(booking.SupplierUnavailable, time.Hour)), n, fmt.Sprintf(id, "later"))
}

// Ids that no other crowd has.
const (
	textID   = "'%s-' || i"
	numberID = "CAST(md5('%s-' || i) AS UUID)"
)

// multiply copies b n times; id is the id of copy i.
func multiply(t *testing.T, s *store.Store, b *booking.Booking, n int, id string) {
	t.Helper()
	series := fmt.Sprintf("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) ", n)
	require.NoError(t, s.Exec(t.Context(), series+`
INSERT INTO bookings (id, reference, client, idempotency_key, fingerprint, flow_version, created_at, offer, stay, payment_token, attribution)
SELECT `+id+`, `+id+`, client, `+id+`, fingerprint, 1, created_at, offer, stay, payment_token, attribution
FROM bookings, n WHERE id = ?`, string(b.ID)))
	require.NoError(t, s.Exec(t.Context(), series+`
INSERT INTO places (id, phase, step, pool, supplier, goal, result, status, shelf, version, owner, queue, due_at, crashes, crashed, failure, updated_at, terms, facts, money, marks)
SELECT `+id+`, phase, step, pool, supplier, goal, result, status, shelf, version, owner, queue, due_at, crashes, crashed, failure, updated_at, terms, facts, money, marks
FROM places, n WHERE id = ?`, string(b.ID)))
}

func TestAClaimOnSQLiteReadsTheIndexOfWhatIsDue(t *testing.T) {
	t.Parallel()
	s := storetest.SQLite(t)
	finish(t, s, 300, textID)
	accepted(t, s, 1)
	for _, statistics := range []string{"SELECT 1", "ANALYZE"} { // nobody analyses it in production
		require.NoError(t, s.Exec(t.Context(), statistics))
		for _, plan := range []string{
			explained(t, s, "EXPLAIN QUERY PLAN ", store.ClaimDue),
			explained(t, s, "EXPLAIN QUERY PLAN ", store.CountBacklog),
		} {
			require.Contains(t, plan, "places_waiting (queue=? AND due_at<?)")
			require.NotContains(t, plan, "SCAN places")
			require.Contains(t, plan, "places_leased (due_at<?)")
			require.LessOrEqual(t, strings.Count(plan, "USE TEMP B-TREE FOR ORDER BY"), 1, "of no more than the limit of each")
		}
	}
}

func TestASearchOnSQLiteReadsAnIndexForEachIdentifier(t *testing.T) {
	t.Parallel()
	plan := explained(t, storetest.SQLite(t), "EXPLAIN QUERY PLAN ", store.SearchAny)
	require.Equal(t, 6, strings.Count(plan, "SEARCH "), plan)
	require.NotRegexp(t, "SCAN (bookings|history|people)", plan)
}

func TestAClaimOnPostgresCostsTheSameHoweverManyHaveEndedOrWait(t *testing.T) {
	t.Parallel()
	s := storetest.OnPostgres(t)
	finish(t, s, 200, numberID)
	require.NoError(t, s.Exec(t.Context(), "ANALYZE bookings, places"))
	few := buffers(t, s)
	finish(t, s, 20_000, strings.Replace(numberID, "%s", "more-%s", 1))
	require.NoError(t, s.Exec(t.Context(), "ANALYZE bookings, places"))
	many := buffers(t, s)
	for i, query := range []string{"claim", "backlog"} {
		require.LessOrEqual(t, many[i], few[i]+4, "%s: pages read", query) // the index of ids has become deeper
	}
}

// buffers is how many pages a claim of one booking, and a count of the backlog, read.
func buffers(t *testing.T, s *store.Store) [2]int {
	t.Helper()
	var read [2]int
	for i, statement := range []func(*store.Store) (string, []any){store.ClaimDue, store.CountBacklog} {
		explained(t, s, "EXPLAIN (ANALYZE) ", statement) // the first run sets hints and reads the catalogue
		plan := explained(t, s, "EXPLAIN (ANALYZE, BUFFERS, COSTS OFF, TIMING OFF, SUMMARY OFF) ", statement)
		require.Contains(t, plan, "places_waiting", plan)
		require.NotContains(t, plan, "Seq Scan on places", plan)
		hit := regexp.MustCompile(`Buffers: shared hit=(\d+)`).FindStringSubmatch(plan)
		require.NotEmpty(t, hit, plan)
		var err error
		read[i], err = strconv.Atoi(hit[1])
		require.NoError(t, err)
	}
	return read
}

func explained(t *testing.T, s *store.Store, how string, statement func(*store.Store) (string, []any)) string {
	t.Helper()
	text, args := statement(s)
	lines, err := s.Explain(t.Context(), how+text, args...)
	require.NoError(t, err)
	return strings.Join(lines, "\n")
}
