package main

import (
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	"github.com/stretchr/testify/require"

	"hotelbooking/store/storetest"
)

// onBothProcesses runs a test for each kind of database; environ selects it.
func onBothProcesses(t *testing.T, test func(t *testing.T, database *database)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		test(t, &database{dir: dir, driver: "sqlite", source: filepath.Join(dir, "booking.db")})
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		url := storetest.PostgresSchema(t)
		test(t, &database{dir: t.TempDir(), environ: []string{"BOOKING_DATABASE__URL=" + url}, driver: "pgx", source: url})
	})
}

type database struct {
	dir            string
	environ        []string
	driver, source string
}

// leases counts the rows that somebody holds.
func (d *database) leases(t *testing.T) (n int) {
	t.Helper()
	db, err := sql.Open(d.driver, d.source)
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	require.NoError(t, db.QueryRowContext(t.Context(), "SELECT count(*) FROM places WHERE owner IS NOT NULL AND owner <> ''").Scan(&n))
	return n
}

// crowd submits n bookings of mixed endings, and returns those that were acknowledged. A call that was cut off is none.
func (c *client) crowd(n int) []bookingView {
	c.Helper()
	orders := []order{{}, {}, {}, {offer: "sim_sold_out_book"}, {offer: "sim_timeout_booked"}, {email: "ana+reject@example.com"}, {offer: "sim_5xx_booked"}, {offer: "sim_slow_900"}}
	var acked []bookingView
	var lock sync.Mutex
	var senders sync.WaitGroup
	numbers := make(chan int)
	for range 16 {
		senders.Go(func() {
			for i := range numbers {
				a, err := c.try("POST", "/v1/bookings", c.bookings, orders[i%len(orders)].json(), "Idempotency-Key", fmt.Sprintf("%s-%d-%d", c.Name(), time.Now().UnixNano(), i))
				if err != nil || a.status != http.StatusAccepted {
					continue
				}
				lock.Lock()
				acked = append(acked, a.booking())
				lock.Unlock()
			}
		})
	}
	for i := range n {
		numbers <- i
	}
	close(numbers)
	senders.Wait()
	return acked
}

// allEnd waits for every booking, and holds the outcome against the ledger.
func (c *client) allEnd(acked []bookingView) {
	c.Helper()
	ends := map[string]int{}
	for _, b := range acked {
		b = c.untilDecided(b.ID)
		ends[b.Status]++
		c.untilLedger(b.Reference, func(l ledgerView) bool {
			if b.Status == "confirmed" {
				return l.Active == 1 && l.MaxActive == 1 && l.EverConfirmed == 1 && l.Captures == 1 && l.Captured == "346.00" && l.OpenAuthorizations == 0
			}
			return nothingLeft(l)
		})
	}
	require.Len(c, c.ledger(), len(acked), "the outside knows a booking that nobody was told of")
	require.NotZero(c, ends["confirmed"])
	require.NotZero(c, ends["failed"])
}

func TestKillNineWithBookingsInFlightLosesAndDoublesNothing(t *testing.T) {
	t.Parallel()
	onBothProcesses(t, func(t *testing.T, d *database) {
		sandbox := sandboxProcess(t)
		first, c := serviceProcess(t, d.dir, sandbox, d.environ...)
		acked := c.crowd(200)
		require.Len(t, acked, 200)
		first.kill()
		require.NotZero(t, d.leases(t), "nothing was in flight: the kill came too late to prove anything")
		_, c = serviceProcess(t, d.dir, sandbox, d.environ...)
		c.allEnd(acked)
	})
}

// The embedded sandbox dies with the service. Its journal has to bring back what it knew, or a new user's first crash would
// show bookings that nobody can explain.
func TestKillNineOfServiceAndSandboxTogetherLosesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, c := serviceProcess(t, dir, "")
	acked := c.crowd(80)
	require.Len(t, acked, 80)
	first.kill()
	_, c = serviceProcess(t, dir, "")
	c.allEnd(acked)
}

