// Package webhooks sends events to endpoints of others, signed as Standard Webhooks asks for
// (https://www.standardwebhooks.com). A Sender is a booking.Subscriber: Take stores a delivery for each endpoint that wants an
// event; Start begins to send them, and Stop ends it.
//
//	sender, err := webhooks.New(cfg, webhooks.Deps{Queue: store, Upkeep: store, Events: store, Boot: boot})
//	err = sender.Start()
//	...
//	err = sender.Take(ctx, events)
//
// A delivery is sent until the endpoint takes it, with pauses that grow, or until it is a dead letter. Those of one booking are
// sent to an endpoint one after another. What the process dies with is sent again, under the same webhook-id: see dispatch.go.
package webhooks

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	conc "github.com/sourcegraph/conc/pool"
	"go.uber.org/zap"

	"hotelbooking/booking"
)

// Config is whom is told, and how hard it is tried.
type Config struct {
	Endpoints   []Endpoint
	Source      string        // of the events: this installation's name
	PerEndpoint int           // deliveries to one endpoint at once
	Timeout     time.Duration // of one try, from the name's resolution to the last byte
	RetryFor    time.Duration // since the event, or since a person asked for it again; then it is a dead letter
	BackoffBase time.Duration // the first retry comes within this; doubled each time
	BackoffCap  time.Duration // the longest wait before a retry, whatever the endpoint asks for
	Keep        time.Duration // what was delivered; dead letters stay
	Poll        time.Duration // between looks for what is due
}

// Queue keeps deliveries: *store.Store.
type Queue interface {
	// AddDeliveries stores what is to be sent, in its order. What is there already, by endpoint and event, stays as it is.
	AddDeliveries(ctx context.Context, deliveries []booking.Delivery) error
	// ClaimDeliveries leases what is due, at most one delivery of each booking: the first that is not delivered, nor dead. While
	// an endpoint is paused nothing is.
	ClaimDeliveries(ctx context.Context, c booking.DeliveryClaim) ([]booking.Delivery, error)
	// SettleDeliveries notes what became of deliveries. Those that are another's by now stay as they are.
	SettleDeliveries(ctx context.Context, results []booking.DeliveryResult) error
	// PauseEndpoint stops deliveries to an endpoint, in all processes, until a person lets them go on. It tells whether that is news.
	PauseEndpoint(ctx context.Context, endpoint, reason string) (news bool, err error)
	// Redeliver makes deliveries due again, or for the first time, all or none, and writes down who wanted it.
	Redeliver(ctx context.Context, order booking.DeliveryOrder, deliveries []booking.Delivery) error
}

// Upkeep clears away what nobody sends any more: *store.Store.
type Upkeep interface {
	// GiveUpDeliveries makes dead letters of some that an endpoint has not taken for so long.
	GiveUpDeliveries(ctx context.Context, endpoint string, after time.Duration) (int, error)
	// AbandonDeliveries does it for those to all other endpoints.
	AbandonDeliveries(ctx context.Context, configured []string, after time.Duration) (int, error)
	// PurgeDeliveries removes some that were delivered so long ago.
	PurgeDeliveries(ctx context.Context, after time.Duration) (int, error)
	// DeliveryFigures tells how far behind an endpoint is.
	DeliveryFigures(ctx context.Context, endpoint string) (booking.DeliveryFigures, error)
}

// Events finds what happened, to be sent again: *store.Store.
type Events interface {
	// Events lists events of one booking, or of a time span, at most f.Limit: those of one booking in the order of their versions.
	Events(ctx context.Context, f booking.EventFilter) ([]booking.Event, error)
}

// Deps is what the sender needs beside its Config. All but Log, Metrics, Now and Resolver are required.
type Deps struct {
	Queue   Queue
	Upkeep  Upkeep
	Events  Events
	Boot    string // random for each start of the process
	Log     *zap.Logger
	Metrics prometheus.Registerer
	Now     func() time.Time // nil: time.Now

	Resolver *net.Resolver // nil: the system's. What it says is judged when it is dialled
}

