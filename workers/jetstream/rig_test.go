package jetstream_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"hotelbooking/booking"
	"hotelbooking/workers"
	"hotelbooking/workers/jetstream"
	"hotelbooking/workers/queuetest"
)

// around puts a queue that gives hints around below, which is to be started.
func around(t testing.TB, b *broker, below workers.Queue, pools []booking.Pool, wake func(booking.Pool), change ...func(*jetstream.Config)) *jetstream.Queue {
	t.Helper()
	conn, _ := connected(t, b)
	cfg := jetstream.DefaultConfig()
	cfg.Suppliers = []string{"sandbox", "alpha", "beta"}
	for _, f := range change {
		f(&cfg)
	}
	require.NoError(t, cfg.Validate())
	q, err := jetstream.New(below, booking.NewFlow(booking.Outside{}, booking.DefaultLimits()), conn, cfg, pools, zap.NewNop(), wake)
	require.NoError(t, err)
	return q
}

// patient claims again while hints are on their way: hints take their time, and the suite does not wait.
type patient struct {
	*jetstream.Queue
	below *queuetest.Memory
}

func (p patient) Claim(ctx context.Context, c booking.Claim) ([]*booking.Booking, error) {
	for {
		claimed, err := p.Queue.Claim(ctx, c)
		if err != nil || len(claimed) > 0 || len(c.Only) > 0 || p.Quiet(ctx, c.Pool) {
			return claimed, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(time.Millisecond):
		}
	}
}

func (p patient) History(ctx context.Context, id booking.ID) ([]booking.Entry, error) {
	return p.below.History(ctx, id)
}

func TestAQueueWithHintsIsAQueue(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	var streams atomic.Int64
	queuetest.Run(t, func(t *testing.T) workers.Queue {
		below := queuetest.NewMemory()
		q := around(t, b, below, booking.Pools(), func(booking.Pool) {}, func(c *jetstream.Config) {
			c.Stream = fmt.Sprintf("look-%d", streams.Add(1))
			c.Backstop = time.Nanosecond
		})
		q.Start(t.Context())
		t.Cleanup(func() { q.Stop(context.Background()) })
		return patient{q, below}
	})
}
