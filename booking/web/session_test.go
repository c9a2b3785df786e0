package web

import (
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// bring signs in with a key and next, from a page of ours unless head says otherwise.
func bring(t *testing.T, s *site, key, next string, head ...string) reply {
	t.Helper()
	return nobody(t, s).post(signInPath, url.Values{"key": {key}, "next": {next}}, head...)
}

func TestOnlyAKeyOfSupportSignsIn(t *testing.T) {
	t.Parallel()
	s := open(t)
	for name, key := range map[string]string{
		"none": "", "an unknown one": NewKey(ScopeSupport), "one for bookings": webKey, "one that everybody has": pageKey,
		"one digit short": agentKey[:len(agentKey)-1], "its hash": HashKey(agentKey),
	} {
		answer := bring(t, s, key, "/support/overview")
		require.Contains(t, answer.page(http.StatusUnauthorized), "That is no key for support", name)
		require.Contains(t, string(answer.body), `value="/support/overview"`, "the way on is not forgotten")
		require.Empty(t, answer.header.Values("Set-Cookie"), name)
		if key != "" {
			require.NotContains(t, string(answer.body), key, "a key is not shown again")
			require.NotContains(t, s.log.String(), key)
		}
	}
	require.Empty(t, s.house.sessions)
}

func TestASessionIsACookieThatOnlyThisHostAndNoScriptGets(t *testing.T) {
	t.Parallel()
	s := open(t)
	answer := bring(t, s, agentKey, "").is(http.StatusSeeOther)
	require.Equal(t, "/support", answer.header.Get("Location"))
	require.Len(t, answer.header.Values("Set-Cookie"), 1)
	require.Regexp(t, `^__Host-session=[A-Za-z0-9_-]{43}; Path=/; Max-Age=28800; HttpOnly; Secure; SameSite=Strict$`, answer.header.Get("Set-Cookie"))
	require.NotEqual(t, cookieOf(answer, sessionCookie), cookieOf(bring(t, s, agentKey, ""), sessionCookie), "each sign-in has a token of its own")
	for digest := range s.house.sessions {
		require.NotContains(t, answer.header.Get("Set-Cookie"), string(digest[:]), "what is stored opens nothing")
	}
}

func TestTheLogSaysWhoSignedInAndThatSomebodyCouldNot(t *testing.T) {
	t.Parallel()
	s := open(t)
	bring(t, s, "bk_support_guessed", "").is(http.StatusUnauthorized)
	bring(t, s, agentKey, "").is(http.StatusSeeOther)
	require.Regexp(t, `"method":"POST","route":"/support/sign-in","status":401`, s.log.String())
	require.Regexp(t, `"method":"POST","route":"/support/sign-in","status":303[^\n]*"key":"ada"`, s.log.String())
}

func TestASessionEndsInTime(t *testing.T) {
	t.Parallel()
	s := open(t, func(c *Config) { c.SessionLasts = time.Hour })
	c := staff(t, s, agentKey)
	s.house.pass(time.Hour - time.Second)
	c.get("/support").is(http.StatusOK)
	s.house.pass(time.Second)
	require.Equal(t, "/support/sign-in?next=%2Fsupport", c.get("/support").is(http.StatusSeeOther).header.Get("Location"))
}

func TestASessionEndsWithItsKey(t *testing.T) {
	t.Parallel()
	s := open(t)
	c := staff(t, s, agentKey)
	for name, change := range map[string]struct {
		keys   func(Key) Key
		status int
	}{
		"the key is still there": {func(k Key) Key { return k }, http.StatusOK},
		"it is gone":             {func(k Key) Key { k.Name = "another"; return k }, http.StatusSeeOther},
		"it was replaced":        {func(k Key) Key { k.Hash = HashKey("another"); return k }, http.StatusSeeOther},
		"it is for bookings now": {func(k Key) Key { k.Scope, k.Role = ScopeBookings, ""; return k }, http.StatusSeeOther},
	} {
		restarted := open(t, func(config *Config) {
			at := slices.IndexFunc(config.Keys, func(k Key) bool { return k.Name == "ada" })
			config.Keys[at] = change.keys(config.Keys[at])
		})
		restarted.house.sessions = s.house.sessions
		there := nobody(t, restarted)
		there.cookie = c.cookie
		require.Equal(t, change.status, there.get("/support").status, name)
	}
}

func TestASessionHasTheRoleThatItsKeyHasNow(t *testing.T) {
	t.Parallel()
	s := open(t)
	c := staff(t, s, supervisorKey)
	require.Contains(t, c.get("/support").page(http.StatusOK), "<small>supervisor</small>")
	demoted := open(t, func(config *Config) { config.Keys[len(config.Keys)-1].Role = RoleViewer })
	demoted.house.sessions = s.house.sessions
	there := nobody(t, demoted)
	there.cookie = c.cookie
	require.Contains(t, there.get("/support").page(http.StatusOK), "<small>viewer</small>")
}

func TestSigningOutEndsTheSessionWhereverItIsUsed(t *testing.T) {
	t.Parallel()
	s := open(t)
	c, other := staff(t, s, agentKey), staff(t, s, agentKey)
	answer := c.post("/support/sign-out", nil).is(http.StatusSeeOther)
	require.Equal(t, signInPath, answer.header.Get("Location"))
	require.Equal(t, "__Host-session=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Strict", answer.header.Get("Set-Cookie"))
	c.get("/support").is(http.StatusSeeOther) // with the cookie that somebody has kept
	other.get("/support").is(http.StatusOK)
	nobody(t, s).post("/support/sign-out", nil).is(http.StatusSeeOther)
}

func TestAnotherSitesPageCannotSignAnybodyInOrOut(t *testing.T) {
	t.Parallel()
	s := open(t)
	c := staff(t, s, agentKey)
	for name, head := range map[string][]string{
		"another site":              {"Sec-Fetch-Site", "cross-site"},
		"a neighbour":               {"Sec-Fetch-Site", "same-site"},
		"an older browser's origin": {"Sec-Fetch-Site", "", "Origin", "https://evil.example"},
	} {
		answer := bring(t, s, agentKey, "", head...)
		require.Contains(t, answer.page(http.StatusForbidden), "the page of another site", name)
		require.Empty(t, cookieOf(answer, sessionCookie), name)
		c.post("/support/sign-out", nil, head...).is(http.StatusForbidden)
	}
	c.get("/support").is(http.StatusOK)
}

func TestWhoSignsInGoesOnToAPageOfTheConsole(t *testing.T) {
	t.Parallel()
	for next, want := range map[string]string{
		"/support":                             "/support",
		"/support/overview":                    "/support/overview",
		"/support?status=failed&q=a%26b":       "/support?status=failed&q=a%26b",
		"":                                     "/support",
		"/":                                    "/support",
		"/supporters":                          "/support",
		"https://evil.example/support":         "/support",
		"//evil.example/support":               "/support",
		`/\evil.example/support`:               "/support",
		`/support\..\..\x`:                     "/support",
		"javascript:alert(1)":                  "/support",
		"/support/%zz":                         "/support",
		"http:/support":                        "/support",
		"/support/../v1/bookings":              "/support",
		"/support/%2e%2e/v1/bookings":          "/support",
		"/support?next=https://evil.example":   "/support?next=https://evil.example",
		"/support\r\nSet-Cookie: session=evil": "/support",
	} {
		require.Equal(t, want, ownPath(next), next)
	}
}

func TestWhoHasToSignInComesBackToWhereTheyWanted(t *testing.T) {
	t.Parallel()
	s := open(t)
	answer := nobody(t, s).get("/support?status=failed").is(http.StatusSeeOther)
	require.Equal(t, "/support/sign-in?next=%2Fsupport%3Fstatus%3Dfailed", answer.header.Get("Location"))
	require.Contains(t, nobody(t, s).get(answer.header.Get("Location")).page(http.StatusOK), `value="/support?status=failed"`)
	require.Equal(t, "/support?status=failed", bring(t, s, agentKey, "/support?status=failed").is(http.StatusSeeOther).header.Get("Location"))
	require.Equal(t, signInPath, nobody(t, s).fragment("/support").is(http.StatusUnauthorized).header.Get("HX-Redirect"))
}

func TestAKeyOfTheAPIIsNoSession(t *testing.T) {
	t.Parallel()
	s := open(t)
	nobody(t, s).get("/support", "Authorization", "Bearer "+supervisorKey).is(http.StatusSeeOther)
	c := staff(t, s, supervisorKey)
	c.get("/v1/support/bookings", "Accept", "application/json").is(http.StatusUnauthorized) // and a session is no key
}
