package workers

import (
	"slices"
	"time"

	"hotelbooking/booking"
)

const (
	// depth is how many bookings may wait in memory for each slot of a lane: enough for the bursts that a group commit
	// releases, and little enough that another process on the same database finds work, too.
	depth = 8
	// worthwhile: a claim between polls waits until this part of the pool's slots is free, because claims are dear.
	worthwhile = 8
)

// room tells whether b, which begins or goes on, may wait in memory, given how many more could be held at all. Where there
// is no room, the claimer brings it in when it is due.
//
// What begins waits in the database while others do, or it would overtake them for ever. What goes on may always wait in
// the pool where bookings begin, because there the claimer would bring in all the new ones before it; in the other pools it
// waits in the database while others that go on do.
func (p *pool) room(b *booking.Booking, begins bool, memory int) bool {
	if p.governed {
		return false
	}
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

// wants is how many bookings could start at once, and the lanes that could take none: no slot, or a system that is left
// alone, because it is down or because an operator wants it so. With all those of the latter are wanted, too: their own deadlines must be looked at however long a system is down.
func (p *pool) wants(all bool) (n int, except []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, paused := p.paused.since(p.pause); paused && !all { // suppliers that have no lane yet, too
		return 0, nil
	}
	for _, l := range p.lanes {
		if l.vacant(p.perLane) <= l.waiting() || !all && l.leftAlone() {
			if l.name == "" {
				return 0, nil
			}
			except = append(except, l.name)
		}
	}
	return p.spare(), except
}

// told notes that bookings of any lane are said to wait. A look at them for which there is no slot is owed until there is one.
func (p *pool) told() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.woken = true
}

// looks notes that what is said to wait is about to be looked for, but for some lanes.
func (p *pool) looks(except []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range p.lanes {
		l.woken = (l.woken || p.woken) && slices.Contains(except, l.name)
	}
	p.woken = false
}

// leavesAny tells that the pool, or a system of it, is left alone.
func (p *pool) leavesAny() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, paused := p.paused.since(p.pause)
	return paused || slices.ContainsFunc(p.lanes, (*lane).leftAlone)
}

// spare is the slots that are neither taken nor spoken for. The pool is locked.
func (p *pool) spare() int {
	free := p.size - p.running
	for _, l := range p.lanes {
		free -= min(l.waiting(), l.vacant(p.perLane))
	}
	return max(0, free)
}

// leavesOut tells that bookings of some lane are left in the database because its system is down.
func (p *pool) leavesOut() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.ContainsFunc(p.lanes, func(l *lane) bool {
		return l.breaker.open() || l.breaker.trying() && l.vacant(p.perLane) <= l.waiting()
	})
}

// hungry tells that slots are free, of the pool and of a lane that has bookings waiting in the database, and enough of them
// to be worth a claim. The pool is locked.
func (p *pool) hungry() bool {
	return p.spare()*worthwhile >= p.size && slices.ContainsFunc(p.lanes, func(l *lane) bool {
		return (p.behind || l.behind || p.woken || l.woken) && !l.leftAlone() && l.vacant(p.perLane) > l.waiting()
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
			l.behind = l.behind || p.behind // what was left by an earlier claim may be all of this lane
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
