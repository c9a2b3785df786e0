package booking

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Call is one call to an outside system as it went, kept with the turn that made it: what that system's own support asks for
// when it looks for its side of the story. It carries no body, no address and nothing personal.
type Call struct {
	Vendor    string        // "sandbox hotel"
	Operation string        // "hold"
	RequestID string        // as sent in X-Request-Id
	Key       string        // the idempotency key; empty: none was sent
	Status    int           // of the HTTP answer; 0: there was none
	Code      string        // the vendor's own word in an answer that was no success
	Fault     FaultKind     // what we made of it; empty: it went well
	Took      time.Duration // until the answer was read, or given up
}

// Calls collects the calls of one turn, in their order. A call that was given up may end after the turn, so it is locked.
type Calls struct {
	mu   sync.Mutex
	made []Call
}

// maxCalls of one turn are kept; no step makes more than two.
const maxCalls = 8

// Made lists the calls that have ended so far.
func (c *Calls) Made() []Call {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.made)
}

func (c *Calls) add(call Call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.made) < maxCalls {
		c.made = append(c.made, call)
	}
}

type callsKey struct{}

// WithCalls makes the calls under ctx known to into.
func WithCalls(ctx context.Context, into *Calls) context.Context {
	return context.WithValue(ctx, callsKey{}, into)
}

// Called says that a call has ended. Where nobody collects them nothing happens.
func Called(ctx context.Context, call Call) {
	if into, ok := ctx.Value(callsKey{}).(*Calls); ok {
		into.add(call)
	}
}
