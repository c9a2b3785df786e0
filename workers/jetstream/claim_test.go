package jetstream_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
	"hotelbooking/booking/bookingtest"
	"hotelbooking/workers"
	"hotelbooking/workers/jetstream"
	"hotelbooking/workers/queuetest"
)

// namesFew takes as many names in one claim as the database does.
type namesFew struct{ workers.Queue }

func (n namesFew) Claim(ctx context.Context, c booking.Claim) ([]*booking.Booking, error) {
	if len(c.Only) > 1024 {
		return nil, errors.New("too many names")
	}
	return n.Queue.Claim(ctx, c)
}

func TestSlotsForMoreThanOneStatementNamesAreFilledByHints(t *testing.T) {
	t.Parallel()
	const waiting = 2500
	b, below := startBroker(t), namesFew{queuetest.NewMemory()}
	never := func(c *jetstream.Config) { c.Backstop = time.Hour }
	first, pools := booking.NewFlow(booking.Outside{}, booking.DefaultLimits()).Steps[0].Pool, booking.Pools()
	q := around(t, b, below, pools, func(booking.Pool) {}, never)
	q.Start(t.Context())
	t.Cleanup(func() { q.Stop(context.Background()) })
	claim := booking.Claim{Pool: first, Limit: waiting, Owner: "here.1", Process: "here", Lease: time.Hour}
	none, err := q.Claim(t.Context(), claim) // the poll, before anything is there; and hints are wanted from now on
	require.NoError(t, err)
	require.Empty(t, none)
	flow := booking.NewFlow(booking.Outside{}, booking.DefaultLimits())
	for i := range waiting {
		made, entry := flow.Begin(bookingtest.Ask(func(a *booking.Ask) { a.ID = booking.ID(strconv.Itoa(i)) }), time.Now().UTC())
		_, err := q.Accept(t.Context(), booking.Acceptance{Booking: made, Entry: entry, Key: strconv.Itoa(i), Fingerprint: sha256.Sum256(nil)})
		require.NoError(t, err)
	}
	require.Eventually(t, func() bool { return q.Here(first) == waiting }, 30*time.Second, 5*time.Millisecond)
	claimed, err := q.Claim(t.Context(), claim)
	require.NoError(t, err)
	require.Len(t, claimed, waiting)
}
