package jetstream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"hotelbooking/booking"
)

// EventsConfig is how events are kept for whoever reads them.
type EventsConfig struct {
	Stream     string        // its name; its subjects are <Stream>.<type of the event>
	Source     string        // of the events: this installation's name
	Replicas   int           // servers that keep each event: 1, 3 or 5
	MaxAge     time.Duration // of an event; then it is removed
	MaxBytes   int64         // of all events; the oldest are removed first. 0: no bound
	Duplicates time.Duration // for how long the broker drops an event that it has had before
}

// Validate reports all problems together.
func (c EventsConfig) Validate() error {
	var problems []error
	need := func(ok bool, format string, args ...any) {
		if !ok {
			problems = append(problems, fmt.Errorf(format, args...))
		}
	}
	need(c.Stream == token(c.Stream), "stream: %q is no name: letters, digits, - and _", c.Stream)
	need(c.Source != "", "source: events need one")
	need(c.Replicas == 1 || c.Replicas == 3 || c.Replicas == 5, "replicas: %d: a stream has 1, 3 or 5", c.Replicas)
	need(c.MaxAge > 0, "max_age: %s is no time at all", c.MaxAge)
	need(c.MaxBytes >= 0, "max_bytes: %d is no size", c.MaxBytes)
	need(c.Duplicates > 0 && c.Duplicates <= c.MaxAge, "duplicates: %s is not within max_age", c.Duplicates)
	return errors.Join(problems...)
}

// Events puts events into a stream that others read: a booking.Subscriber.
type Events struct {
	cfg  EventsConfig
	conn *nats.Conn
	js   jetstream.JetStream
	log  *zap.Logger

	there bool // the stream was there when it was last looked at; Take's alone, which has one caller
}

var errNotConnected = errors.New("there is no connection to the broker")

// NewEvents makes the subscriber. The stream is made by the first Take. cfg must be valid.
func NewEvents(conn *nats.Conn, cfg EventsConfig, log *zap.Logger) (*Events, error) {
	js, err := jetstream.New(conn)
	if err != nil {
		return nil, fmt.Errorf("publish events: %w", err)
	}
	return &Events{cfg: cfg, conn: conn, js: js, log: log}, nil
}

// Take publishes events and waits until the broker has each of them. One of a booking is published only after the broker has
// the one before it, or a message that is lost on the way would be overtaken. It is for one goroutine.
func (e *Events) Take(ctx context.Context, events []booking.Event) error {
	if !e.conn.IsConnected() {
		return errNotConnected
	}
	if err := e.ensure(ctx); err != nil {
		return err
	}
	for len(events) > 0 {
		var later []booking.Event
		var sent []sending
		busy := map[booking.ID]bool{}
		for _, event := range events {
			if busy[event.Booking] {
				later = append(later, event)
				continue
			}
			busy[event.Booking] = true
			future, err := e.publish(event)
			if err != nil {
				return errors.Join(err, e.confirmed(ctx, sent))
			}
			sent = append(sent, sending{event.ID, future})
		}
		if err := e.confirmed(ctx, sent); err != nil {
			return err
		}
		events = later
	}
	return nil
}

// sending is an event on its way.
type sending struct {
	id     string
	future jetstream.PubAckFuture
}

func (e *Events) publish(event booking.Event) (jetstream.PubAckFuture, error) {
	body, err := event.CloudEvent(e.cfg.Source)
	if err != nil {
		return nil, err
	}
	msg := &nats.Msg{Subject: e.cfg.Stream + "." + string(event.Type), Data: body, Header: nats.Header{}}
	msg.Header.Set("Content-Type", booking.CloudEventType)
	future, err := e.js.PublishMsgAsync(msg, jetstream.WithMsgID(event.ID), jetstream.WithExpectStream(e.cfg.Stream))
	if err != nil {
		return nil, fmt.Errorf("publish event %s: %w", event.ID, err)
	}
	return future, nil
}

// confirmed waits for the broker's word about each.
func (e *Events) confirmed(ctx context.Context, sent []sending) error {
	var first error
	for _, s := range sent {
		select {
		case <-s.future.Ok():
			continue
		case err := <-s.future.Err():
			first = fmt.Errorf("publish event %s: %w", s.id, err)
		case <-ctx.Done():
			first = fmt.Errorf("publish event %s: %w", s.id, context.Cause(ctx))
		}
		break
	}
	if first != nil {
		e.there = false // perhaps it is gone: that is what nobody answers means, too
	}
	return first
}

// ensure makes the stream of events where there is none, and looks for it only after something has failed.
func (e *Events) ensure(ctx context.Context) error {
	if e.there {
		return nil
	}
	maxBytes := e.cfg.MaxBytes
	if maxBytes == 0 {
		maxBytes = -1
	}
	err := ensureStream(ctx, e.js, jetstream.StreamConfig{
		Name: e.cfg.Stream, Subjects: []string{e.cfg.Stream + ".>"}, Description: "what became of bookings, as CloudEvents",
		Retention: jetstream.LimitsPolicy, Discard: jetstream.DiscardOld, Storage: jetstream.FileStorage, Replicas: e.cfg.Replicas,
		Duplicates: e.cfg.Duplicates, MaxAge: e.cfg.MaxAge, MaxBytes: maxBytes,
	}, e.log)
	e.there = err == nil
	return err
}
