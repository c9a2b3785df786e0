// Package web is the HTTP surface: the public API of openapi.yaml and the admin listener. Start reading at routes.go,
// which lists every route with who may call it; what an error becomes is decided in errors.go, and nowhere else.
//
//	server, err := web.New(web.DefaultConfig(), web.Deps{Engine: workers, Bookings: store, Desk: store, Notices: store})
//	err = server.HTTP().Serve(listener)
package web

import (
	"context"
	"crypto/cipher"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"

	"hotelbooking/booking"
)

// Config is how the public listener behaves.
type Config struct {
	Keys           []Key          // who may call; none: nobody but the holders of client secrets
	SecretKey      []byte         // makes client secrets; 32 bytes or more, the same in every process, secret
	TrustedProxies []netip.Prefix // whose X-Forwarded-For is believed; default none
	AllowedOrigins []string       // of browsers that call from another site; default none
	Suppliers      []string       // those that can be booked; default any
	CheckoutKey    string         // the publishable key that the page at / submits with; empty: there is no such page
	SessionLasts   time.Duration  // of who has signed in to the console; default 8 h
	OIDC           OIDC           // with whom staff can sign in beside their keys; default nobody
	NightsMax      int            // of one stay; default 99

	KeyRate      float64 // requests a second of one API key; 0: no limit
	KeyBurst     int     // requests at once of one API key
	AddressRate  float64 // requests a second of one address without an API key; 0: no limit
	AddressBurst int     // requests at once of one address

	ReadHeaderTimeout time.Duration // default 2 s
	ReadTimeout       time.Duration // for headers and body; default 5 s
	WriteTimeout      time.Duration // for handler and answer, but for those that are held; default 30 s
	IdleTimeout       time.Duration // between two requests of a connection; default 60 s
	WaitMax           time.Duration // how long Prefer: wait can hold an answer; default 25 s
	PingEvery         time.Duration // between the comments that keep a stream alive; default 15 s
	StreamMax         time.Duration // then a stream is ended, and the browser comes back; default 10 min
	HeldMax           int           // answers held and streams open at once; default 20000
}

// DefaultConfig is Config's defaults. It has no keys.
func DefaultConfig() Config {
	return Config{
		NightsMax: 99, SessionLasts: 8 * time.Hour,
		KeyRate: 5000, KeyBurst: 10000, AddressRate: 1000, AddressBurst: 2000,
		ReadHeaderTimeout: 2 * time.Second, ReadTimeout: 5 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: time.Minute,
		WaitMax: 25 * time.Second, PingEvery: 15 * time.Second, StreamMax: 10 * time.Minute, HeldMax: 20000,
	}
}

// Engine accepts bookings and decides about them: *workers.Workers.
type Engine interface {
	// Admit refuses with *booking.Overloaded when a new booking could not be started in time. It is cheap.
	Admit() error
	// Submit stores a booking for good, or finds the one that the same key made: *booking.Overloaded, booking.ErrKeyReused.
	Submit(ctx context.Context, ask booking.Ask, key string, fingerprint [32]byte) (booking.Receipt, error)
	// Decide applies a decision and returns the booking after it. Its errors are those of Flow.Decide and ErrNotFound.
	Decide(ctx context.Context, id booking.ID, d booking.Decision) (*booking.Booking, error)
	// Wait calls look, at once and whenever the booking's version may be above the one that look has seen, until look wants no
	// more, or until ctx ends while nothing happens: then it returns ctx's error.
	Wait(ctx context.Context, id booking.ID, look func() (seen int, more bool)) error
	// Noticed says that a vendor's notice was stored, so that it is applied soon.
	Noticed()
}

// Bookings reads what customers see, without personal data: *store.Store.
type Bookings interface {
	Get(ctx context.Context, id booking.ID) (*booking.Booking, error)
	// Glance reads as much of a booking as a caller who knows it already needs. It is as fresh as Get, and much cheaper.
	Glance(ctx context.Context, id booking.ID) (booking.Glance, error)
	ByClientReference(ctx context.Context, client, clientReference string) ([]*booking.Booking, error)
}

// Desk reads what support sees: *store.Store.
type Desk interface {
	// Search finds the bookings that carry q as any identifier, newest first.
	Search(ctx context.Context, q string, limit int) ([]*booking.Booking, error)
	List(ctx context.Context, f booking.Filter) ([]*booking.Booking, error)
	History(ctx context.Context, id booking.ID) ([]booking.Entry, error)
	People(ctx context.Context, id booking.ID) (booking.Contact, []booking.Room, error)
	IdempotencyKey(ctx context.Context, id booking.ID) (string, error)
}

// Views reads what the console shows beside the desk: *store.Store.
type Views interface {
	// Related finds the others of the same guest, by e-mail address or client reference, newest first.
	Related(ctx context.Context, id booking.ID, limit int) ([]*booking.Booking, error)
	// Count is how many bookings a filter selects, at most most.
	Count(ctx context.Context, f booking.Filter, most int) (int, error)
	// Attentions counts what needs a person, by reason, at most most of each.
	Attentions(ctx context.Context, most int) ([]booking.AttentionCount, error)
}

// Controls shows what the engine is doing, and lets operators hold it: *workers.Workers.
type Controls interface {
	// Figures are samples of this process, oldest first.
	Figures() []booking.Figures
	// Pauses lists what is paused, by every process on the same database.
	Pauses(ctx context.Context) ([]booking.Pause, error)
	// PauseLog lists the last changes, newest first.
	PauseLog(ctx context.Context, limit int) ([]booking.PauseEvent, error)
	// Pause pauses something, or lets it go on: booking.ErrNotPausable.
	Pause(ctx context.Context, change booking.PauseChange) error
}

