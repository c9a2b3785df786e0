package jetstream_test

import (
	"context"
	"testing"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
	"hotelbooking/booking/bookingtest"
	"hotelbooking/workers/jetstream"
	"hotelbooking/workers/queuetest"
)

// rounds of a sweep take longer than one of the pauses after which it once said everything again.
const rounds = 17

// waitsForAges is a booking that has been due for long, at each look, until somebody has looked often enough.
type waitsForAges struct {
	looks int
	done  context.CancelFunc
}

func (w *waitsForAges) Overdue(_ context.Context, pool booking.Pool, _ time.Duration, _ int) ([]booking.Hint, error) {
	if pool != booking.FraudPool {
		return nil, nil
	}
	if w.looks++; w.looks == rounds {
		w.done()
	}
	return []booking.Hint{{ID: "019a9e5c-4d10-7c3a-9d4e-2f6a8b0c1d2e", Version: 2, Pool: pool}}, nil
}

func TestWhatWaitsInAProcessIsNotSaidAgainAtEachRound(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	q := around(t, b, queuetest.NewMemory(), booking.Pools(), func(booking.Pool) {}, func(c *jetstream.Config) { c.AckWait = 4 * time.Hour })
	q.Start(t.Context())
	t.Cleanup(func() { q.Stop(context.Background()) })
	for _, pool := range []booking.Pool{booking.ProviderPool, booking.FraudPool} { // it asks for hints, and then has no time for them
		_, err := q.Claim(t.Context(), booking.Claim{Pool: pool, Limit: 100, Owner: "here.1", Process: "here", Lease: time.Hour})
		require.NoError(t, err)
	}
	ctx, done := context.WithCancel(t.Context())
	rows := &waitsForAges{done: done}
	q.Sweep(ctx, rows, 100*time.Millisecond)
	require.Equal(t, rounds, rows.looks)
	made, entry := booking.NewFlow(booking.Outside{}, booking.DefaultLimits()).Begin(bookingtest.Ask(), time.Now().UTC())
	_, err := q.Accept(t.Context(), booking.Acceptance{Booking: made, Entry: entry, Key: "key"})
	require.NoError(t, err)
	require.Eventually(t, func() bool { return q.Here(booking.ProviderPool) == 1 }, 10*time.Second, 5*time.Millisecond) // said after all of those
	_, js := connected(t, b)
	stream, err := js.Stream(t.Context(), "look")
	require.NoError(t, err)
	info, err := stream.Info(t.Context(), natsjs.WithSubjectFilter("look.fraud"))
	require.NoError(t, err)
	require.Positive(t, info.State.Subjects["look.fraud"])
	require.LessOrEqual(t, info.State.Subjects["look.fraud"], uint64(2), "once, and once more where the hour changed meanwhile")
}
