package workers

import (
	"slices"
	"time"

	"hotelbooking/booking"
)

// maxLanes is how many suppliers a pool knows before it forgets those that are idle.
const maxLanes = 256

// lane is the bookings of one outside system that wait for a slot, first in, first out; but those that go on come before
// those that begin, so that a burst does not hold all rooms before it confirms the first. Guarded by the pool.
type lane struct {
	name    string // the supplier in the provider pool; empty in the others
	breaker *breaker
	paused  *paused
	pauses  [2]string // the names under which it can be paused: its pool's and its supplier's
	running int
	probing int // of the running, those that try whether the system is back
	going   []*held
	fresh   []*held // at their first step
	behind  bool    // bookings of this lane wait in the database
	woken   bool    // so somebody said, and nobody has looked since
}

// lane is the lane of b's system, made when first used. The pool is locked.
func (p *pool) lane(b *booking.Booking) *lane {
	name := ""
	if p.name == booking.ProviderPool {
		name = b.Offer.Supplier
	}
	for _, l := range p.lanes {
		if l.name == name {
			return l
		}
	}
	if len(p.lanes) >= maxLanes { // names come from submissions, so what is idle is not kept for ever
		p.lanes = slices.DeleteFunc(p.lanes, (*lane).idle)
	}
	system, pauses := string(p.name), [2]string{p.pause}
	if name != "" {
		system += ":" + name
		pauses[1] = booking.PauseOfSupplier(name)
	}
	l := &lane{name: name, breaker: newBreaker(system, p.breaker), paused: p.paused, pauses: pauses}
	p.lanes = append(p.lanes, l)
	return l
}

// idle tells that nothing would be lost with the lane.
func (l *lane) idle() bool {
	return l.running == 0 && l.waiting() == 0 && !l.behind && l.breaker.state() == closed
}

// pausedSince tells that an operator wants nobody asked, and since when.
func (l *lane) pausedSince() (since time.Time, paused bool) { return l.paused.since(l.pauses[:]...) }

// leftAlone tells that nobody would be asked now.
func (l *lane) leftAlone() bool {
	_, paused := l.pausedSince()
	return paused || l.breaker.open()
}

// vacant is how many turns more the lane could run.
func (l *lane) vacant(perLane int) int {
	n := perLane - l.running
	if l.breaker.trying() {
		n = min(n, l.breaker.probes-l.probing)
	}
	return max(0, n)
}

func (l *lane) waiting() int { return len(l.going) + len(l.fresh) }

// next is the queue whose turn it is, head its first booking, and pop takes that out. Something waits.
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
