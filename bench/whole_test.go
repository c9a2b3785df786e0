package bench

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// good is what the ledger has of a booking that was made, paid and told once.
var good = effects{Active: 1, Confirmed: 1, Authorized: 1, Captures: 1, MaxCaptures: 1, Tracked: 1}

func TestABookingIsWrongUnlessEverythingHappenedOnce(t *testing.T) {
	t.Parallel()
	require.Empty(t, good.wrong())
	for want, change := range map[string]func(e *effects){
		"no room":                func(e *effects) { e.Active, e.Confirmed = 0, 0 },
		"booked more than once":  func(e *effects) { e.Confirmed = 2 },
		"charged more than once": func(e *effects) { e.Captures = 2 },
		"not charged":            func(e *effects) { e.Captures, e.MaxCaptures = 0, 0 },
		"something is left open": func(e *effects) { e.Open = 1 },
		"not tracked once":       func(e *effects) { e.Tracked = 0 },
	} {
		e := good
		change(&e)
		require.Equal(t, want, e.wrong())
	}
}

func TestWhatWasPromisedAndWhatNobodyWasToldAreCompared(t *testing.T) {
	t.Parallel()
	held := effects{Holds: 1}
	wrong := outcomes(map[string]bool{"GOOD": true, "LOST": true}, map[string]effects{"GOOD": good, "UNTOLD": good, "HANGING": held})
	require.Equal(t, "1 no room, 1 unanswered: no room", describe(wrong))
	require.Empty(t, describe(outcomes(map[string]bool{"GOOD": true}, map[string]effects{"GOOD": good, "UNTOLD": good})))
}

func TestTheLedgerIsRead(t *testing.T) {
	t.Parallel()
	sandbox := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("reference") {
			_, _ = w.Write([]byte(`{"references":{},"calls":7}`))
			return
		}
		_, _ = w.Write([]byte(`{"references":{"BK1":{"holds":0,"active_reservations":1,"ever_confirmed":1,"ever_authorized":1,` +
			`"captures":1,"max_captures":1,"tracked":1,"captured":"346.00"}},"calls":7}`))
	}))
	t.Cleanup(sandbox.Close)
	ledger, calls, err := readLedger(t.Context(), sandbox.URL)
	require.NoError(t, err)
	require.Equal(t, map[string]effects{"BK1": good}, ledger)
	require.Equal(t, 7, calls)
	calls, err = countCalls(t.Context(), sandbox.URL)
	require.NoError(t, err)
	require.Equal(t, 7, calls)
}

func TestMetricsAreSummedByLabels(t *testing.T) {
	t.Parallel()
	text := []byte("# HELP booking_decided_total x\nbooking_decided_total{code=\"\",result=\"confirmed\"} 5\n" +
		"booking_decided_total{code=\"sold_out\",result=\"failed\"} 2\nbooking_decided_total_other 9\nbooking_accepted_total 1.5e+01\n")
	require.Equal(t, 15.0, metric(text, "booking_accepted_total"))
	require.Equal(t, 5.0, metric(text, "booking_decided_total", `result="confirmed"`))
	require.Equal(t, 7.0, metric(text, "booking_decided_total"))
}

func TestAWatcherTellsPaceAndWhenSoManyHadEnded(t *testing.T) {
	t.Parallel()
	from := time.Date(2026, 5, 4, 10, 0, 0, 0, time.UTC)
	w := &watcher{}
	for i := range 11 {
		w.seen = append(w.seen, progress{at: from.Add(time.Duration(i) * time.Second), ended: float64(100 * i)})
	}
	require.InDelta(t, 100, w.rate(from.Add(4*time.Second), from.Add(9*time.Second)), 0.001)
	require.Equal(t, from.Add(2500*time.Millisecond), w.reached(250))
	require.Equal(t, from.Add(10*time.Second), w.reached(5000), "as far as it was seen")
}

func TestAReferenceIsFoundBesideTheClientsOwn(t *testing.T) {
	t.Parallel()
	require.Equal(t, "BK7Q2M9XTA", referenceIn([]byte(`{"client_reference":"web-1","reference":"BK7Q2M9XTA","status":"pending"}`)))
	require.Empty(t, referenceIn([]byte(`{"client_reference":"web-1"}`)))
}

func TestFollowersFollowToTheEnd(t *testing.T) {
	t.Parallel()
	answers := []string{
		`{"status":"processing","terminal":false,"steps":[{"state":"running"}]}`,
		`{"status":"confirmed","terminal":true,"steps":[{"state":"running"}]}`,
		`{"status":"confirmed","terminal":true,"steps":[{"state":"succeeded"}]}`,
	}
	var etags []string
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		etags = append(etags, r.Header.Get("If-None-Match"))
		w.Header().Set("ETag", `"v`+string(rune('0'+len(etags)))+`"`)
		_, _ = w.Write([]byte(answers[len(etags)-1]))
	}))
	t.Cleanup(service.Close)
	f := newFollowers(service.URL, "key")
	f.follow(context.WithoutCancel(t.Context()), "0199", time.Now())
	confirmed, rested, err := f.wait()
	require.NoError(t, err)
	require.Len(t, confirmed, 1)
	require.GreaterOrEqual(t, rested[0], confirmed[0])
	require.Equal(t, []string{"", `"v1"`, `"v2"`}, etags)
}

func TestABookingThatFailsIsAnErrorToWhoeverFollowsIt(t *testing.T) {
	t.Parallel()
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"status":"failed","terminal":true}`))
	}))
	t.Cleanup(service.Close)
	f := newFollowers(service.URL, "key")
	f.follow(context.WithoutCancel(t.Context()), "0199", time.Now())
	_, _, err := f.wait()
	require.ErrorContains(t, err, "it is failed")
}