func TestTerminateEndsWithinTheGraceAndHoldsNoLease(t *testing.T) {
	t.Parallel()
	onBothProcesses(t, func(t *testing.T, d *database) {
		sandbox := sandboxProcess(t)
		first, c := serviceProcess(t, d.dir, sandbox, append(d.environ, "BOOKING_SHUTDOWN__GRACE=10s")...)
		acked := c.crowd(60)
		require.Len(t, acked, 60)
		require.NotZero(t, d.leases(t), "nothing was in flight")
		require.Zero(t, first.terminate(20*time.Second))
		require.Zero(t, d.leases(t))
		_, c = serviceProcess(t, d.dir, sandbox, d.environ...)
		c.allEnd(acked)
	})
}

func TestTwoProcessesOnOnePostgresShareTheWorkAndAnswerForEachOther(t *testing.T) {
	t.Parallel()
	url := storetest.PostgresSchema(t)
	dir, sandbox := t.TempDir(), sandboxProcess(t)
	environ := append(sharedBroker(t), "BOOKING_DATABASE__URL="+url, "BOOKING_WORKERS__MEMORY=8", "BOOKING_WORKERS__POOLS__PROVIDER=4")
	one, first := serviceProcess(t, dir, sandbox, environ...)
	two, second := serviceProcess(t, dir, sandbox, environ...)
	acked := first.crowd(80)
	require.Len(t, acked, 80)
	second.allEnd(acked)
	require.NotZero(t, one.turns())
	require.NotZero(t, two.turns())
	for _, b := range acked[:10] {
		theirs := first.call("GET", "/v1/bookings/"+b.ID, first.bookings, "").is(http.StatusOK)
		ours := second.call("GET", "/v1/bookings/"+b.ID, second.bookings, "").is(http.StatusOK)
		require.Equal(t, string(theirs.body), string(ours.body))
		require.Equal(t, theirs.header.Get("ETag"), ours.header.Get("ETag"))
	}
}

func TestManyProcessesStartTogetherOnAnEmptyDatabase(t *testing.T) {
	t.Parallel()
	url := storetest.PostgresSchema(t)
	dir, sandbox := t.TempDir(), sandboxProcess(t)
	environ := append(sharedBroker(t), "BOOKING_DATABASE__URL="+url, "BOOKING_DATABASE__MAX_CONNS=4")
	var starting sync.WaitGroup
	for range 4 {
		starting.Go(func() {
			_, c := serviceProcess(t, dir, sandbox, environ...)
			require.Equal(t, "confirmed", c.untilDecided(c.submit(order{}).ID).Status)
		})
	}
	starting.Wait()
}

func TestCommandsSayWhatIsWrong(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		environ []string
		says    []string
	}{
		"all problems of the configuration at once": {[]string{"BOOKING_WORKERS__LEASE=0s", "BOOKING_ENGINE=abacus", "BOOKING_NO_SUCH=1"}, []string{"workers.lease", "engine", "BOOKING_NO_SUCH"}},
		"an address that is taken":                  {[]string{"BOOKING_HTTP__ADDR=256.0.0.1:1"}, []string{"http.addr"}},
		"a database that is not there":              {[]string{"BOOKING_DATABASE__URL=postgres://nobody@127.0.0.1:1/none?connect_timeout=2"}, []string{"database"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			p := run(t, []string{"serve"}, append(test.environ, "BOOKING_DATA_DIR="+t.TempDir(), "BOOKING_SANDBOX__ADDR=127.0.0.1:0")...)
			select {
			case <-p.exited:
			case <-ctx.Done():
				require.Fail(t, "it still runs")
			}
			require.Equal(t, 1, p.cmd.ProcessState.ExitCode())
			for _, word := range test.says {
				requireFileSays(t, p.log, word)
			}
		})
	}
}
