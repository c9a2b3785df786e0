package queuetest

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
)

// cancel is a decision that makes a booking due.
func cancel(b *booking.Booking) (booking.Entry, error) {
	return flow.Decide(b, booking.Decision{Verb: booking.VerbCancel, Actor: booking.CustomerActor}, time.Now())
}

func decideMoves(s *scene) {
	b := s.stored(due(time.Hour))
	s.nothingDue()
	decided, err := s.queue.Decide(s.ctx, b.ID, cancel)
	require.NoError(s, err)
	require.Equal(s, 2, decided.Version)
	claimed := s.claimOne("a.1")
	require.Equal(s, booking.StatusCancelling, claimed.Status())
	require.Equal(s, b.Contact, claimed.Contact, "the people stay")
	s.history(b.ID, "accept", "cancel")

	_, err = s.queue.Decide(s.ctx, "no-such-booking", note)
	require.ErrorIs(s, err, booking.ErrNotFound)
}

func decideLeased(s *scene) {
	b := s.leased(minute)
	decided, err := s.queue.Decide(s.ctx, b.ID, cancel)
	require.NoError(s, err)
	require.Equal(s, b.Owner, decided.Owner)
	s.nothingDue()
	got := s.get(b.ID)
	require.Equal(s, b.Owner, got.Owner)
	require.Equal(s, booking.StatusCancelling, got.Status())
	lost, err := s.queue.Renew(s.ctx, []booking.Lease{{ID: b.ID, Owner: b.Owner}}, minute)
	require.NoError(s, err)
	require.Empty(s, lost)
}

func decideKeepsDue(s *scene) {
	b := s.stored(due(-minute))
	later := s.stored(due(time.Hour))
	for _, id := range []booking.ID{b.ID, later.ID} {
		_, err := s.queue.Decide(s.ctx, id, note)
		require.NoError(s, err)
	}
	require.Equal(s, b.ID, s.claimOne("a.1").ID)
	require.WithinDuration(s, time.Now().Add(time.Hour), s.get(later.ID).DueAt, minute)
}

func decideRefused(s *scene) {
	b := s.stored()
	refused := errors.New("not like that")
	_, err := s.queue.Decide(s.ctx, b.ID, func(b *booking.Booking) (booking.Entry, error) {
		b.Goal = booking.Cancel
		return booking.Entry{}, refused
	})
	require.Equal(s, refused, err)
	require.Equal(s, booking.Confirm, s.get(b.ID).Goal)
	s.history(b.ID, "accept")
}

func decideAgain(s *scene) {
	b := s.stored()
	var owners []string
	decided, err := s.queue.Decide(s.ctx, b.ID, func(b *booking.Booking) (booking.Entry, error) {
		if owners = append(owners, b.Owner); len(owners) == 1 {
			s.claimOne("a.1")
		}
		return note(b)
	})
	require.NoError(s, err)
	require.Equal(s, []string{"", "a.1"}, owners, "what is legal depends on who holds it")
	require.Equal(s, "a.1", decided.Owner)
	s.nothingDue()
	require.Equal(s, "a.1", s.get(b.ID).Owner)
	s.history(b.ID, "accept", "note")
}

func decideTwice(s *scene) {
	b, moment := s.stored(), time.Now()
	tries := 0
	_, err := s.queue.Decide(s.ctx, b.ID, func(b *booking.Booking) (booking.Entry, error) {
		if tries++; tries == 1 {
			_, err := s.queue.Decide(s.ctx, b.ID, func(b *booking.Booking) (booking.Entry, error) { return noteAt(b, moment) })
			require.NoError(s, err)
		}
		return noteAt(b, moment)
	})
	require.NoError(s, err)
	require.Equal(s, 2, tries, "the other's line is not its own, however alike they are")
	s.history(b.ID, "accept", "note", "note")
}

func decideAtOnce(s *scene) {
	const callers, each = 6, 4
	b := s.stored()
	var done sync.WaitGroup
	for range callers {
		done.Go(func() {
			for n := 0; n < each; {
				_, err := s.queue.Decide(s.ctx, b.ID, note)
				switch {
				case err == nil:
					n++
				case !errors.Is(err, booking.ErrConflict) || s.ctx.Err() != nil:
					s.Errorf("decide: %v", err)
					return
				}
			}
		})
	}
	done.Wait()
	require.Equal(s, 1+callers*each, s.get(b.ID).Version)
	s.history(b.ID)
}

func backlogCounts(s *scene) {
	backlog, err := s.queue.Backlog(s.ctx)
	require.NoError(s, err)
	require.Equal(s, booking.Backlog{}, backlog)

	s.stored(due(-time.Hour))
	s.stored(due(-minute))
	s.stored(due(time.Hour))
	s.leased(minute)
	s.leased(-time.Second)
	require.Equal(s, 3, s.waiting())
	backlog, err = s.queue.Backlog(s.ctx)
	require.NoError(s, err)
	require.WithinDuration(s, time.Now().Add(-time.Hour), backlog.Oldest, minute)
	s.claim("a.1")
	require.Zero(s, s.waiting())
}

func (s *scene) waiting() int {
	s.Helper()
	backlog, err := s.queue.Backlog(context.WithoutCancel(s.ctx))
	require.NoError(s, err)
	return backlog.Waiting
}
