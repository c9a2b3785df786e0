package web

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAnUnchangedBookingIs304WithoutABody(t *testing.T) {
	t.Parallel()
	g := open(t).guest()
	for _, match := range []string{`"1"`, `W/"1"`, `"9", "1"`, "*"} {
		answer := g.get("If-None-Match", match).is(http.StatusNotModified)
		require.Empty(t, answer.body)
		require.Equal(t, `"1"`, answer.header.Get("ETag"))
		require.Equal(t, "1", answer.header.Get("Retry-After"))
	}
	g.get("If-None-Match", `"2"`).is(http.StatusOK)
	g.call("GET", g.path+"?If-None-Match=1", g.secret, "").problem(http.StatusBadRequest, ProblemCodeInvalidParameter)
	g.house.turn(t, g.id)
	require.Equal(t, `"2"`, g.get("If-None-Match", `"1"`).is(http.StatusOK).header.Get("ETag"))
}

func TestAPollWithoutNewsDoesNotReadTheWholeBooking(t *testing.T) {
	t.Parallel()
	g := open(t).guest()
	before := g.house.wholes
	g.get("If-None-Match", `"1"`).is(http.StatusNotModified)
	g.get("Prefer", "wait=1", "If-None-Match", `"1"`).is(http.StatusNotModified)
	require.Equal(t, before, g.house.wholes)
	g.get("If-None-Match", `"2"`).is(http.StatusOK)
	require.Equal(t, before+1, g.house.wholes)
}

// whenever runs f once a call waits for a change.
func (h *house) whenever(t *testing.T, f func()) {
	t.Helper()
	select {
	case <-h.waiting:
		f()
	case <-time.After(soon):
		require.Fail(t, "nobody waits")
	}
}

// later makes a call while the test goes on.
func (g *guest) later(head ...string) <-chan reply {
	answers := make(chan reply, 1)
	go func() {
		answer, _ := g.try(g.Context(), "GET", g.path, g.secret, "", head...)
		answers <- answer
	}()
	return answers
}

func TestAPatientCallIsAnsweredWhenTheBookingChanges(t *testing.T) {
	t.Parallel()
	for name, head := range map[string][]string{
		"with the version that it has": {"Prefer", "wait=20", "If-None-Match", `"1"`},
		"with no version":              {"Prefer", `respond-async, Wait="20"; x=y`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := open(t).guest()
			answers := g.later(head...)
			g.house.whenever(t, func() { g.house.turn(t, g.id) })
			answer := <-answers
			require.Equal(t, 2, answer.is(http.StatusOK).booking().Version)
			require.Equal(t, "wait=20", answer.header.Get("Preference-Applied"))
		})
	}
}

func TestAPatientCallWithAnOldVersionIsAnsweredAtOnce(t *testing.T) {
	t.Parallel()
	g := open(t).guest()
	g.house.turn(t, g.id)
	require.Equal(t, 2, g.get("Prefer", "wait=20", "If-None-Match", `"1"`).is(http.StatusOK).booking().Version)
	require.Empty(t, g.house.waiting)
}

func TestOnlyWhoHasADecidedBookingWaitsForIt(t *testing.T) {
	t.Parallel()
	g := open(t).guest()
	g.house.until(t, g.id, atRest)
	decided := g.get("Prefer", "wait=20").is(http.StatusOK).booking()
	require.Empty(t, g.house.waiting)
	g.get("Prefer", "wait=1", "If-None-Match", etag(decided.Version)).is(http.StatusNotModified)
	require.NotEmpty(t, g.house.waiting, "it may still be cancelled")
}

func TestPatienceEndsWith304OutlivingTheTimeOutsOfOtherCalls(t *testing.T) {
	t.Parallel()
	g := open(t, func(c *Config) { c.ReadTimeout, c.WriteTimeout = 700*time.Millisecond, 700*time.Millisecond }).guest()
	g.get("Prefer", "wait=1", "If-None-Match", `"1"`).is(http.StatusNotModified)
	g.get("Prefer", "wait=1").is(http.StatusOK)
}

func TestListsMayComeInSeveralHeaders(t *testing.T) {
	t.Parallel()
	g := open(t).guest()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, g.path, http.NoBody)
	require.NoError(t, err)
	request.Header = http.Header{
		"Authorization": {"Bearer " + g.secret}, "If-None-Match": {`"9"`, `"1"`}, "Prefer": {"respond-async", "wait=1"},
	}
	answer := newRecorder(t)
	g.api.ServeHTTP(answer, request)
	require.Equal(t, "wait=1", answer.reply().is(http.StatusNotModified).header.Get("Preference-Applied"))
}

func TestPatienceHasABound(t *testing.T) {
	t.Parallel()
	for prefer, want := range map[string]time.Duration{
		"wait=20": 20 * time.Second, "wait=60": 25 * time.Second, "respond-async, wait=1": time.Second, "WAIT = 3": 3 * time.Second, "wait=65535": 25 * time.Second,
		"": 0, "wait": 0, "wait=0": 0, "wait=-1": 0, "wait=1.5": 0, "wait=99999999999": 0, "return=minimal": 0, "waits=4": 0,
	} {
		got, ok := preferredWait(prefer, 25*time.Second)
		require.Equal(t, want, got, prefer)
		require.Equal(t, want > 0, ok)
	}
}

func TestAServerThatStopsAnswersThoseWhoWait(t *testing.T) {
	t.Parallel()
	g := open(t).guest()
	answers := g.later("Prefer", "wait=20", "If-None-Match", `"1"`)
	g.house.whenever(t, func() { g.api.Drain() })
	(<-answers).is(http.StatusNotModified)
}

func TestShutdownDoesNotWaitForThePatient(t *testing.T) {
	t.Parallel()
	g := open(t).guest()
	answers := g.later("Prefer", "wait=25", "If-None-Match", `"1"`)
	ctx, cancel := context.WithTimeout(t.Context(), soon) // which is less than their patience
	defer cancel()
	g.house.whenever(t, func() { require.NoError(t, g.server.Config.Shutdown(ctx)) })
	(<-answers).is(http.StatusNotModified)
}

func TestBeyondTheBoundNobodyIsHeld(t *testing.T) {
	t.Parallel()
	g := open(t, func(c *Config) { c.HeldMax = 0 }).guest()
	g.get("Prefer", "wait=20", "If-None-Match", `"1"`).is(http.StatusNotModified)
	g.call("GET", g.path+"/stream", g.secret, "").problem(http.StatusServiceUnavailable, ProblemCodeUnavailable)
	require.Empty(t, g.house.waiting)
}

func TestRetryAfterGrowsWithAge(t *testing.T) {
	t.Parallel()
	g := open(t).guest()
	for _, c := range []struct {
		pass time.Duration
		want string
	}{{0, "1"}, {15 * time.Second, "2"}, {time.Minute, "5"}, {10 * time.Minute, "30"}} {
		g.house.pass(c.pass)
		require.Equal(t, c.want, g.get().header.Get("Retry-After"))
	}
}

func TestAWaitThatFailsIsA503(t *testing.T) {
	t.Parallel()
	g := open(t).guest()
	answers := g.later("Prefer", "wait=20")
	g.house.whenever(t, func() {
		g.house.mu.Lock()
		g.house.down = errDown
		g.house.rooms[g.id].b.Version++
		g.house.tell()
		g.house.mu.Unlock()
	})
	(<-answers).problem(http.StatusServiceUnavailable, ProblemCodeUnavailable)
}
