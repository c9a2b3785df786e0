// Package queuetest is the conformance suite of workers.Queue, run by every implementation, and Memory, an
// implementation that needs no database.
//
//	func TestQueue(t *testing.T) {
//		queuetest.Run(t, func(t *testing.T) workers.Queue { return queuetest.NewMemory() })
//	}
package queuetest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"hotelbooking/booking"
)

const (
	backlogCap   = 10_000
	decideTries  = 10
	clientAndKey = "%q %q"
)

// Memory is a queue in memory: a fake with the behaviour of the store, by the process's clock, for tests of the engine.
type Memory struct {
	// Fail, where it is set, is asked before each call by the method's name ("Accept", "Save", ...). An error that it
	// returns is returned, and nothing is written. Set it before the first call.
	Fail func(method string) error

	pools map[booking.Name]booking.Pool

	mu   sync.Mutex // guards what follows
	rows map[booking.ID]*row
	keys map[string]booking.ID // by client and idempotency key
}

// row is one booking. due is the end of the lease while owner is set; zero means never.
type row struct {
	b       *booking.Booking // with personal data, Owner and Crashed as stored
	print   [32]byte
	due     time.Time
	history []booking.Entry
	writers []string // of each line: the owner whose turn it was; empty for decisions
}

// NewMemory is an empty queue.
func NewMemory() *Memory {
	m := &Memory{pools: map[booking.Name]booking.Pool{}, rows: map[booking.ID]*row{}, keys: map[string]booking.ID{}}
	for _, step := range booking.NewFlow(booking.Outside{}, booking.DefaultLimits()).Steps {
		m.pools[step.Name] = step.Pool
	}
	return m
}

