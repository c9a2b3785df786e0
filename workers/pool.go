package workers

import (
	"context"
	"slices"
	"sync"
	"time"

	conc "github.com/sourcegraph/conc/pool"

	"hotelbooking/booking"
)

const (
	// depth is how many bookings may wait in memory for each slot of a lane: enough for the bursts that a group commit
	// releases, and little enough that another process on the same database finds work, too.
	depth = 8
	// leftBehind bounds, for each slot, the calls that ignored their deadline and still run. Beyond it they keep their slots.
	leftBehind = 4
	// worthwhile: a claim between polls waits until this part of the pool's slots is free, because claims are dear.
	worthwhile = 8
	// maxLanes is how many suppliers a pool knows before it forgets those that are idle.
	maxLanes = 256
)

// pool runs the turns of one kind of outside system, so many at once. Inside it each lane has its own bound, so that one
// slow supplier cannot take every slot.
//
// conc is used as its traps ask for: the slots are ours and are taken before Go, so that Go never blocks; one dispatcher
// submits; tasks never panic out; nothing is submitted after Wait.
type pool struct {
	name     booking.Pool
	entrance bool         // bookings begin in this pool,
	first    booking.Name // at this step
	size     int
	perLane  int
	deadline time.Duration
	breaker  Breaker
	tasks    *conc.Pool
	wake     chan struct{} // for the dispatcher: something may have become startable
	claim    func()        // tells the claimer that slots are free while bookings wait in the database

	mu      sync.Mutex
	running int     // slots taken
	left    int     // calls that their turns were taken away from, and that still run
	lanes   []*lane // made when first used
	behind  bool    // bookings of any lane wait in the database
	alarm   *time.Timer
	alarmAt time.Time
}

// lane is the bookings of one outside system that wait for a slot, first in, first out; but those that go on come before
// those that begin, so that a burst does not hold all rooms before it confirms the first. Guarded by the pool.
type lane struct {
	name    string // the supplier in the provider pool; empty in the others
	breaker *breaker
	running int
	probing int // of the running, those that try whether the system is back
	going   []*held
	fresh   []*held // at their first step
	behind  bool    // bookings of this lane wait in the database
}

func newPool(name booking.Pool, first booking.Step, cfg Config, claim func()) *pool {
	p := &pool{
		name: name, entrance: name == first.Pool, first: first.Name, size: cfg.slots(name), perLane: cfg.slots(name), deadline: cfg.deadline(name), breaker: cfg.Breaker,
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
		if l.waiting() == 0 || l.running >= p.perLane || l.full() {
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

// full tells that all probes of a system that is being tried again are under way.
func (l *lane) full() bool { return l.probing >= l.breaker.probes && l.breaker.trying() }

func (l *lane) waiting() int { return len(l.going) + len(l.fresh) }

func (l *lane) next() *[]*held {
	if len(l.going) > 0 {
		return &l.going
	}
	return &l.fresh
}

func (l *lane) head() *held { return (*l.next())[0] }

func (l *lane) pop() *held {
	queue := l.next()
	h := (*queue)[0]
	(*queue)[0] = nil
	*queue = (*queue)[1:]
	return h
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

// room tells whether b, which begins or goes on, may wait in memory, given how many more could be held at all. Where there
// is no room, the claimer brings it in when it is due.
//
// What begins waits in the database while others do, or it would overtake them for ever. What goes on may always wait in
// the pool where bookings begin, because there the claimer would bring in all the new ones before it; in the other pools it
// waits in the database while others that go on do.
func (p *pool) room(b *booking.Booking, begins bool, memory int) bool {
	if p.entrance && !begins {
		return true
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	l := p.lane(b)
	if p.behind || l.behind {
		return false
	}
	if l.waiting() >= min(depth*p.perLane, max(p.perLane, memory)) {
		l.behind = true
		return false
	}
	return true
}

// lane is the lane of b's system, made when first used. The pool is locked.
func (p *pool) lane(b *booking.Booking) *lane {
	name, system := "", string(p.name)
	if p.name == booking.ProviderPool {
		name = b.Offer.Supplier
		system += ":" + name
	}
	for _, l := range p.lanes {
		if l.name == name {
			return l
		}
	}
	if len(p.lanes) >= maxLanes { // names come from submissions, so what is idle is not kept for ever
		p.lanes = slices.DeleteFunc(p.lanes, (*lane).idle)
	}
	l := &lane{name: name, breaker: newBreaker(system, p.breaker)}
	p.lanes = append(p.lanes, l)
	return l
}

func (l *lane) idle() bool {
	return l.running == 0 && l.waiting() == 0 && !l.behind && l.breaker.state() == closed
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

// wants is how many bookings could start at once, and the lanes that could take none: no slot, or a system that is left
// alone. With all those of the latter are wanted, too: their own deadlines must be looked at however long a system is down.
func (p *pool) wants(all bool) (n int, except []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range p.lanes {
		if l.running+l.waiting() >= p.perLane || l.full() || !all && l.breaker.open() {
			if l.name == "" {
				return 0, nil
			}
			except = append(except, l.name)
		}
	}
	return p.spare(), except
}

// spare is the slots that are neither taken nor spoken for. The pool is locked.
func (p *pool) spare() int {
	free := p.size - p.running
	for _, l := range p.lanes {
		free -= min(l.waiting(), max(0, p.perLane-l.running))
	}
	return max(0, free)
}

// leavesOut tells that bookings of some lane are left in the database because its system is left alone.
func (p *pool) leavesOut() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.ContainsFunc(p.lanes, func(l *lane) bool { return l.breaker.open() || l.full() })
}

// hungry tells that slots are free, of the pool and of a lane that has bookings waiting in the database, and enough of them
// to be worth a claim. The pool is locked.
func (p *pool) hungry() bool {
	return p.spare()*worthwhile >= p.size && slices.ContainsFunc(p.lanes, func(l *lane) bool {
		return (p.behind || l.behind) && p.perLane > l.running+l.waiting()
	})
}

// claimed notes what a claim has found out, and tells whether another one would bring more: it was full, and there are slots
// for what is still waiting. Where it was not full, nothing waits but of the lanes that were left out.
func (p *pool) claimed(full bool, except []string) (more bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	known := false // whose the rest is
	for _, l := range p.lanes {
		if slices.Contains(except, l.name) {
			continue
		}
		l.behind = l.behind && full
		known = known || l.behind
	}
	p.behind = full && (p.behind || !known)
	return p.behind || full && p.hungry()
}

// dueAt wakes the claimer when a booking that this process let go of becomes due, so that it need not wait for the poll. Only
// the earliest such moment is kept; the poll finds the others.
func (p *pool) dueAt(at time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.alarm != nil && !at.Before(p.alarmAt) {
		return
	}
	if p.alarm != nil {
		p.alarm.Stop()
	}
	p.alarmAt = at
	p.alarm = time.AfterFunc(time.Until(at), func() {
		p.mu.Lock()
		p.alarm = nil
		p.mu.Unlock()
		p.claim()
	})
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
