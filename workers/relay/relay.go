// Package relay tells subscribers of events: each of all of them, those of one booking in their order, at least once.
//
//	r := relay.New(cfg, relay.Deps{Outbox: store, Boot: boot}, relay.Subscription{Name: "stream", To: stream})
//	err := r.Start()
//	...
//	r.Wake() // a commit has something to tell
//
// What is told is claimed from the outbox, handed to the subscriber, and taken out once the subscriber has it: so what the
// process dies with is told again, by whichever relay claims it next. Several relays share the work, in one process or in many;
// the bookings that one of them tells of are nobody else's meanwhile.
package relay

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"hotelbooking/booking"
)

// Config is how much is told at once, and how long is waited.
type Config struct {
	Batch      int           // changes told of at once
	Poll       time.Duration // between looks for what nobody woke it for: what other processes commit
	Timeout    time.Duration // for a subscriber to take what was claimed
	BackoffCap time.Duration // the longest pause after a subscriber did not
}

// Outbox has what subscribers are to be told: *store.Store.
type Outbox interface {
	// ClaimEvents gives events in the order of their bookings and versions; none where there are none, or others tell of them.
	// Until SettleEvents, or the end of the lease, nobody else is given any of the same bookings for this subscriber.
	ClaimEvents(ctx context.Context, c booking.EventClaim) ([]booking.Event, error)
	// SettleEvents ends a claim, lapsed or not. The subscriber is not told of taken again.
	SettleEvents(ctx context.Context, c booking.EventClaim, taken []booking.Event) error
	// EventFigures tells how far behind a subscriber is.
	EventFigures(ctx context.Context, subscriber string) (booking.EventFigures, error)
}

// Subscription is who is told, and under which name the outbox knows it.
type Subscription struct {
	Name string
	To   booking.Subscriber
}

// Deps is what the relay needs beside its Config. Log and Metrics are optional.
type Deps struct {
	Outbox  Outbox
	Boot    string // random for each start of the process
	Log     *zap.Logger
	Metrics prometheus.Registerer
}

// Relay tells subscribers of events, each from a goroutine of its own: one that is down keeps nothing from the others.
type Relay struct {
	cfg     Config
	deps    Deps
	log     *zap.Logger
	metrics *metrics
	tellers []*teller
	margin  time.Duration // how much longer than a Take may take nobody else is given the same; tests have less

	started, stopped  sync.Once
	running           sync.WaitGroup
	stopClaiming, cut context.CancelCauseFunc
}

var (
	errStopped = errors.New("the relay of events stops")
	errTimeout = errors.New("the subscriber did not take the events in time")
)

// New makes a relay that tells nobody until Start.
func New(cfg Config, deps Deps, subscriptions ...Subscription) *Relay {
	r := &Relay{
		cfg: cfg, deps: deps, log: deps.Log, metrics: newMetrics(), margin: margin,
		stopClaiming: func(error) {}, cut: func(error) {},
	}
	if r.log == nil {
		r.log = zap.NewNop()
	}
	for _, s := range subscriptions {
		r.tellers = append(r.tellers, &teller{Subscription: s, relay: r, wake: make(chan struct{}, 1)})
	}
	return r
}

// Start begins to tell.
func (r *Relay) Start() error {
	err := errors.New("a relay starts once")
	r.started.Do(func() {
		if err = r.metrics.register(r.deps.Metrics); err != nil {
			return
		}
		var claiming, telling context.Context
		claiming, r.stopClaiming = context.WithCancelCause(context.Background())
		telling, r.cut = context.WithCancelCause(context.Background())
		for _, t := range r.tellers {
			r.running.Go(func() { t.run(claiming, telling) })
			r.running.Go(func() { t.watch(claiming) })
		}
	})
	return err
}

// Wake says that there may be something to tell. It never waits.
func (r *Relay) Wake() {
	for _, t := range r.tellers {
		select {
		case t.wake <- struct{}{}:
		default:
		}
	}
}

// Stop claims no more, and waits until what is being told has been taken, or cuts it off when ctx ends: then it is told again,
// by whoever claims it next.
func (r *Relay) Stop(ctx context.Context) error {
	err := error(nil)
	r.stopped.Do(func() {
		r.stopClaiming(errStopped)
		late := context.AfterFunc(ctx, func() { r.cut(errStopped) })
		r.running.Wait()
		if !late() {
			err = fmt.Errorf("stop the relay of events: %w", context.Cause(ctx))
		}
		r.cut(errStopped)
	})
	return err
}
