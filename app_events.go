package main

import (
	"context"
	"fmt"

	"hotelbooking/workers/jetstream"
	"hotelbooking/workers/relay"
)

// Each of Config.subscribers is told of events by a relay in the processes with the role sweeper, one or more of the fleet.

// relayEvents makes the relay, if this process tells anybody. It is woken by the store from now on, and tells nobody until it
// is started.
func (a *App) relayEvents(boot string) error {
	subscriptions, err := a.subscriptions()
	if err != nil || len(subscriptions) == 0 {
		return err
	}
	a.relay = relay.New(relayConfig(a.cfg), relay.Deps{Outbox: a.store, Boot: boot, Log: a.log.Named("events"), Metrics: a.registry}, subscriptions...)
	return nil
}

// subscriptions are one for each of Config.subscribers; none where this process tells nobody.
func (a *App) subscriptions() ([]relay.Subscription, error) {
	if !a.cfg.has(sweeperRole) {
		return nil, nil
	}
	var all []relay.Subscription
	if a.cfg.Events.Stream != "" {
		stream, err := jetstream.NewEvents(a.hints.Conn(), eventsConfig(a.cfg), a.log.Named("events"))
		if err != nil {
			return nil, fmt.Errorf("events.stream: %w", err)
		}
		all = append(all, relay.Subscription{Name: eventsName, To: stream})
	}
	if len(a.cfg.Webhooks.Endpoints) > 0 {
		all = append(all, relay.Subscription{Name: webhooksName, To: a.webhooks})
	}
	return all, nil
}

// told is called by the store after a commit that has something to tell.
func (a *App) told() {
	if a.relay != nil {
		a.relay.Wake()
	}
}

func (a *App) startRelay() error {
	if a.relay == nil {
		return nil
	}
	if err := a.relay.Start(); err != nil {
		return fmt.Errorf("start the relay of events: %w", err)
	}
	return nil
}

func (a *App) stopRelay(ctx context.Context) error {
	if a.relay == nil {
		return nil
	}
	return a.relay.Stop(ctx)
}

func relayConfig(cfg Config) relay.Config {
	e := cfg.Events
	return relay.Config{Batch: e.Batch, Poll: e.Poll, Timeout: e.Timeout, BackoffCap: e.BackoffCap}
}

func eventsConfig(cfg Config) jetstream.EventsConfig {
	e := cfg.Events
	return jetstream.EventsConfig{
		Stream: e.Stream, Source: e.Source, Replicas: cfg.NATS.Replicas, MaxAge: e.MaxAge, MaxBytes: int64(e.MaxBytes), Duplicates: e.Duplicates,
	}
}
