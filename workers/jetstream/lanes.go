package jetstream

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"hotelbooking/booking"
)

// Lane is what the broker knows of a pool, or of a supplier's part of one.
type Lane struct {
	Pool     booking.Pool
	Supplier string // of the provider pool
	Limit    int    // turns of the whole fleet at once; 0: as many as there are slots for
	Working  int    // hints that were given out and not answered yet
	Waiting  int    // hints that nobody has yet
}

// Lanes lists what the broker has, in the order of the pools. Lanes that no process works in yet are empty.
func (q *Queue) Lanes(ctx context.Context) ([]Lane, error) {
	var lanes []Lane
	for _, l := range q.lanes {
		lane := Lane{Pool: l.pool, Supplier: l.supplier, Limit: q.cfg.Limits.Of(l.pool)}
		c, err := q.js.Consumer(ctx, q.cfg.Stream, l.durable())
		switch {
		case errors.Is(err, jetstream.ErrConsumerNotFound), errors.Is(err, jetstream.ErrStreamNotFound):
		case err != nil:
			return nil, fmt.Errorf("look at %s: %w", l.name, err)
		default:
			info := c.CachedInfo()
			lane.Working, lane.Waiting = info.NumAckPending, int(info.NumPending) //nolint:gosec // at most mostHints
			if lane.Limit = info.Config.MaxAckPending; lane.Limit == unlimited {
				lane.Limit = 0
			}
		}
		lanes = append(lanes, lane)
	}
	return lanes, nil
}

// SetLimit changes, for the whole fleet and at once, how many turns of a lane may be under way; supplier is of the provider
// pool only. It is lost with the consumer, and then the configuration's again.
func (q *Queue) SetLimit(ctx context.Context, pool booking.Pool, supplier string, limit int) error {
	if limit <= 0 || q.cfg.Limits.Of(pool) == 0 {
		return fmt.Errorf("limit pool %s to %d: only a pool that nats.limits has a limit for can be limited, to 1 or more", pool, limit)
	}
	for _, l := range q.lanes {
		if l.name != laneName(pool, supplier) {
			continue
		}
		c, err := q.consumer(ctx, l)
		if err != nil {
			return err
		}
		config := c.CachedInfo().Config
		config.MaxAckPending = limit
		if _, err := q.js.UpdateConsumer(ctx, q.cfg.Stream, config); err != nil {
			return fmt.Errorf("limit %s to %d: %w", l.name, limit, err)
		}
		return nil
	}
	return fmt.Errorf("limit pool %s of supplier %q: there is no such lane", pool, supplier)
}
