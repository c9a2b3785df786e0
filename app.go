package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/sourcegraph/conc"
	"go.uber.org/zap"

	"hotelbooking/booking"
	"hotelbooking/booking/web"
	"hotelbooking/providers/sandbox"
	"hotelbooking/store"
	"hotelbooking/tracing"
	"hotelbooking/workers"
	"hotelbooking/workers/relay"
	"hotelbooking/workers/webhooks"
)

// What the packages need of each other is theirs to say; here it is held together.
var (
	_ workers.Queue    = (*store.Store)(nil)
	_ workers.Notices  = (*store.Store)(nil)
	_ workers.Versions = (*store.Store)(nil)
	_ workers.Steps    = (*store.Store)(nil)
	_ web.Bookings     = (*store.Store)(nil)
	_ web.Desk         = (*store.Store)(nil)
	_ web.Notices      = (*store.Store)(nil)
	_ web.Sessions     = (*store.Store)(nil)
	_ web.Views        = (*store.Store)(nil)
	_ web.Engine       = (*workers.Workers)(nil)
	_ web.Controls     = (*workers.Workers)(nil)
	_ workers.Pauses   = (*store.Store)(nil)
)

// App is the whole service: store -> providers -> workers -> web. Start and Stop are for one goroutine, and once each.
type App struct {
	cfg Config
	log *zap.Logger

	registry *prometheus.Registry
	keys     keys
	tracing  *tracing.Tracing // nil: nothing is traced
	store    *store.Store
	sandbox  *playing // nil: it runs elsewhere
	hints    *hinting // nil: the engine is in this process alone
	workers  *workers.Workers
	relay    *relay.Relay // nil: nobody is told of events, or others tell them
	webhooks *webhooks.Sender
	public   *listening // nil: requests are taken elsewhere
	admin    *listening

	draining atomic.Bool // set by Stop, read by the readiness check
	serving  conc.WaitGroup
	failed   chan error
}

// playing is the sandbox in this process.
type playing struct {
	*sandbox.Server
	url  string
	quit context.CancelFunc
}

// listening is a server and its listener.
type listening struct {
	net.Listener
	server *http.Server
}

// stop ends both once all requests are answered, or ctx ends.
func (l *listening) stop(ctx context.Context) error {
	err := l.server.Shutdown(ctx)
	_ = l.Close() // where nothing was served yet; else it is closed
	return err
}

// NewApp is a service that does nothing until Start. cfg must be valid.
func NewApp(cfg Config, log *zap.Logger) *App {
	return &App{cfg: cfg, log: log, registry: prometheus.NewRegistry(), failed: make(chan error, 3)}
}

// Start brings everything up in its order and returns once requests are taken. What it started before an error is stopped.
func (a *App) Start(ctx context.Context) (err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, a.Stop(context.WithoutCancel(ctx)))
		}
	}()
	a.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	if a.keys, err = loadKeys(a.cfg); err != nil {
		return err
	}
	boot := bootID()
	if a.tracing, err = tracing.New(tracingConfig(a.cfg, boot), a.log.Named("tracing")); err != nil {
		return err
	}
	if a.tracing != nil {
		a.registry.MustRegister(tracingMetrics(a.tracing)...)
	}
	kept := storeConfig(a.cfg, a.keys)
	kept.Told = a.told
	if a.store, err = store.Open(ctx, kept, a.log.Named("store")); err != nil {
		return fmt.Errorf("open the store: %w", err)
	}
	a.registry.MustRegister(storeMetrics(a.store)...)
	if a.cfg.Sandbox.URL == "" {
		if err = a.play(ctx); err != nil {
			return err
		}
	}
	world, err := connect(a.cfg, a.sandboxURL(), a.keys, vendorMetrics(a.registry))
	if err != nil {
		return err
	}
	flow := booking.NewFlow(world.ports, booking.Limits(a.cfg.Flow))
	queue, err := a.queue(flow, world.suppliers, boot)
	if err != nil {
		return err
	}
	if err = a.makeWebhooks(boot); err != nil {
		return err
	}
	if err = a.relayEvents(boot); err != nil {
		return err
	}
	a.workers = workers.New(flow, queue, workersConfig(a.cfg), workers.Deps{
		Log: a.log.Named("workers"), Metrics: a.registry, Boot: boot, Tracer: a.tracing.Tracer(),
		Notices: a.store, Versions: a.store, Steps: a.store, Pauses: a.store, Signals: a.signals(),
	})
	if a.cfg.has(apiRole) {
		if err = a.open(ctx, flow, world); err != nil {
			return err
		}
	}
	admin, err := listen(ctx, "admin.addr", a.cfg.Admin.Addr)
	if err != nil {
		return err
	}
	a.hints.start(ctx, a)
	if err = a.workers.Start(ctx); err != nil {
		return errors.Join(fmt.Errorf("start the workers: %w", err), admin.Close())
	}
	if err = errors.Join(a.startWebhooks(), a.startRelay()); err != nil {
		return errors.Join(err, admin.Close())
	}
	if a.public != nil {
		a.serve(a.public)
	}
	a.admin = &listening{admin, web.NewAdmin(web.AdminDeps{Ready: a.readiness(), Gatherer: a.registry, Log: a.log.Named("admin")})}
	a.serve(a.admin)
	if a.sandbox != nil {
		return a.sandbox.SetWebhook("http://"+a.Addr()+"/v1/webhooks/sandbox", a.keys.webhook)
	}
	return nil
}

