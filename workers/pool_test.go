package workers_test

import (
	"context"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
	"hotelbooking/workers"
)

func TestASlowSupplierLeavesSlotsToOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		slots := &watermark{}
		r := start(t, func(p *parts) {
			p.cfg.Pools.Provider, p.cfg.PerSupplier, p.cfg.Memory = 8, 4, 200
			p.cfg.Deadlines.Provider = time.Minute
			hold := p.step(booking.StepHold).Do
			p.step(booking.StepHold).Do = func(ctx context.Context, b *booking.Booking) booking.Outcome {
				defer slots.enter(b.Offer.Supplier)()
				if b.Offer.Supplier == "slow" {
					<-time.After(30 * time.Second)
				}
				return hold(ctx, b)
			}
		})
		for range 500 {
			r.submit(supplier("slow"))
		}
		pass(10 * time.Second)
		began := time.Now()
		for range 50 {
			require.Equal(t, booking.Confirmed, r.ended(r.submit(supplier("quick"))).Result)
		}
		require.Less(t, time.Since(began), time.Second, "the slow one takes neither all slots nor all memory")
		require.Equal(t, 4, slots.highest("slow"))
		require.LessOrEqual(t, r.count("booking_held"), 200)
	})
}

func TestBookingsBeyondTheMemoryWaitInTheDatabaseAndAreServedInOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		spy, most, order := &claims{}, 0, []booking.ID(nil)
		r := start(t, func(p *parts) {
			spy.Queue = p.memory
			p.queue = spy
			p.cfg.Memory, p.cfg.Pools.Provider, p.cfg.PerSupplier = 20, 2, 2
			hold := p.step(booking.StepHold).Do
			var mu sync.Mutex
			p.step(booking.StepHold).Do = func(ctx context.Context, b *booking.Booking) booking.Outcome {
				<-time.After(100 * time.Millisecond)
				mu.Lock()
				order = append(order, b.ID)
				mu.Unlock()
				return hold(ctx, b)
			}
		})
		var ids []booking.ID
		for range 300 {
			ids = append(ids, r.submit())
			pass(time.Millisecond)
			most = max(most, r.leased())
		}
		for _, id := range ids {
			require.Equal(t, booking.Confirmed, r.ended(id).Result)
			most = max(most, r.leased())
		}
		require.LessOrEqual(t, most, 20)
		require.Greater(t, most, 2, "memory is used")
		for i, id := range order {
			require.InDelta(t, i, indexOf(ids, id), 20, "a newcomer does not overtake what waits in the database")
		}
		for _, c := range spy.made() {
			require.LessOrEqual(t, c.Limit, c.free(2), "never more than the free slots")
		}
	})
}

func TestAClaimLeavesOutSuppliersWithoutAFreeSlot(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		spy := &claims{}
		r := start(t, func(p *parts) {
			spy.Queue = p.memory
			p.queue = spy
			p.cfg.Pools.Provider, p.cfg.PerSupplier = 4, 1
			p.cfg.Deadlines.Provider = time.Minute
			slowly(p, booking.StepHold, 20*time.Second)
		})
		for i := range 40 {
			r.submit(supplier("s" + strconv.Itoa(i%2)))
		}
		pass(5 * time.Second)
		seen := false
		for _, c := range spy.made() {
			if len(c.Except) == 2 {
				seen = true
				require.Equal(t, booking.ProviderPool, c.Pool)
				require.ElementsMatch(t, []string{"s0", "s1"}, c.Except)
			}
		}
		require.True(t, seen)
		require.Equal(t, booking.Confirmed, r.ended(r.submit(supplier("s2"))).Result)
	})
}

func TestEachClaimHasAnOwnerOfItsOwn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		spy := &claims{}
		start(t, func(p *parts) {
			spy.Queue = p.memory
			p.queue = spy
			p.deps.Boot = "boot"
		})
		pass(10 * time.Second)
		owners := map[string]bool{}
		for _, c := range spy.made() {
			require.False(t, owners[c.Owner])
			require.Contains(t, c.Owner, "boot.")
			owners[c.Owner] = true
		}
		require.Greater(t, len(owners), 30)
	})
}

// watermark measures how many are in at once.
type watermark struct {
	mu       sync.Mutex
	now, top map[string]int
}

func (w *watermark) enter(name string) (leave func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.now == nil {
		w.now, w.top = map[string]int{}, map[string]int{}
	}
	w.now[name]++
	w.top[name] = max(w.top[name], w.now[name])
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.now[name]--
	}
}

func (w *watermark) highest(name string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.top[name]
}

// claims remembers what was claimed.
type claims struct {
	workers.Queue
	mu   sync.Mutex
	list []claimed
}

type claimed struct {
	booking.Claim
	got int
}

// free is the most that a claim may ask for, given the size of the provider pool.
func (c claimed) free(provider int) int {
	if c.Pool == booking.ProviderPool {
		return provider
	}
	return 64
}

func (c *claims) Claim(ctx context.Context, claim booking.Claim) ([]*booking.Booking, error) {
	got, err := c.Queue.Claim(ctx, claim)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.list = append(c.list, claimed{claim, len(got)})
	return got, err
}

func (c *claims) made() []claimed {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]claimed(nil), c.list...)
}

func indexOf(ids []booking.ID, id booking.ID) int {
	for i := range ids {
		if ids[i] == id {
			return i
		}
	}
	return -1
}

func TestABurstDoesNotHoldBackWhatHasBegun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, func(p *parts) {
			p.cfg.Pools.Provider, p.cfg.PerSupplier = 4, 4
			slowly(p, booking.StepHold, time.Second)
			slowly(p, booking.StepConfirm, time.Second)
		})
		first := r.submit()
		began := time.Now()
		for range 400 {
			r.submit()
		}
		require.Equal(t, booking.Confirmed, r.until(first, func(b *booking.Booking) bool { return b.Result != "" }).Result)
		require.LessOrEqual(t, time.Since(began), 4*time.Second, "its room is confirmed before a hundred others are held")
	})
}
