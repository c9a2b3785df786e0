package web

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
)

func TestStaffSignInAtTheProviderWithTheRoleThatItGivesThem(t *testing.T) {
	t.Parallel()
	p := identityProvider(t)
	s := p.desk()
	for name, try := range map[string]struct {
		roles any
		want  Role
	}{
		"a viewer":         {[]any{"reader"}, RoleViewer},
		"an agent":         {[]any{"night-desk", "something else"}, RoleAgent},
		"a supervisor":     {"lead", RoleSupervisor},
		"the highest wins": {[]any{"reader", "lead", "support"}, RoleSupervisor},
	} {
		v := p.visitor(s, "/support?status=failed")
		answer := v.returns(map[string]any{"email": "Ana@Example.com", "email_verified": true, "roles": try.roles})
		require.Contains(t, answer.page(http.StatusOK), `content="0; url=/support?status=failed"`, name)
		require.Contains(t, answer.header.Values("Set-Cookie"), "__Host-sign-in=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax")
		v.cookie = cookieOf(answer, sessionCookie)
		require.Contains(t, v.get("/support").page(http.StatusOK), "@ana@example.com", name)
		kept := s.house.sessions[sha256.Sum256([]byte(strings.TrimPrefix(v.cookie, sessionCookie+"=")))]
		require.Equal(t, booking.Session{
			Digest: kept.Digest, Name: "@ana@example.com", Role: string(try.want), Begun: s.house.now, Ends: s.house.now.Add(8 * time.Hour),
		}, kept, name)
	}
}

func TestTheProviderIsAskedForWhatTheAnswerIsHeldAgainst(t *testing.T) {
	t.Parallel()
	p := identityProvider(t)
	s := p.desk()
	v, other := p.visitor(s, ""), p.visitor(s, "")
	require.Equal(t, "S256", v.asked.Get("code_challenge_method"))
	require.Equal(t, "openid email", v.asked.Get("scope"))
	require.Equal(t, "https://desk.example.com/support/oidc/callback", v.asked.Get("redirect_uri"))
	for _, random := range []string{"state", "nonce", "code_challenge"} {
		require.Greater(t, len(v.asked.Get(random)), 25)
		require.NotEqual(t, v.asked.Get(random), other.asked.Get(random))
	}
	require.NotContains(t, v.cookie, v.asked.Get("state"), "what is in the cookie is sealed")
	require.Equal(t, 1, p.asked, "what the provider says of itself is kept")
	header := v.get(oidcPath).is(http.StatusSeeOther).header.Get("Set-Cookie")
	require.Regexp(t, `^__Host-sign-in=[A-Za-z0-9_-]+; Path=/; Max-Age=600; HttpOnly; Secure; SameSite=Lax$`, header)
}

