package relay_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"hotelbooking/booking"
	"hotelbooking/workers/relay"
)

// hearer is a subscriber that remembers what it was told, and fails as it is bid.
type hearer struct {
	fate func(ctx context.Context, n int, events []booking.Event) (taken int, err error) // of call number n, from 1

	mu    sync.Mutex
	calls int
	heard []booking.Event
	news  chan struct{} // something was heard
}

func newHearer(fate func(ctx context.Context, n int, events []booking.Event) (int, error)) *hearer {
	return &hearer{fate: fate, news: make(chan struct{}, 1)}
}

// takesAll is a fate.
func takesAll(_ context.Context, _ int, events []booking.Event) (int, error) { return len(events), nil }

func (h *hearer) Take(ctx context.Context, events []booking.Event) error {
	h.mu.Lock()
	h.calls++
	n := h.calls
	h.mu.Unlock()
	taken, err := h.fate(ctx, n, events)
	h.mu.Lock()
	h.heard = append(h.heard, events[:taken]...)
	h.mu.Unlock()
	select {
	case h.news <- struct{}{}:
	default:
	}
	return err
}

func (h *hearer) called() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.calls
}

// events is what was heard so far, in its order.
func (h *hearer) events() []booking.Event {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.heard)
}

// until waits for so many different events.
func (h *hearer) until(n int) {
	for len(firsts(h.events())) < n {
		<-h.news
	}
}

// untilHeard waits for so many events, those that came again among them.
func (h *hearer) untilHeard(n int) {
	for len(h.events()) < n {
		<-h.news
	}
}

// firsts are events without those that came again.
func firsts(events []booking.Event) (all []booking.Event) {
	seen := map[string]bool{}
	for _, e := range events {
		if !seen[e.ID] {
			all = append(all, e)
		}
		seen[e.ID] = true
	}
	return all
}

// byBooking is what was told of each booking, for the first time.
func byBooking(events []booking.Event) map[booking.ID][]string {
	told := map[booking.ID][]string{}
	for _, e := range firsts(events) {
		told[e.Booking] = append(told[e.Booking], fmt.Sprintf("%d.%d %s", e.Version, e.Part, e.Type))
	}
	return told
}

// shelf is an outbox in memory, of one subscriber and one shard.
type shelf struct {
	mu      sync.Mutex
	waiting []booking.Event
	owner   string
	until   time.Time
	fault   error // of everything
	claims  int
}

func (s *shelf) put(events ...booking.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting = append(s.waiting, events...)
	slices.SortStableFunc(s.waiting, func(a, b booking.Event) int {
		return cmp.Or(cmp.Compare(a.Booking, b.Booking), cmp.Compare(a.Version, b.Version))
	})
}

func (s *shelf) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = err
}

func (s *shelf) left() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.waiting)
}

func (s *shelf) claimed() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.claims
}

func (s *shelf) ClaimEvents(ctx context.Context, c booking.EventClaim) ([]booking.Event, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.claims++
	if err := errors.Join(s.fault, ctx.Err()); err != nil {
		return nil, err
	}
	if time.Now().Before(s.until) || len(s.waiting) == 0 {
		return nil, nil
	}
	s.owner, s.until = c.Owner, time.Now().Add(c.Lease)
	return slices.Clone(s.waiting[:min(c.Limit, len(s.waiting))]), nil
}

func (s *shelf) SettleEvents(ctx context.Context, c booking.EventClaim, taken []booking.Event) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := errors.Join(s.fault, ctx.Err()); err != nil {
		return err
	}
	s.waiting = slices.DeleteFunc(s.waiting, func(e booking.Event) bool {
		return slices.ContainsFunc(taken, func(t booking.Event) bool { return t.ID == e.ID })
	})
	if s.owner == c.Owner {
		s.until = time.Time{}
	}
	return nil
}

func (s *shelf) EventFigures(context.Context, string) (booking.EventFigures, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return booking.EventFigures{Waiting: len(s.waiting), Lag: time.Duration(len(s.waiting)) * time.Second}, s.fault
}

// event is one of booking number n.
func event(n, version int) booking.Event {
	return booking.NewEvent(booking.ID(fmt.Sprintf("01945e2a-7c00-7000-8000-%012x", n)), version, 0, booking.EventConfirmed, time.Now(), []byte("{}"))
}

func config(change ...func(*relay.Config)) relay.Config {
	cfg := relay.Config{Batch: 100, Poll: time.Second, Timeout: 5 * time.Second, BackoffCap: 30 * time.Second}
	for _, f := range change {
		f(&cfg)
	}
	return cfg
}

// started is a relay that is stopped with the test.
func started(t testing.TB, cfg relay.Config, deps relay.Deps, to booking.Subscriber) *relay.Relay {
	t.Helper()
	r := relay.New(cfg, deps, relay.Subscription{Name: "one", To: to})
	require.NoError(t, r.Start())
	t.Cleanup(func() { _ = r.Stop(context.Background()) })
	return r
}

// logged is a log and what is written to it.
func logged() (*zap.Logger, *observer.ObservedLogs) {
	core, logs := observer.New(zapcore.InfoLevel)
	return zap.New(core), logs
}

func messages(logs *observer.ObservedLogs) (all []string) {
	for _, entry := range logs.All() {
		all = append(all, entry.Level.String()+" "+entry.Message)
	}
	return all
}

// pass lets time pass, and everything happen that happens meanwhile.
func pass(d time.Duration) {
	time.Sleep(d) //nolint:forbidigo // in a synctest bubble
	synctest.Wait()
}