// Notices keeps vendors' notifications until they are applied: *store.Store.
type Notices interface {
	// ReceiveNotice stores n unless its event is there already.
	ReceiveNotice(ctx context.Context, n booking.Notice) (fresh bool, err error)
}

// Vendor reads one vendor's notifications. booking.ErrForged means that the signature does not hold; any other error, that it
// does, and that the notification cannot be read.
type Vendor interface {
	Read(h http.Header, body []byte) (booking.Notice, error)
}

// Deps is what the server works with. All but Registerer, Vendors, Now and Tracer are required.
type Deps struct {
	Engine     Engine
	Bookings   Bookings
	Desk       Desk
	Notices    Notices
	Sessions   Sessions
	Views      Views
	Controls   Controls
	Webhooks   Webhooks
	Vendors    map[string]Vendor // by the name in the webhook's path
	Flow       booking.Flow      // tells what can be decided about a booking; its acts are not called
	Log        *zap.Logger
	Registerer prometheus.Registerer // for HTTP metrics; nil: none
	Now        func() time.Time      // nil: time.Now
	Tracer     trace.Tracer          // nil: nothing is traced
}

// Server is the public API as an http.Handler.
type Server struct {
	config   Config
	engine   Engine
	bookings Bookings
	desk     Desk
	notices  Notices
	sessions Sessions
	views    Views
	controls Controls
	webhooks Webhooks
	vendors  map[string]Vendor
	flow     booking.Flow
	log      *zap.Logger
	requests *zap.Logger // of one line per request; all have the same caller, which costs as much to find out as the rest
	now      func() time.Time
	tracer   trace.Tracer // nil: nothing is traced

	keys        *keyring
	spec        *spec
	rules       rules
	page        docsPage
	pages       *pages
	perKey      *limiter
	perOrigin   *limiter
	crossOrigin *http.CrossOriginProtection
	oidc        *relyingParty // nil: staff sign in with keys alone
	signInSeal  cipher.AEAD
	begun       time.Time // when this process did
	pauses      pauseBanner
	echo        *echo.Echo

	held     atomic.Int64       // answers held and streams open; written by hold, read by nobody else
	draining context.Context    // done once Drain was called
	drain    context.CancelFunc // ends draining
}

// New builds the server; it does not listen. Its error lists all that is wrong with the configuration.
func New(config Config, deps Deps) (*Server, error) {
	contract, err := ownSpec()
	if err != nil {
		return nil, err
	}
	return newServer(config, deps, contract)
}

func newServer(config Config, deps Deps, contract *spec) (*Server, error) {
	keys, err := newKeyring(config.Keys, config.SecretKey)
	if config.NightsMax < 1 {
		err = errors.Join(err, fmt.Errorf("a stay of at most %d nights is none", config.NightsMax))
	}
	if err != nil {
		return nil, fmt.Errorf("set up the API: %w", err)
	}
	pages, err := newPages()
	if err != nil {
		return nil, fmt.Errorf("set up the pages: %w", err)
	}
	s := &Server{
		config: config, engine: deps.Engine, bookings: deps.Bookings, desk: deps.Desk, notices: deps.Notices, sessions: deps.Sessions, views: deps.Views, controls: deps.Controls, webhooks: deps.Webhooks, vendors: deps.Vendors,
		flow: deps.Flow, log: deps.Log, requests: deps.Log.WithOptions(zap.WithCaller(false)), now: deps.Now, tracer: deps.Tracer,
		keys: keys, spec: contract, rules: newRules(config.Suppliers, config.NightsMax), page: newDocsPage(), pages: pages,
		perKey: newLimiter(config.KeyRate, config.KeyBurst, 10_000), perOrigin: newLimiter(config.AddressRate, config.AddressBurst, 100_000),
		crossOrigin: http.NewCrossOriginProtection(),
	}
	if s.now == nil {
		s.now = time.Now
	}
	s.begun = s.now()
	if s.signInSeal, err = newSignInSeal(config.SecretKey); err != nil {
		return nil, fmt.Errorf("set up the sign-in: %w", err)
	}
	s.oidc = newRelyingParty(config.OIDC, s.now)
	s.draining, s.drain = context.WithCancel(context.Background())
	s.echo = echo.New()
	s.echo.HTTPErrorHandler = s.handleError
	s.echo.IPExtractor = extractor(config.TrustedProxies)
	s.use(deps.Registerer)
	if err := s.install(slices.Concat(s.routes(), s.pageRoutes())); err != nil {
		return nil, fmt.Errorf("set up the API: %w", err)
	}
	return s, nil
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.echo.ServeHTTP(w, r) }

// HTTP is an http.Server for the API, with every time-out set: echo's own are none. Its Shutdown ends held answers and
// streams first.
func (s *Server) HTTP() *http.Server {
	server := &http.Server{
		Handler:           s,
		ReadHeaderTimeout: s.config.ReadHeaderTimeout,
		ReadTimeout:       s.config.ReadTimeout,
		WriteTimeout:      s.config.WriteTimeout,
		IdleTimeout:       s.config.IdleTimeout,
		MaxHeaderBytes:    headersMax,
		ErrorLog:          zap.NewStdLog(s.log.Named("http")),
	}
	server.RegisterOnShutdown(s.drain)
	return server
}

// Drain answers every held request now and ends every stream; clients come back, to another process.
func (s *Server) Drain() { s.drain() }

// hold counts an answer that is held or a stream that is open. There is a bound, so that waiting clients cannot take all
// connections; release must be called where ok.
func (s *Server) hold() (release func(), ok bool) {
	if s.held.Add(1) > int64(s.config.HeldMax) {
		s.held.Add(-1)
		return func() {}, false
	}
	return func() { s.held.Add(-1) }, true
}
