package jetstream

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
)

// mostUnheard bounds the texts that wait to be heard. What is beyond is dropped, and then everything is looked at.
const mostUnheard = 1024

var errAway = errors.New("the broker does not answer")

// Signals carries short texts between all processes on one broker, over a subject that no stream keeps. It is a
// workers.Signals.
type Signals struct {
	conn    *nats.Conn
	subject string
}

// NewSignals are those of the processes whose Config.Stream is the same.
func NewSignals(conn *nats.Conn, stream string) *Signals {
	return &Signals{conn: conn, subject: "signals." + stream}
}

// Tell sends texts to all processes that hear, and waits until the broker has them.
func (s *Signals) Tell(ctx context.Context, texts []string) error {
	for _, text := range texts {
		if err := s.conn.Publish(s.subject, []byte(text)); err != nil {
			return fmt.Errorf("tell: %w", err)
		}
	}
	return s.reached(ctx)
}

// Hear calls heard with every text that is told, until ctx ends or the connection fails. It calls hearing once the broker knows
// of it, and again where texts came faster than they were heard, and some were dropped.
func (s *Signals) Hear(ctx context.Context, hearing func(), heard func(text string)) error {
	lost := s.conn.StatusChanged(nats.DISCONNECTED, nats.RECONNECTING, nats.CLOSED)
	defer s.conn.RemoveStatusListener(lost)
	texts := make(chan *nats.Msg, mostUnheard)
	subscription, err := s.conn.ChanSubscribe(s.subject, texts)
	if err != nil {
		return fmt.Errorf("hear: %w", err)
	}
	defer func() { _ = subscription.Unsubscribe() }() // a connection that is closed has none
	if err := s.reached(ctx); err != nil {
		return err
	}
	hearing()
	for missed := 0; ; {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-lost: // it comes back by itself, but what is told meanwhile does not
			return fmt.Errorf("hear: %w", errAway)
		case text := <-texts:
			heard(string(text.Data))
			if dropped, err := subscription.Dropped(); err == nil && dropped > missed {
				missed = dropped
				hearing()
			}
		}
	}
}

// reached waits until the broker has dealt with what was sent before.
func (s *Signals) reached(ctx context.Context) error {
	if !s.conn.IsConnected() {
		return errAway
	}
	ctx, cancel := context.WithTimeoutCause(ctx, askFor, errAway)
	defer cancel()
	if err := s.conn.FlushWithContext(ctx); err != nil {
		return fmt.Errorf("wait for the broker: %w", errors.Join(err, context.Cause(ctx)))
	}
	return nil
}
