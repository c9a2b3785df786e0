package web

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/labstack/echo/v4"
	"golang.org/x/oauth2"

	"hotelbooking/booking"
)

const (
	oidcPath   = "/support/oidc"
	oidcCookie = "__Host-sign-in"
	oidcLasts  = 10 * time.Minute // for somebody to sign in at the provider
)

// pendingSignIn is what a browser has to bring back from the provider. It is sealed: any process can open it, and nobody else.
type pendingSignIn struct {
	State    string    `json:"state"`
	Nonce    string    `json:"nonce"`
	Verifier string    `json:"verifier"` // of PKCE
	Next     string    `json:"next"`
	Ends     time.Time `json:"ends"`
}

// newSignInSeal makes the cipher for sign-ins under way, from the key of client secrets and a label of its own.
func newSignInSeal(secret []byte) (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, secret, nil, "hotelbooking sign-in v1", 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// beginOIDC sends somebody to the identity provider.
func (s *Server) beginOIDC(c echo.Context) error {
	if s.oidc == nil {
		return booking.ErrNotFound
	}
	next := ownPath(c.QueryParam("next"))
	p, err := s.oidc.provider(c.Request().Context())
	if err != nil {
		return s.notSignedIn(c, next, &problem{
			code: ProblemCodeUnavailable, detail: s.config.OIDC.Name + " cannot be reached. Try again in a minute, or sign in with a key.", cause: err,
		})
	}
	pending := pendingSignIn{
		State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier(), Next: next, Ends: s.now().Add(oidcLasts),
	}
	plain, err := json.Marshal(pending)
	if err != nil {
		return fmt.Errorf("begin a sign-in: %w", err)
	}
	sealed := base64.RawURLEncoding.EncodeToString(s.signInSeal.Seal(nil, nil, plain, []byte(oidcCookie)))
	c.SetCookie(pendingCookie(sealed, int(oidcLasts/time.Second)))
	return c.Redirect(http.StatusSeeOther, p.oauth.AuthCodeURL(pending.State,
		oauth2.S256ChallengeOption(pending.Verifier), oauth2.SetAuthURLParam("nonce", pending.Nonce)))
}

// pendingCookie is Lax and not Strict: the provider's page sends the browser back, and that is another site's.
func pendingCookie(value string, lasts int) *http.Cookie {
	return ownCookie(oidcCookie, value, http.SameSiteLaxMode, lasts)
}

// endOIDC takes somebody back from the identity provider. It answers with a page that goes on by itself: the session's cookie
// is Strict, and a browser does not send such a cookie along a chain of redirects that another site began.
func (s *Server) endOIDC(c echo.Context) error {
	if s.oidc == nil {
		return booking.ErrNotFound
	}
	pending, ok := s.pendingSignIn(c)
	c.SetCookie(pendingCookie("", -1)) // it is for one attempt
	query := c.QueryParams()
	if !ok || !same(only(query, "state"), pending.State) {
		return s.notSignedIn(c, consolePath, &problem{code: ProblemCodeMalformedRequest, detail: "This sign-in was begun in another browser, or more than ten minutes ago. Begin again."})
	}
	if issuer := only(query, "iss"); query.Has("iss") && issuer != s.config.OIDC.Issuer {
		return s.notSignedIn(c, pending.Next, &problem{code: ProblemCodeMalformedRequest, detail: "This answer came from another identity provider. Begin again."})
	}
	code := only(query, "code")
	if code == "" {
		return s.notSignedIn(c, pending.Next, &problem{code: ProblemCodeForbidden, detail: s.config.OIDC.Name + " did not sign you in. Begin again, or sign in with a key."})
	}
	who, err := s.redeem(c, code, pending)
	switch {
	case errors.Is(err, errCode):
		return s.notSignedIn(c, pending.Next, &problem{code: ProblemCodeMalformedRequest, detail: "This sign-in has been used, or took too long. Begin again."})
	case err != nil:
		return s.notSignedIn(c, pending.Next, &problem{
			code: ProblemCodeUnavailable, detail: "The answer of " + s.config.OIDC.Name + " could not be used. Begin again; if that does not help, tell whoever runs this service.", cause: err,
		})
	case who.role == "":
		return s.notSignedIn(c, pending.Next, &problem{code: ProblemCodeForbidden, detail: "You have no role here. Ask whoever runs this service for one."})
	}
	if err := s.openSession(c, booking.Session{Name: who.name, Role: string(who.role)}); err != nil {
		return err
	}
	return s.render(c, http.StatusOK, "signed-in", signedInView{Next: pending.Next})
}

type signedInView struct{ Next string }

func (s *Server) redeem(c echo.Context, code string, pending pendingSignIn) (identity, error) {
	p, err := s.oidc.provider(c.Request().Context())
	if err != nil {
		return identity{}, err
	}
	return s.oidc.redeem(c.Request().Context(), p, code, pending)
}

// pendingSignIn opens what beginOIDC gave the browser.
func (s *Server) pendingSignIn(c echo.Context) (pending pendingSignIn, ok bool) {
	cookie, err := c.Cookie(oidcCookie)
	if err != nil {
		return pending, false
	}
	sealed, err := base64.RawURLEncoding.DecodeString(cookie.Value)
	if err != nil {
		return pending, false
	}
	plain, err := s.signInSeal.Open(nil, nil, sealed, []byte(oidcCookie))
	if err != nil || json.Unmarshal(plain, &pending) != nil {
		return pending, false
	}
	return pending, s.now().Before(pending.Ends)
}

// notSignedIn is the page to sign in on, with why it did not work.
func (s *Server) notSignedIn(c echo.Context, next string, p *problem) error {
	status := s.report(c, p)
	return s.render(c, status, "sign-in", signInView{Next: next, Problem: p.detail, Provider: s.config.OIDC.Name})
}

// only is a parameter that is there once.
func only(query url.Values, name string) string {
	if values := query[name]; len(values) == 1 {
		return values[0]
	}
	return ""
}

// same compares what must not be guessed.
func same(a, b string) bool {
	return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1
}
