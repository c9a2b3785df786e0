package store_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
	"hotelbooking/store"
	"hotelbooking/store/storetest"
)

// serviceItself is the booking that is none, under which the changes of pauses are in the history.
const serviceItself = "00000000-0000-0000-0000-000000000000"

func pause(what, reason string) booking.PauseChange {
	return booking.PauseChange{
		What: what, Paused: true, Actor: booking.SupportActor("ana"), Role: "supervisor", RequestID: "r-1", Reason: reason,
	}
}

func resume(what string) booking.PauseChange {
	change := pause(what, "it is back")
	change.Paused, change.Actor = false, booking.SupportActor("bo")
	return change
}

func paused(t *testing.T, s *store.Store) map[string]string {
	t.Helper()
	pauses, err := s.Pauses(t.Context())
	require.NoError(t, err)
	reasons := map[string]string{}
	for _, p := range pauses {
		reasons[p.What] = p.Reason
	}
	return reasons
}

func TestAPauseHoldsForEveryProcessUntilSomebodyResumes(t *testing.T) {
	t.Parallel()
	for name, config := range databases() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := config(t)
			one, other := storetest.Open(t, cfg), storetest.Open(t, cfg)
			require.Empty(t, paused(t, one))
			log, err := one.PauseLog(t.Context(), 10)
			require.NoError(t, err)
			require.Empty(t, log)

			before := time.Now().Add(-time.Second)
			supplier := booking.PauseOfSupplier("x")
			require.NoError(t, one.Pause(t.Context(), pause(supplier, "it answers with errors")))
			require.NoError(t, other.Pause(t.Context(), pause(booking.PauseIntake, "a release")))
			require.Equal(t, map[string]string{supplier: "it answers with errors", booking.PauseIntake: "a release"}, paused(t, one))
			pauses, err := other.Pauses(t.Context())
			require.NoError(t, err)
			require.Equal(t, booking.PauseIntake, pauses[0].What)
			require.Equal(t, "support:ana", pauses[0].Actor)
			require.True(t, pauses[0].Since.After(before))

			require.NoError(t, other.Pause(t.Context(), resume(supplier)))
			require.Equal(t, map[string]string{booking.PauseIntake: "a release"}, paused(t, one))
			log, err = one.PauseLog(t.Context(), 2)
			require.NoError(t, err)
			require.Len(t, log, 2)
			require.False(t, log[0].At.Before(log[1].At))
			log[0].At, log[1].At = time.Time{}, time.Time{}
			require.Equal(t, []booking.PauseEvent{
				{What: supplier, Paused: false, Actor: "support:bo", Reason: "it is back"},
				{What: booking.PauseIntake, Paused: true, Actor: "support:ana", Reason: "a release"},
			}, log, "the newest first")
		})
	}
}

func TestAPauseThatIsGivenAgainHasAnotherReasonAndIsAsOld(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		pool := booking.PauseOfPool(booking.PaymentPool)
		require.NoError(t, s.Pause(t.Context(), pause(pool, "the first")))
		before, err := s.Pauses(t.Context())
		require.NoError(t, err)
		again := pause(pool, "the second\x00\xff")
		again.Actor = booking.OperatorActor("root")
		require.NoError(t, s.Pause(t.Context(), again))
		after, err := s.Pauses(t.Context())
		require.NoError(t, err)
		require.Equal(t, []booking.Pause{{What: pool, Since: before[0].Since, Actor: "operator:root", Reason: "the second"}}, after)

		require.NoError(t, s.Pause(t.Context(), resume(booking.PauseIntake)), "it goes on already")
		log, err := s.PauseLog(t.Context(), 10)
		require.NoError(t, err)
		require.Len(t, log, 2, "what changed nothing leaves no line")
	})
}

func TestOnlyWhatThereIsCanBePausedAndOnlyByOurOwnPeople(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		for _, what := range []string{"", "pool:", "pool:none", "supplier:", "supplier:\x00", "supplier:\xff", "everything", "supplier:" + strings.Repeat("x", 65)} {
			require.ErrorIs(t, s.Pause(t.Context(), pause(what, "")), booking.ErrNotPausable, "%q", what)
		}
		unnamed := pause(booking.PauseIntake, "")
		unnamed.Actor = "customer"
		require.ErrorContains(t, s.Pause(t.Context(), unnamed), "none of our own people")
		require.Empty(t, paused(t, s))
		lines, err := s.Everything(t.Context(), "history")
		require.NoError(t, err)
		require.Empty(t, lines)
	})
}

