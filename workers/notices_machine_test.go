package workers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"hotelbooking/booking"
	"hotelbooking/booking/bookingtest"
	"hotelbooking/store/storetest"
)

// Notices of vendors in any order: twice, at once, too early, too late, of nobody, about bookings that people decide about
// meanwhile, applied by a process that dies between what a notice does and taking it out of the inbox. Each one received has its
// effect, and it has it once, but for that death; the history that says so has no gap.
func TestNoticesMachine(t *testing.T) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		s := storetest.SQLite(t)
		storetest.Machine(t, func(rt *rapid.T) { runNotices(rt, s) })
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		s := storetest.OnPostgres(t)
		storetest.Machine(t, func(rt *rapid.T) { runNotices(rt, s) })
	})
}

// noticeStore is the store.
type noticeStore interface {
	Queue
	Notices
	ReceiveNotice(ctx context.Context, n booking.Notice) (fresh bool, err error)
	History(ctx context.Context, id booking.ID) ([]booking.Entry, error)
}

// mortal is the store as a process sees it that dies before it has settled so many notices more; 0: it does not die. What is
// to be tried again later is tried at the next look, so that nobody waits for it.
type mortal struct {
	noticeStore
	left    int
	settled []string
}

var errDied = errors.New("the process has died")

func (m *mortal) SettleNotice(ctx context.Context, n booking.Notice, retryIn time.Duration) error {
	if m.left == 1 {
		return errDied
	}
	m.left = max(m.left-1, 0)
	m.settled = append(m.settled, n.EventID)
	return m.noticeStore.SettleNotice(ctx, n, min(retryIn, time.Microsecond))
}

// noticesModel is the inbox, and what the bookings' histories should say.
type noticesModel struct {
	ctx      context.Context
	store    *mortal
	engine   *Workers
	name     string // of this run: its events are its own
	inbox    []booking.Notice
	received map[string]bool
	bookings []*noticed
}

// noticed is one booking of the model.
type noticed struct {
	id        booking.ID
	reference string
	reviewed  bool // a person, or the screening, can still decide
	lines     []string
	stored    bool
}

// noticeRuns counts the bookings of all runs: they share databases.
var noticeRuns atomic.Int64

func runNotices(t *rapid.T, s noticeStore) {
	m := &noticesModel{ctx: context.Background(), store: &mortal{noticeStore: s}, name: fmt.Sprint("n", noticeRuns.Add(1)), received: map[string]bool{}}
	flow := booking.NewFlow(booking.Outside{}, booking.DefaultLimits())
	m.engine = New(flow, m.store, DefaultConfig(), Deps{Notices: m.store})
	for i := range 3 {
		m.bookings = append(m.bookings, m.begin(t, flow, i))
	}
	defer m.empty() // for the next run, and for a shorter one that fails like this one
	t.Repeat(map[string]func(*rapid.T){
		"receive": m.receive, "receive at once": m.receiveAtOnce, "apply": m.apply, "apply and die": m.die, "decide": m.decide,
		"store a late booking": m.storeLate, "": m.check,
	})
}

