package store_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"hotelbooking/booking"
	"hotelbooking/store"
	"hotelbooking/store/storetest"
)

// noteOf is a note of an agent, under a request's id.
func noteOf(text string) func(*booking.Booking) (booking.Entry, error) {
	return func(b *booking.Booking) (booking.Entry, error) {
		return flow().Decide(b, booking.Decision{
			Verb: booking.VerbNote, Actor: booking.SupportActor("ana"), Reason: text, Role: "agent", RequestID: "request-" + text,
		}, time.Now())
	}
}

// erasure is an operator's. It erases bookings that have not ended, too, which the flow does not.
func erasure(b *booking.Booking) (booking.Entry, error) {
	entry, err := flow().Decide(b, booking.Decision{
		Verb: booking.VerbNote, Actor: booking.OperatorActor("root"), Reason: "the guest wrote", Role: "operator",
	}, time.Now())
	entry.Verb = string(booking.VerbErase)
	return entry, err
}

// withNotes makes booking number n, with notes, and a turn.
func withNotes(t testing.TB, s *store.Store, n int, notes ...string) *booking.Booking {
	t.Helper()
	b := accepted(t, s, n, personal)
	for _, text := range notes {
		after, err := s.Decide(t.Context(), b.ID, noteOf(text))
		require.NoError(t, err)
		b = after
	}
	return b
}

// verified reads the audit, and what is wrong with it.
func verified(t testing.TB, s *store.Store, expected string) (store.AuditReport, []store.Finding) {
	t.Helper()
	var findings []store.Finding
	report, err := s.Auditor().Verify(t.Context(), expected, func(f store.Finding) { findings = append(findings, f) })
	require.NoError(t, err)
	require.EqualValues(t, len(findings), report.Findings)
	return report, findings
}

func TestEachActionOfOurOwnPeopleIsInTheAudit(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		before := time.Now().Truncate(time.Microsecond)
		b := saved(t, s, accepted(t, s, 1, leased), booking.Park(booking.Staff, booking.FraudReview))
		cancel := func(d booking.Decision) func(*booking.Booking) (booking.Entry, error) {
			return func(b *booking.Booking) (booking.Entry, error) { return flow().Decide(b, d, time.Now()) }
		}
		_, err := s.Decide(t.Context(), b.ID, cancel(booking.Decision{Verb: booking.VerbNotify, Actor: "webhook:psp"}))
		require.NoError(t, err)
		report, findings := verified(t, s, "")
		require.Empty(t, findings)
		require.Zero(t, report.Actions, "turns, vendors and customers are none of our own people")
		require.Empty(t, report.Head)

		_, err = s.Decide(t.Context(), b.ID, noteOf("first"))
		require.NoError(t, err)
		_, err = s.Decide(t.Context(), b.ID, cancel(booking.Decision{
			Verb: booking.VerbCancel, Actor: booking.SupportActor("bo"), Role: "supervisor", Reason: "ill", RequestID: "r-2", WaiveFee: true,
		}))
		require.NoError(t, err)
		_, err = s.Erase(t.Context(), b.ID, erasure)
		require.NoError(t, err)
		report, findings = verified(t, s, "")
		require.Empty(t, findings)
		require.EqualValues(t, 3, report.Actions)
		require.EqualValues(t, 3, report.Seq)
		require.Len(t, report.Head, 64)
		require.False(t, report.From.Before(before))
		require.False(t, report.To.Before(report.From))

		rows, err := s.Lines(t.Context(), `
SELECT concat_ws(' ', seq, version, actor, role, action, asked, from_phase, from_status, to_phase, to_status, request_id) FROM audit ORDER BY seq`)
		require.NoError(t, err)
		require.Equal(t, []string{
			"1 4 support:ana agent note  parked processing parked processing request-first",
			"2 5 support:bo supervisor cancel waive_fee parked processing parked cancelling r-2",
			"3 6 operator:root operator erase  parked cancelling parked cancelling ",
		}, rows)
	})
}

func TestTheAuditHoldsNoPersonalData(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		withNotes(t, s, 1, "the guest is called Canaryana")
		rows, err := s.Everything(t.Context(), "audit")
		require.NoError(t, err)
		require.Len(t, rows, 1)
		require.NotContains(t, strings.ToLower(strings.ReplaceAll(rows[0], "request-the guest is called Canaryana", "")), "canary")
	})
}

func TestErasureTakesTheNotesAndLeavesTheAuditIntact(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		b := withNotes(t, s, 1, "the guest is called Canaryana", "and lives in Canary Street")
		_, err := s.Erase(t.Context(), b.ID, erasure)
		require.NoError(t, err)
		history, err := s.History(t.Context(), b.ID)
		require.NoError(t, err)
		require.Len(t, history, 4)
		for i, want := range []string{"", booking.ErasedText, booking.ErasedText, "the guest wrote"} {
			require.Equal(t, want, history[i].Detail)
		}
		_, findings := verified(t, s, "")
		require.Empty(t, findings)

		withNotes(t, s, 2, "another's")
		_, err = s.Decide(t.Context(), b.ID, noteOf("she called again"))
		require.NoError(t, err)
		_, err = s.Erase(t.Context(), b.ID, erasure)
		require.NoError(t, err)
		lines, err := s.Lines(t.Context(), "SELECT detail FROM history WHERE detail <> '' ORDER BY booking_id, version")
		require.NoError(t, err)
		require.Equal(t, []string{"erased", "erased", "erased", "erased", "the guest wrote", "another's"}, lines)
		_, findings = verified(t, s, "")
		require.Empty(t, findings)
	})
}

