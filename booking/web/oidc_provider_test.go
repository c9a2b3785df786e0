package web

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"
)

// deskID is who we are to the provider, and deskSecret how it knows.
const deskID, deskSecret = "desk", "secret/of the+desk"

// provider keys are made once: an RSA key takes longer than all tests of a sign-in.
var providerKeys = sync.OnceValue(func() (keys struct {
	rsa, other *rsa.PrivateKey
	ec         *ecdsa.PrivateKey
},
) {
	keys.rsa, _ = rsa.GenerateKey(rand.Reader, 2048)
	keys.other, _ = rsa.GenerateKey(rand.Reader, 2048)
	keys.ec, _ = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	return keys
})

// idp is an identity provider that does what a real one does, unless a test has it do otherwise.
type idp struct {
	*testing.T
	server *httptest.Server
	now    func() time.Time

	mu       sync.Mutex
	down     bool                                       // it answers 500 to everything
	reject   string                                     // the error that its token endpoint answers with
	announce []string                                   // the algorithms that it says it signs with
	mint     func(p *idp, claims map[string]any) string // makes the id_token; nil: as it should be
	grants   map[string]grant                           // by code
	asked    int                                        // questions about itself
}

// grant is what somebody at the provider has agreed to.
type grant struct {
	challenge, redirect string
	claims              map[string]any
}

func identityProvider(t *testing.T) *idp {
	t.Helper()
	p := &idp{T: t, grants: map[string]grant{}, announce: []string{"RS256", "ES256", "HS256", "none"}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		p.asked++
		p.answer(w, http.StatusOK, map[string]any{
			"issuer": p.server.URL, "authorization_endpoint": p.server.URL + "/authorize", "token_endpoint": p.server.URL + "/token",
			"jwks_uri": p.server.URL + "/keys", "id_token_signing_alg_values_supported": p.announce,
		})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		keys := providerKeys()
		p.answer(w, http.StatusOK, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{
			{Key: &keys.rsa.PublicKey, KeyID: "rsa", Algorithm: "RS256", Use: "sig"}, {Key: &keys.ec.PublicKey, KeyID: "ec", Algorithm: "ES256", Use: "sig"},
		}})
	})
	mux.HandleFunc("POST /token", p.token)
	p.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.down {
			http.Error(w, "canary-of-the-provider", http.StatusInternalServerError)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(p.server.Close)
	return p
}

func (p *idp) answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.MarshalWrite(w, body)
}

// token exchanges a code, once, for who asked for it with the challenge that the verifier answers.
func (p *idp) token(w http.ResponseWriter, r *http.Request) {
	id, secret, _ := r.BasicAuth()
	id, _ = url.QueryUnescape(id)
	secret, _ = url.QueryUnescape(secret)
	given, known := p.grants[r.FormValue("code")]
	delete(p.grants, r.FormValue("code"))
	verifier := sha256.Sum256([]byte(r.FormValue("code_verifier")))
	switch {
	case p.reject != "":
		p.answer(w, http.StatusBadRequest, map[string]string{"error": p.reject, "error_description": "canary-of-the-provider"})
	case id != deskID || secret != deskSecret:
		p.answer(w, http.StatusUnauthorized, map[string]string{"error": "invalid_client"})
	case !known || given.redirect != r.FormValue("redirect_uri") || given.challenge != base64.RawURLEncoding.EncodeToString(verifier[:]):
		p.answer(w, http.StatusBadRequest, map[string]string{"error": "invalid_grant"})
	default:
		mint := p.mint
		if mint == nil {
			mint = (*idp).signed
		}
		p.answer(w, http.StatusOK, map[string]any{"access_token": "canary-access-token", "token_type": "Bearer", "expires_in": 60, "id_token": mint(p, given.claims)})
	}
}

// signed is a token as it should be.
func (p *idp) signed(claims map[string]any) string {
	return p.sign(claims, jose.RS256, jose.JSONWebKey{Key: providerKeys().rsa, KeyID: "rsa"})
}

