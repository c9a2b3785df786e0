package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
)

// change is the form of a dialogue.
func change(what, to, reason string) url.Values {
	return url.Values{"what": {what}, "to": {to}, "reason": {reason}}
}

func TestASupervisorPausesAndLetsGoOn(t *testing.T) {
	t.Parallel()
	s := open(t)
	sue := staff(t, s, supervisorKey)
	for _, what := range []string{"intake", "pool:payment", "supplier:sandbox"} {
		dialog := sue.fragment(pausesPath + "?what=" + what).page(http.StatusOK)
		require.Contains(t, dialog, `name="to" value="pause"`, what)
		answer := sue.post(pausesPath, change(what, "pause", " They asked\r\nus to. ")).is(http.StatusSeeOther)
		require.Equal(t, overviewPath, answer.header.Get("Location"))
		require.Equal(t, booking.Pause{What: what, Since: s.house.now, Actor: "support:sue", Reason: "They asked\r\nus to."}, s.house.paused[len(s.house.paused)-1])
	}
	page := sue.get(overviewPath).page(http.StatusOK)
	require.Equal(t, 3, strings.Count(page, `data-test="state">paused</span>`))
	require.Contains(t, page, `Taking bookings in <strong>paused</strong> by support:sue.`)
	require.Contains(t, sue.fragment(pausesPath+"?what=pool:payment").page(http.StatusOK), `name="to" value="resume"`)

	sue.post(pausesPath, change("pool:payment", "resume", "They are back.")).is(http.StatusSeeOther)
	require.Len(t, s.house.paused, 2)
	page = sue.get(overviewPath).page(http.StatusOK)
	require.Equal(t, 2, strings.Count(page, `data-test="state">paused</span>`))
	require.Regexp(t, `(?s)Payment <strong>went on</strong>.*Supplier sandbox <strong>paused</strong>`, page, "the last change comes first")
}

func TestWhoPausesIsToldWhatWillHappen(t *testing.T) {
	t.Parallel()
	s := open(t)
	sue := staff(t, s, supervisorKey)
	for what, words := range map[string][]string{
		"intake":           {"503 and Retry-After", "go on as they would"},
		"pool:provider":    {"No calls are made", "within the booking deadline fail, and nothing is charged", "under way end"},
		"pool:fraud":       {"No booking is screened", "nothing is charged", "under way end"},
		"pool:payment":     {"charged or refunded", "releases and refunds wait", "nothing is charged", "under way end"},
		"pool:tracking":    {"No conversion is reported", "Bookings are not held up"},
		"supplier:sandbox": {"No calls are made", "within the booking deadline fail, and nothing is charged", "under way end"},
	} {
		part, whole := sue.fragment(pausesPath+"?what="+what).page(http.StatusOK), sue.get(pausesPath+"?what="+what).page(http.StatusOK)
		for _, word := range words {
			require.Contains(t, part, word, what)
			require.Contains(t, whole, word, "it works without scripts")
		}
		require.Contains(t, part, "<dialog")
		require.Contains(t, part, "data-close")
		require.NotContains(t, whole, "data-close", "there is nothing to go back to")
		require.NotContains(t, part, "<html")
	}
	s.house.paused = []booking.Pause{{What: "pool:payment", Actor: "support:ada", Reason: `<b>"why"`}}
	resume := sue.fragment(pausesPath + "?what=pool:payment").page(http.StatusOK)
	require.Contains(t, resume, "Calls are made again")
	require.Contains(t, resume, "&lt;b&gt;&#34;why&#34;")
}

func TestOnlySupervisorsPause(t *testing.T) {
	t.Parallel()
	s := open(t)
	for _, key := range []string{viewerKey, agentKey} {
		c := staff(t, s, key)
		c.get(pausesPath + "?what=intake").is(http.StatusForbidden)
		c.post(pausesPath, change("intake", "pause", "because")).is(http.StatusForbidden)
		page := c.get(overviewPath).page(http.StatusOK)
		require.NotContains(t, page, pausesPath)
		require.Contains(t, page, "Supervisors can pause.")
		require.Contains(t, page, `data-what="intake"`, "but everybody sees")
	}
	sue := staff(t, s, supervisorKey)
	sue.post(pausesPath, change("intake", "pause", "because"), "Sec-Fetch-Site", "cross-site").is(http.StatusForbidden)
	nobody(t, s).post(pausesPath, change("intake", "pause", "because")).is(http.StatusUnauthorized)
	require.Empty(t, s.house.paused)
}

func TestNothingIsPausedWithoutAReasonOrAName(t *testing.T) {
	t.Parallel()
	s := open(t)
	sue := staff(t, s, supervisorKey)
	for name, form := range map[string]url.Values{
		"no reason":         change("intake", "pause", " \n "),
		"a long reason":     change("intake", "pause", strings.Repeat("x", 501)),
		"a hidden reason":   change("intake", "pause", "by order\u202e of"),
		"neither":           change("intake", "stop", "because"),
		"no such pool":      change("pool:everything", "pause", "because"),
		"no such supplier":  change("supplier:sandbocks", "pause", "because"),
		"nothing":           change("", "pause", "because"),
		"a card's number":   change("intake", "pause", "4111 1111 1111 1111"),
		"what was not said": {},
	} {
		sue.post(pausesPath, form).is(http.StatusUnprocessableEntity)
		require.Empty(t, s.house.paused, name)
	}
	sue.get(pausesPath + "?what=pool:everything").is(http.StatusNotFound)
	sue.get(pausesPath).is(http.StatusNotFound)
}

func TestWhatIsPausedCanGoOnThoughNobodyKnowsItAnyMore(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.house.figures = hour()
	s.house.paused = []booking.Pause{{What: "supplier:gone", Since: s.house.now, Actor: "support:ada", Reason: "bankrupt"}}
	sue := staff(t, s, supervisorKey)
	require.Contains(t, sue.get(overviewPath).page(http.StatusOK), `data-what="supplier:gone"`)
	sue.post(pausesPath, change("supplier:gone", "resume", "It is gone.")).is(http.StatusSeeOther)
	require.Empty(t, s.house.paused)
	require.NotContains(t, sue.get(overviewPath).page(http.StatusOK), `data-what="supplier:gone"`)
}

func TestEveryPageOfTheConsoleSaysWhatIsPaused(t *testing.T) {
	t.Parallel()
	s := open(t)
	vera, sue := staff(t, s, viewerKey), staff(t, s, supervisorKey)
	const banner = "paused-banner"
	require.NotContains(t, vera.get("/support").page(http.StatusOK), banner)
	s.house.paused = []booking.Pause{{What: "intake"}, {What: "supplier:sandbox"}} // by another process
	require.NotContains(t, vera.get("/support").page(http.StatusOK), banner, "what was read a moment ago is not read again")
	s.house.pass(pausesCached)
	require.Contains(t, vera.get("/support").page(http.StatusOK), "Taking bookings in, Supplier sandbox.")
	require.NotContains(t, nobody(t, s).get(signInPath).page(http.StatusOK), banner, "that is for staff")
	sue.post(pausesPath, change("intake", "resume", "because")).is(http.StatusSeeOther)
	require.NotContains(t, vera.get("/support").page(http.StatusOK), "Taking bookings in", "one's own change is seen at once")
}
