package workers

import (
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"hotelbooking/booking"
)

const (
	// figuresEvery is how far apart samples are, and figuresKept how many are kept: an hour of them.
	figuresEvery = 5 * time.Second
	figuresKept  = 720
)

// totals are the counts that people see in the console. The metrics feed them: each is counted in one place for both.
type totals struct {
	accepted, shed, confirmed, cancelled, failed, unknown atomic.Int64

	mu    sync.Mutex
	codes map[booking.Reason]int64 // of failed bookings
}

func (t *totals) decided(result booking.Result, code booking.Reason) {
	switch result {
	case booking.Confirmed:
		t.confirmed.Add(1)
	case booking.Cancelled:
		t.cancelled.Add(1)
	case booking.Failed:
		t.failed.Add(1)
		t.mu.Lock()
		defer t.mu.Unlock()
		if t.codes == nil {
			t.codes = map[booking.Reason]int64{}
		}
		t.codes[code]++
	case booking.Undecided:
	}
}

func (t *totals) failedBy() map[booking.Reason]int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return maps.Clone(t.codes)
}

// past keeps the last samples, oldest first. Nobody writes into a sample once it is in.
type past struct {
	mu      sync.Mutex
	samples []booking.Figures
}

func (p *past) add(f booking.Figures) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.samples) >= figuresKept {
		p.samples = slices.Delete(p.samples, 0, len(p.samples)-figuresKept+1)
	}
	p.samples = append(p.samples, f)
}

func (p *past) kept() []booking.Figures {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append(make([]booking.Figures, 0, len(p.samples)+1), p.samples...)
}

// Figures lists what this process did and had before it during the last hour, oldest first; the last is of now. It asks no
// database. The maps and slices in it are shared, so callers only read.
func (w *Workers) Figures() []booking.Figures { return append(w.past.kept(), w.figures()) }

// keepFigures is one round of the loop that takes samples.
func (w *Workers) keepFigures(context.Context, bool) error {
	w.past.add(w.figures())
	return nil
}

// figures is a sample of now.
func (w *Workers) figures() booking.Figures {
	t := &w.metrics.totals
	f := booking.Figures{
		At:       w.now(),
		Accepted: t.accepted.Load(), Shed: t.shed.Load(), Unknown: t.unknown.Load(),
		Confirmed: t.confirmed.Load(), Cancelled: t.cancelled.Load(), Failed: t.failed.Load(), Codes: t.failedBy(),
		Backlog: w.admission.backlog(), Oldest: time.Duration(w.admission.oldest.Load()), Held: w.ledger.count(),
	}
	for _, p := range w.pools {
		s := p.stats()
		f.Pools = append(f.Pools, booking.PoolFigures{Pool: p.name, InUse: s.running, Size: p.size, Waiting: s.ready})
		for _, b := range s.breakers {
			f.Breakers = append(f.Breakers, booking.BreakerFigures{System: b.system, State: stateNames[b.state()]})
		}
	}
	return f
}

// stateNames are the states of a breaker as people are told of them.
var stateNames = [...]booking.BreakerState{closed: booking.BreakerClosed, 1: booking.BreakerHalfOpen, 2: booking.BreakerOpen}
