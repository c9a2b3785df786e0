package chaos_test

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/chaos/client"
	"hotelbooking/chaos/judge"
)

const (
	lease       = 3 * time.Second // of every instance
	restWithin  = 90 * time.Second
	stopWithin  = 40 * time.Second
	callWithin  = 5 * time.Second
	settleAfter = 200 * time.Millisecond
)

// usual makes an instance as impatient as a short run needs it. What a case gives to start comes after it, and wins.
func usual(sandbox string) []string {
	return []string{
		"BOOKING_HTTP__ADDR=127.0.0.1:0", "BOOKING_ADMIN__ADDR=127.0.0.1:0", "BOOKING_SANDBOX__ADDR=127.0.0.1:0", "BOOKING_SANDBOX__URL=" + sandbox,
		"BOOKING_HTTP__RATE__PER_KEY=0", "BOOKING_HTTP__RATE__PER_ADDRESS=0",
		"BOOKING_WORKERS__LEASE=" + lease.String(), "BOOKING_WORKERS__POLL=200ms",
		"BOOKING_FLOW__BACKOFF_BASE=50ms", "BOOKING_FLOW__BACKOFF_CAP=2s", "BOOKING_FLOW__UNDO_CAP=2s",
		"BOOKING_FLOW__CUSTOMER_WINDOW=2s", "BOOKING_FLOW__REVIEW_WINDOW=2s",
		"BOOKING_PROVIDERS__HOTEL__TIMEOUT=1500ms", "BOOKING_PROVIDERS__FRAUD__TIMEOUT=1500ms",
		"BOOKING_PROVIDERS__PAYMENT__TIMEOUT=1500ms", "BOOKING_PROVIDERS__TRACKING__TIMEOUT=1500ms",
		// Many ways to fail are tried at one supplier at once: its circuit would open for those who succeed.
		"BOOKING_WORKERS__BREAKER__MINIMUM=1000000",
	}
}

// kase is one case: the outside, the instances that ever ran, and what was done to them.
type kase struct {
	*testing.T
	name    string
	binary  string
	broken  bool // on purpose: what goes wrong is what the case is about
	alone   bool // nobody of the staff looks after what waits for them
	on      storage
	db      *sql.DB // the harness's own
	sandbox *sandbox
	environ []string // of every instance
	support string   // keys, once an instance has made them
	key     string

	mu        sync.Mutex // guards the rest, which the case writes, and clients read
	instances []*instance
	started   int
	did       map[string]int     // kills, pauses, ...
	counters  map[string]float64 // of instances that are gone
	figures   map[string]float64 // what else was measured, for the report
}

// instance is one `booking serve`.
type instance struct {
	*process
	base, admin string // base is "" where no requests are taken

	mu      sync.Mutex // guards the counters, which are read now and then
	scraped map[string]float64
}

// newCase starts the outside of a case. environ is of every instance.
func newCase(t *testing.T, name string, on storage, environ ...string) *kase {
	t.Helper()
	return caseOf(t, product(t), name, on, environ...)
}

// caseOf is newCase for another binary than the product.
func caseOf(t *testing.T, binary, name string, on storage, environ ...string) *kase {
	t.Helper()
	return &kase{
		T: t, name: name, binary: binary, on: on, db: on.open(t), environ: append(engine(t, on, environ), environ...),
		sandbox: startSandbox(t, product(t)), // without the mutant's defect
		did:     map[string]int{}, counters: map[string]float64{}, figures: map[string]float64{},
	}
}

// start brings up one more instance, and returns when it is ready.
func (c *kase) start(environ ...string) *instance {
	c.Helper()
	i := c.launch(environ...)
	c.ready(i)
	return i
}

// launch starts an instance and does not wait for it.
func (c *kase) launch(environ ...string) *instance {
	c.Helper()
	c.mu.Lock()
	c.started++
	name := fmt.Sprintf("instance-%d", c.started)
	c.mu.Unlock()
	all := append(usual(c.sandbox.url), "BOOKING_DATA_DIR="+c.on.dir)
	all = append(append(append(all, c.on.environ...), c.environ...), environ...)
	return &instance{process: startProcess(c.T, name, c.binary, []string{"serve"}, all)}
}

// ready waits until a launched instance takes requests; from then on clients find it.
func (c *kase) ready(i *instance) {
	c.Helper()
	var serving struct{ HTTP, Admin string }
	i.until("does not serve", func() bool { return i.says("serving", &serving) })
	i.admin = "http://" + serving.Admin
	if serving.HTTP != "" {
		i.base = "http://" + serving.HTTP
	}
	i.until("does not become ready", func() bool {
		a, err := client.Call(http.MethodGet, i.admin+"/readyz", "", "", callWithin)
		return err == nil && a.Status == http.StatusOK
	})
	key := func(name string) string {
		content, err := os.ReadFile(filepath.Join(c.on.dir, "keys", name+".key"))
		require.NoError(c, err)
		return strings.TrimSpace(string(content))
	}
	bookings, support := key("bookings"), key("support")
	c.mu.Lock()
	defer c.mu.Unlock()
	c.key, c.support = bookings, support
	c.instances = append(c.instances, i)
}

