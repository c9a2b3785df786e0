package chaos_test

import (
	crypto "crypto/rand"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/chaos/judge"
)

const (
	acksWithin = 90 * time.Second
	ackEvery   = 200 * time.Millisecond // at least, on a machine that is busy with other things
)

// plan is what clients do.
type plan struct {
	clients int           // at once; each has one booking under way. 0: 40
	kinds   []judge.Kind  // nil: the usual mix
	pause   time.Duration // of a client between two bookings, about
	cancel  float64       // the share of bookings that their clients cancel at a random moment; below 0: none, 0: one in twelve
	seed    uint64
	only    func() string // where clients go; nil: to any instance
	hammer  bool          // they ignore Retry-After, ask again after pause, and do not follow their bookings
}

// load is clients at work. Each books, follows its booking to the end, and books again, until the load is ended.
type load struct {
	c     *kase
	plan  plan
	name  string        // no two loads share keys
	quit  chan struct{} // closed: no new bookings
	over  chan struct{} // closed: nothing more will happen to those that there are
	work  sync.WaitGroup
	next  atomic.Int64
	acked atomic.Int64
	ended atomic.Int64

	beside []*load // others whose bookings are judged together with its own

	mu      sync.Mutex // guards stories, to which each client adds its own
	stories []*judge.Story
}

// offer sends the clients.
func (c *kase) offer(p plan) *load {
	c.Helper()
	if p.clients == 0 {
		p.clients = 40
	}
	if p.kinds == nil {
		p.kinds = judge.Kinds()
	}
	if p.cancel == 0 {
		p.cancel = 1. / 12
	}
	if p.only == nil {
		p.only = c.somewhere
	}
	l := &load{c: c, plan: p, name: strings.ToLower(crypto.Text()[:8]), quit: make(chan struct{}), over: make(chan struct{})}
	for n := range p.clients {
		l.work.Go(func() { l.client(rand.New(rand.NewPCG(p.seed, uint64(n)))) })
	}
	c.Cleanup(func() { l.stop(); l.leave() })
	return l
}

// stop lets no client begin another booking.
func (l *load) stop() { l.closeOnce(l.quit) }

// all is what its clients, and those of the loads beside it, did and saw, once they have left.
func (l *load) all() []*judge.Story {
	stories := l.stories
	for _, other := range l.beside {
		other.leave()
		stories = append(stories, other.stories...)
	}
	return stories
}

// leave sends the clients home, where bookings that have not been decided by now never will be, and returns when they have gone.
func (l *load) leave() {
	l.closeOnce(l.over)
	l.work.Wait()
}

func (l *load) closeOnce(c chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !closed(c) {
		close(c)
	}
}

func closed(c chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// acks waits until so many more bookings were acknowledged.
func (l *load) acks(more int) {
	l.c.Helper()
	l.reach("acknowledged", &l.acked, more)
}

// ends waits until so many more bookings were decided, as their clients saw.
func (l *load) ends(more int) {
	l.c.Helper()
	l.reach("decided", &l.ended, more)
}

func (l *load) reach(what string, counter *atomic.Int64, more int) {
	l.c.Helper()
	want := counter.Load() + int64(more)
	for deadline := time.Now().Add(acksWithin + time.Duration(more)*ackEvery); counter.Load() < want; <-time.After(poll) {
		require.True(l.c, time.Now().Before(deadline), "only %d bookings of %d were %s", counter.Load(), want, what)
	}
}

func (l *load) client(random *rand.Rand) {
	for !closed(l.quit) {
		l.book(random)
		select {
		case <-l.quit:
		case <-time.After(time.Duration(random.Float64() * 2 * float64(l.plan.pause))):
		}
	}
}
