package brokertest

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	// requestFor and missedHeartbeats are what the package jetstream asks for, whose options cannot be read from outside.
	requestFor       = 5 * time.Second
	missedHeartbeats = 2 * time.Second
)

// puller is a consumer as a process sees it.
type puller struct {
	jetstream.Consumer

	connection *Connection
	name       string
	info       *jetstream.ConsumerInfo
}

// Fetch asks for up to n messages.
func (p *puller) Fetch(n int, _ ...jetstream.FetchOpt) (jetstream.MessageBatch, error) {
	c := p.connection
	batch := &batch{connection: c, of: p.name, messages: make(chan jetstream.Msg, n)}
	if !c.process.Says("fetch", nil) {
		return nil, errDown
	}
	c.broker.mu.Lock()
	defer c.broker.mu.Unlock()
	luck := c.broker.luck(c.name + " fetches from " + p.name)
	unheard := func() { batch.fail(jetstream.ErrNoHeartbeat, missedHeartbeats) }
	c.send(crossing(luck), func() {
		var there *consumer
		if c.broker.stream != nil {
			there = c.broker.stream.consumers[p.name]
		}
		if there == nil {
			batch.fail(nats.ErrNoResponders, 0)
			return
		}
		r := &request{connection: c, batch: batch, left: n}
		there.requests = append(there.requests, r)
		time.AfterFunc(requestFor+crossing(luck), func() { there.expire(r) })
		there.stream.serve()
	}, unheard)
	return batch, nil
}

// expire ends a request.
func (c *consumer) expire(r *request) {
	b := c.stream.broker
	b.mu.Lock()
	defer b.mu.Unlock()
	if i := slices.Index(c.requests, r); i >= 0 {
		c.requests = slices.Delete(c.requests, i, i+1)
		r.batch.fail(nil, 0)
	}
}

func (c *consumer) info() *jetstream.ConsumerInfo {
	waiting, held := c.counts()
	return &jetstream.ConsumerInfo{Name: c.config.Durable, Config: c.config, NumPending: uint64(waiting), NumAckPending: held}
}

// Info asks how it stands.
func (p *puller) Info(ctx context.Context) (info *jetstream.ConsumerInfo, err error) {
	err = p.connection.ask(ctx, "how "+p.name+" stands", func(b *Broker) error {
		if b.stream == nil || b.stream.consumers[p.name] == nil {
			return jetstream.ErrConsumerNotFound
		}
		info = b.stream.consumers[p.name].info()
		return nil
	})
	if err != nil {
		return nil, err
	}
	return info, nil
}

// CachedInfo is how it stood.
func (p *puller) CachedInfo() *jetstream.ConsumerInfo { return p.info }

// batch is the answer to a request, at the process.
type batch struct {
	connection *Connection
	of         string // the consumer
	messages   chan jetstream.Msg

	mu     sync.Mutex
	came   int
	closed bool
	err    error
}

func (b *batch) Messages() <-chan jetstream.Msg { return b.messages }

func (b *batch) Error() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err
}

// put adds a message; false: nobody asks for it any more.
func (b *batch) put(m *message) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return false
	}
	b.messages <- m
	if b.came++; b.came == cap(b.messages) {
		b.close(nil)
	}
	return true
}

// fail ends the batch after some time, when its process has heard so; nil: with no more messages. The broker is locked.
func (b *batch) fail(err error, in time.Duration) {
	luck := b.connection.broker.luck(b.connection.name + " hears the end of a request to " + b.of)
	b.connection.arrive(in+crossing(luck), luck, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		if !b.closed {
			b.close(err)
		}
	})
}

// close ends it. It is locked.
func (b *batch) close(err error) {
	b.closed, b.err = true, err
	close(b.messages)
}

// answer is what a process says of a message.
type answer string

const (
	acknowledged answer = "ack"
	refused      answer = "nak"
	inProgress   answer = "in progress"
	terminated   answer = "term"
)

// message is one delivery of a stored message.
type message struct {
	jetstream.Msg

	connection *Connection
	stored     *stored
}

func (m *message) Data() []byte                       { return m.stored.data }
func (m *message) Ack() error                         { return m.answer(acknowledged, 0) }
func (m *message) Nak() error                         { return m.answer(refused, 0) }
func (m *message) NakWithDelay(d time.Duration) error { return m.answer(refused, d) }
func (m *message) InProgress() error                  { return m.answer(inProgress, 0) }
func (m *message) Term() error                        { return m.answer(terminated, 0) }

func (m *message) answer(what answer, delay time.Duration) error {
	c := m.connection
	if !c.process.Says(string(what), m.stored.data) {
		return errDown
	}
	b := c.broker
	b.mu.Lock()
	defer b.mu.Unlock()
	luck := b.luck(c.name + " answers " + m.stored.id + ": " + string(what))
	lost := luck.Float64() < b.faults.AckLost
	c.send(crossing(luck), func() {
		if lost {
			b.say("never gets the %s of %s by %s", what, m.stored.id, c.name)
			return
		}
		b.say("gets the %s of %s by %s", what, m.stored.id, c.name)
		m.stored.answered(what, delay)
	}, func() {})
	return nil
}