func TestEachChangeOfAPauseIsInTheAudit(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		supplier := booking.PauseOfSupplier("x")
		require.NoError(t, s.Pause(t.Context(), pause(supplier, "it answers with errors")))
		withNotes(t, s, 1, "a note between them")
		require.NoError(t, s.Pause(t.Context(), resume(supplier)))
		report, findings := verified(t, s, "")
		require.Empty(t, findings)
		require.EqualValues(t, 3, report.Actions)
		rows, err := s.Lines(t.Context(), "SELECT concat_ws(' ', seq, version, actor, role, action, asked, request_id) FROM audit WHERE booking_id = '"+serviceItself+"' ORDER BY seq")
		require.NoError(t, err)
		require.Equal(t, []string{
			"1 1 support:ana supervisor pause what=supplier:x r-1",
			"3 2 support:bo supervisor resume what=supplier:x r-1",
		}, rows)

		require.NoError(t, s.Exec(t.Context(), "DROP TRIGGER history_unchanged"+onHistory(t, s)))
		require.NoError(t, s.Exec(t.Context(), "UPDATE history SET detail = 'another reason' WHERE booking_id = '"+serviceItself+"' AND version = 2"))
		_, findings = verified(t, s, "")
		require.Len(t, findings, 1)
		require.Equal(t, serviceItself, findings[0].Booking)
		require.EqualValues(t, 2, findings[0].Version)
	})
}

// onHistory is what PostgreSQL wants to know of a trigger, and SQLite does not.
func onHistory(t *testing.T, s *store.Store) string {
	t.Helper()
	if _, err := s.Lines(t.Context(), "SELECT sqlite_version()"); err == nil {
		return ""
	}
	return " ON history"
}

func TestNobodyTakesAChangeOfAPauseForABooking(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		supplier := booking.PauseOfSupplier("x")
		require.NoError(t, s.Pause(t.Context(), pause(supplier, "the reason")))
		for _, q := range []string{serviceItself, supplier, "x", "the reason", "support:ana"} {
			bookings, err := s.Search(t.Context(), q, 10)
			require.Empty(t, found(t, bookings, err), q)
		}
		bookings, err := s.List(t.Context(), booking.Filter{Limit: 10})
		require.Empty(t, found(t, bookings, err))
		_, err = s.Get(t.Context(), serviceItself)
		require.ErrorIs(t, err, booking.ErrNotFound)
		_, err = s.Erase(t.Context(), serviceItself, erasure)
		require.ErrorIs(t, err, booking.ErrNotFound)
		steps, err := s.StepsInUse(t.Context())
		require.NoError(t, err)
		require.Empty(t, steps)
		require.Equal(t, map[string]string{supplier: "the reason"}, paused(t, s))
	})
}

func TestProcessesThatPauseAtOnceDoNotCollide(t *testing.T) {
	t.Parallel()
	const each = 4
	for name, config := range databases() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := config(t)
			var callers sync.WaitGroup
			stores := []*store.Store{storetest.Open(t, cfg), storetest.Open(t, cfg), storetest.Open(t, cfg)}
			for i, s := range stores {
				b := accepted(t, s, 100+i)
				for n := range each {
					callers.Go(func() {
						if err := s.Pause(t.Context(), pause(booking.PauseIntake, fmt.Sprint(i, n))); err != nil {
							t.Errorf("pause: %v", err)
						}
						if _, err := s.Decide(t.Context(), b.ID, noteOf("meanwhile")); err != nil {
							t.Errorf("note: %v", err)
						}
					})
				}
			}
			callers.Wait()
			log, err := stores[0].PauseLog(t.Context(), 100)
			require.NoError(t, err)
			require.Len(t, log, len(stores)*each)
			require.Equal(t, map[string]string{booking.PauseIntake: log[0].Reason}, paused(t, stores[0]), "the last one holds")
			versions, err := stores[0].Lines(t.Context(), "SELECT CAST(MAX(version) AS TEXT) FROM history WHERE booking_id = '"+serviceItself+"'")
			require.NoError(t, err)
			require.Equal(t, []string{fmt.Sprint(len(stores) * each)}, versions, "numbered without a gap")
			report, findings := verified(t, stores[1], "")
			require.Empty(t, findings)
			require.EqualValues(t, 2*len(stores)*each, report.Actions)
		})
	}
}
