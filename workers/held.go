package workers

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"hotelbooking/booking"
)

// held is a booking whose lease this process has. It waits in one lane, or one turn of it runs, never both.
type held struct {
	id    booking.ID
	owner string

	b     *booking.Booking // the row as last read or written; its turns replace it, and nobody writes into it
	read  time.Time        // when that was; written with b
	since time.Time        // since when it waits in its lane; guarded by the pool

	moved atomic.Bool // a decision changed the row; set by Decide, cleared by the next turn
	lost  atomic.Bool // the lease is gone: nothing may begin any more; set by the ledger

	until time.Time // the lease's end by the local clock; guarded by the ledger
	turn  *turn     // the one that runs; guarded by the ledger
}

// ledger knows every booking that this process holds, and bounds their number.
type ledger struct {
	limit int

	mu       sync.Mutex
	promised int // places for claims and submissions under way
	held     map[booking.ID]*held
	unsaved  map[booking.ID]int // turns in a row that this process could not save: what can never be saved must not go on for ever
}

func newLedger(limit int) *ledger {
	return &ledger{limit: limit, held: map[booking.ID]*held{}, unsaved: map[booking.ID]int{}}
}

// notSaved and saved say how a turn ended; unsavedTurns is what they add up to.
func (l *ledger) notSaved(id booking.ID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.unsaved) >= l.limit { // those that others went on with stay in it
		clear(l.unsaved)
	}
	l.unsaved[id]++
}

func (l *ledger) saved(id booking.ID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.unsaved, id)
}

func (l *ledger) unsavedTurns(id booking.ID) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.unsaved[id]
}

// reserve promises up to n places, as many as are left. All of them are to be given back by release: the used ones after put,
// so that the bound holds meanwhile.
func (l *ledger) reserve(n int) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n = max(0, min(n, l.limit-l.promised-len(l.held)))
	l.promised += n
	return n
}

func (l *ledger) release(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.promised -= n
}

// free is how many bookings more could be held.
func (l *ledger) free() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return max(0, l.limit-l.promised-len(l.held))
}

func (l *ledger) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.held)
}

// put holds h, in a place that was promised and is not given back until put has returned. Where the booking was held under an older lease, that one is lost; put tells so.
func (l *ledger) put(h *held, until time.Time) (lost bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	before, lost := l.held[h.id]
	if lost {
		before.lose()
	}
	h.until = until
	l.held[h.id] = h
	return lost
}

// drop forgets h. It tells whether h was still held.
func (l *ledger) drop(h *held) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	h.lost.Store(true)
	if l.held[h.id] != h {
		return false
	}
	delete(l.held, h.id)
	return true
}

// find is what is held of a booking, or nil.
func (l *ledger) find(id booking.ID) *held {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.held[id]
}

// begin says that the call of a turn runs, unless the lease is lost; end, that none does.
func (l *ledger) begin(t *turn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if t.held.lost.Load() {
		return false
	}
	t.held.turn = t
	return true
}

func (l *ledger) end(h *held) {
	l.mu.Lock()
	defer l.mu.Unlock()
	h.turn = nil
}

// extend moves the lease's end.
func (l *ledger) extend(h *held, until time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if until.After(h.until) {
		h.until = until
	}
}

// until is the lease's end by the local clock.
func (l *ledger) until(h *held) time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return h.until
}

// lose says that the lease of h is gone: a call that runs is cancelled, and nothing begins any more. Where nothing runs, h is
// forgotten; else its turn does that when it ends.
func (l *ledger) lose(h *held) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if h.lose(); h.turn == nil && l.held[h.id] == h {
		delete(l.held, h.id)
	}
}

// lose is called with the ledger locked.
func (h *held) lose() {
	h.lost.Store(true)
	if h.turn != nil {
		h.turn.stop(errLeaseLost)
	}
}

// running lists the turns whose calls are under way, in the order of their bookings' ids.
func (l *ledger) running() []*turn {
	var turns []*turn
	l.selected(func(h *held) bool {
		if h.turn != nil {
			turns = append(turns, h.turn)
		}
		return false
	})
	slices.SortFunc(turns, func(a, b *turn) int { return strings.Compare(string(a.held.id), string(b.held.id)) })
	return turns
}

// selected lists what is held and picked, in the order of ids. pick runs with the ledger locked.
func (l *ledger) selected(pick func(*held) bool) []*held {
	l.mu.Lock()
	defer l.mu.Unlock()
	var some []*held
	for _, h := range l.held {
		if pick(h) {
			some = append(some, h)
		}
	}
	slices.SortFunc(some, func(a, b *held) int { return strings.Compare(string(a.id), string(b.id)) })
	return some
}

func leases(held []*held) []booking.Lease {
	leases := make([]booking.Lease, len(held))
	for i, h := range held {
		leases[i] = booking.Lease{ID: h.id, Owner: h.owner}
	}
	return leases
}
