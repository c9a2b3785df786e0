package web

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"hotelbooking/booking"
)

// Sessions keeps who has signed in to the console: *store.Store. A session counts in every process on the same database.
type Sessions interface {
	// OpenSession stores a session, and forgets those that have ended.
	OpenSession(ctx context.Context, s booking.Session) error
	// Session finds one that has not ended. booking.ErrNotFound.
	Session(ctx context.Context, digest [32]byte) (booking.Session, error)
	// CloseSession ends one. To end one that has ended is no error.
	CloseSession(ctx context.Context, digest [32]byte) error
}

// sessionCookie: the prefix has browsers refuse it unless it is Secure, of this host alone, and for the whole of it. Browsers
// take one over plain http only on their own machine.
const sessionCookie = "__Host-session"

const (
	signInPath  = "/support/sign-in"
	consolePath = "/support"
)

// signedIn finds out who sits at the browser. A session that was opened with a key ends with that key, and has its role; one that
// an identity provider vouched for ends when there is none any more.
func (s *Server) signedIn(c echo.Context) (principal, error) {
	cookie, err := c.Cookie(sessionCookie)
	if err != nil || cookie.Value == "" {
		return principal{}, errSignIn
	}
	session, err := s.sessions.Session(c.Request().Context(), sha256.Sum256([]byte(cookie.Value)))
	switch {
	case errors.Is(err, booking.ErrNotFound):
		return principal{}, errSignIn
	case err != nil:
		return principal{}, err
	case session.Key == "" && s.oidc != nil:
		return principal{key: Key{Name: session.Name, Scope: ScopeSupport, Role: Role(session.Role)}}, nil
	}
	for _, key := range s.config.Keys {
		if key.Scope == ScopeSupport && key.Name == session.Name && strings.EqualFold(key.Hash, session.Key) {
			return principal{key: key}, nil
		}
	}
	return principal{}, errSignIn
}

// errSignIn: nobody has signed in, or no longer.
var errSignIn = &problem{code: ProblemCodeUnauthorized, detail: "Sign in first."}

// showSignIn is the page that asks for a key.
func (s *Server) showSignIn(c echo.Context) error {
	return s.render(c, http.StatusOK, "sign-in", signInView{Next: ownPath(c.QueryParam("next")), Provider: s.providerName()})
}

type signInView struct {
	Next     string
	Problem  string
	Provider string // the identity provider that staff can sign in with; empty: none
}

// providerName is what people call the identity provider; empty: there is none.
func (s *Server) providerName() string {
	if s.oidc == nil {
		return ""
	}
	return s.config.OIDC.Name
}

// signIn opens a session for whoever has a key of scope support. Wrong keys cost as much of the address's pace as any request.
func (s *Server) signIn(c echo.Context) error {
	form, err := s.form(c, "key", "next")
	if err != nil {
		return err
	}
	next := ownPath(form.Get("next"))
	key, ok := s.keys.find(strings.TrimSpace(form.Get("key")))
	if !ok || key.Scope != ScopeSupport {
		return s.render(c, http.StatusUnauthorized, "sign-in", signInView{
			Next: next, Provider: s.providerName(), Problem: "That is no key for support. Keys begin with bk_support_.",
		})
	}
	if err := s.openSession(c, booking.Session{Name: key.Name, Role: string(key.Role), Key: key.Hash}); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, next)
}

// openSession stores a session with a new token, and gives the browser the token.
func (s *Server) openSession(c echo.Context, session booking.Session) error {
	var random [32]byte
	_, _ = rand.Read(random[:]) // never fails: see its documentation
	token := base64.RawURLEncoding.EncodeToString(random[:])
	session.Digest, session.Begun = sha256.Sum256([]byte(token)), s.now()
	session.Ends = session.Begun.Add(s.config.SessionLasts)
	if err := s.sessions.OpenSession(c.Request().Context(), session); err != nil {
		return err
	}
	c.SetCookie(ownCookie(sessionCookie, token, http.SameSiteStrictMode, int(s.config.SessionLasts/time.Second)))
	if v, ok := c.(*visit); ok { // so that the line of the log says who has signed in
		v.caller = principal{key: Key{Name: session.Name, Scope: ScopeSupport, Role: Role(session.Role)}}
	}
	return nil
}

// signOut ends the session everywhere, not only in this browser.
func (s *Server) signOut(c echo.Context) error {
	if cookie, err := c.Cookie(sessionCookie); err == nil {
		if err := s.sessions.CloseSession(c.Request().Context(), sha256.Sum256([]byte(cookie.Value))); err != nil {
			return err
		}
	}
	c.SetCookie(ownCookie(sessionCookie, "", http.SameSiteStrictMode, -1))
	return c.Redirect(http.StatusSeeOther, signInPath)
}

// ownCookie is one that this host alone gets, over https, and no script. It lasts so many seconds; negative: it is gone.
func ownCookie(name, value string, site http.SameSite, lasts int) *http.Cookie {
	return &http.Cookie{Name: name, Value: value, Path: "/", Secure: true, HttpOnly: true, SameSite: site, MaxAge: lasts}
}

// ownPath is where somebody goes on after signing in: a page of the console, whatever a link says.
func ownPath(next string) string {
	u, err := url.Parse(next)
	ours := err == nil && !u.IsAbs() && u.Host == "" && (u.Path == consolePath || strings.HasPrefix(u.Path, consolePath+"/"))
	if !ours || path.Clean(u.Path) != u.Path || strings.Contains(next, `\`) || !visible(u.RequestURI()) { // browsers take /support/../x for /x, and \ for /
		return consolePath
	}
	return u.RequestURI()
}
