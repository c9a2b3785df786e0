package bench

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"hotelbooking/booking"
	"hotelbooking/store"
	"hotelbooking/store/storetest/natsd"
	"hotelbooking/workers"
	"hotelbooking/workers/jetstream"
)

const (
	saidWithin = 30 * time.Second
	brokerName = "nats-server" // the private broker's process
)

// hints is the engine's queue with a broker, and its connection.
type hints struct {
	*jetstream.Queue
	broker *jetstream.Broker
}

// newHints puts hints around a queue, as the service does it.
func newHints(below workers.Queue, flow booking.Flow, does part, works []booking.Pool, log *zap.Logger, wake func(booking.Pool)) (*hints, error) {
	broker, err := jetstream.Connect(jetstream.Address{URL: does.broker}, "bench", log)
	if err != nil {
		return nil, err
	}
	cfg := jetstream.DefaultConfig()
	cfg.Stream, cfg.Suppliers = does.stream, []string{"sandbox"}
	queue, err := jetstream.New(below, flow, broker.Conn(), cfg, works, log, wake)
	if err != nil {
		broker.Close()
		return nil, err
	}
	return &hints{queue, broker}, nil
}

func (h *hints) close() error {
	h.broker.Close()
	return nil
}

// messages is how many the connection has carried, in both directions.
func (h *hints) messages() float64 {
	s := h.broker.Conn().Stats()
	return float64(s.InMsgs + s.OutMsgs)
}

// natsServer is the private broker, started when it is first needed. It flushes its files as often as the server's default
// says, and so does the service's.
func (b *bench) natsServer(ctx context.Context) (*natsd.Cluster, error) {
	if b.nats == nil {
		b.say("starting a private NATS server")
		starting, cancel := context.WithTimeout(ctx, startWithin)
		defer cancel()
		cluster, err := natsd.Start(starting, natsd.Options{})
		if err != nil {
			return nil, fmt.Errorf("start a private NATS server, which is built from the module in this directory: %w", err)
		}
		b.nats = cluster
	}
	return b.nats, nil
}

// hinted is a database with n bookings that nobody holds, and a stream with a hint about each, as processes leave them that
// take requests and do nothing else.
func (b *bench) hinted(ctx context.Context, n int) (*database, part, error) {
	cluster, err := b.natsServer(ctx)
	if err != nil {
		return nil, part{}, err
	}
	does := part{broker: strings.Join(cluster.URLs(), ","), stream: "bench-" + strings.ToLower(rand.Text()[:12])}
	registry := prometheus.NewRegistry()
	var h *hints
	db, err := b.acceptedBy(ctx, onPostgres, n, func(s *store.Store, flow booking.Flow) (taker, error) {
		if h, err = newHints(s, flow, does, nil, b.log, func(booking.Pool) {}); err != nil {
			return nil, err
		}
		registry.MustRegister(h.Collectors()...)
		h.Start(ctx)
		return h, nil
	})
	if h != nil {
		if err == nil {
			err = allSaid(ctx, registry, n)
		}
		h.Stop(ctx)
		err = errors.Join(err, h.close())
	}
	if err != nil && db != nil {
		err = errors.Join(err, db.close())
	}
	return db, does, err
}

// allSaid waits until the broker was given n hints.
func allSaid(ctx context.Context, registry prometheus.Gatherer, n int) error {
	ctx, cancel := context.WithTimeoutCause(ctx, saidWithin, errors.New("not all hints were said in time"))
	defer cancel()
	for {
		said := counted(registry, "booking_hints_said_total")
		if lost := counted(registry, "booking_hints_lost_total"); lost > 0 {
			return fmt.Errorf("%.0f of %d hints were lost", lost, n)
		}
		if said >= float64(n) {
			return nil
		}
		select {
		case <-time.After(readyPoll):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// counted is the sum of a counter's series.
func counted(registry prometheus.Gatherer, name string) (sum float64) {
	families, err := registry.Gather()
	if err != nil { // of a collector of ours
		return 0
	}
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		for _, m := range family.GetMetric() {
			sum += m.GetCounter().GetValue()
		}
	}
	return sum
}
