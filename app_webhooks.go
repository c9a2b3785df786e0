package main

import (
	"context"
	"fmt"

	"hotelbooking/booking/web"
	"hotelbooking/store"
	"hotelbooking/workers/webhooks"
)

var (
	_ webhooks.Queue  = (*store.Store)(nil)
	_ webhooks.Upkeep = (*store.Store)(nil)
	_ webhooks.Events = (*store.Store)(nil)
	_ web.Webhooks    = webhookDesk{}
)

// webhookDesk is what support sees of webhooks: the endpoints are the sender's, what was sent to them the store's.
type webhookDesk struct {
	*store.Store
	*webhooks.Sender
}

// makeWebhooks makes the sender, in every process: all of them answer support, and those with the role sweeper send.
func (a *App) makeWebhooks(boot string) error {
	endpoints, err := a.cfg.Webhooks.endpoints()
	if err != nil {
		return err
	}
	w := a.cfg.Webhooks
	cfg := webhooks.Config{
		Endpoints: endpoints, Source: a.cfg.Events.Source, PerEndpoint: w.PerEndpoint, Timeout: w.Timeout, RetryFor: w.RetryFor,
		BackoffBase: w.BackoffBase, BackoffCap: w.BackoffCap, Keep: w.Keep, Poll: w.Poll,
	}
	a.webhooks, err = webhooks.New(cfg, webhooks.Deps{
		Queue: a.store, Upkeep: a.store, Events: a.store, Boot: boot, Log: a.log.Named("webhooks"), Metrics: a.registry,
	})
	return err
}

func (a *App) startWebhooks() error {
	if !a.cfg.has(sweeperRole) {
		return nil
	}
	if err := a.webhooks.Start(); err != nil {
		return fmt.Errorf("start the webhooks: %w", err)
	}
	return nil
}

func (a *App) stopWebhooks(ctx context.Context) error {
	if a.webhooks == nil {
		return nil
	}
	return a.webhooks.Stop(ctx)
}
