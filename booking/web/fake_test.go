package web

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
	"hotelbooking/booking/bookingtest"
)

// house is an engine and a store in memory, with the real flow in it. Nothing moves by itself: tests say how far a booking
// gets, in a world that they script.
type house struct {
	mu      sync.Mutex
	now     time.Time
	rooms   map[booking.ID]*tenant
	changed chan struct{} // closed, and made anew, by every change
	waiting chan struct{} // one token whenever a call of Wait has looked and wants more
	notices map[string]booking.Notice
	noticed int
	admit   error // what Admit answers
	down    error // what everything that needs the database answers
	reads   int   // calls that need the database
	wholes  int   // those of Get
	count   int   // bookings so far

	sessions map[[32]byte]booking.Session
	figures  []booking.Figures // what Figures answers
	paused   []booking.Pause
	pauseLog []booking.PauseEvent
	told     told
}

// tenant is one booking with the world that it lives in.
type tenant struct {
	b           *booking.Booking
	flow        booking.Flow
	world       *bookingtest.World
	history     []booking.Entry
	key         string
	fingerprint [32]byte
}

func newHouse() *house {
	return &house{
		now: bookingtest.Start, rooms: map[booking.ID]*tenant{}, changed: make(chan struct{}), waiting: make(chan struct{}, 1000),
		notices: map[string]booking.Notice{}, sessions: map[[32]byte]booking.Session{},
	}
}