func TestATokenThatDoesNotHoldSignsNobodyIn(t *testing.T) {
	t.Parallel()
	claim := func(name string, value any) func(*idp, map[string]any) string {
		return func(p *idp, claims map[string]any) string {
			claims[name] = value
			return p.signed(claims)
		}
	}
	public := func(kind string) []byte {
		der, _ := x509.MarshalPKIXPublicKey(&providerKeys().rsa.PublicKey)
		if kind == "pem" {
			return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
		}
		return der
	}
	for name, mint := range map[string]func(*idp, map[string]any) string{
		"another issuer":    claim("iss", "https://login.example.org"),
		"another audience":  claim("aud", "another desk"),
		"several audiences": claim("aud", []string{deskID, "another desk"}),
		"another party":     claim("azp", "another desk"),
		"expired":           func(p *idp, c map[string]any) string { c["exp"] = p.now().Add(-time.Second).Unix(); return p.signed(c) },
		"not yet valid":     func(p *idp, c map[string]any) string { c["nbf"] = p.now().Add(time.Hour).Unix(); return p.signed(c) },
		"another's nonce":   claim("nonce", "nonce-of-another-sign-in"),
		"no nonce":          func(p *idp, c map[string]any) string { delete(c, "nonce"); return p.signed(c) },
		"nobody's":          func(p *idp, c map[string]any) string { delete(c, "sub"); return p.signed(c) },
		"no signature":      unsigned,
		"signed with our secret": func(p *idp, c map[string]any) string {
			return p.sign(c, jose.HS256, []byte(deskSecret+strings.Repeat(" ", 32)))
		},
		"HS256 with the public key": func(p *idp, c map[string]any) string {
			return p.sign(c, jose.HS256, jose.JSONWebKey{Key: public("pem"), KeyID: "rsa"})
		},
		"HS256 with the public key's DER": func(p *idp, c map[string]any) string {
			return p.sign(c, jose.HS256, jose.JSONWebKey{Key: public("der"), KeyID: "rsa"})
		},
		"an algorithm that was not announced": func(p *idp, c map[string]any) string {
			return p.sign(c, jose.RS512, jose.JSONWebKey{Key: providerKeys().rsa, KeyID: "rsa"})
		},
		"an unknown key": func(p *idp, c map[string]any) string {
			return p.sign(c, jose.RS256, jose.JSONWebKey{Key: providerKeys().other, KeyID: "../../etc/passwd"})
		},
		"another key under a known name": func(p *idp, c map[string]any) string {
			return p.sign(c, jose.RS256, jose.JSONWebKey{Key: providerKeys().other, KeyID: "rsa"})
		},
		"a claim twice": func(p *idp, c map[string]any) string {
			payload, _ := json.Marshal(c)
			return p.signBytes([]byte(strings.Replace(string(payload), `{`, `{"roles":["reader"],`, 1)), jose.RS256, jose.JSONWebKey{Key: providerKeys().rsa, KeyID: "rsa"})
		},
		"changed on the way": func(p *idp, c map[string]any) string {
			parts := strings.Split(p.signed(c), ".")
			parts[1] = strings.Split(unsigned(p, map[string]any{"iss": c["iss"], "aud": c["aud"], "sub": "x", "nonce": c["nonce"], "exp": c["exp"], "roles": "lead"}), ".")[1]
			return strings.Join(parts, ".")
		},
		"no token at all": func(*idp, map[string]any) string { return "" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := identityProvider(t)
			p.mint = mint
			s := p.desk()
			v := p.visitor(s, "")
			answer := v.returns(map[string]any{"roles": []string{"lead"}})
			page := answer.page(http.StatusServiceUnavailable)
			require.Contains(t, page, "could not be used")
			require.NotContains(t, page, "oidc:", "what went wrong is not for the browser")
			require.Empty(t, cookieOf(answer, sessionCookie))
			require.Empty(t, s.house.sessions)
			require.Contains(t, s.log.String(), "id_token", "but for the log")
			require.NotContains(t, s.log.String(), "eyJ", "without the token")
		})
	}
}

func TestATokenOfEachFamilyOfAlgorithmsIsTaken(t *testing.T) {
	t.Parallel()
	p := identityProvider(t)
	p.mint = func(p *idp, claims map[string]any) string {
		return p.sign(claims, jose.ES256, jose.JSONWebKey{Key: providerKeys().ec, KeyID: "ec"})
	}
	v := p.visitor(p.desk(), "")
	require.NotEmpty(t, cookieOf(v.returns(map[string]any{"roles": "support"}), sessionCookie))
}

func TestAProviderThatSignsWithNothingSafeIsNotUsed(t *testing.T) {
	t.Parallel()
	p := identityProvider(t)
	p.announce = []string{"none", "HS256"}
	s := p.desk()
	require.Contains(t, nobody(t, s).get(oidcPath).page(http.StatusServiceUnavailable), "Example Login cannot be reached")
	require.Contains(t, s.log.String(), "none of them is one that we accept")
}

func TestOnlyTheBrowserThatBeganASignInEndsIt(t *testing.T) {
	t.Parallel()
	p := identityProvider(t)
	s := p.desk()
	lead := map[string]any{"roles": "lead"}
	ours, theirs := p.visitor(s, ""), p.visitor(s, "")
	code := theirs.agree(lead)
	state := ours.asked.Get("state")
	for name, address := range map[string]string{
		"another's state": theirs.back(code),
		"no state":        CallbackPath + "?code=" + code,
		"an empty state":  CallbackPath + "?state=&code=" + code,
		"a state twice":   CallbackPath + "?state=" + state + "&state=" + state + "&code=" + code,
	} {
		answer := ours.get(address)
		require.Contains(t, answer.page(http.StatusBadRequest), "Begin again", name)
		require.Empty(t, cookieOf(answer, sessionCookie), name)
	}
	stranger := nobody(t, s)
	for name, cookie := range map[string]string{
		"no cookie": "", "an empty one": oidcCookie + "=", "a forged one": oidcCookie + "=" + strings.Repeat("A", 100),
		"a changed one": flipped(theirs.cookie),
	} {
		stranger.cookie = cookie
		require.Empty(t, cookieOf(stranger.get(theirs.back(code)), sessionCookie), name)
	}
	require.Contains(t, p.grants, code, "the provider was not even asked")
	injected := ours.back(code) // a code of another sign-in, under our own state: PKCE is for this
	require.Contains(t, ours.get(injected).page(http.StatusBadRequest), "Begin again")
	require.Empty(t, s.house.sessions)
}

