package store_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"hotelbooking/booking"
	"hotelbooking/booking/bookingtest"
	"hotelbooking/store"
	"hotelbooking/store/storetest"
	"hotelbooking/workers"
	"hotelbooking/workers/queuetest"
)

// Claims, saves, renewals, decisions and dead processes in any order, by holders of any age, against one model: the fake that
// the engine's tests use, and the store on both databases. Time is not waited for: what shall have been due, or have run out,
// is due hours ago.
func TestLeaseMachine(t *testing.T) {
	t.Parallel()
	t.Run("memory", func(t *testing.T) {
		t.Parallel()
		storetest.Machine(t, func(rt *rapid.T) { runLeases(rt, queuetest.NewMemory()) })
	})
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		storetest.Machine(t, func(rt *rapid.T) {
			defer putAway(rt, s) // of a run that failed, too: rapid tries it again, shorter
			runLeases(rt, s)
		})
	})
}

// putAway takes what a run has left out of the next one's way.
func putAway(t *rapid.T, s *store.Store) {
	require.NoError(t, s.Exec(context.Background(),
		"UPDATE places SET phase = 'ended', owner = '', queue = pool, due_at = NULL WHERE due_at IS NOT NULL"))
}

// leaseQueue is what the machine drives.
type leaseQueue interface {
	workers.Queue
	History(ctx context.Context, id booking.ID) ([]booking.Entry, error)
}

// leaseModel is the queue as it should be, and what its users have in their hands.
type leaseModel struct {
	queue   leaseQueue
	ctx     context.Context
	rows    []*leaseRow
	hands   []*booking.Booking // every copy that was ever handed out; most are stale
	saves   []leaseSave        // every save that was tried
	claims  int
	instant int // grows with each write: what became due at once is due in this order
}

// leaseRow is one booking in the model.
type leaseRow struct {
	b       *booking.Booking // as it was last written
	owner   string
	crashed bool
	crashes int
	due     *leaseDue // nil: never
	lines   []string  // verb and actor
}

// leaseDue is when: in so many hours, seen from when it was written; 0 is at once.
type leaseDue struct{ hours, instant int }

// leaseSave is a save as it was tried, so that it can be tried again.
type leaseSave struct {
	b     *booking.Booking
	entry booking.Entry
	hours int // of lease; keepHours: as long as it was
	done  bool
}

const keepHours = 1000

// machineBookings counts those of all machines: databases are shared by all runs of one test.
var machineBookings atomic.Int64

