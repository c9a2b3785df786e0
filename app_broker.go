package main

import (
	"context"
	"path/filepath"
	"time"

	"hotelbooking/booking"
	"hotelbooking/workers"
	"hotelbooking/workers/jetstream"
)

// hinting is what the engine jetstream has beside the database.
type hinting struct {
	*jetstream.Broker
	queue   *jetstream.Queue
	started bool
	quit    context.CancelFunc // ends the sweep
}

// queue is where the engine finds its work.
func (a *App) queue(flow booking.Flow, suppliers []string, boot string) (workers.Queue, error) {
	if a.cfg.Engine != jetStream {
		return a.store, nil
	}
	log := a.log.Named("jetstream")
	broker, err := jetstream.Connect(natsAddress(a.cfg), "booking "+boot, log)
	if err != nil {
		return nil, err
	}
	a.hints = &hinting{Broker: broker, quit: func() {}}
	a.registry.MustRegister(broker.Collectors()...)
	a.hints.queue, err = jetstream.New(a.store, flow, broker.Conn(), jetstreamConfig(a.cfg, suppliers), a.cfg.works(), log,
		func(pool booking.Pool) { a.workers.Wake(pool) })
	if err != nil {
		return nil, err
	}
	a.registry.MustRegister(a.hints.queue.Collectors()...)
	return a.hints.queue, nil
}

// start begins to give and take hints, before the engine, and to sweep.
func (h *hinting) start(ctx context.Context, a *App) {
	if h == nil {
		return
	}
	h.queue.Start(ctx)
	h.started = true
	if a.cfg.has(sweeperRole) {
		ctx, h.quit = context.WithCancel(context.WithoutCancel(ctx))
		a.serving.Go(func() { h.queue.Sweep(ctx, a.store, a.cfg.NATS.Sweep) })
	}
}

// stop ends that, after the engine.
func (h *hinting) stop(ctx context.Context) {
	if h == nil {
		return
	}
	h.quit()
	if h.started {
		h.queue.Stop(ctx)
	}
}

// close ends the connection, after everybody who uses it.
func (h *hinting) close() {
	if h != nil {
		h.Close()
	}
}

func natsAddress(cfg Config) jetstream.Address {
	n := cfg.NATS
	return jetstream.Address{
		URL: n.URL.Reveal(), Credentials: n.Credentials, CA: n.TLS.CA, Cert: n.TLS.Cert, Key: n.TLS.Key,
		Dir: filepath.Join(cfg.DataDir, "nats"), Sync: n.Sync,
	}
}

// passedOn is how long after its leases a dead process's hints are somebody else's: no sooner, or who gets one finds the booking
// leased; and not much later, or they count among what the fleet has under way while nobody works on them.
const passedOn = 500 * time.Millisecond

func jetstreamConfig(cfg Config, suppliers []string) jetstream.Config {
	limits := jetstream.Limits{}
	for _, p := range booking.Pools() {
		limits[p] = cfg.NATS.limit(p)
	}
	return jetstream.Config{
		Stream: cfg.NATS.Stream, Replicas: cfg.NATS.Replicas, Memory: cfg.NATS.Storage == "memory", Suppliers: suppliers, Limits: limits,
		AckWait: cfg.Workers.Lease + passedOn, Backstop: cfg.NATS.Backstop,
	}
}
