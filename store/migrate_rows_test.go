package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
	"hotelbooking/store"
	"hotelbooking/store/storetest"
)

// What the first schema's rows looked like: a booking that was captured and waits for tracking, leased by a process that is
// gone, and one that waits for support.
const (
	oldFacts = `{"marks":[{"step":"hold","state":"succeeded","attempts":2},{"step":"screen","state":"succeeded","attempts":1},` +
		`{"step":"authorize","state":"succeeded","attempts":1},{"step":"confirm","state":"unknown","attempts":1,"tries":1,"asked":3,"doubt":true},` +
		`{"step":"capture","state":"pending"},{"step":"track","state":"pending"}],"price":{"minor":34600,"currency":"EUR"},` +
		`"deadline":"2026-11-22T23:05:28.71967Z","hold":{"reference":"HLD-1","total":{"minor":34600,"currency":"EUR"}},` +
		`"verdict":{"ruling":"accept"},"money":{"token":"pm_card_visa","reference":"pi_1","authorized":34600},` +
		`"reservation":{"supplier_reference":"RES-1"},"terms_agreed":true,"unknown_since":"2026-11-22T22:55:28Z"}`
	leasedID = "01945e2a-7c00-7000-8000-000000000001"
	parkedID = "01945e2a-7c00-7000-8000-000000000002"
)

// nothing is how a database writes no bytes.
func oldRows(id, reference, place, nothing string) []string {
	return []string{
		`INSERT INTO bookings (id, reference, client, idempotency_key, fingerprint, flow_version, created_at, offer, stay, payment_token, attribution)
VALUES ('` + id + `', '` + reference + `', 'web', '` + id + `', ` + nothing + `, 1, 1795390000000000, '{"supplier":"x"}', '{"rooms":[]}', 'pm', 'null')`,
		`INSERT INTO places (id, phase, step, pool, supplier, goal, result, status, version, owner, due_at, crashes, crashed,
    attention, attention_since, supplier_reference, payment_reference, updated_at, facts)
VALUES ('` + id + `', ` + place + `, 'RES-1', 'pi_1', 1795390000000000, '` + oldFacts + `')`,
		`INSERT INTO people (id, key_id, sealed) VALUES ('` + id + `', 'test', ` + nothing + `)`,
		`INSERT INTO history (booking_id, version, at, actor, verb, from_phase, from_step, to_phase, to_step, attempt, outcome, reason,
    detail, took_us, status, written_by)
SELECT '` + id + `', n.n, 1795390000000000, 'system', 'turn', 'doing', 'hold', 'doing', 'screen', 1, 'next', '', 'detail', 7, 'processing', 'a.1'
FROM (SELECT 1 AS n UNION ALL SELECT 2) AS n`,
	}
}

func TestRowsOfTheFirstSchemaGoOn(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]func(testing.TB) store.Config{
		"sqlite": storetest.SQLiteConfig, "postgres": storetest.PostgresConfig,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg, nothing := config(t), "''"
			if cfg.URL == "" {
				nothing = "x''"
			}
			require.NoError(t, store.MigrateTo(t.Context(), cfg, 1))
			require.NoError(t, store.ExecAlone(t.Context(), cfg, oldRows(leasedID, "REF1",
				`'finding', 'confirm', 'provider', 'x', 'confirm', '', 'processing', 2, 'gone.1', 1795390000000000, 1, 1, NULL, NULL`, nothing)...))
			require.NoError(t, store.ExecAlone(t.Context(), cfg, oldRows(parkedID, "REF2",
				`'parked', 'confirm', 'provider', 'x', 'confirm', '', 'processing', 2, '', NULL, 0, 0, 'outcome_unknown', 1795390000000000`, nothing)...))

			s := storetest.Open(t, cfg)
			b := get(t, s, leasedID)
			require.Equal(t, booking.Place{Phase: booking.Finding, Step: booking.StepConfirm}, b.Place)
			require.Equal(t, booking.Mark{Step: booking.StepHold, State: booking.MarkDone, Attempts: 2}, b.Mark(booking.StepHold))
			require.Equal(t, booking.Mark{Step: booking.StepConfirm, State: booking.MarkUnclear, Attempts: 1, Tries: 1, Asked: 3, Doubt: true}, b.Mark(booking.StepConfirm))
			require.Equal(t, booking.Mark{Step: booking.StepTrack, State: booking.MarkPending}, b.Mark(booking.StepTrack))
			require.Equal(t, booking.Money{Minor: 34600, Currency: "EUR"}, b.Facts.Price)
			require.Equal(t, "HLD-1", b.Facts.Hold.Reference)
			require.True(t, b.Facts.TermsAgreed)
			require.Equal(t, booking.Ledger{Token: "pm_card_visa", Reference: "pi_1", Authorized: 34600}, b.Facts.Money)
			require.Equal(t, booking.Accept, b.Facts.Verdict.Ruling)
			require.Equal(t, "gone.1", b.Owner)

			history, err := s.History(t.Context(), leasedID)
			require.NoError(t, err)
			require.Len(t, history, 2)
			require.Equal(t, 7*time.Microsecond, history[1].Took)
			require.Empty(t, history[1].Calls)
			require.Empty(t, b.ReturnURL)
			require.Empty(t, b.Trace)
			for _, q := range []string{"RES-1", "pi_1", "REF1"} {
				bookings, err := s.Search(t.Context(), q, 10)
				require.Contains(t, found(t, bookings, err), booking.ID(leasedID), q)
			}
			bookings, err := s.List(t.Context(), booking.Filter{NeedsLook: true, Limit: 10})
			require.Equal(t, []booking.ID{parkedID}, found(t, bookings, err))

			claimed, err := s.Claim(t.Context(), booking.Claim{Pool: booking.ProviderPool, Limit: 10, Owner: "b.1", Process: "b", Lease: time.Minute})
			require.NoError(t, err)
			require.Len(t, claimed, 1, "its lease is over")
			require.Equal(t, 2, claimed[0].Crashes)
			after, entry := turn(claimed[0], booking.Next())
			require.NoError(t, s.Save(t.Context(), after, entry, 0))
		})
	}
}