// machineBooking is a new booking under an id and a reference of its own.
func machineBooking(change ...func(*booking.Ask)) (*booking.Booking, booking.Entry) {
	n := machineBookings.Add(1)
	ask := bookingtest.Ask(func(a *booking.Ask) {
		a.ID = booking.ID(fmt.Sprintf("01945e2a-7c00-7000-9000-%012x", n))
		a.Reference = booking.NewReference([6]byte{9, byte(n >> 32), byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
	})
	for _, f := range change {
		f(&ask)
	}
	return flow().Begin(ask, time.Now().UTC().Truncate(time.Microsecond))
}

func runLeases(t *rapid.T, queue leaseQueue) {
	m := &leaseModel{queue: queue, ctx: context.Background()}
	t.Repeat(map[string]func(*rapid.T){
		"accept": m.accept, "claim": m.claim, "claim again": m.claim, "save": m.save, "save again": m.repeat, "renew": m.renew,
		"decide": m.decide, "": m.check,
	})
	for _, row := range m.rows {
		entries, err := queue.History(m.ctx, row.b.ID)
		require.NoError(t, err)
		var lines []string
		for i, e := range entries {
			require.Equal(t, i+1, e.Version, "a gap")
			lines = append(lines, e.Verb+" by "+e.Actor)
		}
		require.Equal(t, row.lines, lines)
	}
}

func hours(n int) time.Duration { return time.Duration(n) * time.Hour }

// in makes a due time of the model.
func (m *leaseModel) in(hours int) *leaseDue {
	m.instant++
	return &leaseDue{hours, m.instant}
}

func (r *leaseRow) waits() bool { return r.due != nil && r.due.hours <= 0 }

func (m *leaseModel) row(id booking.ID) *leaseRow {
	for _, row := range m.rows {
		if row.b.ID == id {
			return row
		}
	}
	return nil
}

func (m *leaseModel) accept(t *rapid.T) {
	if len(m.rows) == 6 {
		t.Skip("enough")
	}
	due := rapid.IntRange(-3, 2).Draw(t, "due")
	b, entry := machineBooking(func(a *booking.Ask) { a.Offer.Supplier = rapid.SampledFrom([]string{"x", "y"}).Draw(t, "supplier") })
	b.DueAt = b.UpdatedAt.Add(hours(due))
	a := booking.Acceptance{Booking: b, Entry: entry, Key: string(b.ID)}
	row := &leaseRow{b: b.Clone(), due: m.in(due), lines: []string{"accept by customer"}}
	if rapid.Bool().Draw(t, "leased") {
		lease := rapid.IntRange(-2, 2).Draw(t, "lease")
		a.Owner, a.Lease = m.owner(t), hours(lease)
		row.owner, row.due = a.Owner, m.in(lease)
	}
	receipt, err := m.queue.Accept(m.ctx, a)
	require.NoError(t, err)
	require.Equal(t, row.owner, receipt.Booking.Owner)
	m.rows = append(m.rows, row)
	if row.owner != "" {
		m.hands = append(m.hands, receipt.Booking)
	}
}

// owner is a new name of one of three processes, of which one's name begins like another's.
func (m *leaseModel) owner(t *rapid.T) string {
	m.claims++
	return fmt.Sprintf("%s.%d", rapid.SampledFrom([]string{"p", "pp", "q"}).Draw(t, "process"), m.claims)
}

func (m *leaseModel) claim(t *rapid.T) {
	owner := m.owner(t)
	process, _, _ := strings.Cut(owner, ".")
	lease := rapid.IntRange(-2, 2).Draw(t, "lease")
	c := booking.Claim{
		Pool:  rapid.SampledFrom([]booking.Pool{booking.ProviderPool, booking.ProviderPool, booking.FraudPool, booking.PaymentPool}).Draw(t, "pool"),
		Owner: owner, Process: process, Lease: hours(lease), Limit: rapid.IntRange(0, 4).Draw(t, "limit"),
	}
	if c.Pool == booking.ProviderPool {
		c.Except = rapid.SampledFrom([][]string{nil, nil, {"x"}, {"y"}, {"x", "y", "z"}}).Draw(t, "except")
	}
	var due []*leaseRow
	for _, row := range m.rows {
		step, _ := flow().Step(row.b.Place.Step)
		if row.waits() && step.Pool == c.Pool && !slices.Contains(c.Except, row.b.Offer.Supplier) {
			due = append(due, row)
		}
	}
	slices.SortFunc(due, longerDue)

	claimed, err := m.queue.Claim(m.ctx, c)
	require.NoError(t, err)
	require.Len(t, claimed, min(c.Limit, len(due)))
	taken, until := map[*leaseRow]bool{}, m.in(lease)
	for _, b := range claimed {
		row := m.row(b.ID)
		require.True(t, slices.Contains(due, row) && !taken[row], "it was not due, or another pool's, or is claimed twice")
		taken[row] = true
	}
	for _, row := range due {
		require.True(t, taken[row] || len(claimed) == 0 || longerDue(row, due[len(claimed)-1]) >= 0, "%s was due for longer than others", row.b.ID)
	}
	for row := range taken {
		if row.owner != "" {
			row.crashed = true
			if !strings.HasPrefix(row.owner, process+".") {
				row.crashes++
			}
		}
		row.owner, row.due = owner, until
	}
	for _, b := range claimed {
		row := m.row(b.ID)
		require.Equal(t, row.b.Contact, b.Contact, "with its people")
		require.Equal(t, []any{owner, row.crashed, row.crashes, row.b.Version}, []any{b.Owner, b.Crashed, b.Crashes, b.Version})
		m.hands = append(m.hands, b)
	}
}

func longerDue(a, b *leaseRow) int {
	return cmp.Or(cmp.Compare(a.due.hours, b.due.hours), cmp.Compare(a.due.instant, b.due.instant))
}

func (m *leaseModel) save(t *rapid.T) {
	if len(m.hands) == 0 {
		t.Skip("nobody holds anything")
	}
	// the newest more often than the stale
	newest := len(m.hands) - 1
	hand := m.hands[max(newest-rapid.IntRange(0, 3).Draw(t, "age")*rapid.IntRange(0, 3).Draw(t, "times"), 0)]
	outcome := rapid.SampledFrom([]booking.Outcome{
		booking.Next(), booking.Next(), booking.Retry(booking.SupplierUnavailable, 0), booking.Unknown(booking.OutcomeUnknown),
		booking.Reject(booking.OfferSoldOut), booking.Park(booking.Staff, booking.OutcomeUnknown),
	}).Draw(t, "outcome")
	after := hand.Clone()
	entry := flow().Apply(after, outcome, time.Now().UTC().Truncate(time.Microsecond))
	if due := rapid.IntRange(-3, 2).Draw(t, "due"); after.Place.Phase != booking.Ended {
		after.DueAt = after.UpdatedAt.Add(hours(due))
	}
	m.try(t, leaseSave{b: after, entry: entry, hours: rapid.SampledFrom([]int{0, 0, 1, 2, keepHours}).Draw(t, "lease")})
}

// repeat tries a save again, whose answer may have been lost.
func (m *leaseModel) repeat(t *rapid.T) {
	if len(m.saves) == 0 {
		t.Skip("nothing was saved")
	}
	i := rapid.IntRange(0, len(m.saves)-1).Draw(t, "which")
	if !m.saves[i].done {
		m.try(t, m.saves[i])
		return
	}
	s := m.saves[i]
	require.NoError(t, m.queue.Save(m.ctx, s.b.Clone(), s.entry, s.lease()), "it was written, however long ago")
}

func (s leaseSave) lease() time.Duration {
	if s.hours == keepHours {
		return booking.KeepLease
	}
	return hours(s.hours)
}

func (m *leaseModel) try(t *rapid.T, s leaseSave) {
	err := m.queue.Save(m.ctx, s.b.Clone(), s.entry, s.lease())
	row := m.row(s.b.ID)
	switch {
	case row.owner != s.b.Owner:
		require.ErrorIs(t, err, booking.ErrLost)
		m.saves = append(m.saves, s)
		return
	case row.b.Version != s.b.Version-1:
		require.ErrorIs(t, err, booking.ErrConflict)
		m.saves = append(m.saves, s)
		return
	}
	require.NoError(t, err)
	s.done = true
	m.saves = append(m.saves, s)
	row.b, row.crashed, row.crashes = s.b.Clone(), s.b.Crashed, s.b.Crashes
	row.lines = append(row.lines, s.entry.Verb+" by "+s.entry.Actor)
	switch {
	case s.b.Place.Phase == booking.Ended:
		row.owner, row.due = "", nil
	case s.hours == keepHours:
	case s.hours > 0:
		row.due = m.in(s.hours)
	default:
		row.owner, row.due = "", m.in(int(s.b.DueAt.Sub(s.b.UpdatedAt).Hours()))
	}
	if row.owner != "" {
		m.hands = append(m.hands, s.b.Clone())
	}
}

// renew extends some leases, lets them run out, or gives them back.
func (m *leaseModel) renew(t *rapid.T) {
	if len(m.hands) == 0 {
		t.Skip("nobody holds anything")
	}
	lease := rapid.IntRange(-2, 2).Draw(t, "lease")
	until := m.in(lease)
	var held []booking.Lease
	var lost []booking.ID
	for _, i := range rapid.SliceOfNDistinct(rapid.IntRange(0, len(m.hands)-1), 1, min(3, len(m.hands)), rapid.ID).Draw(t, "which") {
		hand := m.hands[i]
		if slices.ContainsFunc(held, func(l booking.Lease) bool { return l.ID == hand.ID }) {
			continue // nobody holds one booking twice
		}
		held = append(held, booking.Lease{ID: hand.ID, Owner: hand.Owner})
		row := m.row(hand.ID)
		if row.owner != hand.Owner {
			lost = append(lost, hand.ID)
			continue
		}
		row.due = until
		if lease == 0 {
			row.owner = ""
		}
	}
	got, err := m.queue.Renew(m.ctx, held, hours(lease))
	require.NoError(t, err)
	require.ElementsMatch(t, lost, got)
}

// decide is a person's doing, which nobody's lease keeps away.
func (m *leaseModel) decide(t *rapid.T) {
	if len(m.rows) == 0 {
		t.Skip("no booking")
	}
	row := m.rows[rapid.IntRange(0, len(m.rows)-1).Draw(t, "which")]
	d := booking.Decision{
		Verb: rapid.SampledFrom([]booking.Verb{booking.VerbNote, booking.VerbCancel, booking.VerbRetry}).Draw(t, "verb"), Actor: "support:ana", Reason: "rang",
	}
	before := booking.Booking{}
	after, err := m.queue.Decide(m.ctx, row.b.ID, func(b *booking.Booking) (booking.Entry, error) {
		before = *b.Clone()
		return flow().Decide(b, d, time.Now().UTC().Truncate(time.Microsecond))
	})
	require.Equal(t, []any{row.owner, row.b.Version, row.b.Place}, []any{before.Owner, before.Version, before.Place}, "what is decided about is what is stored")
	if err != nil {
		var illegal *booking.IllegalError
		require.ErrorAs(t, err, &illegal)
		return
	}
	require.Equal(t, row.owner, after.Owner)
	people := row.b.Ask
	row.b = after.Clone()
	row.b.Ask = people
	row.crashed, row.crashes = after.Crashed, after.Crashes // a person who moves a booking has seen what it died of
	row.lines = append(row.lines, string(d.Verb)+" by "+d.Actor)
	switch {
	case after.Place.Phase == booking.Ended:
		row.owner, row.due = "", nil
	case row.owner == "" && !after.DueAt.Equal(before.DueAt):
		row.due = m.in(0)
	}
}

// check holds every booking, and the count of what waits, against the model.
func (m *leaseModel) check(t *rapid.T) {
	waiting := 0
	for _, row := range m.rows {
		b, err := m.queue.Get(m.ctx, row.b.ID)
		require.NoError(t, err)
		require.Equal(t, []any{row.owner, row.b.Version, row.b.Place, row.crashed, row.crashes, row.b.Status()},
			[]any{b.Owner, b.Version, b.Place, b.Crashed, b.Crashes, b.Status()})
		require.Equal(t, row.due == nil, b.DueAt.IsZero())
		if row.due != nil {
			require.WithinDuration(t, time.Now().Add(hours(row.due.hours)), b.DueAt, 30*time.Minute)
		}
		if row.waits() {
			waiting++
		}
	}
	backlog, err := m.queue.Backlog(m.ctx)
	require.NoError(t, err)
	require.Equal(t, waiting, backlog.Waiting)
}
