package brokertest

import (
	"context"
	"errors"
	"math/rand/v2"
	"reflect"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Process is whose connection it is. The broker may be locked when it is asked, so that it must not call the broker.
type Process interface {
	// Says is asked before something goes out, with the hint that it is about, if it is about one; false: it does not go out.
	Says(what string, hint []byte) bool
	// Heard is told of a hint that has come in, and when the broker sent it; zero: somebody who was silent for too long may
	// still be working on it.
	Heard(hint []byte, sent time.Time)
	// Paused is for how long nothing goes out or comes in.
	Paused() time.Duration
	// Gone tells that it is dead.
	Gone() bool
}

// Connection is a process's. What it has no method for, the package jetstream does not use.
type Connection struct {
	jetstream.JetStream

	broker  *Broker
	process Process
	name    string

	unconfirmed int // publications; guarded by the broker
	confirmed   []chan struct{}
}

// confirmFor is how long the package jetstream waits for a confirmation that does not come.
const confirmFor = 2 * time.Second

var errDown = errors.New("this process is dead")

// Connect connects a process.
func (b *Broker) Connect(name string, p Process) *Connection {
	return &Connection{broker: b, process: p, name: name}
}

// IsConnected tells what a connection knows.
func (c *Connection) IsConnected() bool {
	c.broker.mu.Lock()
	defer c.broker.mu.Unlock()
	return !c.broker.away() || c.broker.silent
}

// send has f done when a message has arrived at the broker, locked, and lost where it has not.
func (c *Connection) send(in time.Duration, f, lost func()) {
	b, paused := c.broker, c.process.Paused()
	time.AfterFunc(paused+in, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		switch {
		case paused > 0 && c.process.Gone(): // it never woke up to send it
		case b.away():
			lost()
		default:
			f()
		}
	})
}

// arrive has f done when a message has arrived at the process; never, if that is dead.
func (c *Connection) arrive(in time.Duration, luck *rand.Rand, f func()) {
	time.AfterFunc(in, func() {
		switch paused := c.process.Paused(); {
		case c.process.Gone():
		case paused > 0:
			c.arrive(paused+crossing(luck), luck, f)
		default:
			f()
		}
	})
}

// ask is a question with an answer: do is done at the broker.
func (c *Connection) ask(ctx context.Context, what string, do func(b *Broker) error) error {
	luck := c.broker.luck(c.name + " asks: " + what)
	if !c.process.Says("ask", nil) {
		return errDown
	}
	if err := wait(ctx, c.process.Paused()+crossing(luck), luck); err != nil {
		return err
	}
	c.broker.mu.Lock()
	away := c.broker.away()
	var answer error
	if !away {
		answer = do(c.broker)
	}
	c.broker.mu.Unlock()
	if away {
		<-ctx.Done()
		_ = wait(context.WithoutCancel(ctx), 0, luck) // those who began at one instant do not give up at one instant
		return ctx.Err()
	}
	if err := wait(ctx, c.process.Paused()+crossing(luck), luck); err != nil {
		return err
	}
	return answer
}

// wait waits, unless ctx ends first.
func wait(ctx context.Context, d time.Duration, luck *rand.Rand) error {
	timer := time.NewTimer(d + between(luck, 1, 100*time.Microsecond))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Stream tells whether there is the stream.
func (c *Connection) Stream(ctx context.Context, name string) (jetstream.Stream, error) {
	return nil, c.ask(ctx, "stream", func(b *Broker) error {
		if b.stream == nil || b.stream.config.Name != name {
			return jetstream.ErrStreamNotFound
		}
		return nil
	})
}

// CreateStream makes it.
func (c *Connection) CreateStream(ctx context.Context, config jetstream.StreamConfig) (jetstream.Stream, error) {
	return nil, c.ask(ctx, "make the stream", func(b *Broker) error {
		if b.stream != nil {
			if !reflect.DeepEqual(b.stream.config, config) {
				return jetstream.ErrStreamNameAlreadyInUse
			}
			return nil
		}
		b.say("makes the stream %s", config.Name)
		b.stream = newStream(b, config)
		return nil
	})
}

// Consumer finds one.
func (c *Connection) Consumer(ctx context.Context, _ string, name string) (jetstream.Consumer, error) {
	return c.consumer(ctx, name, func(*stream, *consumer) error { return nil })
}

// CreateConsumer makes one.
func (c *Connection) CreateConsumer(ctx context.Context, _ string, config jetstream.ConsumerConfig) (jetstream.Consumer, error) {
	return c.consumer(ctx, config.Durable, func(s *stream, there *consumer) error {
		switch {
		case there == nil:
			s.broker.say("makes the consumer %s", config.Durable)
			s.add(config)
		case !reflect.DeepEqual(there.config, config):
			return jetstream.ErrConsumerExists
		}
		return nil
	})
}

// UpdateConsumer changes one.
func (c *Connection) UpdateConsumer(ctx context.Context, _ string, config jetstream.ConsumerConfig) (jetstream.Consumer, error) {
	return c.consumer(ctx, config.Durable, func(s *stream, there *consumer) error {
		if there != nil {
			there.config = config
			s.serve()
		}
		return nil
	})
}

func (c *Connection) consumer(ctx context.Context, name string, do func(*stream, *consumer) error) (jetstream.Consumer, error) {
	lane := &puller{connection: c, name: name}
	err := c.ask(ctx, "consumer "+name, func(b *Broker) error {
		if b.stream == nil {
			return jetstream.ErrStreamNotFound
		}
		if err := do(b.stream, b.stream.consumers[name]); err != nil {
			return err
		}
		there := b.stream.consumers[name]
		if there == nil {
			return jetstream.ErrConsumerNotFound
		}
		lane.info = there.info()
		return nil
	})
	if err != nil {
		return nil, err
	}
	return lane, nil
}

// PublishMsgAsync sends a message, and does not wait. Nobody looks at the future.
func (c *Connection) PublishMsgAsync(m *nats.Msg, _ ...jetstream.PublishOpt) (jetstream.PubAckFuture, error) {
	id := m.Header.Get(jetstream.MsgIDHeader)
	if !c.process.Says("hint", m.Data) {
		return nil, errDown
	}
	b := c.broker
	b.mu.Lock()
	defer b.mu.Unlock()
	luck := b.luck("publish " + id)
	in, lost := crossing(luck), luck.Float64() < b.faults.Lost
	if luck.Float64() < b.faults.Late {
		in += between(luck, 0, LateFor)
	}
	c.unconfirmed++
	missing := func() { time.AfterFunc(confirmFor, c.confirm) }
	c.send(in, func() {
		if lost || b.stream == nil || !strings.HasPrefix(m.Subject, b.stream.config.Name+".") {
			b.say("never gets %s", id)
			missing()
			return
		}
		b.stream.store(id, m.Subject, m.Data)
		c.arrive(crossing(luck), luck, c.confirm)
	}, missing)
	return nil, nil
}

// confirm ends a publication.
func (c *Connection) confirm() {
	c.broker.mu.Lock()
	defer c.broker.mu.Unlock()
	if c.unconfirmed--; c.unconfirmed > 0 {
		return
	}
	for _, done := range c.confirmed {
		close(done)
	}
	c.confirmed = nil
}

// PublishAsyncComplete is closed when everything that was published is confirmed, or given up.
func (c *Connection) PublishAsyncComplete() <-chan struct{} {
	c.broker.mu.Lock()
	defer c.broker.mu.Unlock()
	done := make(chan struct{})
	if c.unconfirmed == 0 {
		close(done)
	} else {
		c.confirmed = append(c.confirmed, done)
	}
	return done
}