func TestNoFileOfSQLiteHoldsWhatWasErased(t *testing.T) {
	t.Parallel()
	cfg := storetest.SQLiteConfig(t)
	s := storetest.Open(t, cfg)
	b := withNotes(t, s, 1, "one", "the guest is called Canaryana")
	withNotes(t, s, 2, "another's")
	held := func() (text string) {
		files, err := filepath.Glob(filepath.Join(cfg.Dir, "*"))
		require.NoError(t, err)
		for _, file := range files {
			content, err := os.ReadFile(file)
			require.NoError(t, err)
			text += string(content)
		}
		return text
	}
	// Of the request's id, too, there is the note's text in these tests.
	require.Contains(t, strings.ReplaceAll(held(), "request-the guest is called Canaryana", ""), "Canaryana")
	_, err := s.Erase(t.Context(), b.ID, erasure)
	require.NoError(t, err)
	require.NotContains(t, strings.ReplaceAll(held(), "request-the guest is called Canaryana", ""), "Canaryana")
	require.Contains(t, held(), "another's")
}

func TestNobodyErasesUnnamed(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		b := accepted(t, s, 1, personal)
		_, err := s.Erase(t.Context(), b.ID, func(b *booking.Booking) (booking.Entry, error) {
			return flow().Decide(b, booking.Decision{Verb: booking.VerbNote, Actor: booking.CustomerActor}, time.Now())
		})
		require.ErrorContains(t, err, "customer")
		contact, _, err := s.People(t.Context(), b.ID)
		require.NoError(t, err)
		require.Equal(t, b.Contact, contact)
	})
}

// An action and its row are one transaction: whichever of them the database refuses, there is neither.
func TestThereIsNoActionWithoutItsRow(t *testing.T) {
	t.Parallel()
	for table, column := range map[string]string{"audit": "asked", "audit_head": "digest", "history": "took_us", "people": "data_key"} {
		rename := func(from, to string) string { return "ALTER TABLE " + table + " RENAME COLUMN " + from + " TO " + to }
		t.Run(table, func(t *testing.T) {
			t.Parallel()
			storetest.Each(t, func(t *testing.T, s *store.Store) {
				b := withNotes(t, s, 1, "before")
				require.NoError(t, s.Exec(t.Context(), rename(column, "gone")))
				if table != "people" {
					_, err := s.Decide(t.Context(), b.ID, noteOf("lost"))
					require.Error(t, err)
				}
				_, err := s.Erase(t.Context(), b.ID, erasure)
				require.Error(t, err)
				require.NoError(t, s.Exec(t.Context(), rename("gone", column)))

				require.Equal(t, b.Version, get(t, s, b.ID).Version)
				contact, _, err := s.People(t.Context(), b.ID)
				require.NoError(t, err)
				require.NotEmpty(t, contact.Email, "nothing was erased either")
				report, findings := verified(t, s, "")
				require.Empty(t, findings)
				require.EqualValues(t, 1, report.Actions)
			})
		})
	}
}

// Turns do not lock the chain: it may be held up, and they go on.
func TestTurnsDoNotWaitForTheAudit(t *testing.T) {
	t.Parallel()
	s := storetest.OnPostgres(t, func(c *store.Config) { c.Timeout = time.Second })
	b, other := accepted(t, s, 1, leased), accepted(t, s, 2)
	err := s.While(t.Context(), "SELECT 1 FROM audit_head FOR UPDATE", func() {
		saved(t, s, b, booking.Next())
		accepted(t, s, 3)
		_, err := s.Decide(t.Context(), other.ID, note)
		require.ErrorContains(t, err, "55P03", "an action does")
	})
	require.NoError(t, err)
	report, findings := verified(t, s, "")
	require.Empty(t, findings)
	require.Zero(t, report.Actions)
}

// What turns, claims and accepts do is done without the tables of the audit being there: so they cost nothing.
func TestTurnsKnowNothingOfTheAudit(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		b := accepted(t, s, 1, leased)
		require.NoError(t, s.Exec(t.Context(), "DROP TABLE audit"))
		require.NoError(t, s.Exec(t.Context(), "DROP TABLE audit_head"))
		saved(t, s, b, booking.Next())
		accepted(t, s, 2)
		claimed, err := s.Claim(t.Context(), booking.Claim{Pool: booking.ProviderPool, Limit: 1, Owner: "a.1", Lease: time.Minute})
		require.NoError(t, err)
		require.Len(t, claimed, 1)
		_, err = s.Decide(t.Context(), b.ID, noteOf("but this"))
		require.ErrorContains(t, err, "audit_head")
	})
}

