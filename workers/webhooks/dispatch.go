package webhooks

import (
	"context"
	"fmt"
	"time"

	"github.com/sourcegraph/conc/panics"
	"go.uber.org/zap"

	"hotelbooking/booking"
)

// A delivery is claimed, sent, and settled. What the process dies with between the last two is claimed again when its lease has
// run out, and sent again with the same id and the same bytes: so receivers get it at least once.

const (
	claimWithin  = 5 * time.Second
	settleAtOnce = 256
	settleFor    = 10 * time.Second // a lease is so much longer than a try
	settleWithin = 5 * time.Second
	settlePause  = time.Second // after one that failed
)

// dispatch begins what is due, until beginning ends. It is the only submitter of tasks, and takes a slot for each before: so it
// never waits for one.
func (s *Sender) dispatch(beginning, sending context.Context) {
	poll := time.NewTicker(s.cfg.Poll)
	defer poll.Stop()
	for beginning.Err() == nil {
		more := false
		for _, e := range s.endpoints {
			more = s.begin(beginning, sending, e) || more
		}
		if more {
			continue
		}
		select {
		case <-beginning.Done():
		case <-poll.C:
		case <-s.wake:
		}
	}
}

// begin sends what is due at an endpoint, as much as there are slots. It tells whether there is more that could begin.
func (s *Sender) begin(beginning, sending context.Context, e *endpoint) (more bool) {
	vacant := e.vacant(s.now())
	if vacant == 0 || beginning.Err() != nil {
		return false
	}
	owner := fmt.Sprintf("%s.%d", s.deps.Boot, s.claims.Add(1))
	ctx, cancel := context.WithTimeout(beginning, claimWithin)
	defer cancel()
	claimed, err := s.deps.Queue.ClaimDeliveries(ctx, booking.DeliveryClaim{Endpoint: e.Name, Owner: owner, Limit: vacant, Lease: s.cfg.Timeout + s.settleFor})
	if err != nil {
		if beginning.Err() == nil {
			s.log.Warn("webhook claim", zap.String("endpoint", e.Name), zap.Error(err))
		}
		return false
	}
	for _, d := range claimed {
		e.take()
		s.tasks.Go(func() { s.results <- s.send(sending, e, d, owner) })
	}
	return len(claimed) == vacant && e.vacant(s.now()) > 0
}

// send is one try. It never panics: whoever claims it next tries again.
func (s *Sender) send(ctx context.Context, e *endpoint, d booking.Delivery, owner string) booking.DeliveryResult {
	a := answer{fault: "panicked"}
	if panicked := panics.Try(func() { a = e.post(ctx, d, s.cfg.Timeout, s.now) }); panicked != nil {
		s.log.Error("webhook: a defect of ours", zap.String("endpoint", e.Name), zap.String("event", d.Event), zap.String("panic", panicked.String()))
	}
	if a.gone {
		s.stopTelling(ctx, e)
	}
	r := s.result(d, owner, a)
	if a.fault != cutOff { // which is our doing, and no word of the endpoint's
		s.record(e, r, a)
	}
	return r
}

// stopTelling pauses an endpoint that says it is gone. What is due there waits: whoever lets it go on loses nothing.
func (s *Sender) stopTelling(ctx context.Context, e *endpoint) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleWithin)
	defer cancel()
	news, err := s.deps.Queue.PauseEndpoint(ctx, e.Name, "It answers 410 Gone: it wants to be told nothing any more.")
	if err != nil { // the next try says the same
		s.log.Warn("webhook pause", zap.String("endpoint", e.Name), zap.Error(err))
	}
	if news {
		s.log.Error("webhook endpoint says that it is gone, and is paused: ask its owner, then let it go on or take it out of webhooks.endpoints",
			zap.String("endpoint", e.Name))
	}
}

// settle notes results as they come, those that come together in one transaction, until there are no more.
func (s *Sender) settle(sending context.Context) {
	for first := range s.results {
		batch := []booking.DeliveryResult{first}
		for more := true; more && len(batch) < settleAtOnce; {
			select {
			case r, ok := <-s.results:
				if more = ok; ok {
					batch = append(batch, r)
				}
			default:
				more = false
			}
		}
		endpoints := make([]*endpoint, len(batch))
		for i, r := range batch {
			endpoints[i] = s.endpoint(r.Delivery.Endpoint)
		}
		s.note(sending, batch)
		for _, e := range endpoints {
			e.free()
		}
		signal(s.wake)
	}
}

// note writes results down. While the database does not answer it tries again, and the slots stay taken: what cannot be noted is
// not to be sent either. It gives up when the leases have run out, or when nobody waits for it any more; then they are sent again.
func (s *Sender) note(sending context.Context, batch []booking.DeliveryResult) {
	leased := time.NewTimer(s.settleFor)
	defer leased.Stop()
	for {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(sending), settleWithin)
		err := s.deps.Queue.SettleDeliveries(ctx, batch)
		cancel()
		if err == nil {
			return
		}
		s.log.Warn("webhook settle", zap.Int("deliveries", len(batch)), zap.Error(err))
		pause := time.NewTimer(settlePause)
		select {
		case <-pause.C:
			continue
		case <-leased.C:
		case <-sending.Done():
		}
		pause.Stop()
		return
	}
}

func (e *endpoint) vacant(now time.Time) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.circuit.vacant(now, e.slots, e.running)
}

func (e *endpoint) take() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.running++
}

func (e *endpoint) free() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.running--
}

// isOpen tells whether the endpoint is tried less.
func (e *endpoint) isOpen() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.circuit.open()
}

// record counts a try, and says what a person may want to read of it: never what was sent, nor where to.
func (s *Sender) record(e *endpoint, r booking.DeliveryResult, a answer) {
	e.mu.Lock()
	wasOpen, back := e.circuit.open(), false
	if a.taken {
		back = e.circuit.took()
	} else {
		e.circuit.failed(s.now())
	}
	opened := !wasOpen && e.circuit.open()
	e.mu.Unlock()

	s.metrics.tried(e.Name, r.State, a.took)
	fields := []zap.Field{
		zap.String("endpoint", e.Name), zap.String("event", r.Delivery.Event), zap.Int("attempt", r.Delivery.Attempts),
		zap.Int("status", a.status), zap.String("fault", a.fault), zap.Duration("took", a.took),
	}
	switch r.State {
	case booking.DeliveryDelivered:
		s.log.Debug("webhook delivered", fields...)
	case booking.DeliveryDue:
		s.log.Warn("webhook failed", append(fields, zap.Duration("retry_in", r.RetryIn))...)
	case booking.DeliveryDead:
		s.log.Error("webhook dead: mend the endpoint, then retry or replay it from the support API", fields...)
	}
	if back {
		s.log.Info("webhook endpoint is back", zap.String("endpoint", e.Name))
	}
	if opened {
		s.log.Error("webhook endpoint takes nothing: it is tried less until it does; see the runbook", zap.String("endpoint", e.Name))
	}
}