// somewhere is the address of any instance that takes requests and was not taken down; "" while there is none.
func (c *kase) somewhere() string {
	open := slices.DeleteFunc(c.running(), func(i *instance) bool { return i.base == "" })
	if len(open) == 0 {
		return ""
	}
	return open[rand.IntN(len(open))].base
}

// kill ends an instance as a crash would.
func (c *kase) kill(i *instance) {
	c.Helper()
	i.scrape()
	c.count("kills")
	i.signal(syscall.SIGKILL)
	<-i.exited
	c.gone(i)
}

// pause stops an instance as a machine that swaps, or is moved, would. Clients go on finding it.
func (c *kase) pause(i *instance) {
	c.Helper()
	c.count("pauses")
	i.signal(syscall.SIGSTOP)
}

func (c *kase) resume(i *instance) {
	c.Helper()
	i.signal(syscall.SIGCONT)
}

// terminate asks an instance to end, and returns its exit code and how long it took. Clients find it as long as it serves.
func (c *kase) terminate(i *instance) (code int, took time.Duration) {
	c.Helper()
	i.scrape()
	c.count("stops")
	asked := time.Now()
	i.signal(syscall.SIGTERM)
	select {
	case <-i.exited:
	case <-time.After(stopWithin):
		require.Fail(c, "it does not end", "%s still runs %s after it was asked to end\n%s", i.name, stopWithin, i.tail(10))
	}
	took = time.Since(asked)
	c.gone(i)
	return i.cmd.ProcessState.ExitCode(), took
}

// hide lets no client find an instance any more, as a balancer does that has noticed.
func (c *kase) hide(i *instance) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.instances = slices.DeleteFunc(slices.Clone(c.instances), func(one *instance) bool { return one == i })
}

// gone hides an instance, and keeps what it counted.
func (c *kase) gone(i *instance) {
	c.hide(i)
	c.mu.Lock()
	defer c.mu.Unlock()
	for name, value := range i.counted() {
		c.counters[name] += value
	}
}

// count notes that something was done to the case; the report shows it.
func (c *kase) count(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.did[what]++
}

// done is how often that was.
func (c *kase) done(what string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.did[what]
}

// figure keeps what was measured, for the report.
func (c *kase) figure(name string, value float64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.figures[name] = value
}

// running are the instances that were not taken down: clients find those of them that take requests.
func (c *kase) running() []*instance {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]*instance(nil), c.instances...)
}

// total sums the counters of all instances, those that are gone included.
func (c *kase) total() map[string]float64 {
	for _, i := range c.running() {
		i.scrape()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	sum := map[string]float64{}
	for name, value := range c.counters {
		sum[name] += value
	}
	for _, i := range c.instances {
		for name, value := range i.counted() {
			sum[name] += value
		}
	}
	return sum
}

// rest waits until nothing is under way any more: no booking that goes on by itself, no call whose effect is still to come.
// It returns how many bookings still move when its patience ends.
func (c *kase) rest() (stuck int) {
	c.Helper()
	began, within := time.Now(), restWithin
	if c.broken {
		within = 20 * time.Second
	}
	for time.Since(began) < within {
		var err error
		stuck, err = c.moving()
		if err == nil && stuck == 0 {
			_, pending := c.sandbox.ledger()
			again, err := c.moving() // what arrived late may have woken somebody
			if pending == 0 && err == nil && again == 0 {
				if _, before := c.figures["rest_seconds"]; !before { // the first time is from when the faults ceased
					c.figure("rest_seconds", time.Since(began).Seconds())
				}
				return 0
			}
		}
		<-time.After(settleAfter)
	}
	return max(stuck, 1)
}

func (c *kase) moving() (int, error) {
	ctx, cancel := context.WithTimeout(context.Background(), callWithin)
	defer cancel()
	return count(ctx, c.db, judge.Moving)
}

// leases are the bookings that somebody holds: their version by id, and their owner.
func (c *kase) leases() map[string]leaseOf {
	c.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), callWithin)
	defer cancel()
	held := map[string]leaseOf{}
	err := judge.Each(ctx, c.db, leased, func(scan func(...any) error) error {
		var id string
		var l leaseOf
		err := scan(&id, &l.owner, &l.version)
		held[id] = l
		return err
	})
	require.NoError(c, err)
	return held
}

type leaseOf struct {
	owner   string
	version int
}
