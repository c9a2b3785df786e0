package sandbox_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"hotelbooking/providers/sandbox"
)

// restart runs a story, stops the sandbox, and starts another one on the same journal.
func restart(t *testing.T, cfg sandbox.Config, story func(w *world)) (before reply, after *world) {
	t.Helper()
	cfg.Journal = filepath.Join(t.TempDir(), "journal")
	t.Run("before", func(t *testing.T) {
		w := setup(t, cfg)
		story(w)
		before = w.call("GET", "/_ledger", nil)
	})
	return before, setup(t, cfg)
}

func TestAJournalOutlivesARestart(t *testing.T) {
	t.Parallel()
	var authorized, held reply
	before, w := restart(t, sandbox.Config{}, func(w *world) {
		held = w.hold(ref, "sim_ok")
		w.screen(ref, "o-1", "ana+review@example.com")
		authorized = w.authorize(ref, "k1", "pm_card_visa", "346.00")
		w.confirm(ref, "sim_ok", "346.00")
		w.capture(ref, "c1", "k1", "346.00")
		w.track(ref, "m1", "Booking Confirmed")
		w.release("GONE")
		w.void("GONE", "k9")
		w.authorize("BANK", "k2", "pm_card_authenticationRequired", "10.00")
	})
	require.Equal(t, before.JSON, w.call("GET", "/_ledger", nil).JSON)
	require.Equal(t, authorized.JSON, w.authorize(ref, "k1", "pm_card_visa", "346.00").JSON, "keys are remembered")
	require.Equal(t, "idempotency_key_reused", w.authorize(ref, "k1", "pm_card_visa", "1.00").code())
	require.Equal(t, 200, w.hold(ref, "sim_ok").Status)
	require.Equal(t, held.at("hold_reference"), w.retrieve(ref).at("hold_reference"))
	require.Equal(t, "reference_released", w.hold("GONE", "sim_ok").code(), "so are tombstones")
	require.Equal(t, "authorization_voided", w.authorize("GONE", "k9", "pm_card_visa", "1.00").code())
	require.Equal(t, "REVIEW", w.call("GET", "/fraud/v1/screenings/"+ref, nil).at("recommendation"))
	w.track(ref, "m1", "Booking Confirmed")
	id, _ := w.payments("BANK").at("payments.0.id").(string)
	require.Equal(t, 200, w.call("POST", "/payment/3ds/"+id, nil).Status)
	w.counts(ref, map[string]int{"tracked": 1, "captures": 1})
	w.counts("BANK", map[string]int{"open_authorizations": 1})
	seqs := map[any]bool{}
	for _, entry := range w.journal("") {
		seqs[entry.(object)["seq"]] = true
	}
	require.Len(t, seqs, len(w.journal("")), "numbers go on where they were")
}

func TestAnEntryTellsWhatWasAskedAndWhatCameOfIt(t *testing.T) {
	t.Parallel()
	w := setup(t, sandbox.Config{Now: newClock().read})
	w.authorize(ref, "k1", "pm_card_visa", "346.00")
	w.authorize(ref, "k1", "pm_card_visa", "346.00")
	w.hold("OTHER", "sim_ok")
	entries := w.journal("reference=" + ref + "&system=payment")
	require.Len(t, entries, 2)
	first, second := entries[0].(object), entries[1].(object)
	require.Equal(t, "authorize", first["operation"])
	require.Equal(t, "k1", first["idempotency_key"])
	require.Equal(t, "authorized", first["effect"])
	require.Equal(t, "given", first["answer"])
	require.EqualValues(t, 201, first["status"])
	require.Equal(t, "2026-11-01T12:00:00Z", first["received_at"])
	require.Equal(t, "none", second["effect"])
	require.Equal(t, first["body_hash"], second["body_hash"])
	require.Len(t, first["body_hash"], 64)
	require.Len(t, w.journal("after=1&limit=1"), 1)
	require.Equal(t, 400, w.call("GET", "/_journal?after=x", nil).Status)
}

func TestNoPersonalDataReachesTheJournal(t *testing.T) {
	t.Parallel()
	cfg := sandbox.Config{Journal: filepath.Join(t.TempDir(), "journal")}
	w := setup(t, cfg)
	w.hold(ref, "sim_ok")
	w.confirm(ref, "sim_ok", "346.00")
	w.screen(ref, "o-1", "ana@example.com")
	text, err := os.ReadFile(cfg.Journal)
	require.NoError(t, err)
	require.Contains(t, string(text), `"booked"`)
	for _, personal := range []string{"Ana", "Núñez", "ana@example.com"} {
		require.NotContains(t, string(text), personal)
	}
}

func TestALastLineThatAKillLeftUnfinishedIsCutOff(t *testing.T) {
	t.Parallel()
	cfg := sandbox.Config{Journal: filepath.Join(t.TempDir(), "journal")}
	t.Run("before", func(t *testing.T) {
		w := setup(t, cfg)
		w.hold("FIRST", "sim_ok")
		w.hold("SECOND", "sim_ok")
	})
	text, err := os.ReadFile(cfg.Journal)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(cfg.Journal, text[:len(text)-20], 0o600))
	for range 2 { // the second start finds it mended
		w := setup(t, cfg)
		w.counts("FIRST", map[string]int{"holds": 1})
		w.counts("SECOND", map[string]int{"holds": 0})
		require.NoError(t, w.server.Close())
	}
}

func TestAJournalThatIsNoneStopsTheStart(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal")
	for text, want := range map[string]string{
		"not a line\n{}\n": "line 1",
		`{"puts":[{"kind":"planet","key":"x","value":{}}]}` + "\n":               "planet",
		`{"puts":[{"kind":"ledger","key":"x","value":{"holds":"many"}}]}` + "\n": "row ledger x",
	} {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		_, err := sandbox.New(sandbox.Config{Journal: path})
		require.ErrorContains(t, err, want)
	}
	_, err := sandbox.New(sandbox.Config{Journal: filepath.Join(path, "below a file")})
	require.ErrorContains(t, err, "open journal")
}

func TestAResetEmptiesTheFileToo(t *testing.T) {
	t.Parallel()
	_, w := restart(t, sandbox.Config{}, func(w *world) {
		w.hold(ref, "sim_ok")
		w.call("POST", "/_reset", nil)
		w.hold("NEW", "sim_ok")
	})
	require.Empty(t, w.ledger(ref))
	w.counts("NEW", map[string]int{"holds": 1})
}
