package store_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
	"hotelbooking/store"
	"hotelbooking/store/storetest"
)

func TestABadRowFailsAlone(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		bad := acceptance(2, func(a *booking.Acceptance) { a.Booking.Place.Phase = "nonsense" })
		_, errs := s.Together(t.Context(), acceptance(1), bad, acceptance(3))
		require.NoError(t, errs[0])
		require.ErrorContains(t, errs[1], "phase")
		require.NoError(t, errs[2])
		_, err := s.Get(t.Context(), bad.Booking.ID)
		require.ErrorIs(t, err, booking.ErrNotFound, "not even half of it")
		get(t, s, acceptance(3).Booking.ID)
	})
}

func TestOneKeyTwiceInOneBatchIsOneBooking(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		same := func(fingerprint byte) func(*booking.Acceptance) {
			return func(a *booking.Acceptance) { a.Key, a.Fingerprint = "k", [32]byte{fingerprint} }
		}
		receipts, errs := s.Together(t.Context(), acceptance(1, same(1)), acceptance(2, same(1)), acceptance(3, same(2)), acceptance(4))
		require.Equal(t, []error{nil, nil, booking.ErrKeyReused, nil}, errs)
		require.False(t, receipts[0].Replayed)
		require.True(t, receipts[1].Replayed)
		require.Equal(t, receipts[0].Booking.ID, receipts[1].Booking.ID)
		require.False(t, receipts[3].Replayed)
		require.EqualValues(t, 2, s.Counts().Rows)
		require.EqualValues(t, 1, s.Counts().Commits)
	})
}

func TestATakenReferenceIsAnErrorAndNobodyElses(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		first := accepted(t, s, 1)
		unlucky := acceptance(2, func(a *booking.Acceptance) { a.Booking.Reference = first.Reference })
		_, errs := s.Together(t.Context(), unlucky, acceptance(3))
		require.ErrorContains(t, errs[0], "reference is taken")
		require.NoError(t, errs[1])
		accepted(t, s, 2) // the caller's next try
	})
}

func TestAMemberThatLostItsLeaseFailsAlone(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		turns, want := map[*booking.Booking]booking.Entry{}, map[booking.ID]error{}
		for n := range 40 {
			b, entry := turn(accepted(t, s, n, leased), booking.Next())
			switch want[b.ID] = nil; n % 4 {
			case 1:
				b.Owner, want[b.ID] = "somebody.else", booking.ErrLost
			case 2:
				_, err := s.Decide(t.Context(), b.ID, note)
				require.NoError(t, err)
				want[b.ID] = booking.ErrConflict
			}
			turns[b] = entry
		}
		require.Equal(t, want, s.SaveTogether(t.Context(), turns))
		require.EqualValues(t, 20, s.Counts().Fenced)
		for id, err := range want {
			moved := get(t, s, id).Place.Step == booking.StepScreen
			require.Equal(t, err == nil, moved)
		}
	})
}

func note(b *booking.Booking) (booking.Entry, error) {
	return flow().Decide(b, booking.Decision{Verb: booking.VerbNote, Actor: "support:ana", Reason: "called"}, time.Now())
}

func TestACommitWithoutAnAnswerIsLookedUp(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		s.LoseAnswers(func() bool { return true })
		b := accepted(t, s, 1, leased)
		after := saved(t, s, b, booking.Next())
		require.Equal(t, after.Place, get(t, s, b.ID).Place)
		require.EqualValues(t, 2, s.Counts().Unknown)
	})
}

func TestWhatWasNotWrittenIsNotTakenForWritten(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		b := accepted(t, s, 1, leased)
		another := b.Clone()
		another.Owner = "somebody.else"
		saved(t, s, b, booking.Next())
		s.LoseAnswers(func() bool { return true })
		after, entry := turn(another, booking.Retry(booking.SupplierUnavailable, 0)) // the same version, another line
		err := s.Save(t.Context(), after, entry, 0)
		require.ErrorContains(t, err, "not known")
		require.NotErrorIs(t, err, booking.ErrLost)
		s.LoseAnswers(nil)
		require.ErrorIs(t, s.Save(t.Context(), after, entry, 0), booking.ErrLost)
	})
}

