package jetstream_test

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/workers"
	"hotelbooking/workers/jetstream"
)

var _ workers.Signals = (*jetstream.Signals)(nil)

// ear is somebody who hears.
type ear struct {
	hearing chan bool
	texts   chan string
	ended   chan error
}

const wholeMinute = time.Minute // nothing that a test waits for takes so long

// listen hears until the test ends, or the connection. gate, unless nil, is waited for before each text.
func listen(t *testing.T, s *jetstream.Signals, gate <-chan struct{}) *ear {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	e := &ear{hearing: make(chan bool, 100), texts: make(chan string, 10_000), ended: make(chan error, 1)}
	go func() {
		e.ended <- s.Hear(ctx, func() { e.hearing <- true }, func(text string) {
			if gate != nil {
				<-gate
			}
			e.texts <- text
		})
		close(e.ended)
	}()
	t.Cleanup(func() {
		cancel()
		_ = next(t, e.ended) // that it ends is all
	})
	return e
}

func next[T any](t *testing.T, from <-chan T) T {
	t.Helper()
	select {
	case value := <-from:
		return value
	case <-time.After(wholeMinute):
		require.Fail(t, "it never came")
		panic("not reached")
	}
}

func TestTextsReachEverybodyOnTheBrokerInTheirOrder(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	one, _ := connected(t, b)
	two, _ := connected(t, b)
	teller := jetstream.NewSignals(one, "look")
	ears := []*ear{listen(t, teller, nil), listen(t, jetstream.NewSignals(two, "look"), nil)}
	elsewhere := listen(t, jetstream.NewSignals(two, "other"), nil)
	for _, e := range append(ears, elsewhere) {
		next(t, e.hearing)
	}
	require.NoError(t, teller.Tell(t.Context(), []string{"a", "b"}))
	require.NoError(t, teller.Tell(t.Context(), []string{"c"}))
	for _, e := range ears {
		for _, text := range []string{"a", "b", "c"} {
			require.Equal(t, text, next(t, e.texts))
		}
	}
	require.NoError(t, jetstream.NewSignals(one, "other").Tell(t.Context(), []string{"x"}))
	require.Equal(t, "x", next(t, elsewhere.texts), "and nothing of the first")
}

func TestWhoHearsIsToldThatTheBrokerIsGoneAndHearsAgainWhenItIsBack(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	conn, _ := connected(t, b)
	s := jetstream.NewSignals(conn, "look")
	e := listen(t, s, nil)
	next(t, e.hearing)

	b.stop()
	require.Error(t, next(t, e.ended))
	require.Error(t, s.Tell(t.Context(), []string{"lost"}))
	require.Error(t, s.Hear(t.Context(), func() { require.Fail(t, "there is nothing to hear") }, nil))

	b.start(t)
	require.Eventually(t, conn.IsConnected, wholeMinute, time.Millisecond)
	e = listen(t, s, nil)
	next(t, e.hearing)
	require.NoError(t, s.Tell(t.Context(), []string{"kept"}))
	require.Equal(t, "kept", next(t, e.texts), "and what was told meanwhile does not come late")
}

func TestWhoCannotKeepUpIsToldToLookAtEverything(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	one, _ := connected(t, b)
	two, _ := connected(t, b)
	teller, gate := jetstream.NewSignals(one, "look"), make(chan struct{})
	e := listen(t, jetstream.NewSignals(two, "look"), gate)
	next(t, e.hearing)
	var texts []string
	for i := range 3000 {
		texts = append(texts, strconv.Itoa(i))
	}
	require.NoError(t, teller.Tell(t.Context(), texts))
	require.NoError(t, two.Flush(), "they have come, behind one that waits")
	close(gate)
	next(t, e.hearing)
	require.Less(t, len(e.texts), len(texts))
}

func TestHearingEndsWithItsContextAndWithTheConnection(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	conn, _ := connected(t, b)
	s := jetstream.NewSignals(conn, "look")
	ctx, cancel := context.WithCancel(t.Context())
	require.ErrorIs(t, s.Hear(ctx, cancel, nil), context.Canceled)
	e := listen(t, s, nil)
	next(t, e.hearing)
	conn.Close()
	require.Error(t, next(t, e.ended))
	require.Error(t, s.Hear(t.Context(), nil, nil))
	require.Error(t, s.Tell(t.Context(), []string{"x"}))
}