// begin makes a booking under review, one that goes on, and one that is stored only later.
func (m *noticesModel) begin(t *rapid.T, flow booking.Flow, kind int) *noticed {
	n := noticeRuns.Add(1)
	b, _ := flow.Begin(bookingtest.Ask(func(a *booking.Ask) {
		a.ID = booking.ID(fmt.Sprintf("01945e2a-7c00-7000-a000-%012x", n))
		a.Reference = booking.NewReference([6]byte{7, byte(n >> 32), byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
	}), time.Now())
	known := &noticed{id: b.ID, reference: b.Reference, reviewed: kind == 0}
	if kind < 2 {
		m.put(t, known)
	}
	return known
}

// put stores a booking, and brings one that is to be reviewed to its review.
func (m *noticesModel) put(t *rapid.T, known *noticed) {
	flow := m.engine.flow
	b, entry := flow.Begin(bookingtest.Ask(func(a *booking.Ask) { a.ID, a.Reference = known.id, known.reference }), time.Now())
	receipt, err := m.store.Accept(m.ctx, booking.Acceptance{Booking: b, Entry: entry, Key: string(b.ID), Owner: "p.1", Lease: time.Minute})
	require.NoError(t, err)
	known.stored, known.lines = true, []string{"accept by customer"}
	b = receipt.Booking
	outcomes := []booking.Outcome{booking.Next()}
	if known.reviewed {
		outcomes = append(outcomes, booking.Park(booking.Staff, booking.FraudReview).Within(time.Hour))
	}
	for i, outcome := range outcomes {
		after := b.Clone()
		line := flow.Apply(after, outcome, time.Now())
		lease := time.Minute
		if i == len(outcomes)-1 {
			lease = 0
		}
		require.NoError(t, m.store.Save(m.ctx, after, line, lease))
		known.lines = append(known.lines, "turn by system")
		b = after
	}
}

func (m *noticesModel) draw(t *rapid.T) booking.Notice {
	reference := "NOBODY"
	if i := rapid.IntRange(0, len(m.bookings)).Draw(t, "booking"); i < len(m.bookings) {
		reference = m.bookings[i].reference
	}
	return booking.Notice{
		Vendor:  rapid.SampledFrom([]string{"psp", "screening"}).Draw(t, "vendor"),
		EventID: fmt.Sprint(m.name, "-", rapid.IntRange(0, 7).Draw(t, "event")), Reference: reference, Kind: "something.changed",
		Verb: rapid.SampledFrom([]booking.Verb{booking.VerbNotify, booking.VerbApprove, booking.VerbReject}).Draw(t, "verb"),
		At:   time.Now().Add(-rapid.SampledFrom([]time.Duration{0, 0, 24 * time.Hour}).Draw(t, "age")).UTC().Truncate(time.Microsecond),
	}
}

// arrived is the model of a notice that was received.
func (m *noticesModel) arrived(t *rapid.T, n booking.Notice, fresh bool) {
	name := n.Vendor + n.EventID
	require.Equal(t, !m.received[name], fresh, "an event is stored once, whatever it says the second time")
	if fresh {
		m.received[name] = true
		m.inbox = append(m.inbox, n)
	}
}

func (m *noticesModel) receive(t *rapid.T) {
	n := m.draw(t)
	fresh, err := m.store.ReceiveNotice(m.ctx, n)
	require.NoError(t, err)
	m.arrived(t, n, fresh)
}

func (m *noticesModel) receiveAtOnce(t *rapid.T) {
	n, fresh := m.draw(t), atomic.Int64{}
	var vendors sync.WaitGroup
	for range 4 {
		vendors.Go(func() {
			stored, err := m.store.ReceiveNotice(m.ctx, n)
			if err != nil || stored {
				fresh.Add(1)
			}
			if err != nil {
				fresh.Add(100)
			}
		})
	}
	vendors.Wait()
	require.LessOrEqual(t, fresh.Load(), int64(1))
	m.arrived(t, n, fresh.Load() == 1)
}

// apply is one look into the inbox.
func (m *noticesModel) apply(t *rapid.T) {
	m.store.left, m.store.settled = 0, nil
	require.NoError(t, m.engine.applyNotices(m.ctx, true))
	for _, n := range slices.Clone(m.inbox) {
		m.applied(n, true)
	}
}

// die is a look into the inbox by a process that dies over one of them: what that one says has been done, and it is still there.
func (m *noticesModel) die(t *rapid.T) {
	if len(m.inbox) == 0 {
		t.Skip("nothing to die over")
	}
	after := rapid.IntRange(1, len(m.inbox)).Draw(t, "over")
	m.store.left, m.store.settled = after, nil
	require.ErrorIs(t, m.engine.applyNotices(m.ctx, true), errDied)
	require.Len(t, m.store.settled, after-1)
	for i, n := range slices.Clone(m.inbox)[:after] {
		m.applied(n, i < after-1)
	}
}

// applied is the model of what a notice does; settled: and of its leaving the inbox.
func (m *noticesModel) applied(n booking.Notice, settled bool) {
	early := true
	if i := slices.IndexFunc(m.bookings, func(b *noticed) bool { return b.reference == n.Reference && b.stored }); i >= 0 {
		early = false
		switch b := m.bookings[i]; {
		case n.Verb == booking.VerbNotify:
			b.lines = append(b.lines, "notify by webhook:"+n.Vendor)
		case b.reviewed:
			b.reviewed = false
			b.lines = append(b.lines, string(n.Verb)+" by webhook:"+n.Vendor)
		}
	}
	if !settled {
		return
	}
	m.inbox = slices.DeleteFunc(m.inbox, func(other booking.Notice) bool { return other == n })
	if early && time.Since(n.At) < m.engine.cfg.NoticeFor {
		m.inbox = append(m.inbox, n) // its booking may still come
	}
}

// decide is a person who is faster, or slower, than the vendor.
func (m *noticesModel) decide(t *rapid.T) {
	b := rapid.SampledFrom(m.bookings).Draw(t, "which")
	verb := rapid.SampledFrom([]booking.Verb{booking.VerbNote, booking.VerbApprove}).Draw(t, "verb")
	_, err := m.engine.Decide(m.ctx, b.id, booking.Decision{Verb: verb, Actor: "support:ana", Reason: "rang"})
	switch illegal := new(booking.IllegalError); {
	case !b.stored:
		require.ErrorIs(t, err, booking.ErrNotFound)
	case verb == booking.VerbApprove && !b.reviewed:
		require.ErrorAs(t, err, &illegal)
	default:
		require.NoError(t, err)
		b.lines = append(b.lines, string(verb)+" by support:ana")
		b.reviewed = b.reviewed && verb != booking.VerbApprove
	}
}

// storeLate stores the booking whose notices may have been faster than its submission.
func (m *noticesModel) storeLate(t *rapid.T) {
	for _, b := range m.bookings {
		if !b.stored {
			m.put(t, b)
			return
		}
	}
	t.Skip("all are stored")
}

func (m *noticesModel) check(t *rapid.T) {
	due, err := m.store.Notices(m.ctx, 100)
	require.NoError(t, err)
	require.Len(t, due, len(m.inbox))
	for i := range due {
		require.Equal(t, m.inbox[i], due[i], "the longest waiting first")
	}
	for _, b := range m.bookings {
		entries, err := m.store.History(m.ctx, b.id)
		require.NoError(t, err)
		var lines []string
		for i, e := range entries {
			require.Equal(t, i+1, e.Version, "a gap")
			lines = append(lines, e.Verb+" by "+e.Actor)
		}
		require.Equal(t, b.lines, lines)
	}
}

// empty settles what a run has left.
func (m *noticesModel) empty() {
	due, _ := m.store.Notices(m.ctx, 100)
	for _, n := range due {
		_ = m.store.noticeStore.SettleNotice(m.ctx, n, 0)
	}
}
