package workers_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
	"hotelbooking/booking/bookingtest"
	"hotelbooking/workers/queuetest"
)

func TestANoticeIsAppliedAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		box := &inbox{}
		r := start(t, box.with, func(p *parts) {
			p.script = func(b *booking.Booking, operation string) bookingtest.Fate {
				if operation == "authorize" {
					return bookingtest.AsksCustomer
				}
				return bookingtest.Obeys
			}
		})
		id := r.submit()
		b := r.until(id, func(b *booking.Booking) bool { return b.Place.Phase == booking.Parked })
		r.world.Look(b).Authenticate(true)
		box.add(booking.Notice{Vendor: "psp", EventID: "1", Reference: b.Reference, Verb: booking.VerbNotify, Kind: "payment.authorized", At: time.Now()})
		began := time.Now()
		r.Noticed()
		b = r.ended(id)
		require.Equal(t, booking.Confirmed, b.Result)
		require.Less(t, time.Since(began), time.Second/4)
		require.Empty(t, box.left())
		require.Contains(t, r.world.Calls(b), "find payment", "a notice is a reason to ask, never a fact")
		history, err := r.queue.History(t.Context(), id)
		require.NoError(t, err)
		i := slices.IndexFunc(history, func(e booking.Entry) bool { return e.Actor == "webhook:psp" })
		require.Positive(t, i)
		require.Equal(t, "payment.authorized", history[i].Detail)
	})
}

func TestANoticeThatComesTooLateIsSettled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		box := &inbox{}
		r := start(t, box.with)
		b := r.ended(r.submit())
		box.add(booking.Notice{Vendor: "screening", EventID: "1", Reference: b.Reference, Verb: booking.VerbApprove, At: time.Now()})
		r.Noticed()
		synctest.Wait()
		require.Empty(t, box.left())
		require.Len(t, r.logs.FilterMessage("notice").All(), 1)
	})
}

func TestANoticeOfAnUnknownBookingIsKeptForAWhileAndHoldsUpNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		box := &inbox{}
		r := start(t, box.with)
		b := r.ended(r.submit())
		box.add(booking.Notice{Vendor: "psp", EventID: "1", Reference: "NOBODY", Verb: booking.VerbNotify, At: time.Now()})
		box.add(booking.Notice{Vendor: "psp", EventID: "2", Reference: b.Reference, Verb: booking.VerbNotify, At: time.Now()})
		pass(5 * time.Second)
		require.Equal(t, []string{"1"}, box.left())
		pass(14 * time.Minute)
		require.Equal(t, []string{"1"}, box.left())
		pass(3 * time.Minute)
		require.Empty(t, box.left())
		require.Less(t, box.settled, 40, "less and less often")
	})
}

func TestNoticesSurviveADatabaseThatIsDown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		box := &inbox{fails: true}
		r := start(t, box.with)
		b := r.ended(r.submit())
		box.add(booking.Notice{Vendor: "psp", EventID: "1", Reference: b.Reference, Verb: booking.VerbNotify, At: time.Now()})
		pass(time.Minute)
		require.Len(t, box.left(), 1)
		box.mend()
		pass(15 * time.Second)
		require.Empty(t, box.left())
	})
}

// inbox is the vendors' notices in memory.
type inbox struct {
	memory *queuetest.Memory

	mu      sync.Mutex
	list    []letter
	settled int
	fails   bool
}

type letter struct {
	booking.Notice
	due time.Time
}

func (i *inbox) with(p *parts) {
	i.memory = p.memory
	p.deps.Notices = i
}

func (i *inbox) add(n booking.Notice) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.list = append(i.list, letter{n, time.Now()})
}

func (i *inbox) mend() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.fails = false
}

func (i *inbox) left() []string {
	i.mu.Lock()
	defer i.mu.Unlock()
	var ids []string
	for _, l := range i.list {
		ids = append(ids, l.EventID)
	}
	return ids
}

func (i *inbox) Notices(_ context.Context, limit int) ([]booking.Notice, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	var due []booking.Notice
	for _, l := range i.list {
		if !l.due.After(time.Now()) && len(due) < limit {
			due = append(due, l.Notice)
		}
	}
	if i.fails {
		return nil, errors.New("the database is down")
	}
	return due, nil
}

func (i *inbox) SettleNotice(_ context.Context, n booking.Notice, retryIn time.Duration) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.settled++
	at := slices.IndexFunc(i.list, func(l letter) bool { return l.EventID == n.EventID })
	if retryIn == 0 {
		i.list = slices.Delete(i.list, at, at+1)
		return nil
	}
	i.list[at].due = time.Now().Add(retryIn)
	return nil
}

func (i *inbox) ByReference(_ context.Context, reference string) (booking.ID, error) {
	for _, b := range i.memory.All() {
		if b.Reference == reference {
			return b.ID, nil
		}
	}
	return "", booking.ErrNotFound
}