func TestASignInEndsOnceAndInTime(t *testing.T) {
	t.Parallel()
	p := identityProvider(t)
	s := p.desk()
	v := p.visitor(s, "")
	address := v.back(v.agree(map[string]any{"roles": "lead"}))
	require.NotEmpty(t, cookieOf(v.get(address), sessionCookie))
	require.Contains(t, v.get(address).page(http.StatusBadRequest), "has been used", "whoever kept cookie and address")
	require.Len(t, s.house.sessions, 1)

	late := p.visitor(s, "")
	s.house.pass(oidcLasts)
	require.Contains(t, late.returns(map[string]any{"roles": "lead"}).page(http.StatusBadRequest), "more than ten minutes ago")
	require.Len(t, s.house.sessions, 1)
}

func TestWhoHasNoRoleIsToldSo(t *testing.T) {
	t.Parallel()
	p := identityProvider(t)
	s := p.desk()
	for _, roles := range []any{nil, "", []any{}, "Lead", "lead,support", []any{"guest", 7, []any{"lead"}}, map[string]any{"lead": true}, true} {
		answer := p.visitor(s, "").returns(map[string]any{"roles": roles})
		require.Contains(t, answer.page(http.StatusForbidden), "You have no role here", "%v", roles)
		require.Empty(t, cookieOf(answer, sessionCookie))
	}
}

func TestTheRoleMayBeInsideAnotherClaim(t *testing.T) {
	t.Parallel()
	for claim, claims := range map[string]map[string]any{
		"realm_access.roles":        {"realm_access": map[string]any{"roles": []any{"offline", "support"}}},
		"https://example.com/roles": {"https://example.com/roles": "support"},
	} {
		p := identityProvider(t)
		s := p.desk(func(c *Config) { c.OIDC.RoleClaim = claim })
		require.NotEmpty(t, cookieOf(p.visitor(s, "").returns(claims), sessionCookie), claim)
	}
}

func TestAProviderThatIsDownHoldsUpNothing(t *testing.T) {
	t.Parallel()
	p := identityProvider(t)
	p.down = true
	s := p.desk()
	require.Contains(t, nobody(t, s).get(signInPath).page(http.StatusOK), "Sign in with Example Login")
	answer := nobody(t, s).get(oidcPath + "?next=/support/overview")
	page := answer.page(http.StatusServiceUnavailable)
	require.Contains(t, page, "Example Login cannot be reached")
	require.Contains(t, page, `value="/support/overview"`, "a key goes on to the same page")
	require.NotContains(t, page, "canary")
	require.NotEmpty(t, staff(t, s, agentKey).cookie, "keys go on working")

	p.down = false
	s.house.pass(oidcPause)
	v := p.visitor(s, "")
	p.down = true
	require.Contains(t, v.returns(map[string]any{"roles": "lead"}).page(http.StatusServiceUnavailable), "could not be used")
	require.Empty(t, cookieOf(v.returns(nil), sessionCookie))
}

func TestWhatTheProviderSaysOfItselfIsAskedAgainInTime(t *testing.T) {
	t.Parallel()
	p := identityProvider(t)
	s := p.desk()
	p.visitor(s, "")
	s.house.pass(oidcFresh)
	p.visitor(s, "")
	require.Equal(t, 2, p.asked)
}

func TestACodeThatIsNotExchangedSignsNobodyIn(t *testing.T) {
	t.Parallel()
	for reject, status := range map[string]int{"invalid_grant": http.StatusBadRequest, "invalid_client": http.StatusServiceUnavailable, "server_error": http.StatusServiceUnavailable} {
		p := identityProvider(t)
		p.reject = reject
		s := p.desk()
		answer := p.visitor(s, "").returns(map[string]any{"roles": "lead"})
		require.NotContains(t, answer.page(status), "canary", reject)
		require.Empty(t, cookieOf(answer, sessionCookie))
		require.NotContains(t, s.log.String(), "canary")
		require.Equal(t, status == http.StatusServiceUnavailable, strings.Contains(s.log.String(), reject))
	}
}

