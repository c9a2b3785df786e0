package chaos_test

import (
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/chaos/judge"
)

// twoSuppliers is the product with a second hotel supplier: another address of the same sandbox. The product's configuration
// has one supplier so far, so the second is put in its wiring.
func twoSuppliers(t *testing.T) string {
	t.Helper()
	return mutant(t, "two suppliers", map[string][]string{"connect.go": {
		`suppliers := hotel.Suppliers{"sandbox": hotels}`,
		`second, _ := sandboxhotel.New(providers.Config{BaseURL: os.Getenv("CHAOS_SECOND_SUPPLIER"), Timeout: cfg.Providers.Hotel.Timeout, Observe: observe})
	suppliers := hotel.Suppliers{"sandbox": hotels, "second": second}`,
		"import (\n", "import (\n\t\"os\"\n",
	}})
}

// One supplier of two is dead: it takes calls and never answers. Those who book with the other do not notice.
func TestADeadSupplierOfTwo(t *testing.T) {
	form := runs(t) // not beside others: it measures
	c := caseOf(t, twoSuppliers(t), "one dead supplier of two", onPostgres(t, ownPostgres(t)),
		"BOOKING_WORKERS__POOLS__PROVIDER=16", "BOOKING_WORKERS__PER_SUPPLIER=8", "BOOKING_WORKERS__LEASE=15s")
	calm := healthy()
	calm["hotel"] = faults{Latency: &latency{P50: 60, P99: 100}}
	c.sandbox.misbehave(calm)
	var dead atomic.Bool
	stopped := atomic.Int64{}
	gate := newGate(t, c.sandbox.url, func(*http.Request, []byte) bool {
		if dead.Load() {
			stopped.Add(1)
		}
		return dead.Load()
	})
	c.start("CHAOS_SECOND_SUPPLIER=" + gate)
	ok := judge.Only("ok")
	second := slices.Clone(ok)
	second[0].Supplier = "second"

	// Both live.
	first := plan{clients: 12, kinds: ok, cancel: -1, pause: 150 * time.Millisecond}
	bookings := form.of(250, 3000)
	load := c.offer(first)
	load.ends(20) // the first ones pay for what is made only once
	since := time.Now()
	load.ends(bookings)
	before := load.between(since, time.Now())

	dead.Store(true)
	victims := c.offer(plan{clients: 100, kinds: second, cancel: -1})
	c.until("the dead supplier has all it may take", 30*time.Second, func() bool { return stopped.Load() > 30 })
	since = time.Now()
	load.ends(bookings)
	after := load.between(since, time.Now())
	dead.Store(false)
	load.stop()
	r := c.judge(load.with(victims))
	r.Figures["p50_before_ms"], r.Figures["p99_before_ms"] = before.at(.5), before.at(.99)
	r.Figures["p50_beside_ms"], r.Figures["p99_beside_ms"] = after.at(.5), after.at(.99)
	r.Figures["p99_ratio"], r.Figures["p50_ratio"] = after.at(.99)/before.at(.99), after.at(.5)/before.at(.5)
	r.Done["calls_never_answered"] = int(stopped.Load())
	c.require(r, needs{"unknown"})
	// Without the bulkhead it is the supplier's time-out, a second and a half, again and again.
	most := 2.5
	if form == long {
		most = 1.5
	}
	require.Less(t, r.Figures["p50_ratio"], most, "who books with the other supplier waits, too")
}

// times are how long bookings took, sorted.
type times []time.Duration

// between is how long those took that were submitted and decided between two moments, from the 202 to the decision.
func (l *load) between(from, to time.Time) times {
	l.mu.Lock()
	defer l.mu.Unlock()
	var took times
	for _, s := range l.stories {
		if s.Acked.After(from) && !s.Decided.IsZero() && s.Decided.Before(to) {
			took = append(took, s.Decided.Sub(s.Acked))
		}
	}
	slices.Sort(took)
	return took
}

// at is a quantile in milliseconds.
func (t times) at(share float64) float64 {
	if len(t) == 0 {
		return 0
	}
	return float64(t[int(share*float64(len(t)-1))].Microseconds()) / 1000
}

// with is one load made of two, once both have stopped: for the comparison at the end.
func (l *load) with(other *load) *load {
	other.stop()
	l.beside = append(l.beside, other)
	return l
}