// Stop ends the service so that nothing is lost and nobody is cut off: unready first, then no new work while running turns
// end, then the listeners, then what they need. What cannot end in time is asked about after the next start.
func (a *App) Stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, a.cfg.Shutdown.DrainDelay+2*a.cfg.Shutdown.Grace+10*time.Second)
	defer cancel()
	a.draining.Store(true)
	var problems []error
	if a.public != nil {
		select {
		case <-time.After(a.cfg.Shutdown.DrainDelay):
		case <-ctx.Done():
		}
	}
	if a.workers != nil {
		problems = append(problems, a.workers.Stop(ctx))
	}
	a.hints.stop(ctx)
	for _, l := range []*listening{a.public, a.admin} {
		if l != nil {
			problems = append(problems, l.stop(ctx))
		}
	}
	problems = append(problems, a.stopRelay(ctx), a.stopWebhooks(ctx))
	if a.sandbox != nil {
		a.sandbox.quit()
	}
	a.serving.Wait()
	if a.sandbox != nil {
		problems = append(problems, a.sandbox.Close())
	}
	a.hints.close()
	if a.store != nil {
		problems = append(problems, a.store.Close())
	}
	a.tracing.Stop(ctx) // last, with the spans of all that
	return errors.Join(problems...)
}

// Failed tells of a listener that ended by itself.
func (a *App) Failed() <-chan error { return a.failed }

// Addr is where the public listener is, host and port; empty: requests are taken elsewhere.
func (a *App) Addr() string {
	if a.public == nil {
		return ""
	}
	return a.public.Addr().String()
}

// AdminAddr is where the admin listener is, host and port.
func (a *App) AdminAddr() string { return a.admin.Addr().String() }

func (a *App) sandboxURL() string {
	if a.sandbox != nil {
		return a.sandbox.url
	}
	return strings.TrimSuffix(a.cfg.Sandbox.URL, "/")
}

// play starts the sandbox in this process. Its journal lies beside the embedded database, so that both survive together.
func (a *App) play(ctx context.Context) error {
	cfg := sandboxConfig(a.cfg.Sandbox, "", a.keys.webhook)
	if cfg.Journal == "" {
		cfg.Journal = filepath.Join(a.cfg.DataDir, "sandbox.journal")
	}
	server, err := sandbox.New(cfg)
	if err != nil {
		return fmt.Errorf("start the sandbox: %w", err)
	}
	listener, err := listen(ctx, "sandbox.addr", a.cfg.Sandbox.Addr)
	if err != nil {
		return errors.Join(err, server.Close())
	}
	running, quit := context.WithCancel(context.WithoutCancel(ctx))
	a.sandbox = &playing{Server: server, url: "http://" + listener.Addr().String(), quit: quit}
	a.serving.Go(func() {
		if err := server.ServeOn(running, listener); err != nil {
			a.failed <- fmt.Errorf("sandbox: %w", err)
		}
	})
	return nil
}

// open takes the public address. Requests are answered from serve on.
func (a *App) open(ctx context.Context, flow booking.Flow, world outside) error {
	server, err := web.New(webConfig(a.cfg, a.keys, world.suppliers), web.Deps{
		Engine: a.workers, Bookings: a.store, Desk: a.store, Notices: noticed{a.store, a.workers}, Sessions: a.store, Views: a.store, Controls: a.workers, Vendors: world.vendors,
		Webhooks: webhookDesk{a.store, a.webhooks}, Flow: flow, Log: a.log.Named("web"), Registerer: a.registry, Tracer: a.tracing.Tracer(),
	})
	if err != nil {
		return err
	}
	listener, err := listen(ctx, "http.addr", a.cfg.HTTP.Addr)
	if err != nil {
		return err
	}
	a.public = &listening{listener, server.HTTP()}
	return nil
}

func (a *App) serve(l *listening) {
	a.serving.Go(func() {
		if err := l.server.Serve(l); err != nil && !errors.Is(err, http.ErrServerClosed) {
			a.failed <- err
		}
	})
}

