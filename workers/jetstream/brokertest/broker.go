package brokertest

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// Faults are the shares of messages that something happens to.
type Faults struct {
	Lost    float64 // hints that never arrive at the broker
	Late    float64 // hints that take up to LateFor, to the broker or from it, so that others overtake them
	Twice   float64 // deliveries that are repeated soon, as after a change of the leader
	AckLost float64 // answers that never arrive
}

// LateFor bounds how late a late message is.
const LateFor = 12 * time.Second

// Broker is one, or a cluster that is away as a whole. Its methods may be called from any goroutine, and none of them waits.
type Broker struct {
	luck func(name string) *rand.Rand // new for each call
	tell func(what string)            // of everything that happens; it must not call back

	mu     sync.Mutex
	faults Faults
	until  time.Time // away until then
	silent bool      // its connections do not know
	stream *stream   // nil: there is none
}

// New makes a broker that has no stream yet.
func New(luck func(name string) *rand.Rand, tell func(what string)) *Broker {
	return &Broker{luck: luck, tell: tell}
}

// SetFaults replaces what happens to messages from now on.
func (b *Broker) SetFaults(f Faults) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.faults = f
}

// Leave takes the broker away for some time; 0: it is back. It keeps what it has stored. Where it is silent, its connections
// are up, and nothing goes through.
func (b *Broker) Leave(d time.Duration, silent bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.until, b.silent = time.Now().Add(d), silent
	if d > 0 && b.stream != nil {
		b.stream.forgetRequests()
	}
}

// Purge removes all messages.
func (b *Broker) Purge() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.stream != nil {
		b.stream.purge()
	}
}

// DeleteStream removes the stream with its consumers.
func (b *Broker) DeleteStream() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.stream == nil {
		return
	}
	b.stream.purge()
	for name := range b.stream.consumers {
		b.stream.drop(name)
	}
	b.stream = nil
}

// DeleteConsumer removes a consumer, where there is such a one.
func (b *Broker) DeleteConsumer(name string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.stream != nil {
		b.stream.drop(name)
	}
}

// away tells whether nothing arrives. The broker is locked.
func (b *Broker) away() bool { return time.Now().Before(b.until) }

func (b *Broker) say(format string, args ...any) { b.tell(fmt.Sprintf(format, args...)) }

// between is a duration from least to most.
func between(luck *rand.Rand, least, most time.Duration) time.Duration {
	return least + time.Duration(luck.Int64N(int64(most-least)+1))
}

// crossing is how long a message is on its way.
func crossing(luck *rand.Rand) time.Duration {
	return between(luck, 20*time.Microsecond, 900*time.Microsecond)
}
