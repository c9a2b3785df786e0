package jetstream

import (
	"container/heap"
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"hotelbooking/booking"
)

const (
	// mostUnsaid bounds the hints that wait to be said. What is beyond is dropped, and found by the sweep.
	mostUnsaid = 10_000
	// soon is up to when a hint about what is due later is kept here, or left to the broker to give back. The sweep says what
	// is due later than that: to keep it for long would keep slots of the lane, and be lost with us.
	soon = 5 * time.Second
	// late is added to a delay, because the database's clock decides what is due.
	late = 5 * time.Millisecond
)

// saying is a hint, and when to say it.
type saying struct {
	hint booking.Hint
	at   time.Time
}

// sayings are ordered by when they are to be said: a container/heap.
type sayings []saying

func (s sayings) Len() int           { return len(s) }
func (s sayings) Less(i, j int) bool { return s[i].at.Before(s[j].at) }
func (s sayings) Swap(i, j int)      { s[i], s[j] = s[j], s[i] }
func (s *sayings) Push(x any)        { *s = append(*s, x.(saying)) } //nolint:forcetypeassert // heap.Push is called below only
func (s *sayings) Pop() any {
	last := (*s)[len(*s)-1]
	*s = (*s)[:len(*s)-1]
	return last
}

// say has a hint said, in that long. It never waits, and never fails: the row is there for whoever misses the hint.
func (q *Queue) say(h booking.Hint, in time.Duration) {
	if in > soon || !q.has(h) {
		return
	}
	select {
	case q.unsaid <- saying{h, time.Now().Add(max(in, 0))}:
	default:
		q.metrics.lost.Inc()
	}
}

// has tells whether there is a lane for h. Without one it would stay in the stream.
func (q *Queue) has(h booking.Hint) bool {
	name := laneName(h.Pool, h.Supplier)
	return slices.ContainsFunc(q.lanes, func(l *lane) bool { return l.name == name })
}

// speak says what there is to say until ctx ends, once there is a stream to say it to.
func (q *Queue) speak(ctx context.Context) {
	q.await(ctx)
	var later sayings
	timer := time.NewTimer(soon)
	defer timer.Stop()
	for {
		next := soon
		for now := time.Now(); len(later) > 0; {
			if next = later[0].at.Sub(now); next > 0 {
				break
			}
			q.publish(heap.Pop(&later).(saying).hint, "") //nolint:forcetypeassert // see Push
		}
		timer.Reset(max(next, 0))
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case s := <-q.unsaid:
			if time.Until(s.at) <= 0 {
				q.publish(s.hint, "")
			} else if len(later) < mostUnsaid {
				heap.Push(&later, s)
			}
		}
	}
}

// await makes the stream where there is none, and tries until there is one: what is said without it is lost.
func (q *Queue) await(ctx context.Context) {
	for pause := retryFirst; ctx.Err() == nil; pause = min(2*pause, retryLast) {
		if q.ensureSoon(ctx) == nil {
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

func (q *Queue) ensureSoon(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	return q.ensure(ctx)
}

// publish says a hint. again tells a repetition from the first, which the broker would drop as its duplicate.
func (q *Queue) publish(h booking.Hint, again string) {
	if !q.connected() {
		q.metrics.lost.Inc()
		return
	}
	msg := &nats.Msg{Subject: q.cfg.Stream + "." + laneName(h.Pool, h.Supplier), Data: encode(h), Header: nats.Header{}}
	msg.Header.Set(jetstream.MsgIDHeader, string(h.ID)+":"+strconv.Itoa(h.Version)+again)
	if h.Trace != "" {
		msg.Header.Set("traceparent", h.Trace)
	}
	if _, err := q.js.PublishMsgAsync(msg); err != nil {
		q.metrics.lost.Inc()
		return
	}
	q.metrics.said.Inc()
}