func (a *App) readiness() []web.Check {
	return []web.Check{
		{Name: "draining", Probe: func(context.Context) error {
			if a.draining.Load() {
				return errors.New("the service is stopping")
			}
			return nil
		}},
		{Name: "database", Probe: a.store.Ping},
		{Name: "workers", Probe: func(context.Context) error { return a.workers.Healthy() }},
	}
}

// Welcome tells a new user what there is and what to try; nothing, where no requests are taken.
func (a *App) Welcome() string {
	if a.public == nil {
		return ""
	}
	base, key := "http://"+a.Addr(), "$YOUR_KEY"
	if len(a.cfg.Auth.Keys) == 0 {
		key = "$(cat " + filepath.Join(a.cfg.DataDir, "keys", "bookings.key") + ")"
	}
	checkIn := time.Now().AddDate(0, 3, 0)
	var out strings.Builder
	p := func(format string, args ...any) { fmt.Fprintf(&out, format+"\n", args...) }
	p("")
	p("Open in a browser:")
	if a.keys.checkout != "" {
		p("  book a room        %s/", base)
	}
	p("  support console    %s/support", base)
	p("")
	p("Bookings are taken at %s/v1/bookings", base)
	p("  documentation      %s/docs", base)
	p("  health, metrics    http://%s/readyz and /metrics", a.AdminAddr())
	p("  what really happened outside: %s/_ledger (the sandbox plays hotel, fraud, payment and tracking)", a.sandboxURL())
	if len(a.cfg.Auth.Keys) == 0 {
		p("  keys               %s for frontends, support.key beside it for staff", filepath.Join(a.cfg.DataDir, "keys", "bookings.key"))
	}
	for _, made := range a.keys.made {
		p("  new key, shown once: %-10s %s", made.name, made.text)
	}
	if len(a.cfg.Auth.Keys) == 0 {
		p("  sign in to the console with the support key: cat %s", filepath.Join(a.cfg.DataDir, "keys", "support.key"))
	}
	p("")
	p("Try it: submit a booking, and wait until it is decided.")
	p("")
	p(`curl -s %s/v1/bookings -H "Authorization: Bearer %s" -H "Idempotency-Key: try-$(date +%%s%%N)" -H "Content-Type: application/json" -d '%s'`, base, key, sample(checkIn))
	p("")
	p(`curl -s %s/v1/bookings/ID -H "Authorization: Bearer %s" -H "Prefer: wait=20"`, base, key)
	p("")
	return out.String()
}

// sample is a submission that succeeds. Other offer tokens play other endings: see the README.
func sample(checkIn time.Time) string {
	return fmt.Sprintf(`{"client_reference":"web-4711","offer":{"supplier":"sandbox","token":"sim_ok","total":{"amount":"346.00","currency":"EUR"},"price_tolerance_percent":0},`+
		`"stay":{"hotel_id":"h-1","hotel_name":"Hotel Sol","hotel_timezone":"Europe/Madrid","check_in":"%s","check_out":"%s","rooms":[{"adults":2,"child_ages":[],`+
		`"guests":[{"given_name":"Ana","family_name":"Núñez","lead":true}],"special_requests":""}]},"contact":{"given_name":"Ana","family_name":"Núñez",`+
		`"email":"ana@example.com","phone":"+34600000000","country":"ES","language":"es"},"payment":{"token":"pm_card_visa"},"attribution":{"click_id":"abc"}}`,
		checkIn.Format(time.DateOnly), checkIn.AddDate(0, 0, 3).Format(time.DateOnly))
}

// noticed wakes the engine when a notification was stored, so that it is applied at once and not at the next poll.
type noticed struct {
	*store.Store
	workers *workers.Workers
}

func (n noticed) ReceiveNotice(ctx context.Context, notice booking.Notice) (bool, error) {
	fresh, err := n.Store.ReceiveNotice(ctx, notice)
	if fresh {
		n.workers.Noticed()
	}
	return fresh, err
}

func listen(ctx context.Context, key, addr string) (net.Listener, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: free the address or set another", key, err)
	}
	return listener, nil
}

// bootID is who this process is, new at each start: a name that comes back would look like the owner of what it left.
func bootID() string {
	var random [8]byte
	_, _ = rand.Read(random[:]) // never fails: see its documentation
	return hex.EncodeToString(random[:])
}

func prefixes(proxies []string) []netip.Prefix {
	var all []netip.Prefix
	for _, text := range proxies {
		if prefix, err := netip.ParsePrefix(text); err == nil {
			all = append(all, prefix)
		} else if addr, err := netip.ParseAddr(text); err == nil {
			all = append(all, netip.PrefixFrom(addr, addr.BitLen()))
		}
	}
	return all
}