func TestActionsOfOneCommitAreChainedInTheirOrder(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		turns := map[*booking.Booking]booking.Entry{}
		for n := range 150 {
			b := accepted(t, s, n, leased)
			if n%3 == 0 {
				after, entry := turn(b, booking.Next())
				turns[after] = entry
				continue
			}
			entry, err := noteOf(fmt.Sprint(n))(b)
			require.NoError(t, err)
			turns[b] = entry
		}
		commits := s.Counts().Commits
		for id, err := range s.SaveTogether(t.Context(), turns) {
			require.NoError(t, err, id)
		}
		require.Equal(t, commits+1, s.Counts().Commits)
		report, findings := verified(t, s, "")
		require.Empty(t, findings)
		require.EqualValues(t, 100, report.Actions)
	})
}

// A save that is repeated because its commit gave no answer has one row.
func TestACommitWithoutAnAnswerIsAuditedOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		b := accepted(t, s, 1, leased)
		entry, err := noteOf("once")(b)
		require.NoError(t, err)
		s.LoseAnswers(func() bool { return true })
		require.NoError(t, s.Save(t.Context(), b, entry, time.Minute))
		s.LoseAnswers(nil)
		require.NoError(t, s.Save(t.Context(), b, entry, time.Minute), "again")
		report, findings := verified(t, s, "")
		require.Empty(t, findings)
		require.EqualValues(t, 1, report.Actions)
	})
}

func TestTheChainStaysOneWhoeverWrites(t *testing.T) {
	t.Parallel()
	const processes, people, bookings, each = 3, 6, 8, 12
	for name, config := range map[string]func(testing.TB) store.Config{
		"sqlite": storetest.SQLiteConfig, "postgres": storetest.PostgresConfig,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := config(t)
			cfg.Timeout = 10 * time.Second // for a slow machine
			stores := make([]*store.Store, processes)
			for i := range stores {
				stores[i] = storetest.Open(t, cfg)
			}
			ids := make([]booking.ID, bookings)
			for n := range ids {
				ids[n] = accepted(t, stores[0], n, personal).ID
			}
			var done sync.WaitGroup
			wrote := make([]int, people)
			for p := range people {
				s := stores[p%processes]
				done.Go(func() {
					for i := range each {
						id := ids[(i*(1+p%3)+p)%bookings] // each in another order
						decide, act := noteOf(fmt.Sprint(p, i)), s.Decide
						if i%4 == 3 {
							decide, act = erasure, s.Erase
						}
						switch _, err := act(t.Context(), id, decide); {
						case err == nil:
							wrote[p]++
						case !errors.Is(err, booking.ErrConflict): // ten times outrun
							t.Errorf("person %d: %v", p, err)
						}
						if _, err := s.Accept(t.Context(), acceptance(1000+p*each+i)); err != nil {
							t.Errorf("accept: %v", err)
						}
					}
				})
			}
			done.Wait()
			total := 0
			for _, n := range wrote {
				total += n
			}
			report, findings := verified(t, stores[0], "")
			require.Empty(t, findings)
			require.EqualValues(t, total, report.Actions)
			require.Greater(t, total, people*each/2)
		})
	}
}

func TestTheHeadIsLoggedWithEachAction(t *testing.T) {
	t.Parallel()
	core, logged := observer.New(zapcore.InfoLevel)
	s, err := store.Open(t.Context(), storetest.SQLiteConfig(t), zap.New(core))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	withNotes(t, s, 1, "one", "two")
	heads := logged.FilterMessage("audit").All()
	require.Len(t, heads, 2)
	first, _ := heads[0].ContextMap()["head"].(string)
	for _, noted := range heads {
		head, _ := noted.ContextMap()["head"].(string)
		_, findings := verified(t, s, head)
		require.Empty(t, findings, "it was the head once")
	}
	report, _ := verified(t, s, "")
	require.Equal(t, report.Head, heads[1].ContextMap()["head"])
	require.NotEqual(t, first, report.Head)
}

func TestHistoryAndAuditAreOnlyAppendedTo(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		withNotes(t, s, 1, "called")
		for _, statement := range []string{
			"UPDATE audit SET role = 'viewer'", "DELETE FROM audit",
			"UPDATE history SET detail = 'never called'", "UPDATE history SET actor = 'customer', detail = 'erased'", "DELETE FROM history",
			"UPDATE history SET reference = 'x', detail = 'erased' WHERE reference IS NULL",
		} {
			require.ErrorContains(t, s.Exec(t.Context(), statement), "only ever appended to", statement)
		}
	})
	s := storetest.OnPostgres(t)
	require.ErrorContains(t, s.Exec(context.Background(), "TRUNCATE history"), "only ever appended to")
	require.ErrorContains(t, s.Exec(context.Background(), "TRUNCATE audit"), "only ever appended to")
}
