package main

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
	"hotelbooking/booking/web"
	"hotelbooking/store/storetest"
)

// session stores one as the service would, and returns its cookie. An empty key is an identity provider's word.
func (f *fortress) session(name, role, key string, lasts time.Duration) string {
	f.Helper()
	token := base64.RawURLEncoding.EncodeToString([]byte(strings.ReplaceAll(uuid.NewString(), "-", "")))
	hash := ""
	if key != "" {
		hash = web.HashKey(key)
	}
	begun := time.Now().Add(-time.Minute)
	require.NoError(f, f.app.store.OpenSession(f.g.Context(), booking.Session{
		Digest: sha256.Sum256([]byte(token)), Name: name, Role: role, Key: hash, Begun: begun, Ends: begun.Add(time.Minute + lasts),
	}))
	return sessionCookieName + "=" + token
}

// admits tells whether a cookie opens the console.
func (f *fortress) admits(cookie string) bool {
	f.Helper()
	a := (&clerk{f: f, cookie: cookie}).get("/support")
	require.Contains(f, []int{http.StatusOK, http.StatusSeeOther}, a.status, "%s", a.body)
	return a.status == http.StatusOK
}

func sessionsOnSQLite(g *guard) { sessions(g, "") }

func sessionsOnPostgres(g *guard) {
	sessions(g, storetest.PostgresSchema(g.T))
	sessionsOfAllProcesses(g, storetest.PostgresSchema(g.T))
}

// sessions are opened, stolen, chosen by somebody else, and ended.
func sessions(g *guard, databaseURL string) {
	f := fortify(g, databaseURL)
	nobody := &clerk{f: f}
	a := nobody.post(signInAddress, url.Values{"key": {f.keys["sue"]}, "next": {"/support?status=failed"}}).is(http.StatusSeeOther)
	g.equal("/support?status=failed", a.header.Get("Location"))
	cookie := cookieOf(a)
	g.equal([]string{sessionCookieName + "=" + cookie.Value + "; Path=/; Max-Age=28800; HttpOnly; Secure; SameSite=Strict"}, a.header.Values("Set-Cookie"))
	g.equal(43, len(cookie.Value), "a token has 256 bits")
	sue := sessionCookieName + "=" + cookie.Value
	g.holds(f.admits(sue), "whoever has signed in is inside")
	g.equal("", nobody.ask("GET", "/support", nil, "Cookie", sue).header.Get("Set-Cookie"), "a session is given once")

	seen := map[string]bool{}
	for range 20 {
		seen[nobody.enter(f.keys["vera"])] = true
	}
	g.equal(20, len(seen), "no two sign-ins are one session")

	chosen(g, f)
	keysThatOpenNothing(g, f)

	kept, digest := f.kept(g), sha256.Sum256([]byte(cookie.Value))
	g.lacks("the database", kept, cookie.Value, f.keys["sue"])
	found := strings.Contains(kept, string(digest[:]))
	if databaseURL != "" {
		found = f.digests(g)[digest]
	}
	g.holds(found, "the database has the digest, and where it is nothing can hide")

	g.holds(!f.admits(f.session("@ann@example.org", "supervisor", "", time.Hour)), "where there is no identity provider nobody's word counts")

	other := f.signIn(f.keys["sue"])
	out := (&clerk{f: f, cookie: sue}).post("/support/sign-out", nil).is(http.StatusSeeOther)
	g.equal([]string{sessionCookieName + "=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Strict"}, out.header.Values("Set-Cookie"))
	g.holds(!f.admits(sue), "who has signed out is outside, whoever still has the cookie")
	g.holds(f.admits(other.cookie), "another browser is another session")
	g.equal(http.StatusSeeOther, nobody.post("/support/sign-out", nil).status, "who is not inside can go, too")
	f.stop()
	g.lacks("the log", f.log.String(), cookie.Value, f.keys["sue"], strings.TrimPrefix(other.cookie, sessionCookieName+"="))
	g.has("the log", f.log.String(), `"route":"/support/sign-in"`)
}

// digests are those of the sessions that there are.
func (f *fortress) digests(g *guard) map[[32]byte]bool {
	g.Helper()
	rows, err := f.database(g).QueryContext(g.Context(), "SELECT digest FROM sessions")
	require.NoError(g.T, err)
	defer func() { _ = rows.Close() }()
	all := map[[32]byte]bool{}
	for rows.Next() {
		var digest []byte
		require.NoError(g.T, rows.Scan(&digest))
		all[[32]byte(digest)] = true
	}
	require.NoError(g.T, rows.Err())
	return all
}

