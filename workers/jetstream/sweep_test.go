package jetstream_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"hotelbooking/booking"
	"hotelbooking/workers/jetstream"
	"hotelbooking/workers/queuetest"
)

// outage is a database that answers nothing, but once.
type outage struct {
	asked    int
	answered int // which question it answers
	enough   int
	quit     context.CancelFunc
}

func (o *outage) Overdue(context.Context, booking.Pool, time.Duration, int) ([]booking.Hint, error) {
	if o.asked++; o.asked == o.enough {
		o.quit()
	}
	if o.asked >= o.answered && o.asked < o.answered+len(booking.Pools()) {
		return nil, nil
	}
	return nil, errors.New("the database is away")
}

func TestASweepThatFailsSaysSoOnceUntilItWorks(t *testing.T) {
	t.Parallel()
	conn, _ := connected(t, startBroker(t))
	core, logged := observer.New(zapcore.WarnLevel)
	q, err := jetstream.New(queuetest.NewMemory(), booking.NewFlow(booking.Outside{}, booking.DefaultLimits()), conn, jetstream.DefaultConfig(),
		booking.Pools(), zap.New(core), func(booking.Pool) {})
	require.NoError(t, err)
	ctx, quit := context.WithCancel(t.Context())
	rows := &outage{answered: 10, enough: 30, quit: quit}

	q.Sweep(ctx, rows, time.Millisecond)

	require.Equal(t, rows.enough, rows.asked)
	require.Len(t, logged.FilterMessage("sweep").All(), 2, "before the round that worked, and after it")
}
