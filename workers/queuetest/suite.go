package queuetest

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
	"hotelbooking/booking/bookingtest"
	"hotelbooking/workers"
)

// Run checks everything that workers.Queue promises. open makes a fresh, empty queue for one test. Where the queue also has
// a History, that is checked with it.
func Run(t *testing.T, open func(t *testing.T) workers.Queue) {
	for name, test := range map[string]func(*scene){
		"an accepted booking can be read, without personal data":       acceptThenGet,
		"the same key again gives the same booking":                    acceptAgain,
		"the same key with another request is refused":                 acceptAnother,
		"another client's key is another key":                          acceptOfAnotherClient,
		"of many accepts with one key at once one makes the booking":   acceptAtOnce,
		"an accepted booking can be leased from the start":             acceptLeased,
		"what is accepted is due when it says":                         acceptDue,
		"an accept whose context has ended writes nothing":             acceptTooLate,
		"a claim hands out whole bookings and raises no version":       claimWhole,
		"a claim keeps to its pool, its limit and its suppliers":       claimKeepsTo,
		"a claim takes the longest waiting":                            claimLongest,
		"a claim passes over what is not due, parked or ended":         claimPassesOver,
		"a claim that names bookings takes those that are due":         claimNamed,
		"claims at once never share a booking":                         claimAtOnce,
		"an expired lease can be claimed, and is a crash":              claimExpired,
		"what a process lost itself is no crash, but is to be asked":   claimOwnExpired,
		"a crash is remembered until a turn was saved":                 crashRemembered,
		"a saved turn keeps its lease":                                 saveKeepsLease,
		"a saved turn can leave its lease as it is":                    saveLeavesLease,
		"a saved turn's line keeps the calls it made":                  saveCalls,
		"a saved turn without a lease is given back, due when it is":   saveGivesBack,
		"a booking that ended is nobody's":                             saveEnded,
		"the same save again is no error and writes nothing":           saveAgain,
		"who lost the lease writes nothing":                            saveLost,
		"a decision in between is a conflict, and not the lease's end": saveConflict,
		"a renewed lease lasts, and a lost one is told":                renewLasts,
		"a lease given back is due at once":                            renewNothing,
		"a decision moves a booking and makes it due":                  decideMoves,
		"a decision leaves a lease as it is":                           decideLeased,
		"a decision that changes no date keeps it":                     decideKeepsDue,
		"a refused decision writes nothing":                            decideRefused,
		"a decision is taken again when the booking was claimed":       decideAgain,
		"equal decisions at one moment are two":                        decideTwice,
		"equal turns at one moment are not one another's":              saveTwin,
		"decisions at once leave a history without a gap":              decideAtOnce,
		"the backlog is what is due and not leased":                    backlogCounts,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(&scene{T: t, ctx: t.Context(), queue: open(t)})
		})
	}
}

// scene is one test's queue, with the acts that tests are made of.
type scene struct {
	*testing.T
	ctx   context.Context
	queue workers.Queue
	made  atomic.Int64
}

var (
	flow   = booking.NewFlow(booking.Outside{}, booking.DefaultLimits())
	minute = time.Minute
)

// begin makes a booking that was not stored yet, due now; no two have the same id or reference.
func (s *scene) begin(change ...func(*booking.Booking)) (*booking.Booking, booking.Entry) {
	n := s.made.Add(1)
	b, entry := flow.Begin(bookingtest.Ask(func(ask *booking.Ask) {
		ask.ID = booking.ID(fmt.Sprintf("01945e2a-7c00-7000-8000-%012x", n))
		ask.Reference = booking.NewReference([6]byte{byte(n >> 8), byte(n), 1, 2, 3, 4})
	}), time.Now())
	for _, f := range change {
		f(b)
	}
	return b, entry
}

// stored accepts a new booking, that nobody holds.
func (s *scene) stored(change ...func(*booking.Booking)) *booking.Booking {
	s.Helper()
	b, entry := s.begin(change...)
	return s.accept(booking.Acceptance{Booking: b, Entry: entry, Key: string(b.ID)}).Booking
}

// leased accepts a new booking, and leases it.
func (s *scene) leased(lease time.Duration) *booking.Booking {
	s.Helper()
	b, entry := s.begin()
	return s.accept(booking.Acceptance{Booking: b, Entry: entry, Key: string(b.ID), Owner: "first.1", Lease: lease}).Booking
}

func (s *scene) accept(a booking.Acceptance) booking.Receipt {
	s.Helper()
	receipt, err := s.queue.Accept(s.ctx, a)
	require.NoError(s, err)
	return receipt
}

func (s *scene) get(id booking.ID) *booking.Booking {
	s.Helper()
	b, err := s.queue.Get(s.ctx, id)
	require.NoError(s, err)
	return b
}

// claim claims for the owner, of the provider pool.
func (s *scene) claim(owner string, change ...func(*booking.Claim)) []*booking.Booking {
	s.Helper()
	c := booking.Claim{Pool: booking.ProviderPool, Limit: 100, Owner: owner, Lease: minute}
	for _, f := range change {
		f(&c)
	}
	claimed, err := s.queue.Claim(s.ctx, c)
	require.NoError(s, err)
	return claimed
}

// claimOne claims the only booking that is due.
func (s *scene) claimOne(owner string) *booking.Booking {
	s.Helper()
	claimed := s.claim(owner)
	require.Len(s, claimed, 1)
	return claimed[0]
}

func (s *scene) nothingDue() {
	s.Helper()
	require.Empty(s, s.claim("nobody.1"))
}

// turn applies an outcome to a copy of b, as a turn does.
func (s *scene) turn(b *booking.Booking, o booking.Outcome) (*booking.Booking, booking.Entry) {
	after := b.Clone()
	entry := flow.Apply(after, o, time.Now())
	entry.Took = 1500 * time.Microsecond
	return after, entry
}

// expire lets the lease run out.
func (s *scene) expire(b *booking.Booking) {
	s.Helper()
	lost, err := s.queue.Renew(s.ctx, []booking.Lease{{ID: b.ID, Owner: b.Owner}}, -time.Second)
	require.NoError(s, err)
	require.Empty(s, lost)
}

// note is a decision that moves nothing.
func note(b *booking.Booking) (booking.Entry, error) { return noteAt(b, time.Now()) }

func noteAt(b *booking.Booking, at time.Time) (booking.Entry, error) {
	return flow.Decide(b, booking.Decision{Verb: booking.VerbNote, Actor: "support:ana", Reason: "called"}, at)
}

// history checks that the lines of b are numbered without a gap and lead up to its version. It is none where the queue has none.
func (s *scene) history(id booking.ID, verbs ...string) []booking.Entry {
	s.Helper()
	queue, ok := s.queue.(interface {
		History(ctx context.Context, id booking.ID) ([]booking.Entry, error)
	})
	if !ok {
		return nil
	}
	entries, err := queue.History(s.ctx, id)
	require.NoError(s, err)
	require.Len(s, entries, s.get(id).Version)
	var got []string
	for i, e := range entries {
		require.Equal(s, i+1, e.Version)
		got = append(got, e.Verb)
	}
	if verbs != nil {
		require.Equal(s, verbs, got)
	}
	return entries
}

func ids(bookings []*booking.Booking) []booking.ID {
	var all []booking.ID
	for _, b := range bookings {
		all = append(all, b.ID)
	}
	slices.Sort(all)
	return all
}

// due says when a booking is due, seen from now.
func due(in time.Duration) func(*booking.Booking) {
	return func(b *booking.Booking) { b.DueAt = b.UpdatedAt.Add(in) }
}