// chosen has somebody sign in whose browser carries a cookie that somebody else has chosen.
func chosen(g *guard, f *fortress) {
	theirs := f.signIn(f.keys["vera"]).cookie
	for name, planted := range map[string]string{
		"made up": sessionCookieName + "=" + strings.Repeat("B", 43), "short": sessionCookieName + "=x", "empty": sessionCookieName + "=",
		"a digest": sessionCookieName + "=" + strings.Repeat("0", 64), "another's session": theirs, "under another name": "session=" + strings.Repeat("B", 43),
		"of the domain": "__Secure-session=" + strings.Repeat("B", 43), "twice": sessionCookieName + "=x; " + sessionCookieName + "=" + strings.Repeat("B", 43),
	} {
		victim := &clerk{f: f, cookie: planted}
		g.equal("", victim.get(signInAddress).header.Get("Set-Cookie"), "%s: a page to sign in on gives no session", name)
		mine := victim.enter(f.keys["sue"])
		g.holds(!strings.Contains(planted, strings.TrimPrefix(mine, sessionCookieName+"=")), "%s: the token is new", name)
		g.equal(planted == theirs, f.admits(planted), "%s: what was planted opens what it opened before", name)
	}
	a := (&clerk{f: f, cookie: theirs}).get("/support")
	g.has("the other's session", plainText(g, a.body), "vera")
	g.lacks("the other's session", plainText(g, a.body), "sue")
	for _, value := range []string{"x", strings.Repeat("A", 6000), "\"quoted\"", "a=b", "%00", "é"} {
		got := (&clerk{f: f}).get("/support", "Cookie", sessionCookieName+"="+value)
		g.equal(http.StatusSeeOther, got.status, "%.20q", value)
	}
}

// keysThatOpenNothing are tried at the page to sign in on; its answer is the same to all.
func keysThatOpenNothing(g *guard, f *fortress) {
	b := f.submit(order{})
	sue := f.keys["sue"]
	bodies := map[string]bool{}
	for name, key := range map[string]string{
		"none": "", "a shop's": f.keys["web"], "the checkout's": f.keys["page"], "a booking's secret": b.ClientSecret, "made up": web.NewKey(web.ScopeSupport),
		"half of one": sue[:len(sue)-1], "one and more": sue + "A", "its hash": web.HashKey(sue), "in capitals": strings.ToUpper(sue), "code": "' OR 1=1 --",
		"as a bearer": "Bearer " + sue, "a name": "sue", "not ASCII": sue + "\u00e9", "NUL": sue + "\x00",
	} {
		a := (&clerk{f: f}).post(signInAddress, url.Values{"key": {key}, "next": {""}})
		g.equal([]any{http.StatusUnauthorized, ""}, []any{a.status, a.header.Get("Set-Cookie")}, name)
		if key != "" {
			require.NotContains(g.T, string(a.body), key, "%s: a page repeats no key", name)
		}
		bodies[string(a.body)] = true
	}
	g.equal(1, len(bodies), "what is wrong with a key is not told")

	hasty := fortify(g, "", slow(1000, 6))
	for range 6 {
		(&clerk{f: hasty}).post(signInAddress, url.Values{"key": {"guess"}, "next": {""}}).is(http.StatusUnauthorized)
	}
	late := (&clerk{f: hasty}).post(signInAddress, url.Values{"key": {hasty.keys["sue"]}, "next": {""}})
	g.equal([]any{http.StatusTooManyRequests, ""}, []any{late.status, late.header.Get("Set-Cookie")}, "guesses cost the address's pace, and then the right key has to wait, too")
}

// sessionsOfAllProcesses has two of them on one database, of which one is then started again without somebody's key.
func sessionsOfAllProcesses(g *guard, databaseURL string) {
	brief := func(cfg *Config) { cfg.Console.Session = 2 * time.Second }
	one := fortify(g, databaseURL)
	same := func(cfg *Config) {
		cfg.DataDir, cfg.Auth, cfg.Checkout = one.cfg.DataDir, one.cfg.Auth, one.cfg.Checkout
		cfg.Engine = inProcess // of one data_dir one process alone can have a broker; and both engines work on one database
	}
	other := fortify(g, databaseURL, same)
	sue, vera := one.signIn(one.keys["sue"]).cookie, one.signIn(one.keys["vera"]).cookie
	g.equal([]bool{true, true}, []bool{other.admits(sue), other.admits(vera)}, "a session counts in every process")
	(&clerk{f: other, cookie: vera}).post("/support/sign-out", nil).is(http.StatusSeeOther)
	g.holds(!one.admits(vera), "and ends in every process")

	ada := one.signIn(one.keys["ada"]).cookie
	other.stop()
	without := fortify(g, databaseURL, same, func(cfg *Config) {
		cfg.Auth.Keys = slices.DeleteFunc(slices.Clone(cfg.Auth.Keys), func(k APIKey) bool { return k.Name == "sue" })
	})
	g.equal([]bool{false, true}, []bool{without.admits(sue), without.admits(ada)}, "a session ends with its key")
	renewed := fortify(g, databaseURL, same, func(cfg *Config) {
		cfg.Auth.Keys = slices.Clone(cfg.Auth.Keys)
		at := slices.IndexFunc(cfg.Auth.Keys, func(k APIKey) bool { return k.Name == "ada" })
		cfg.Auth.Keys[at].Hash = web.HashKey(web.NewKey(web.ScopeSupport))
	})
	g.holds(!renewed.admits(ada), "and with the key's replacement by another of the name")

	short := fortify(g, databaseURL, same, brief)
	passing := (&clerk{f: short}).enter(one.keys["sue"])
	g.holds(one.admits(passing), "before its time is up")
	require.Eventually(g.T, func() bool { return !one.admits(passing) }, time.Minute, 100*time.Millisecond, "a session without an end")
}