func (h *house) clock() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func (h *house) pass(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

func (h *house) tell() {
	close(h.changed)
	h.changed = make(chan struct{})
}

func (h *house) read() error {
	h.reads++
	return h.down
}

func (h *house) Admit() error { return h.admit }

func (h *house) Noticed() { h.noticed++ }

func (h *house) Submit(_ context.Context, ask booking.Ask, key string, fingerprint [32]byte) (booking.Receipt, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.read(); err != nil {
		return booking.Receipt{}, err
	}
	for _, t := range h.rooms {
		if t.b.Client == ask.Client && t.key == key {
			if t.fingerprint != fingerprint {
				return booking.Receipt{}, fmt.Errorf("accept: %w", booking.ErrKeyReused)
			}
			return booking.Receipt{Booking: t.b.Clone(), Replayed: true}, nil
		}
	}
	h.count++
	ask.ID = booking.ID(fmt.Sprintf("01945e2a-7c00-7000-8000-%012d", h.count))
	ask.Reference = booking.NewReference([6]byte{1, 2, 3, 4, 5, byte(h.count)})
	ask.CreatedAt = h.now
	t := &tenant{world: bookingtest.NewWorld(nil), key: key, fingerprint: fingerprint}
	t.flow = booking.NewFlow(t.world.Outside(), booking.DefaultLimits())
	b, entry := t.flow.Begin(ask, h.now)
	t.b, t.history = b, []booking.Entry{entry}
	h.rooms[ask.ID] = t
	return booking.Receipt{Booking: b.Clone()}, nil
}

func (h *house) Decide(_ context.Context, id booking.ID, d booking.Decision) (*booking.Booking, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.read(); err != nil {
		return nil, err
	}
	t, ok := h.rooms[id]
	if !ok {
		return nil, fmt.Errorf("decide: %w", booking.ErrNotFound)
	}
	b := t.b.Clone()
	entry, err := t.flow.Decide(b, d, h.now)
	if err != nil {
		return nil, err
	}
	t.b, t.history = b, append(t.history, entry)
	h.tell()
	return b.Clone(), nil
}

func (h *house) Wait(ctx context.Context, _ booking.ID, look func() (int, bool)) error {
	for {
		h.mu.Lock()
		changed := h.changed
		h.mu.Unlock()
		if _, more := look(); !more {
			return nil
		}
		h.waiting <- struct{}{}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (h *house) Get(_ context.Context, id booking.ID) (*booking.Booking, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.wholes++
	b, err := h.stored(id)
	if err != nil {
		return nil, err
	}
	return impersonal(b), nil
}

func (h *house) Glance(_ context.Context, id booking.ID) (booking.Glance, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	b, err := h.stored(id)
	if err != nil {
		return booking.Glance{}, err
	}
	return b.Glance(), nil
}

func (h *house) stored(id booking.ID) (*booking.Booking, error) {
	if err := h.read(); err != nil {
		return nil, err
	}
	t, ok := h.rooms[id]
	if !ok {
		return nil, fmt.Errorf("get booking %s: %w", id, booking.ErrNotFound)
	}
	return t.b, nil
}

// impersonal is a booking as the store hands it out without its people.
func impersonal(b *booking.Booking) *booking.Booking {
	b = b.Clone()
	b.Contact, b.Stay.Rooms = booking.Contact{}, nil
	return b
}

func (h *house) ByClientReference(_ context.Context, client, reference string) ([]*booking.Booking, error) {
	return h.find(func(t *tenant) bool { return t.b.Client == client && t.b.ClientReference == reference }, 100)
}

func (h *house) Search(_ context.Context, q string, limit int) ([]*booking.Booking, error) {
	reference, _ := booking.ParseReference(q)
	return h.find(func(t *tenant) bool {
		return slices.Contains([]string{
			string(t.b.ID), t.b.ClientReference, t.key, t.b.Facts.Reservation.SupplierReference, t.b.Facts.Money.Reference, t.b.Contact.Email,
		}, q) || reference != "" && t.b.Reference == reference
	}, limit)
}

func (h *house) List(_ context.Context, f booking.Filter) ([]*booking.Booking, error) {
	return h.find(func(t *tenant) bool { return selects(f, t.b) }, min(max(f.Limit, 1), 100))
}

func (h *house) find(wanted func(*tenant) bool, limit int) ([]*booking.Booking, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.read(); err != nil {
		return nil, err
	}
	var found []*booking.Booking
	for _, t := range h.rooms {
		if wanted(t) {
			found = append(found, impersonal(t.b))
		}
	}
	slices.SortFunc(found, func(a, b *booking.Booking) int { return cmp.Compare(b.ID, a.ID) })
	return found[:min(limit, len(found))], nil
}

func (h *house) History(_ context.Context, id booking.ID) ([]booking.Entry, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.rooms[id].history), h.read()
}

func (h *house) People(_ context.Context, id booking.ID) (booking.Contact, []booking.Room, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.rooms[id].b.Contact, h.rooms[id].b.Stay.Rooms, h.read()
}

func (h *house) IdempotencyKey(_ context.Context, id booking.ID) (string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.rooms[id].key, h.read()
}

func (h *house) ReceiveNotice(_ context.Context, n booking.Notice) (bool, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.read(); err != nil {
		return false, err
	}
	_, known := h.notices[n.Vendor+n.EventID]
	h.notices[n.Vendor+n.EventID] = n
	return !known, nil
}

// fates says what happens to an operation, each time in turn, the last one for ever.
type fates map[string][]bookingtest.Fate

// script sets a booking's world.
func (h *house) script(id booking.ID, f fates) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.rooms[id].world.Script = func(operation string) bookingtest.Fate {
		list := f[operation]
		if len(list) == 0 {
			return bookingtest.Obeys
		}
		if len(list) > 1 {
			f[operation] = list[1:]
		}
		return list[0]
	}
}

// turn runs one turn of a booking, at the moment it is due.
func (h *house) turn(t *testing.T, id booking.ID) {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	home := h.rooms[id]
	require.False(t, home.b.DueAt.IsZero(), "nothing is due at %v", home.b.Place)
	if home.b.DueAt.After(h.now) {
		h.now = home.b.DueAt.Add(time.Millisecond)
	}
	b := home.b.Clone()
	outcome, instead := home.flow.Before(b, h.now)
	if !instead {
		step, _ := home.flow.Step(b.Place.Step)
		act := map[booking.Phase]booking.Act{booking.Doing: step.Do, booking.Finding: step.Find, booking.Undoing: step.Undo}[b.Place.Phase]
		outcome = act(t.Context(), b)
	}
	home.history = append(home.history, home.flow.Apply(b, outcome, h.now))
	home.b = b
	h.tell()
}

// until runs turns until the booking is where it shall be.
func (h *house) until(t *testing.T, id booking.ID, reached func(*booking.Booking) bool) {
	t.Helper()
	for range 500 {
		h.mu.Lock()
		there := reached(h.rooms[id].b)
		h.mu.Unlock()
		if there {
			return
		}
		h.turn(t, id)
	}
	require.Fail(t, "never reached")
}

func at(phase booking.Phase, step booking.Name) func(*booking.Booking) bool {
	return func(b *booking.Booking) bool { return b.Place == booking.Place{Phase: phase, Step: step} }
}

func hasStatus(want booking.Status) func(*booking.Booking) bool {
	return func(b *booking.Booking) bool { return b.Status() == want }
}

func atRest(b *booking.Booking) bool { return b.Place.Phase == booking.Ended }

var errDown = errors.New("dial tcp 10.0.0.5:5432: connect: connection refused")

// submission is the sample of the specification, with one piece of it replaced.
func submission(old, replacement string) string {
	const sample = `{"client_reference":"web-4711","offer":{"supplier":"sandbox","token":"sim_ok","total":{"amount":"346.00","currency":"EUR"},
"price_tolerance_percent":0},"stay":{"hotel_id":"h-1","hotel_name":"Hotel Sol","hotel_timezone":"Europe/Madrid",
"check_in":"2027-03-01","check_out":"2027-03-04","rooms":[{"adults":2,"child_ages":[],"guests":[{"given_name":"Ana",
"family_name":"Núñez","lead":true}],"special_requests":""}]},"contact":{"given_name":"Ana","family_name":"Núñez",
"email":"ana@example.com","phone":"+34600000000","country":"ES","language":"es"},"payment":{"token":"pm_card_visa"},
"attribution":{"click_id":"abc"}}`
	if !strings.Contains(sample, old) {
		panic("the sample has no " + old)
	}
	return strings.Replace(sample, old, replacement, 1)
}
