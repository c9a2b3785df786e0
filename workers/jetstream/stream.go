package jetstream

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"hotelbooking/booking"
)

const (
	// unlimited is the MaxAckPending of a lane without a limit: the slots of all processes, and more.
	unlimited = 100_000
	// duplicates is for how long the broker drops a hint that it has had before: longer than a round of the sweep.
	duplicates = 2 * patient
	// mostHints and oldest bound the stream: what is dropped is found by the sweep.
	mostHints = 1_000_000
	oldest    = 24 * time.Hour
)

// laneName is a consumer's name, and the end of its subject.
func laneName(p booking.Pool, supplier string) string {
	if p != booking.ProviderPool {
		return string(p)
	}
	return string(p) + "." + token(supplier)
}

// durable is the name of a lane's consumer.
func (l *lane) durable() string { return strings.ReplaceAll(l.name, ".", "_") }

// token makes a part of a subject of any text: as it is, where it can be, so that people can read it.
func token(text string) string {
	plain := text != "" && strings.Trim(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") == "" && !strings.HasPrefix(text, "x-")
	if plain {
		return text
	}
	return "x-" + hex.EncodeToString([]byte(text))
}

// ensure makes the stream of hints where there is none.
func (q *Queue) ensure(ctx context.Context) error {
	storage := jetstream.FileStorage
	if q.cfg.Memory {
		storage = jetstream.MemoryStorage
	}
	return ensureStream(ctx, q.js, jetstream.StreamConfig{
		Name: q.cfg.Stream, Subjects: []string{q.cfg.Stream + ".>"}, Description: "which bookings are to be looked at; the database decides",
		Retention: jetstream.WorkQueuePolicy, Discard: jetstream.DiscardOld, Storage: storage, Replicas: q.cfg.Replicas,
		Duplicates: duplicates, MaxMsgs: mostHints, MaxAge: oldest,
	}, q.log)
}

// ensureStream makes a stream where there is none. One that is there stays as somebody made it.
func ensureStream(ctx context.Context, js jetstream.JetStream, stream jetstream.StreamConfig, log *zap.Logger) error {
	_, err := js.Stream(ctx, stream.Name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		if _, err = js.CreateStream(ctx, stream); err == nil {
			log.Info("stream made", zap.String("stream", stream.Name))
		}
		if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) { // another process was faster
			err = nil
		}
	}
	if err != nil {
		return fmt.Errorf("make the stream %s: %w", stream.Name, err)
	}
	return nil
}

// consumer is a lane's, made where there is none. The limit of one that is there stays as somebody set it.
func (q *Queue) consumer(ctx context.Context, l *lane) (jetstream.Consumer, error) {
	if err := q.ensure(ctx); err != nil {
		return nil, err
	}
	name := l.durable()
	c, err := q.js.Consumer(ctx, q.cfg.Stream, name)
	if !errors.Is(err, jetstream.ErrConsumerNotFound) {
		return c, err
	}
	limit := q.cfg.Limits.Of(l.pool)
	if limit == 0 {
		limit = unlimited
	}
	c, err = q.js.CreateConsumer(ctx, q.cfg.Stream, jetstream.ConsumerConfig{
		Durable: name, FilterSubject: q.cfg.Stream + "." + l.name, AckPolicy: jetstream.AckExplicitPolicy,
		AckWait: q.cfg.AckWait, MaxAckPending: limit, MaxDeliver: -1,
	})
	if errors.Is(err, jetstream.ErrConsumerExists) {
		c, err = q.js.Consumer(ctx, q.cfg.Stream, name)
	}
	if err != nil {
		return nil, fmt.Errorf("make the consumer %s: %w", name, err)
	}
	return c, nil
}
