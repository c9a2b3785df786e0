package store

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
)

// asked is one query of a database whose answers the test gives.
type asked struct {
	ids    []booking.ID
	answer chan map[booking.ID]int
}

// readers is a together over such a database; each row is a number.
func readers(most int) (*together[int], <-chan asked) {
	queries := make(chan asked, 10)
	return newTogether(most, time.Second, func(ctx context.Context, ids []booking.ID, found func(booking.ID, *int)) error {
		q := asked{ids, make(chan map[booking.ID]int)}
		queries <- q
		select {
		case rows := <-q.answer:
			if rows == nil {
				return errDown
			}
			for id, n := range rows {
				found(id, &n)
			}
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}), queries
}

var errDown = errors.New("connection refused")

// read is what one caller is told.
type read struct {
	row *int
	err error
}

// reading asks in the background, and returns once the call can get no further by itself.
func reading(ctx context.Context, r *together[int], id booking.ID) <-chan read {
	told := make(chan read, 1)
	go func() {
		row, err := r.read(ctx, id)
		told <- read{row, err}
	}()
	synctest.Wait()
	return told
}

func TestWhoAsksDuringAQueryIsAnsweredByTheNext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, queries := readers(10)
		early := reading(t.Context(), r, "a")
		late, other, unknown := reading(t.Context(), r, "a"), reading(t.Context(), r, "b"), reading(t.Context(), r, "c")

		first := <-queries
		require.Equal(t, []booking.ID{"a"}, first.ids)
		require.Empty(t, queries, "one query at a time")
		first.answer <- map[booking.ID]int{"a": 1}
		require.Equal(t, 1, *(<-early).row)

		second := <-queries // not the first: it may not have seen what was committed before they asked
		require.Equal(t, []booking.ID{"a", "b", "c"}, second.ids)
		second.answer <- map[booking.ID]int{"a": 2, "b": 5}
		require.Equal(t, 2, *(<-late).row)
		require.Equal(t, 5, *(<-other).row)
		require.ErrorIs(t, (<-unknown).err, booking.ErrNotFound)
	})
}

func TestACrowdIsDividedAmongQueriesOfBoundedSize(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, queries := readers(2)
		var told []<-chan read
		for _, id := range []booking.ID{"a", "b", "b", "c", "d"} {
			told = append(told, reading(t.Context(), r, id))
		}
		for range 3 {
			q := <-queries
			require.LessOrEqual(t, len(q.ids), 2)
			q.answer <- map[booking.ID]int{"a": 1, "b": 2, "c": 3, "d": 4}
			synctest.Wait()
		}
		require.Empty(t, queries)
		for i, want := range []int{1, 2, 2, 3, 4} {
			require.Equal(t, want, *(<-told[i]).row)
		}
	})
}

func TestAFailedQueryFailsItsCallersOnly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, queries := readers(10)
		failed, next := reading(t.Context(), r, "a"), reading(t.Context(), r, "a")
		(<-queries).answer <- nil
		require.ErrorIs(t, (<-failed).err, errDown)
		(<-queries).answer <- map[booking.ID]int{"a": 1}
		require.Equal(t, 1, *(<-next).row)
	})
}

func TestWhoLeavesTakesNobodyAlong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, queries := readers(10)
		ctx, leave := context.WithCancel(t.Context())
		running := reading(t.Context(), r, "a")
		leader, member := reading(ctx, r, "b"), reading(ctx, r, "b")
		stays := reading(t.Context(), r, "b")
		leave()
		require.ErrorIs(t, (<-member).err, context.Canceled)
		(<-queries).answer <- map[booking.ID]int{"a": 1}
		require.Equal(t, 1, *(<-running).row)
		(<-queries).answer <- map[booking.ID]int{"b": 2}
		require.Equal(t, 2, *(<-stays).row)
		<-leader // it led to the end, and is told either
		_, err := r.read(ctx, "a")
		require.ErrorIs(t, err, context.Canceled)
		require.Empty(t, queries, "nothing is asked for who has left")
	})
}

func TestADatabaseThatDoesNotAnswerKeepsNobodyForLong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, _ := readers(1)
		began := time.Now()
		var told []<-chan read
		for range 5 {
			told = append(told, reading(t.Context(), r, "a"))
		}
		for _, one := range told {
			require.ErrorIs(t, (<-one).err, errQueryDeadline)
		}
		require.Equal(t, time.Second, time.Since(began))
	})
}

func TestAQueryThatPanicsIsAnErrorToThoseWhoWaitedForIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		begun, proceed := make(chan struct{}, 2), make(chan struct{})
		r := newTogether(10, time.Second, func(context.Context, []booking.ID, func(booking.ID, *int)) error {
			begun <- struct{}{}
			<-proceed
			panic("a defect")
		})
		broken := make(chan any, 2)
		for range 2 { // the second leads the next question, with the third
			go func() {
				defer func() { broken <- recover() }()
				_, _ = r.read(t.Context(), "a")
			}()
			synctest.Wait()
		}
		third := reading(t.Context(), r, "a")
		close(proceed)
		require.Equal(t, "a defect", <-broken)
		require.Equal(t, "a defect", <-broken)
		require.ErrorIs(t, (<-third).err, errReadFailed)
	})
}