func (p *idp) sign(claims map[string]any, algorithm jose.SignatureAlgorithm, key any) string {
	payload, err := json.Marshal(claims)
	require.NoError(p, err)
	return p.signBytes(payload, algorithm, key)
}

func (p *idp) signBytes(payload []byte, algorithm jose.SignatureAlgorithm, key any) string {
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: key}, nil)
	require.NoError(p, err)
	signed, err := signer.Sign(payload)
	require.NoError(p, err)
	compact, err := signed.CompactSerialize()
	require.NoError(p, err)
	return compact
}

// desk is a console whose staff sign in at the provider.
func (p *idp) desk(change ...func(*Config)) *site {
	p.Helper()
	s := open(p.T, append([]func(*Config){func(c *Config) {
		c.OIDC = OIDC{
			Issuer: p.server.URL, ClientID: deskID, ClientSecret: deskSecret, Name: "Example Login",
			RedirectURL: "https://desk.example.com" + CallbackPath, Scopes: []string{"openid", "email"}, RoleClaim: "roles",
			Viewers: []string{"reader"}, Agents: []string{"support", "night-desk"}, Supervisors: []string{"lead"},
		}
	}}, change...)...)
	p.now = s.house.clock
	return s
}

// visitor is a browser on its way through a sign-in.
type visitor struct {
	*clerk
	idp   *idp
	asked url.Values // what the provider was asked
}

// sets off to the provider.
func (p *idp) visitor(s *site, next string) *visitor {
	p.Helper()
	v := &visitor{clerk: nobody(p.T, s), idp: p}
	answer := v.get(oidcPath + "?next=" + url.QueryEscape(next)).is(http.StatusSeeOther)
	there, err := url.Parse(answer.header.Get("Location"))
	require.NoError(p, err)
	require.Equal(p, p.server.URL+"/authorize", there.Scheme+"://"+there.Host+there.Path)
	v.asked = there.Query()
	v.cookie = cookieOf(answer, oidcCookie)
	require.NotEmpty(p, v.cookie)
	return v
}

// agree has the provider give a code for the claims, on top of what every token has.
func (v *visitor) agree(claims map[string]any) (code string) {
	v.idp.mu.Lock()
	defer v.idp.mu.Unlock()
	all := map[string]any{
		"iss": v.idp.server.URL, "aud": deskID, "sub": "248289761001", "nonce": v.asked.Get("nonce"),
		"iat": v.idp.now().Unix(), "exp": v.idp.now().Add(time.Minute).Unix(),
	}
	for name, value := range claims {
		all[name] = value
		if value == nil {
			delete(all, name)
		}
	}
	code = rand.Text()
	v.idp.grants[code] = grant{challenge: v.asked.Get("code_challenge"), redirect: v.asked.Get("redirect_uri"), claims: all}
	return code
}

// back is what the provider has the browser ask for.
func (v *visitor) back(code string) string {
	return CallbackPath + "?" + url.Values{"code": {code}, "state": {v.asked.Get("state")}, "session_state": {"4111111111111111"}}.Encode()
}

// comes back with a code for the claims.
func (v *visitor) returns(claims map[string]any) reply {
	v.Helper()
	return v.get(v.back(v.agree(claims)), "Sec-Fetch-Site", "cross-site")
}

// cookieOf is a cookie that an answer set, as the browser sends it; empty: there is none.
func cookieOf(r reply, name string) string {
	for _, cookie := range (&http.Response{Header: r.header}).Cookies() {
		if cookie.Name == name && cookie.MaxAge >= 0 {
			return cookie.Name + "=" + cookie.Value
		}
	}
	return ""
}

// unsigned is a token of algorithm none.
func unsigned(p *idp, claims map[string]any) string {
	payload, err := json.Marshal(claims)
	require.NoError(p, err)
	encode := base64.RawURLEncoding.EncodeToString
	return strings.Join([]string{encode([]byte(`{"alg":"none","typ":"JWT"}`)), encode(payload), ""}, ".")
}
