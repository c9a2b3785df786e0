package webhooks

import (
	"context"
	"time"

	"github.com/sourcegraph/conc/panics"
	"go.uber.org/zap"

	"hotelbooking/booking"
)

const (
	upkeepEvery  = 15 * time.Second
	upkeepWithin = 10 * time.Second // of each statement
	upkeepMost   = 20               // statements of a kind in one round
)

// keepUp clears away and takes figures, until ctx ends.
func (s *Sender) keepUp(ctx context.Context) {
	tick := time.NewTicker(upkeepEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		if panicked := panics.Try(func() { s.upkeep(ctx) }); panicked != nil {
			s.log.Error("webhook upkeep: a defect of ours", zap.String("panic", panicked.String()))
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}

// upkeep is one round. What fails is done in the next.
func (s *Sender) upkeep(ctx context.Context) {
	names := make([]string, len(s.endpoints))
	for i, e := range s.endpoints {
		names[i] = e.Name
		paused := s.figures(ctx, e)
		if e.isOpen() && !paused { // else each is tried once more
			s.clear(ctx, "give up", func(ctx context.Context) (int, error) {
				n, err := s.deps.Upkeep.GiveUpDeliveries(ctx, e.Name, s.cfg.RetryFor)
				s.metrics.outcomes.WithLabelValues(e.Name, string(booking.DeliveryDead)).Add(float64(n))
				return n, err
			})
		}
	}
	s.clear(ctx, "abandon", func(ctx context.Context) (int, error) {
		return s.deps.Upkeep.AbandonDeliveries(ctx, names, s.cfg.RetryFor)
	})
	s.clear(ctx, "purge", func(ctx context.Context) (int, error) { return s.deps.Upkeep.PurgeDeliveries(ctx, s.cfg.Keep) })
}

// clear repeats a statement for as long as it finds something, within bounds.
func (s *Sender) clear(ctx context.Context, what string, some func(context.Context) (int, error)) {
	for range upkeepMost {
		n, err := within(ctx, some)
		if err != nil && ctx.Err() == nil {
			s.log.Warn("webhook upkeep", zap.String("what", what), zap.Error(err))
		}
		if err != nil || n == 0 {
			return
		}
	}
}

// figures takes those of an endpoint, and tells whether it is paused, or may be.
func (s *Sender) figures(ctx context.Context, e *endpoint) (paused bool) {
	figures, err := within(ctx, func(ctx context.Context) (booking.DeliveryFigures, error) {
		return s.deps.Upkeep.DeliveryFigures(ctx, e.Name)
	})
	if err != nil {
		return true // the gauges stay as they are, and the claims say what is wrong
	}
	s.metrics.due.WithLabelValues(e.Name).Set(float64(figures.Due))
	s.metrics.dead.WithLabelValues(e.Name).Set(float64(figures.Dead))
	s.metrics.lag.WithLabelValues(e.Name).Set(figures.Lag.Seconds())
	s.metrics.open.WithLabelValues(e.Name).Set(one(e.isOpen()))
	s.metrics.paused.WithLabelValues(e.Name).Set(one(figures.Paused))
	return figures.Paused
}

func one(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

func within[T any](ctx context.Context, do func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, upkeepWithin)
	defer cancel()
	return do(ctx)
}
