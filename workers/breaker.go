package workers

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/failsafe-go/failsafe-go/circuitbreaker"

	"hotelbooking/booking"
)

// breaker leaves one outside system alone while too many of its answers are none. Open, nobody is asked; half-open, a few
// are, and the others wait in their lane for what they find out.
type breaker struct {
	system string
	probes int

	mu     sync.Mutex
	policy circuitbreaker.CircuitBreaker[any]
	era    int // rises with each change of state: what began in another era says nothing about this one
}

func newBreaker(system string, cfg Breaker) *breaker {
	b := &breaker{system: system, probes: cfg.Probes}
	b.policy = circuitbreaker.NewBuilder[any]().
		WithFailureRateThreshold(float64(cfg.Failures)/100, uint(cfg.Minimum), cfg.Window).
		WithSuccessThreshold(uint(cfg.Probes)).
		WithDelay(cfg.Delay).
		OnStateChanged(func(circuitbreaker.StateChangedEvent) { b.era++ }). // b is locked: see its callers
		Build()
	return b
}

// pass is the permission for one call. It is to be used up by answered or dropped, once.
type pass struct {
	breaker *breaker
	era     int
}

// ask gives the permission for one call, or says how long there will be none.
func (b *breaker) ask() (p pass, wait time.Duration, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.policy.TryAcquirePermit() {
		return pass{}, b.policy.RemainingDelay(), false
	}
	return pass{b, b.era}, 0, true
}

// answered records how the call went.
func (p pass) answered(o booking.Outcome) {
	if b := p.lock(); b != nil {
		defer b.mu.Unlock()
		b.record(failed(o))
	}
}

// dropped says that we cancelled the call ourselves, so that it proves nothing. A probe counts as failed all the same: it
// must not be missed for ever.
func (p pass) dropped() {
	if b := p.lock(); b != nil {
		defer b.mu.Unlock()
		if b.policy.IsHalfOpen() {
			b.record(true)
		}
	}
}

// lock is the breaker, locked, or nil when the pass is from another era.
func (p pass) lock() *breaker {
	if p.breaker == nil {
		return nil
	}
	p.breaker.mu.Lock()
	if p.era != p.breaker.era {
		p.breaker.mu.Unlock()
		return nil
	}
	return p.breaker
}

func (b *breaker) record(failed bool) {
	if failed {
		b.policy.RecordFailure()
		return
	}
	b.policy.RecordSuccess()
}

// trying tells that the system is being tried again: so many as there are probes may ask, and the others wait for what they
// find out.
func (b *breaker) trying() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.policy.IsHalfOpen() || b.policy.IsOpen() && b.policy.RemainingDelay() == 0
}

// open tells that nobody would be asked now.
func (b *breaker) open() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.policy.IsOpen() && b.policy.RemainingDelay() > 0
}

// closed is the state of a breaker that lets all pass; half-open is 1 and open 2, in the metrics too.
const closed = 0

func (b *breaker) state() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch b.policy.State() {
	case circuitbreaker.HalfOpenState:
		return 1
	case circuitbreaker.OpenState:
		return 2
	case circuitbreaker.ClosedState:
	}
	return closed
}

// failed tells whether an outcome speaks against the health of the system that was asked. A refusal is a healthy answer,
// and so is "not decided yet".
func failed(o booking.Outcome) bool {
	switch o.Reason() {
	case booking.SupplierPending, booking.PaymentPending, booking.TurnPanicked:
		return false
	}
	return o.Kind() == booking.KindUnknown || o.Kind() == booking.KindRetry
}

// Causes of a cancelled call.
var (
	errTurnDeadline = errors.New("the turn's deadline has passed")
	errLeaseLost    = errors.New("the lease on the booking is lost, or too short to go on")
	errStopped      = errors.New("the engine stops")
)

// ours tells that we cancelled the call for reasons of our own.
func ours(ctx context.Context) bool {
	cause := context.Cause(ctx)
	return errors.Is(cause, errLeaseLost) || errors.Is(cause, errStopped)
}
