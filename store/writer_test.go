package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
)

// disk is what a writer flushes to: each batch waits until the test lets it go.
type disk struct {
	begun chan []*op    // batches in the order in which they began
	let   chan struct{} // lets one batch end
	open  atomic.Int64  // batches under way
	most  atomic.Int64
}

func newDisk(flushers int) (*disk, *writer) {
	d := &disk{begun: make(chan []*op, 1000), let: make(chan struct{})}
	return d, &writer{flushers: flushers, flush: func(ctx context.Context, batch []*op) {
		if open := d.open.Add(1); open > d.most.Load() {
			d.most.Store(open)
		}
		d.begun <- batch
		<-d.let
		d.open.Add(-1)
		for _, o := range batch {
			o.err = ctx.Err()
		}
	}}
}

func numbered(n int) *op { return &op{id: booking.ID(fmt.Sprint(n))} }

func members(batch []*op) []string {
	var ids []string
	for _, o := range batch {
		ids = append(ids, string(o.id))
	}
	return ids
}

func TestWhileOneBatchCommitsTheNextGathers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, w := newDisk(1)
		var callers sync.WaitGroup
		for n := range 6 {
			callers.Go(func() { require.NoError(t, w.write(t.Context(), numbered(n))) })
			synctest.Wait()
		}
		require.Equal(t, []string{"0"}, members(<-d.begun), "nothing lingers")
		d.let <- struct{}{}
		require.Equal(t, []string{"1", "2", "3", "4", "5"}, members(<-d.begun))
		d.let <- struct{}{}
		callers.Wait()
		require.Zero(t, w.busy)
		require.Empty(t, w.queue)
	})
}

func TestSeveralFlushersCommitAtOnceAndNoMore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, w := newDisk(3)
		var callers sync.WaitGroup
		for n := range 10 {
			callers.Go(func() { require.NoError(t, w.write(t.Context(), numbered(n))) })
			synctest.Wait()
		}
		require.Len(t, d.begun, 3)
		for range 4 {
			d.let <- struct{}{}
			synctest.Wait()
		}
		callers.Wait()
		require.EqualValues(t, 3, d.most.Load())
		require.Zero(t, w.busy)
	})
}

func TestALeaderWorksForOthersOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, w := newDisk(1)
		first := make(chan error)
		go func() { first <- w.write(t.Context(), numbered(0)) }()
		synctest.Wait()
		var others sync.WaitGroup
		for n := range 3 * batchLimit {
			others.Go(func() { require.NoError(t, w.write(t.Context(), numbered(n+1))) })
		}
		synctest.Wait()
		d.let <- struct{}{}
		require.NoError(t, <-first) // although hundreds wait
		for range 3 {
			d.let <- struct{}{}
			synctest.Wait()
		}
		others.Wait()
		<-d.begun
		for range 3 {
			require.Len(t, <-d.begun, batchLimit)
		}
	})
}

func TestTwoWritesOfOneBookingAreNeverInOneBatch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, w := newDisk(1)
		var callers sync.WaitGroup
		for _, n := range []int{0, 1, 2, 1, 1, 3} {
			callers.Go(func() { require.NoError(t, w.write(t.Context(), numbered(n))) })
			synctest.Wait()
		}
		for _, want := range [][]string{{"0"}, {"1", "2", "3"}, {"1"}, {"1"}} {
			require.Equal(t, want, members(<-d.begun))
			d.let <- struct{}{}
		}
		callers.Wait()
	})
}

func TestWhoGivesUpWhileWaitingWritesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, w := newDisk(1)
		gone := errors.New("the client went away")
		impatient, leave := context.WithCancelCause(t.Context())
		var callers sync.WaitGroup
		callers.Go(func() { require.NoError(t, w.write(t.Context(), numbered(0))) })
		synctest.Wait()
		callers.Go(func() { require.ErrorIs(t, w.write(impatient, numbered(1)), gone) })
		callers.Go(func() { require.NoError(t, w.write(t.Context(), numbered(2))) })
		synctest.Wait()
		leave(gone)
		synctest.Wait()
		require.ErrorIs(t, w.write(impatient, numbered(3)), gone, "nor who came too late")
		require.Equal(t, []string{"0"}, members(<-d.begun))
		d.let <- struct{}{}
		require.Equal(t, []string{"2"}, members(<-d.begun))
		d.let <- struct{}{}
		callers.Wait()
		require.Zero(t, w.busy)
	})
}

func TestWhoGivesUpDuringTheCommitStillLearnsItsResult(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, w := newDisk(1)
		impatient, leave := context.WithCancel(t.Context())
		results := make(chan error, 2)
		go func() { results <- w.write(impatient, numbered(0)) }() // it leads, and its context is not the commit's
		synctest.Wait()
		leave()
		synctest.Wait()
		require.Empty(t, results)
		d.let <- struct{}{}
		require.NoError(t, <-results)
	})
}

func TestALeaderThatGivesUpHandsTheFlusherOver(t *testing.T) {
	t.Parallel()
	w := &writer{flushers: 1, busy: 1}
	leader, next := numbered(1), numbered(2)
	leader.leads = true
	next.turn = make(chan struct{}, 1)
	w.queue = []*op{leader, next}
	require.True(t, w.withdraw(leader))
	require.Len(t, next.turn, 1)
	require.True(t, next.leads)
	require.Equal(t, 1, w.busy)
	require.True(t, w.withdraw(next))
	require.Zero(t, w.busy)
}

func TestAFlushThatPanicsLeavesNobodyWaiting(t *testing.T) {
	t.Parallel()
	panics := true
	w := &writer{flushers: 1, flush: func(_ context.Context, batch []*op) {
		if panics {
			panic("a defect of ours")
		}
		batch[0].err = nil
	}}
	o := numbered(1)
	require.Panics(t, func() { _ = w.write(t.Context(), o) })
	<-o.settled
	require.ErrorIs(t, o.err, errFlushFailed)
	panics = false
	require.NoError(t, w.write(t.Context(), numbered(2)))
}

func TestEachOfManyCallersIsWrittenOnceOrNotAtAll(t *testing.T) {
	t.Parallel()
	const callers = 4000
	written := make([]atomic.Int64, callers)
	w := &writer{flushers: 3, flush: func(_ context.Context, batch []*op) {
		for _, o := range batch {
			var n int
			_, _ = fmt.Sscan(string(o.id), &n) // made by numbered
			written[n].Add(1)
			o.err = nil
		}
	}}
	var done sync.WaitGroup
	for n := range callers {
		ctx, leave := context.WithCancel(t.Context())
		done.Go(func() {
			err := w.write(ctx, numbered(n))
			if want := map[bool]int64{true: 1}[err == nil]; written[n].Load() != want {
				t.Errorf("caller %d was told %v and written %d times", n, err, written[n].Load())
			}
		})
		if rand.N(3) == 0 {
			done.Go(leave)
		} else {
			defer leave()
		}
	}
	done.Wait()
	require.Zero(t, w.busy)
	require.Empty(t, w.queue)
}