// Sender sends deliveries. Its methods may be called from any goroutine.
type Sender struct {
	cfg     Config
	deps    Deps
	log     *zap.Logger
	now     func() time.Time
	metrics *metrics

	endpoints []*endpoint
	settleFor time.Duration // see the constant; tests have less
	tasks     *conc.Pool
	wake      chan struct{}               // for the dispatcher: something may be due, or a slot free
	results   chan booking.DeliveryResult // of tries; has room for all slots

	claims atomic.Int64 // made so far: each has an owner of its own

	started, stopped    sync.Once
	dispatching         sync.WaitGroup // the dispatcher, which alone begins tasks
	keeping             sync.WaitGroup // the upkeep
	settling            sync.WaitGroup // who settles, until the last task has ended
	stopBeginning, kill context.CancelCauseFunc
}

var (
	errStopped = errors.New("the sender of webhooks stops")
	errTimeout = errors.New("the endpoint did not answer in time")
)

// New makes a sender that sends nothing until Start. Its error lists all that is wrong with the endpoints.
func New(cfg Config, deps Deps) (*Sender, error) {
	s := &Sender{
		cfg: cfg, deps: deps, log: deps.Log, now: deps.Now, metrics: newMetrics(),
		settleFor: settleFor, tasks: conc.New(), wake: make(chan struct{}, 1),
		results:       make(chan booking.DeliveryResult, len(cfg.Endpoints)*cfg.PerEndpoint),
		stopBeginning: func(error) {}, kill: func(error) {},
	}
	if s.log == nil {
		s.log = zap.NewNop()
	}
	if s.now == nil {
		s.now = time.Now
	}
	var problems []error
	for _, configured := range cfg.Endpoints {
		e, err := newEndpoint(configured, cfg, deps.Resolver)
		problems = append(problems, err)
		s.endpoints = append(s.endpoints, e)
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return s, nil
}

// Start begins to send.
func (s *Sender) Start() error {
	if len(s.endpoints) == 0 {
		return nil
	}
	err := errors.New("a sender starts once")
	s.started.Do(func() {
		if err = s.register(s.deps.Metrics); err != nil {
			return
		}
		var beginning, sending context.Context
		beginning, s.stopBeginning = context.WithCancelCause(context.Background())
		sending, s.kill = context.WithCancelCause(context.Background())
		s.dispatching.Go(func() { s.dispatch(beginning, sending) })
		s.keeping.Go(func() { s.keepUp(beginning) })
		s.settling.Go(func() { s.settle(sending) })
	})
	return err
}

// Stop begins no more, and waits until what is being sent has its answer, which takes a timeout at most; or cuts it off when ctx
// ends. That is due again at once, and what could not be settled is when its lease has run out.
func (s *Sender) Stop(ctx context.Context) error {
	err := error(nil)
	s.stopped.Do(func() {
		s.stopBeginning(errStopped)
		cut := context.AfterFunc(ctx, func() { s.kill(errStopped) })
		s.dispatching.Wait()
		s.keeping.Wait()
		s.tasks.Wait()
		close(s.results)
		s.settling.Wait()
		if !cut() {
			err = fmt.Errorf("stop the webhooks: %w", context.Cause(ctx))
		}
		s.kill(errStopped)
		for _, e := range s.endpoints {
			e.transport.CloseIdleConnections()
		}
	})
	return err
}

// Take stores a delivery for each endpoint that wants an event.
func (s *Sender) Take(ctx context.Context, events []booking.Event) error {
	var deliveries []booking.Delivery
	for _, e := range s.endpoints {
		wanted, err := s.deliveries(e, events)
		if err != nil {
			return err
		}
		deliveries = append(deliveries, wanted...)
	}
	if len(deliveries) == 0 {
		return nil
	}
	if err := s.deps.Queue.AddDeliveries(ctx, deliveries); err != nil {
		return err
	}
	signal(s.wake)
	return nil
}

// deliveries are those of the events that an endpoint wants.
func (s *Sender) deliveries(e *endpoint, events []booking.Event) ([]booking.Delivery, error) {
	var wanted []booking.Delivery
	for _, event := range events {
		if !e.wants(event.Type) {
			continue
		}
		body, err := event.CloudEvent(s.cfg.Source)
		if err != nil {
			return nil, err
		}
		wanted = append(wanted, booking.Delivery{
			Endpoint: e.Name, Event: event.ID, Type: event.Type, Booking: event.Booking, Version: event.Version, Part: event.Part, Body: string(body),
		})
	}
	return wanted, nil
}

func (s *Sender) endpoint(name string) *endpoint {
	for _, e := range s.endpoints {
		if e.Name == name {
			return e
		}
	}
	return nil
}

// signal wakes whoever reads c, now or at its next look. c has room for one.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
