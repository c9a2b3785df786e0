package sim_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"hotelbooking/booking"
	"hotelbooking/booking/web"
	"hotelbooking/providers"
	"hotelbooking/providers/hotel"
	"hotelbooking/workers"
	"hotelbooking/workers/jetstream"

	sandboxfraud "hotelbooking/providers/fraud/sandbox"
	sandboxhotel "hotelbooking/providers/hotel/sandbox"
	sandboxpayment "hotelbooking/providers/payment/sandbox"
	sandboxtracking "hotelbooking/providers/tracking/sandbox"
)

// What a call ends with that gets no answer.
var (
	errDead    = errors.New("this process is dead")
	errRefused = errors.New("connection refused")
	errReset   = errors.New("connection reset")
	errSilent  = errors.New("no answer")
)

// instance is one process of the service. All that it can do to the world goes through line and wire, so a process that
// died is one whose calls all fail from then on; what its goroutines still think is of no consequence.
type instance struct {
	world  *world
	name   string
	flow   booking.Flow
	engine *workers.Workers
	queue  *jetstream.Queue // nil: there is no broker
	hints  *hints
	web    *web.Server

	until    atomic.Int64 // paused: until then, by the world's clock, nothing of it gets out or in
	dead     chan struct{}
	leaving  chan struct{} // closed: it was asked to stop
	dying    sync.Once
	going    sync.Once
	requests sync.WaitGroup
	door     sync.Mutex
	shut     bool        // no request is let in any more; written by close, under door
	left     atomic.Bool // it has ended as it should
}

// boot starts an instance.
func (w *world) boot(s *slot) *instance {
	s.boots++
	i := &instance{world: w, name: fmt.Sprintf("i%d.%d", s.number, s.boots), dead: make(chan struct{}), leaving: make(chan struct{})}
	i.hints = newHints(i)
	w.trace.add(w.since(), i.name, "starts")
	at := providers.Config{BaseURL: "http://sandbox", Timeout: 4 * time.Second, Transport: wire{i}}
	hotels, err1 := sandboxhotel.New(at)
	screener, err2 := sandboxfraud.New(at)
	payments, err3 := sandboxpayment.New(at)
	tracker, err4 := sandboxtracking.New(at)
	i.flow = booking.NewFlow(booking.Outside{Hotels: hotel.Suppliers{"sandbox": hotels}, Screener: screener, Payments: payments, Tracker: tracker}, limits())
	log := zap.NewNop()
	if w.trace.keep {
		log = zap.New(zapcore.NewCore(zapcore.NewConsoleEncoder(zapcore.EncoderConfig{MessageKey: "m", LevelKey: "l", EncodeLevel: zapcore.LowercaseLevelEncoder}), storyteller{i}, zap.DebugLevel))
	}
	queue := line{i}
	engine := w.engine
	engine.Works, engine.Governed = s.node.works, w.fleet.governed()
	i.engine = workers.New(i.flow, i.queueOf(s.node, log), engine, workers.Deps{
		Log: log, Boot: strings.ReplaceAll(i.name, ".", "-"), Random: w.luck.of(i.name, "random"), Notices: queue, Versions: queue,
	})
	cfg := web.DefaultConfig()
	cfg.Keys = []web.Key{
		{Name: "guests", Hash: web.HashKey(guestKey), Scope: web.ScopeBookings},
		{Name: "staff", Hash: web.HashKey(staffKey), Scope: web.ScopeSupport, Role: web.RoleSupervisor},
	}
	cfg.SecretKey, cfg.KeyRate, cfg.AddressRate = []byte(strings.Repeat("s", 32)), 0, 0
	var err5 error
	i.web, err5 = web.New(cfg, web.Deps{
		Engine: i.engine, Bookings: queue, Desk: queue, Notices: told{queue}, Flow: i.flow, Log: zap.NewNop(),
		Vendors: map[string]web.Vendor{"sandbox": sandboxpayment.Webhooks{Secret: webhookSecret}},
	})
	i.startHints(s.node)
	if err := errors.Join(err1, err2, err3, err4, err5, i.engine.Start(background)); err != nil {
		panic(err)
	}
	return i
}

