package jetstream

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"hotelbooking/booking"
)

const (
	// fetchFor is how long one request for hints is open, and heartbeat how often the broker says that it still knows of it.
	fetchFor  = 5 * time.Second
	heartbeat = time.Second
	// A lane that failed is tried again after retryFirst, and then after twice as long, up to retryLast.
	retryFirst = 100 * time.Millisecond
	retryLast  = 2 * time.Second
	// askFor bounds a question to the broker.
	askFor = 2 * time.Second
)

// lane fetches the hints of a pool, or of one supplier's part of it: as many as there are slots for.
type lane struct {
	name     string
	pool     booking.Pool
	supplier string
	mine     bool // hints are fetched here

	wanted atomic.Int64 // hints that there are free slots for
	wake   chan struct{}
	sick   atomic.Bool // the last request failed

	mu       sync.Mutex
	consumer jetstream.Consumer // nil: not known, or gone
	here     []*message         // fetched, and not yet looked at; the oldest first
}

// message is a hint that the broker waits for an answer to.
type message struct {
	hint booking.Hint
	lane *lane
	msg  jetstream.Msg
	came time.Time
}

// body is how a hint is written.
type body struct {
	ID       booking.ID   `json:"booking"`
	Version  int          `json:"version"`
	Pool     booking.Pool `json:"pool"`
	Supplier string       `json:"supplier,omitzero"`
	Trace    string       `json:"-"` // a header, where tools that follow traces look
}

func encode(h booking.Hint) []byte {
	data, _ := json.Marshal(body(h)) // texts and a number
	return data
}

// fetch keeps a request for hints open while there are slots for any, until ctx ends.
func (q *Queue) fetch(ctx context.Context, l *lane) {
	pause := retryFirst
	for ctx.Err() == nil {
		n := l.wanted.Load()
		if n <= 0 {
			select {
			case <-ctx.Done():
			case <-l.wake:
			}
			continue
		}
		err := q.fetchSome(ctx, l, int(n))
		if err == nil || ctx.Err() != nil {
			l.sick.Store(false)
			pause = retryFirst
			continue
		}
		if !l.sick.Swap(true) {
			q.log.Warn("no hints", zap.String("lane", l.name), zap.Error(err))
		}
		q.metrics.failures.Inc()
		l.forget()
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
		pause = min(2*pause, retryLast)
	}
}

// fetchSome makes one request.
func (q *Queue) fetchSome(ctx context.Context, l *lane, n int) error {
	c, err := q.known(ctx, l)
	if err != nil {
		return err
	}
	batch, err := c.Fetch(n, jetstream.FetchMaxWait(fetchFor), jetstream.FetchHeartbeat(heartbeat))
	if err != nil {
		return fmt.Errorf("ask for hints: %w", err)
	}
	for {
		select {
		case <-ctx.Done(): // what comes now is somebody else's when AckWait is over
			return nil
		case msg, more := <-batch.Messages():
			if !more {
				return batch.Error()
			}
			l.sick.Store(false)
			q.arrived(l, msg)
		}
	}
}

// arrived keeps a hint until the engine has a look at it.
func (q *Queue) arrived(l *lane, msg jetstream.Msg) {
	var b body
	if err := json.Unmarshal(msg.Data(), &b); err != nil || b.Pool != l.pool {
		q.log.Error("a hint cannot be read: who else writes to the stream?", zap.String("lane", l.name), zap.Error(err))
		q.answer("term", msg.Term())
		return
	}
	q.metrics.fetched.Inc()
	l.wanted.Add(-1)
	l.mu.Lock()
	l.here = append(l.here, &message{hint: booking.Hint(b), lane: l, msg: msg, came: time.Now()})
	l.mu.Unlock()
	q.wake(l.pool)
}

// take hands out up to n hints that are still ours.
func (l *lane) take(n int, ackWait time.Duration) (messages []*message) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.here) > 0 && len(messages) < n {
		m := l.here[0]
		l.here[0], l.here = nil, l.here[1:]
		if time.Since(m.came) < ackWait { // else the broker has given it to somebody else
			messages = append(messages, m)
		}
	}
	return messages
}

// want says how many hints there are slots for.
func (l *lane) want(n int) {
	l.wanted.Store(int64(n))
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

func (q *Queue) known(ctx context.Context, l *lane) (jetstream.Consumer, error) {
	l.mu.Lock()
	c := l.consumer
	l.mu.Unlock()
	if c != nil {
		return c, nil
	}
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	c, err := q.consumer(ctx, l)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.consumer = c
	return c, nil
}

func (l *lane) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.consumer = nil
}

// waiting tells whether the broker has hints of a lane that nobody has fetched; where it cannot tell, err says why.
func (q *Queue) waiting(ctx context.Context, l *lane) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	c, err := q.known(ctx, l)
	if err != nil {
		return false, err
	}
	info, err := c.Info(ctx)
	if err != nil {
		l.forget()
		return false, fmt.Errorf("ask how many hints wait: %w", err)
	}
	return info.NumPending > 0, nil
}
