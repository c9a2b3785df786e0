package workers

import (
	"context"
	"slices"
	"sync"
	"time"

	conc "github.com/sourcegraph/conc/pool"

	"hotelbooking/booking"
)

// leftBehind bounds, for each slot, the calls that ignored their deadline and still run. Beyond it they keep their slots.
const leftBehind = 4

// pool runs the turns of one kind of outside system, so many at once. Inside it each lane has its own bound, so that one
// slow supplier cannot take every slot.
//
// conc is used as its traps ask for: the slots are ours and are taken before Go, so that Go never blocks; one dispatcher
// submits; tasks never panic out; nothing is submitted after Wait.
type pool struct {
	name     booking.Pool
	governed bool         // nothing goes on here in memory: see Config
	entrance bool         // bookings begin in this pool,
	first    booking.Name // at this step
	size     int
	perLane  int
	deadline time.Duration
	breaker  Breaker
	paused   *paused
	pause    string // the name under which it can be paused
	tasks    *conc.Pool
	wake     chan struct{} // for the dispatcher: something may have become startable
	claim    func()        // tells the claimer that slots are free while bookings wait in the database

	mu      sync.Mutex
	running int     // slots taken
	left    int     // calls that their turns were taken away from, and that still run
	lanes   []*lane // made when first used
	behind  bool    // bookings of any lane wait in the database
	woken   bool    // so somebody said, and nobody has looked since
	alarm   *time.Timer
	alarmAt time.Time
}

func newPool(name booking.Pool, first booking.Step, cfg Config, paused *paused, claim func()) *pool {
	p := &pool{
		name: name, governed: slices.Contains(cfg.Governed, name), entrance: name == first.Pool, first: first.Name,
		size: cfg.slots(name), perLane: cfg.slots(name), deadline: cfg.deadline(name), breaker: cfg.Breaker, paused: paused, pause: booking.PauseOfPool(name),
		tasks: conc.New(), wake: make(chan struct{}, 1), claim: claim,
	}
	if name == booking.ProviderPool {
		p.perLane = min(p.perLane, cfg.PerSupplier)
	}
	return p
}

// dispatch starts what can be started until ctx ends. It is the only submitter of tasks. begin runs here, run in the task.
func (p *pool) dispatch(ctx context.Context, begin func(), run func(*turn)) {
	for ctx.Err() == nil {
		t := p.next()
		if t == nil {
			select {
			case <-ctx.Done():
			case <-p.wake:
			}
			continue
		}
		begin()
		p.tasks.Go(func() { run(t) })
	}
}

// next takes a slot for a turn of the booking that waits longest among the lanes that have one; nil where none can start.
func (p *pool) next() *turn {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.running >= p.size {
		return nil
	}
	var first *lane
	for _, l := range p.lanes {
		if l.waiting() == 0 || l.vacant(p.perLane) == 0 {
			continue
		}
		if first == nil || l.head().since.Before(first.head().since) {
			first = l
		}
	}
	if first == nil {
		return nil
	}
	t := &turn{pool: p, lane: first, held: first.pop(), probe: first.breaker.trying()}
	p.running++
	first.running++
	if t.probe {
		first.probing++
	}
	return t
}

// push lets h wait for a slot.
func (p *pool) push(h *held) {
	p.mu.Lock()
	h.since = time.Now()
	l := p.lane(h.b)
	if p.entrance && h.b.Place.Phase == booking.Doing && h.b.Place.Step == p.first {
		l.fresh = append(l.fresh, h)
	} else {
		l.going = append(l.going, h)
	}
	p.mu.Unlock()
	signal(p.wake)
}

// done gives the slot of a turn back. A turn that was taken away from its call leaves the call behind without a slot; but
// beyond leftBehind such calls keep theirs until they return.
func (p *pool) done(t *turn) {
	p.mu.Lock()
	t.settled = true
	left := t.away && !t.back
	if !left || p.left < leftBehind*p.size {
		p.free(t)
	}
	if left {
		p.left++
	}
	p.mu.Unlock()
	p.stir()
}

// takeAway says that the turn's call goes on without it, and returned that it came back after all.
func (p *pool) takeAway(t *turn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	t.away = true
}

func (p *pool) returned(t *turn) {
	p.mu.Lock()
	t.back = true
	if t.settled {
		p.left--
	}
	if t.settled && !t.freed {
		p.free(t)
	}
	p.mu.Unlock()
	p.stir()
}

// free frees the slot of t. The pool is locked.
func (p *pool) free(t *turn) {
	t.freed = true
	p.running--
	t.lane.running--
	if t.probe {
		t.lane.probing--
	}
}

// stir looks whether free slots are of use to anybody.
func (p *pool) stir() {
	signal(p.wake)
	p.mu.Lock()
	hungry := p.hungry()
	p.mu.Unlock()
	if hungry {
		p.claim()
	}
}

// close stops what would still come; the dispatcher has ended. It waits for the tasks, but not for calls left behind, and
// returns how many there are.
func (p *pool) close() int {
	p.mu.Lock()
	if p.alarm != nil {
		p.alarm.Stop()
	}
	left := p.left
	p.mu.Unlock()
	if left == 0 {
		p.tasks.Wait()
		return 0
	}
	go p.tasks.Wait() // ends with the last of the calls, which nobody can stop; the others' goroutines end now
	return left
}

// empty takes out all bookings that wait.
func (p *pool) empty() []*held {
	p.mu.Lock()
	defer p.mu.Unlock()
	var waiting []*held
	for _, l := range p.lanes {
		waiting = append(append(waiting, l.going...), l.fresh...)
		l.going, l.fresh = nil, nil
	}
	return waiting
}

// poolStats is what a pool is doing.
type poolStats struct {
	running, ready, left int
	breakers             []*breaker
}

func (p *pool) stats() poolStats {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := poolStats{running: p.running, left: p.left}
	for _, l := range p.lanes {
		s.ready += l.waiting()
		s.breakers = append(s.breakers, l.breaker)
	}
	return s
}

// signal wakes whoever reads c, now or at its next look. c has room for one.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
