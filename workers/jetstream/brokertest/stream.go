package brokertest

import (
	"slices"
	"strconv"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// stream is a work queue: what is acknowledged is gone. All of it is guarded by the broker.
type stream struct {
	broker    *Broker
	config    jetstream.StreamConfig
	seen      map[string]time.Time // Nats-Msg-Ids
	messages  []*stored            // in the order in which they came
	consumers map[string]*consumer
}

// stored is a message that nobody has acknowledged.
type stored struct {
	stream  *stream
	id      string
	subject string
	data    []byte
	times   int         // delivered
	held    bool        // it counts as pending an acknowledgement
	due     bool        // for another delivery
	expired bool        // it was not answered in time, once
	timer   *time.Timer // of the next delivery; nil: none is planned
	gone    bool
}

// consumer is a durable pull consumer.
type consumer struct {
	stream   *stream
	config   jetstream.ConsumerConfig
	requests []*request // the next to be served first
}

// request is a pull request that the broker knows of.
type request struct {
	connection *Connection
	batch      *batch
	left       int
}

func newStream(b *Broker, config jetstream.StreamConfig) *stream {
	return &stream{broker: b, config: config, seen: map[string]time.Time{}, consumers: map[string]*consumer{}}
}

// store keeps a message, unless it was here before.
func (s *stream) store(id, subject string, data []byte) {
	if came, ok := s.seen[id]; ok && time.Since(came) < s.config.Duplicates {
		s.broker.say("drops %s: it has been here", id)
		return
	}
	s.seen[id] = time.Now()
	s.broker.say("stores %s", id)
	s.messages = append(s.messages, &stored{stream: s, id: id, subject: subject, data: data})
	s.serve()
}

// add makes a consumer. What another one of its name had not acknowledged is new to it.
func (s *stream) add(config jetstream.ConsumerConfig) {
	s.consumers[config.Durable] = &consumer{stream: s, config: config}
	s.serve()
}

// drop removes a consumer.
func (s *stream) drop(name string) {
	c := s.consumers[name]
	if c == nil {
		return
	}
	delete(s.consumers, name)
	for _, r := range c.requests {
		r.batch.fail(jetstream.ErrConsumerDeleted, 0)
	}
	for _, m := range c.messages() {
		m.plan(0, nil)
		m.held, m.due = false, false
	}
}

func (s *stream) purge() {
	for _, m := range s.messages {
		m.gone = true
		m.plan(0, nil)
	}
	s.messages = nil
	s.serve()
}

// forgetRequests is what happens when connections are lost.
func (s *stream) forgetRequests() {
	for _, c := range s.consumers {
		for _, r := range c.requests {
			r.batch.fail(jetstream.ErrNoHeartbeat, missedHeartbeats)
		}
		c.requests = nil
	}
}

// serve hands out what can be handed out.
func (s *stream) serve() {
	for _, c := range s.consumers {
		for c.next() {
		}
	}
}

// messages are those that are for this consumer.
func (c *consumer) messages() (all []*stored) {
	for _, m := range c.stream.messages {
		if m.subject == c.config.FilterSubject {
			all = append(all, m)
		}
	}
	return all
}

// counts are how many messages nobody has got yet, and how many wait for an answer.
func (c *consumer) counts() (waiting, held int) {
	for _, m := range c.messages() {
		if m.held {
			held++
		} else {
			waiting++
		}
	}
	return waiting, held
}

// next delivers one message, if there is one and somebody to take it. Those that come again are first, and are not bounded.
func (c *consumer) next() bool {
	if len(c.requests) == 0 {
		return false
	}
	_, held := c.counts()
	var first *stored
	for _, m := range c.messages() {
		if m.due {
			first = m
			break
		}
		if first == nil && !m.held && held < c.config.MaxAckPending {
			first = m
		}
	}
	if first == nil {
		return false
	}
	r := c.requests[0]
	c.requests = c.requests[1:]
	if r.left--; r.left > 0 {
		c.requests = append(c.requests, r)
	}
	first.deliver(c, r)
	return true
}

// deliver sends a message on its way to a process, which may be dead: then the message is lost until AckWait is over.
func (m *stored) deliver(c *consumer, r *request) {
	b := m.stream.broker
	m.times++
	m.held, m.due = true, false
	m.plan(c.config.AckWait, m.expire)
	name := m.id + " the " + strconv.Itoa(m.times) + ". time"
	luck := b.luck("deliver " + name)
	b.say("delivers %s to %s", name, r.connection.name)
	in := crossing(luck)
	if luck.Float64() < b.faults.Late {
		in += between(luck, 0, LateFor)
	}
	if luck.Float64() < b.faults.Twice {
		m.plan(between(luck, 0, 3*time.Second), m.again)
	}
	copied, sent := &message{connection: r.connection, stored: m}, time.Now()
	if m.expired {
		sent = time.Time{}
	}
	r.connection.arrive(in, luck, func() {
		if r.batch.put(copied) {
			r.connection.process.Heard(m.data, sent)
		}
	})
}

// expire makes a message due that was not answered in time.
func (m *stored) expire() {
	m.expired = true
	m.again()
}

// again makes a message due that is to be delivered again.
func (m *stored) again() {
	m.due = true
	m.stream.serve()
}

// plan sets what happens to the message next; nil: nothing.
func (m *stored) plan(in time.Duration, what func()) {
	if m.timer != nil {
		m.timer.Stop()
		m.timer = nil
	}
	if what == nil {
		return
	}
	b := m.stream.broker
	var timer *time.Timer
	timer = time.AfterFunc(in+between(b.luck("plan "+m.id), 1, time.Millisecond), func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		if m.timer == timer {
			m.timer = nil
			what()
		}
	})
	m.timer = timer
}

// answered does what a process said about the message.
func (m *stored) answered(what answer, in time.Duration) {
	s := m.stream
	c := s.consumerOf(m)
	if m.gone || !m.held || c == nil {
		return
	}
	switch what {
	case acknowledged, terminated:
		m.gone = true
		m.plan(0, nil)
		s.messages = slices.DeleteFunc(s.messages, func(other *stored) bool { return other == m })
		s.serve()
	case refused:
		m.due = false
		m.plan(in, m.again)
	case inProgress:
		if !m.due {
			m.plan(c.config.AckWait, m.expire)
		}
	}
}

func (s *stream) consumerOf(m *stored) *consumer {
	for _, c := range s.consumers {
		if c.config.FilterSubject == m.subject {
			return c
		}
	}
	return nil
}
