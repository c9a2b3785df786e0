package sim_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"hotelbooking/booking"
	"hotelbooking/providers/sandbox"
	"hotelbooking/store"
	"hotelbooking/workers"
	"hotelbooking/workers/jetstream/brokertest"
)

// world is one simulation: a database that loses no commit, an outside that never dies, and between them instances of the
// service that do.
type world struct {
	t       *testing.T
	trace   *trace
	luck    *luck
	began   time.Time
	store   *store.Store
	sandbox *sandbox.Server
	broker  *brokertest.Broker // nil: there is none
	fleet   fleet
	slots   []*slot
	hazard  hazard // what strikes calls to the database and to the outside
	engine  workers.Config

	back    time.Duration // how far that clock was set back at most: everything is due so much later; written by the nemesis, read in peace
	skew    atomic.Int64  // how far the database's clock is from the others', nanoseconds
	closing atomic.Bool
	over    chan struct{} // closed: everybody goes home
	actors  sync.WaitGroup

	mu       sync.Mutex // guards what follows
	guests   []*guest
	breaches []string
	seen     map[string]int // coverage: how often what happened
	notices  map[string]int // that were stored, by the booking's reference
	deaths   map[string]int // of processes that a poisonous booking killed, by its reference
}

const (
	webhookSecret = "of the simulation"
	guestKey      = "bk_bookings_of-the-simulation"
	staffKey      = "bk_support_of-the-simulation"
)

// newWorld is a world in which nothing happens yet. It must be made in a bubble, and ended in it.
func newWorld(t *testing.T, luck *luck, f fleet, engine workers.Config, h hazard, tr *trace) *world {
	t.Helper()
	w := &world{
		t: t, trace: tr, luck: luck, began: time.Now(), fleet: f, hazard: h, engine: engine,
		over: make(chan struct{}), seen: map[string]int{}, deaths: map[string]int{}, notices: map[string]int{},
	}
	var err error
	w.store, err = store.Open(t.Context(), store.Config{
		Dir: ":memory:", UnsafeDurability: true, Now: func() time.Time { return time.Now().Add(time.Duration(w.skew.Load())) },
		Keys: store.Keys{Current: "sim", Wrap: map[string][]byte{"sim": bytes.Repeat([]byte{1}, 32)}, Index: bytes.Repeat([]byte{2}, 32)},
	}, zap.NewNop())
	require.NoError(t, err)
	w.sandbox, err = sandbox.New(sandbox.Config{
		Seed: luck.seed | 1, SettleAfter: 2 * time.Second, HangFor: 20 * time.Second,
		Latency:       map[sandbox.System]sandbox.Latency{sandbox.Hotel: {P50: 300, P99: 2500}, sandbox.Fraud: {P50: 100, P99: 900}, sandbox.Payment: {P50: 200, P99: 1500}, sandbox.Tracking: {P50: 60, P99: 400}},
		WebhookSecret: webhookSecret, WebhookURL: "http://service/v1/webhooks/sandbox", Transport: balancer{w, w.luck.of("notifications")},
	})
	require.NoError(t, err)
	w.broker = w.newBroker()
	for number, n := range f.nodes {
		w.slots = append(w.slots, &slot{world: w, number: number, node: n})
	}
	return w
}

// begin starts all instances.
func (w *world) begin() {
	for _, s := range w.slots {
		w.actors.Go(s.run)
	}
}

// stop sends everybody home. The database and the sandbox can still be read.
func (w *world) stop() {
	close(w.over)
	w.actors.Wait()
}

// end closes what is left; what still runs afterwards makes the bubble fail.
func (w *world) end() {
	require.NoError(w.t, w.sandbox.Close())
	require.NoError(w.t, w.store.Close())
}

// since is how much time has passed in the world.
func (w *world) since() time.Duration { return time.Since(w.began) }

// pass lets time pass; false: the simulation is over.
func (w *world) pass(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-w.over:
		return false
	}
}

// breach notes a broken promise.
func (w *world) breach(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	w.trace.add(w.since(), "BROKEN", "%s", text)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.breaches = append(w.breaches, text)
}

// count notes that something happened that the simulation is there to make happen.
func (w *world) count(what string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen[what]++
}

// killed notes that a poisonous booking's hold kills a process.
func (w *world) killed(hold []byte) {
	var body struct {
		Reference string `json:"reference"`
	}
	if err := json.Unmarshal(hold, &body); err != nil {
		panic(err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.deaths[body.Reference]++
}

// noticed notes that a notification was stored.
func (w *world) noticed(reference string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.notices[reference]++
}

// everybody is the guests so far.
func (w *world) everybody() []*guest {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]*guest(nil), w.guests...)
}

// slot is a place for an instance: when one has died, another is started in it.
type slot struct {
	world  *world
	number int
	node   node
	boots  int
	held   time.Duration // how long the next start waits; written by who kills, before it does
	now    atomic.Pointer[instance]
}

// run keeps an instance running until the simulation is over.
func (s *slot) run() {
	luck := s.world.luck.of("slot", strconv.Itoa(s.number))
	s.world.pass(luck.about(0))
	for {
		i := s.world.boot(s)
		s.now.Store(i)
		select {
		case <-i.dead:
			i.bury()
		case <-i.leaving:
			i.leave()
		case <-s.world.over:
			i.leave()
			return
		}
		s.now.Store(nil)
		if !s.world.pass(luck.about(s.held)) {
			return
		}
	}
}

// balancer sends a request to one of the instances, as a load balancer that does not know which of them live.
type balancer struct {
	world *world
	luck  *dice
}

func (b balancer) RoundTrip(r *http.Request) (*http.Response, error) {
	doors := slices.DeleteFunc(slices.Clone(b.world.slots), func(s *slot) bool { return !s.node.api })
	i := pick(b.luck, doors...).now.Load()
	if i == nil {
		return nil, errRefused
	}
	return i.serve(r)
}

// limits are how long the flow waits for whom here: short, so that every wait has its end within a schedule.
func limits() booking.Limits {
	l := booking.DefaultLimits()
	l.BookingDeadline, l.CustomerWindow, l.ReviewWindow = 2*time.Minute, 20*time.Second, 30*time.Second
	l.UnknownFor, l.AttentionAfter, l.UndoCap = 40*time.Second, 10*time.Second, 20*time.Second
	return l
}

// background is the context of what nobody cancels.
var background = context.Background()
