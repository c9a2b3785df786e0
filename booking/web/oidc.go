package web

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// OIDC is the identity provider that staff can sign in to the console with, beside their keys.
type OIDC struct {
	Issuer       string   // its address, exactly as its tokens name it; empty: there is none
	ClientID     string   // who we are to it
	ClientSecret string   // proves it; empty: it asks for none
	Name         string   // what people call it: on the button
	RedirectURL  string   // where it sends browsers back: this service's own address, with CallbackPath
	Scopes       []string // what we ask it for; openid at least
	RoleClaim    string   // which claim of its tokens has somebody's roles
	Viewers      []string // values of that claim
	Agents       []string
	Supervisors  []string
}

// CallbackPath is the page that the identity provider sends browsers back to.
const CallbackPath = "/support/oidc/callback"

const (
	oidcTimeout  = 5 * time.Second // of one call to the provider
	oidcMaxBytes = 1 << 20         // of one answer of it
	oidcFresh    = time.Hour       // then what it said of itself is asked again, so that a key it withdrew ends here, too
	oidcPause    = 2 * time.Second // after it could not be reached nobody waits for it again
)

// oidcAlgorithms are those that sign with a key that only the provider has. With HS256 whoever knows the client secret could
// sign in as anybody, and with none everybody could.
var oidcAlgorithms = []string{oidc.RS256, oidc.RS384, oidc.RS512, oidc.ES256, oidc.ES384, oidc.ES512}

// relyingParty is we, as the identity provider sees us. It finds out about the provider when it is needed first: the service
// starts without it.
type relyingParty struct {
	config OIDC
	client *http.Client
	now    func() time.Time

	mu    sync.Mutex // held while the provider is asked about itself, so that a crowd asks once
	found *provider  // nil: not yet
	since time.Time  // when it was found, or could not be
	lost  error      // why it could not be
}

// provider is what an identity provider said of itself.
type provider struct {
	oauth    oauth2.Config
	verifier *oidc.IDTokenVerifier
}

func newRelyingParty(config OIDC, now func() time.Time) *relyingParty {
	if config.Issuer == "" {
		return nil
	}
	return &relyingParty{config: config, now: now, client: &http.Client{
		Timeout: oidcTimeout,
		Transport: bounded{&http.Transport{
			TLSClientConfig:   &tls.Config{MinVersion: tls.VersionTLS12},
			DisableKeepAlives: true, // people sign in once a day
		}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// bounded reads no more of an answer than any provider has to say.
type bounded struct{ next http.RoundTripper }

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := b.next.RoundTrip(r)
	if err == nil {
		response.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(response.Body, oidcMaxBytes), response.Body}
	}
	return response, err
}

// context is for calls to the provider. They go on when the browser has gone, because others may wait for the same.
func (r *relyingParty) context(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(oidc.ClientContext(context.WithoutCancel(ctx), r.client), oidcTimeout)
}

// provider is what we know about it, asked anew where that is too long ago.
func (r *relyingParty) provider(ctx context.Context) (*provider, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	age := r.now().Sub(r.since)
	switch {
	case r.found != nil && age < oidcFresh:
		return r.found, nil
	case r.lost != nil && age < oidcPause:
		return nil, r.lost
	}
	r.found, r.lost = r.discover(ctx)
	r.since = r.now()
	return r.found, r.lost
}

func (r *relyingParty) discover(ctx context.Context) (*provider, error) {
	ctx, cancel := r.context(ctx)
	defer cancel()
	found, err := oidc.NewProvider(ctx, r.config.Issuer)
	if err != nil {
		return nil, fmt.Errorf("ask the identity provider about itself: %s", brief(err))
	}
	var said struct {
		Keys       string   `json:"jwks_uri"`
		Algorithms []string `json:"id_token_signing_alg_values_supported"`
		Methods    []string `json:"token_endpoint_auth_methods_supported"`
	}
	if err := found.Claims(&said); err != nil {
		return nil, fmt.Errorf("ask the identity provider about itself: %s", brief(err))
	}
	endpoint := found.Endpoint()
	for _, address := range []string{endpoint.AuthURL, endpoint.TokenURL, said.Keys} {
		if u, err := url.Parse(address); err != nil || u.Host == "" || u.Scheme != "https" && !strings.HasPrefix(r.config.Issuer, "http://") {
			return nil, errors.New("the identity provider names an address of itself that is not https")
		}
	}
	algorithms := slices.DeleteFunc(slices.Clone(oidcAlgorithms), func(a string) bool { return !slices.Contains(said.Algorithms, a) })
	if len(algorithms) == 0 {
		return nil, fmt.Errorf("the identity provider signs with %.100q, and none of them is one that we accept: %q", said.Algorithms, oidcAlgorithms)
	}
	endpoint.AuthStyle = oauth2.AuthStyleInHeader
	if r.config.ClientSecret == "" || len(said.Methods) > 0 && !slices.Contains(said.Methods, "client_secret_basic") {
		endpoint.AuthStyle = oauth2.AuthStyleInParams
	}
	return &provider{
		oauth: oauth2.Config{
			ClientID: r.config.ClientID, ClientSecret: r.config.ClientSecret, Endpoint: endpoint,
			RedirectURL: r.config.RedirectURL, Scopes: r.config.Scopes,
		},
		verifier: found.VerifierContext(ctx, &oidc.Config{ClientID: r.config.ClientID, SupportedSigningAlgs: algorithms, Now: r.now}),
	}, nil
}

// errCode: the provider does not know the code, or no longer. That is the browser's doing and not the provider's.
var errCode = errors.New("the identity provider does not accept the code")

// redeem turns the code that the browser brought back into who sits there, as the provider has signed it for this sign-in.
func (r *relyingParty) redeem(ctx context.Context, p *provider, code string, asked pendingSignIn) (identity, error) {
	ctx, cancel := r.context(ctx)
	defer cancel()
	token, err := p.oauth.Exchange(ctx, code, oauth2.VerifierOption(asked.Verifier))
	if refused := (*oauth2.RetrieveError)(nil); errors.As(err, &refused) {
		if refused.ErrorCode == "invalid_grant" {
			return identity{}, errCode
		}
		// and not its text: it may hold what we sent
		return identity{}, fmt.Errorf("exchange the code: the identity provider answered %d %.60q", refused.Response.StatusCode, refused.ErrorCode)
	}
	if err != nil {
		return identity{}, fmt.Errorf("exchange the code: %s", brief(err))
	}
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		return identity{}, errors.New("exchange the code: the identity provider answered without an id_token")
	}
	verified, err := p.verifier.Verify(ctx, raw)
	if err != nil {
		return identity{}, fmt.Errorf("verify the id_token: %s", brief(err))
	}
	if !same(verified.Nonce, asked.Nonce) {
		return identity{}, errors.New("verify the id_token: its nonce is of another sign-in")
	}
	return r.config.identify(verified)
}

// brief is an error without what may be long in it: some quote the whole answer.
func brief(err error) string {
	const enough = 200
	text := err.Error()
	if len(text) > enough {
		text = text[:enough] + "…"
	}
	return text
}