// engineConfig is small, so that bounds are met, and quick.
func engineConfig() workers.Config {
	c := workers.DefaultConfig()
	c.Pools, c.PerSupplier, c.Memory = workers.Slots{Provider: 4, Fraud: 2, Payment: 3, Tracking: 2}, 3, 8
	c.Deadlines = workers.Deadlines{Provider: 8 * time.Second, Fraud: 5 * time.Second, Payment: 6 * time.Second, Tracking: 5 * time.Second}
	c.Lease, c.Poll, c.SaveTimeout, c.Grace = 9*time.Second, 4*time.Second, 3*time.Second, 4*time.Second
	return c
}

// die ends the process at once, as kill -9 does. The next one starts after a while.
func (i *instance) die(why string) {
	i.dying.Do(func() {
		i.world.trace.add(i.world.since(), i.name, "dies: %s", why)
		i.world.count("crashes")
		close(i.dead)
	})
}

// ask it to stop, as SIGTERM does.
func (i *instance) ask() { i.going.Do(func() { close(i.leaving) }) }

// gone tells whether it is dead.
func (i *instance) gone() bool {
	select {
	case <-i.dead:
		return true
	default:
		return false
	}
}

// bury ends the goroutines of a dead process.
func (i *instance) bury() {
	ended, cancel := context.WithCancel(background)
	cancel()
	_ = i.engine.Stop(ended) // it cannot end anything well
	i.stopHints(ended)
	i.web.Drain()
	i.close()
}

// close lets nobody in any more, and waits for those who are.
func (i *instance) close() {
	i.door.Lock()
	i.shut = true
	i.door.Unlock()
	i.requests.Wait()
}

// enter runs f as a request, unless the process lets nobody in.
func (i *instance) enter(f func()) (entered bool) {
	i.door.Lock()
	defer i.door.Unlock()
	if !i.shut {
		i.requests.Go(f)
	}
	return !i.shut
}

// leave ends the process as it should end. It may die while it does.
func (i *instance) leave() {
	i.world.trace.add(i.world.since(), i.name, "is asked to stop")
	ctx, cancel := context.WithTimeout(background, 12*time.Second)
	defer cancel()
	i.web.Drain()
	err := i.engine.Stop(ctx)
	i.stopHints(ctx)
	i.left.Store(true)
	i.close()
	i.world.trace.add(i.world.since(), i.name, "has stopped: %v", err)
}

// awake waits while the process is paused. It tells whether it was. What waits wakes up in an order of its own.
func (i *instance) awake(what ...string) (slept bool) {
	for {
		left := time.Until(time.Unix(0, i.until.Load()))
		if left <= 0 || i.gone() {
			return slept
		}
		slept = true
		select {
		case <-time.After(i.world.luck.of(append(what, i.name, "wakes up")...).about(left)):
		case <-i.dead:
		}
	}
}

// serve answers a request as the process's listener would.
func (i *instance) serve(r *http.Request) (*http.Response, error) {
	if i.gone() {
		return nil, errRefused
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel() // the client has hung up
	answered := make(chan *http.Response, 1)
	request := r.Method + r.URL.Path + r.Header.Get("Authorization") + r.Header.Get("Idempotency-Key")
	entered := i.enter(func() {
		i.awake(request)
		recorder := httptest.NewRecorder()
		i.web.ServeHTTP(recorder, r.WithContext(ctx))
		i.awake(request)
		answered <- recorder.Result()
	})
	if !entered {
		return nil, errRefused
	}
	select {
	case response := <-answered:
		if i.gone() {
			return nil, errReset
		}
		return response, nil
	case <-i.dead:
		return nil, errReset
	case <-r.Context().Done():
		return nil, context.Cause(r.Context())
	}
}

// storyteller puts the log into the trace.
type storyteller struct{ i *instance }

func (s storyteller) Write(p []byte) (int, error) {
	s.i.world.trace.aside(s.i.world.since(), s.i.name+" "+strings.TrimSpace(string(p)))
	return len(p), nil
}

func (s storyteller) Sync() error { return nil }

// told wakes the engine when a notification was stored.
type told struct{ line }

func (t told) ReceiveNotice(ctx context.Context, n booking.Notice) (bool, error) {
	fresh, err := t.line.ReceiveNotice(ctx, n)
	if fresh {
		t.i.engine.Noticed()
	}
	return fresh, err
}