func TestWhoeverRefusesAtTheProviderIsNotSignedIn(t *testing.T) {
	t.Parallel()
	p := identityProvider(t)
	v := p.visitor(p.desk(), "")
	state := "&state=" + url.QueryEscape(v.asked.Get("state"))
	page := v.get(CallbackPath + "?error=access_denied&error_description=canary" + state).page(http.StatusForbidden)
	require.Contains(t, page, "Example Login did not sign you in")
	require.NotContains(t, page, "canary")
	require.Contains(t, v.get(CallbackPath+"?code=x&iss=https://login.example.org"+state).page(http.StatusBadRequest), "another identity provider")
}

func TestASignInGoesOnToAPageOfTheConsoleOnly(t *testing.T) {
	t.Parallel()
	p := identityProvider(t)
	s := p.desk()
	for _, next := range []string{"https://evil.example/support", "//evil.example/support", `/\evil.example`, "javascript:alert(1)", "/support/../../evil", `/support";url=//evil.example`} {
		page := p.visitor(s, next).returns(map[string]any{"roles": "lead"}).page(http.StatusOK)
		require.NotContains(t, strings.ReplaceAll(page, "%", ""), "url=//evil", next)
		require.Regexp(t, `content="0; url=/support[^"<>]*"`, page, next)
		require.NotContains(t, page, `url=https:`, next)
		require.NotContains(t, page, `url=javascript`, next)
	}
}

func TestWithoutAProviderThereIsNoSuchSignIn(t *testing.T) {
	t.Parallel()
	p := identityProvider(t)
	s := p.desk()
	v := p.visitor(s, "")
	v.cookie = cookieOf(v.returns(map[string]any{"roles": "lead"}), sessionCookie)
	v.get("/support").is(http.StatusOK)

	without := open(t)
	nobody(t, without).get(oidcPath).is(http.StatusNotFound)
	nobody(t, without).get(CallbackPath + "?code=x&state=y").is(http.StatusNotFound)
	require.NotContains(t, nobody(t, without).get(signInPath).page(http.StatusOK), oidcPath)

	without.house.sessions = s.house.sessions
	stayed := nobody(t, without)
	stayed.cookie = v.cookie
	stayed.get("/support").is(http.StatusSeeOther) // to sign in: who vouched for them is not asked any more
}

func TestNamesFromTheProviderAreNobodyElses(t *testing.T) {
	t.Parallel()
	const mark = "-497993cace53"
	for name, try := range map[string]struct {
		claims map[string]any
		want   string
	}{
		"a verified address":           {map[string]any{"email": "Ana@Example.com", "email_verified": true}, "@ana@example.com"},
		"verified in a word":           {map[string]any{"email": "ana@example.com", "email_verified": "true"}, "@ana@example.com"},
		"an address that is only said": {map[string]any{"email": "ana@example.com"}, "@" + "248289761001" + mark},
		"a chosen name":                {map[string]any{"preferred_username": "ada"}, "@ada" + mark},
		"a chosen name like another's": {map[string]any{"preferred_username": "ana@example.com"}, "@ana@example.com" + mark},
		"a name of nothing usable":     {map[string]any{"preferred_username": "安娜"}, "@248289761001" + mark},
		"an address that would change": {map[string]any{"email": "a\nb@example.com", "email_verified": true, "preferred_username": "a\nb<i>"}, "@abi" + mark},
		"a long name":                  {map[string]any{"preferred_username": strings.Repeat("x", 300)}, "@" + strings.Repeat("x", 50) + mark},
		"a long address":               {map[string]any{"email": strings.Repeat("x", 70) + "@example.com", "email_verified": true}, "@248289761001" + mark},
	} {
		got := nameOf("https://login.example.com", "248289761001", try.claims)
		require.Equal(t, try.want, got, name)
		require.LessOrEqual(t, len(got), 64, name)
		require.NotRegexp(t, keyName, got, "no key may be called so")
	}
}

// flipped is a cookie with one character of its value changed.
func flipped(cookie string) string {
	at, other := len(oidcCookie)+20, "A"
	if cookie[at] == 'A' {
		other = "B"
	}
	return cookie[:at] + other + cookie[at+1:]
}