func TestTheCommitOutlivesItsCallers(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx, cancel := context.WithCancel(t.Context())
		s.LoseAnswers(func() bool { cancel(); return false }) // the client goes away while the commit is under way
		a := acceptance(1)
		_, err := s.Accept(ctx, a)
		require.NoError(t, err)
		require.Error(t, ctx.Err())
		get(t, s, a.Booking.ID)
	})
}

func TestSeveralProcessesAcceptTheSameKeysAtOnce(t *testing.T) {
	t.Parallel()
	const callers, keys = 12, 30
	for name, cfg := range map[string]func(testing.TB) store.Config{
		"sqlite": storetest.SQLiteConfig, "postgres": storetest.PostgresConfig,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			shared := cfg(t)
			stores := []*store.Store{storetest.Open(t, shared), storetest.Open(t, shared)}
			var done sync.WaitGroup
			made := make([]sync.Map, keys)
			for c := range callers {
				done.Go(func() {
					for i := range keys {
						n := (i*(1+2*(c%2))*7 + c) % keys // each in another order
						a := acceptance(c*keys+n, func(a *booking.Acceptance) { a.Key = fmt.Sprint(n) })
						receipt, err := stores[c%2].Accept(t.Context(), a)
						if err != nil {
							t.Errorf("accept: %v", err)
							return
						}
						made[n].Store(receipt.Booking.ID, true)
					}
				})
			}
			done.Wait()
			for n := range made {
				count := 0
				made[n].Range(func(any, any) bool { count++; return true })
				require.Equal(t, 1, count, "key %d", n)
			}
		})
	}
}

func TestBatchesOfSeveralProcessesNeverWaitInACircle(t *testing.T) {
	t.Parallel()
	const rounds, size = 10, 64
	cfg := storetest.PostgresConfig(t)
	stores := []*store.Store{storetest.Open(t, cfg), storetest.Open(t, cfg)}
	for round := range rounds {
		batches := make([][]booking.Acceptance, len(stores))
		for i := range stores {
			for n := range size { // the same keys, the second time backwards
				key := []int{n, size - 1 - n}[i]
				batches[i] = append(batches[i], acceptance((round*len(stores)+i)*size+n, func(a *booking.Acceptance) {
					a.Key = fmt.Sprintf("%d-%d", round, key)
				}))
			}
		}
		var done sync.WaitGroup
		for i, s := range stores {
			done.Go(func() {
				if _, errs := s.Together(t.Context(), batches[i]...); errors.Join(errs...) != nil {
					t.Errorf("accept: %v", errors.Join(errs...))
				}
			})
		}
		done.Wait()
	}
	for _, s := range stores {
		require.Zero(t, s.Counts().Repeated, "a deadlock")
	}
}

func TestSQLiteWritesAgainAfterACommitThatFailed(t *testing.T) {
	t.Parallel()
	for _, open := range []func(testing.TB, ...func(*store.Config)) *store.Store{storetest.SQLite, storetest.Memory} {
		s := open(t)
		err := s.FailCommit(t.Context())
		require.ErrorContains(t, err, "FOREIGN KEY")
		require.Zero(t, s.Counts().Unknown, "SQLite said no")
		accepted(t, s, 1)
	}
}

func TestSQLiteWritesAgainAfterTheDiskWasFull(t *testing.T) {
	t.Parallel()
	s := storetest.SQLite(t)
	require.NoError(t, s.Exec(t.Context(), "PRAGMA max_page_count = 1")) // no more than it has
	var full error
	n := 0
	for ; full == nil && n < 1000; n++ {
		_, full = s.Accept(t.Context(), acceptance(n))
	}
	require.ErrorContains(t, full, "full")
	get(t, s, acceptance(0).Booking.ID)

	require.NoError(t, s.Exec(t.Context(), "PRAGMA max_page_count = 100000"))
	accepted(t, s, n-1)
}