// Accept stores a booking once for each client and key.
func (m *Memory) Accept(ctx context.Context, a booking.Acceptance) (booking.Receipt, error) {
	if err := m.begin(ctx, "Accept"); err != nil {
		return booking.Receipt{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	key := fmt.Sprintf(clientAndKey, a.Booking.Client, a.Key)
	if id, ok := m.keys[key]; ok {
		before := m.rows[id]
		if before.print != a.Fingerprint {
			return booking.Receipt{}, booking.ErrKeyReused
		}
		return booking.Receipt{Booking: before.public(), Replayed: true}, nil
	}
	if m.rows[a.Booking.ID] != nil {
		return booking.Receipt{}, fmt.Errorf("accept booking %s: the id is taken", a.Booking.ID)
	}
	r := &row{b: a.Booking.Clone(), print: a.Fingerprint, history: []booking.Entry{a.Entry}, writers: []string{""}}
	r.rest(a.Owner, a.Lease)
	m.rows[r.b.ID], m.keys[key] = r, r.b.ID
	accepted := r.b.Clone()
	return booking.Receipt{Booking: accepted}, nil
}

// Claim leases what is due, the longest waiting first.
func (m *Memory) Claim(ctx context.Context, c booking.Claim) ([]*booking.Booking, error) {
	if err := m.begin(ctx, "Claim"); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	var due []*row
	for _, r := range m.rows {
		if r.waits(now) && m.pools[r.b.Place.Step] == c.Pool && !slices.Contains(c.Except, r.b.Offer.Supplier) &&
			(len(c.Only) == 0 || slices.Contains(c.Only, r.b.ID)) {
			due = append(due, r)
		}
	}
	slices.SortFunc(due, func(a, b *row) int { return cmp.Or(a.due.Compare(b.due), cmp.Compare(a.b.ID, b.b.ID)) })
	var claimed []*booking.Booking
	for _, r := range due[:min(len(due), max(c.Limit, 0))] {
		if r.b.Owner != "" {
			r.b.Crashed = true
			if !strings.HasPrefix(r.b.Owner, c.Process+".") {
				r.b.Crashes++
			}
		}
		r.b.Owner, r.due = c.Owner, now.Add(c.Lease)
		claimed = append(claimed, r.b.Clone())
	}
	return claimed, nil
}

// Save stores a turn of the booking's owner.
func (m *Memory) Save(ctx context.Context, b *booking.Booking, e booking.Entry, lease time.Duration) error {
	if err := m.begin(ctx, "Save"); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	r, ok := m.rows[b.ID]
	switch {
	case !ok || b.Owner == "":
		return booking.ErrLost
	case r.has(e, b.Owner):
		return nil
	case r.b.Owner != b.Owner:
		return booking.ErrLost
	case r.b.Version != b.Version-1:
		return booking.ErrConflict
	}
	r.write(b, e, b.Owner)
	owner := b.Owner
	if lease <= 0 && lease != booking.KeepLease {
		owner = ""
	}
	r.rest(owner, lease)
	return nil
}

// Renew extends leases, or with 0 gives them back.
func (m *Memory) Renew(ctx context.Context, held []booking.Lease, lease time.Duration) (lost []booking.ID, err error) {
	if err := m.begin(ctx, "Renew"); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, l := range held {
		r, ok := m.rows[l.ID]
		if !ok || l.Owner == "" || r.b.Owner != l.Owner {
			lost = append(lost, l.ID)
			continue
		}
		r.due = time.Now().Add(lease)
		if lease == 0 {
			r.b.Owner = ""
		}
	}
	return lost, nil
}

// Get reads a booking without personal data.
func (m *Memory) Get(ctx context.Context, id booking.ID) (*booking.Booking, error) {
	if err := m.begin(ctx, "Get"); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	r, ok := m.rows[id]
	if !ok {
		return nil, booking.ErrNotFound
	}
	return r.public(), nil
}

// Backlog counts what is due and not leased.
func (m *Memory) Backlog(ctx context.Context) (booking.Backlog, error) {
	if err := m.begin(ctx, "Backlog"); err != nil {
		return booking.Backlog{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var backlog booking.Backlog
	for _, r := range m.rows {
		if !r.waits(time.Now()) {
			continue
		}
		backlog.Waiting = min(backlog.Waiting+1, backlogCap)
		if backlog.Oldest.IsZero() || r.due.Before(backlog.Oldest) {
			backlog.Oldest = r.due
		}
	}
	return backlog, nil
}

// Decide reads, decides and writes, unless the booking moves meanwhile; then it begins again.
func (m *Memory) Decide(ctx context.Context, id booking.ID, decide func(*booking.Booking) (booking.Entry, error)) (*booking.Booking, error) {
	if err := m.begin(ctx, "Decide"); err != nil {
		return nil, err
	}
	for range decideTries {
		b, err := m.Get(ctx, id)
		if err != nil {
			return nil, err
		}
		before := b.Clone()
		entry, err := decide(b) // without the lock, like a database's
		if err != nil {
			return nil, err
		}
		if m.decided(before, b, entry) {
			return b, nil
		}
	}
	return nil, fmt.Errorf("decide on booking %s: %w", id, booking.ErrConflict)
}

// History lists a booking's entries, oldest first.
func (m *Memory) History(_ context.Context, id booking.ID) ([]booking.Entry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r, ok := m.rows[id]; ok {
		return slices.Clone(r.history), nil
	}
	return nil, booking.ErrNotFound
}

// All lists every booking, by id.
func (m *Memory) All() []*booking.Booking {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []*booking.Booking
	for _, id := range slices.Sorted(maps.Keys(m.rows)) {
		all = append(all, m.rows[id].b.Clone())
	}
	return all
}

func (m *Memory) begin(ctx context.Context, method string) error {
	var failure error
	if m.Fail != nil {
		failure = m.Fail(method)
	}
	return errors.Join(context.Cause(ctx), failure)
}

func (m *Memory) decided(before, after *booking.Booking, e booking.Entry) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.rows[before.ID]
	if r.b.Version != before.Version || r.b.Owner != before.Owner {
		return false
	}
	due := r.due
	r.write(after, e, "")
	r.rest("", 0)
	keeps := before.Owner != "" || after.DueAt.Equal(before.DueAt)
	if keeps && after.Place.Phase != booking.Ended {
		r.b.Owner, r.due = before.Owner, due
	}
	return true
}

// write replaces the state; what was asked, and the people, stay.
func (r *row) write(b *booking.Booking, e booking.Entry, by string) {
	r.b = &booking.Booking{Ask: r.b.Ask, State: b.Clone().State}
	r.history, r.writers = append(r.history, e), append(r.writers, by)
}

// rest sets who holds the row and when it is looked at next: at the end of the lease, or when it is due. What has ended is
// nobody's.
func (r *row) rest(owner string, lease time.Duration) {
	r.b.Owner = owner
	switch {
	case r.b.Place.Phase == booking.Ended:
		r.b.Owner, r.due = "", time.Time{}
	case owner != "" && lease == booking.KeepLease:
	case owner != "":
		r.due = time.Now().Add(lease)
	case r.b.DueAt.IsZero():
		r.due = time.Time{}
	default:
		r.due = time.Now().Add(r.b.DueAt.Sub(r.b.UpdatedAt))
	}
}

func (r *row) waits(now time.Time) bool { return !r.due.IsZero() && !r.due.After(now) }

// has tells whether owner wrote e before: a save repeated after its answer was lost.
func (r *row) has(e booking.Entry, owner string) bool {
	i := e.Version - 1
	return i >= 0 && i < len(r.history) && reflect.DeepEqual(r.history[i], e) && r.writers[i] == owner
}

// public is what Get shows: no personal data, and due as stored.
func (r *row) public() *booking.Booking {
	b := r.b.Clone()
	b.DueAt = r.due
	b.Contact = booking.Contact{}
	b.Stay.Rooms = slices.Clone(b.Stay.Rooms)
	for i := range b.Stay.Rooms {
		b.Stay.Rooms[i].Guests, b.Stay.Rooms[i].SpecialRequests = nil, ""
	}
	return b
}