func TestOnlyThoseWhoseRowIsLockedWait(t *testing.T) {
	t.Parallel()
	s := storetest.OnPostgres(t, func(c *store.Config) { c.Timeout = time.Second })
	turns := map[*booking.Booking]booking.Entry{}
	var locked booking.ID
	for n := range 3 {
		b, entry := turn(accepted(t, s, n, leased), booking.Next())
		turns[b], locked = entry, b.ID
	}
	err := s.While(t.Context(), "SELECT 1 FROM places WHERE id = '"+string(locked)+"' FOR UPDATE", func() {
		for id, err := range s.SaveTogether(t.Context(), turns) {
			require.Equal(t, id == locked, err != nil, "%s: %v", id, err)
			require.NotErrorIs(t, err, booking.ErrLost)
		}
	})
	require.NoError(t, err)
}

func TestALockedTableDelaysNobodyForLong(t *testing.T) {
	t.Parallel()
	s := storetest.OnPostgres(t, func(c *store.Config) { c.Timeout = time.Second })
	turns := map[*booking.Booking]booking.Entry{}
	for n := range 100 {
		b, entry := turn(accepted(t, s, n, leased), booking.Next())
		turns[b] = entry
	}
	err := s.While(t.Context(), "LOCK TABLE places IN EXCLUSIVE MODE", func() {
		for _, err := range s.SaveTogether(t.Context(), turns) { // each on its own would be 100 s
			require.ErrorContains(t, err, "55P03")
		}
	})
	require.NoError(t, err)
	for _, err := range s.SaveTogether(t.Context(), turns) {
		require.NoError(t, err)
	}
}

func TestACommitThatCameWithAWarningIsLookedUp(t *testing.T) {
	t.Parallel()
	s := storetest.OnPostgres(t)
	// As when somebody cancels the wait for a synchronous standby: committed here, and perhaps nowhere else.
	require.NoError(t, s.Exec(t.Context(), `
CREATE FUNCTION warn() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE WARNING 'canceling wait for synchronous replication due to user request'; RETURN NULL; END $$`))
	require.NoError(t, s.Exec(t.Context(), `
CREATE CONSTRAINT TRIGGER warn AFTER INSERT ON history DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION warn()`))
	b := accepted(t, s, 1)
	require.EqualValues(t, 1, s.Counts().Unknown)
	require.Equal(t, 1, get(t, s, b.ID).Version)
	_, err := s.Claim(t.Context(), booking.Claim{Pool: booking.ProviderPool, Limit: 1, Owner: "a.1", Lease: time.Minute})
	require.NoError(t, err)
	require.EqualValues(t, 1, s.Counts().Unknown, "a warning is told once")
}

// Large batches are written table by table, small ones in one statement: nobody may tell.
func TestALargeBatchIsWrittenLikeASmallOne(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		for size, first := range map[int]int{4: 1, 300: 1001} {
			accepts := make([]booking.Acceptance, size)
			for i := range accepts {
				accepts[i] = acceptance(first+i, leased)
			}
			accepts[1].Key = accepts[0].Key // the same request again
			receipts, errs := s.Together(t.Context(), accepts...)
			require.NoError(t, errors.Join(errs...))
			turns := map[*booking.Booking]booking.Entry{}
			for i, receipt := range receipts {
				require.Equal(t, i == 1, receipt.Replayed)
				if i == 1 {
					continue
				}
				after, entry := turn(receipt.Booking, booking.Next())
				if i == 2 {
					after.Owner = "another.1"
				}
				turns[after] = entry
			}
			errsOf := s.SaveTogether(t.Context(), turns)
			for after := range turns {
				history, err := s.History(t.Context(), after.ID)
				require.NoError(t, err)
				if stolen := accepts[2].Booking.ID; after.ID == stolen {
					require.ErrorIs(t, errsOf[stolen], booking.ErrLost)
					require.Equal(t, 1, get(t, s, stolen).Version)
					require.Len(t, history, 1)
					continue
				}
				require.NoError(t, errsOf[after.ID])
				require.Len(t, history, 2)
				contact, _, err := s.People(t.Context(), after.ID)
				require.NoError(t, err)
				require.Equal(t, after.Contact, contact)
			}
		}
	})
}
