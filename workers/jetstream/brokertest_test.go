package jetstream_test

import (
	"math/rand/v2"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"hotelbooking/workers/jetstream/brokertest"
)

// stage is a broker, real or played, with one stream and one consumer.
type stage struct {
	*testing.T
	js                                  natsjs.JetStream
	purge, deleteStream, deleteConsumer func() error
	said                                int
}

var (
	stageStream   = natsjs.StreamConfig{Name: "s", Subjects: []string{"s.>"}, Retention: natsjs.WorkQueuePolicy, Duplicates: time.Minute, Storage: natsjs.MemoryStorage, Replicas: 1}
	stageConsumer = natsjs.ConsumerConfig{Durable: "c", FilterSubject: "s.c", AckPolicy: natsjs.AckExplicitPolicy, AckWait: time.Hour, MaxAckPending: 100, MaxDeliver: -1}
)

// lets makes the consumer with a change.
func (s *stage) lets(change func(*natsjs.ConsumerConfig)) natsjs.Consumer {
	s.Helper()
	config := stageConsumer
	change(&config)
	_, err := s.js.CreateStream(s.Context(), stageStream)
	require.NoError(s, err)
	c, err := s.js.CreateConsumer(s.Context(), "s", config)
	require.NoError(s, err)
	return c
}

func asItIs(*natsjs.ConsumerConfig) {}

// say publishes texts, each with an id of its own.
func (s *stage) say(texts ...string) {
	s.Helper()
	for _, text := range texts {
		s.said++
		s.sayAs(text, strconv.Itoa(s.said))
	}
}

func (s *stage) sayAs(text, id string) {
	s.Helper()
	m := &nats.Msg{Subject: "s.c", Data: []byte(text), Header: nats.Header{}}
	m.Header.Set(natsjs.MsgIDHeader, id)
	_, err := s.js.PublishMsgAsync(m)
	require.NoError(s, err)
	<-s.js.PublishAsyncComplete()
}

// next is the next message; nil: none comes.
func (s *stage) next(c natsjs.Consumer) natsjs.Msg {
	s.Helper()
	batch, err := c.Fetch(1, natsjs.FetchMaxWait(500*time.Millisecond))
	require.NoError(s, err)
	m := <-batch.Messages()
	require.NoError(s, batch.Error())
	return m
}

// comes expects a message.
func (s *stage) comes(c natsjs.Consumer, text string) natsjs.Msg {
	s.Helper()
	m := s.next(c)
	require.NotNil(s, m, "%q does not come", text)
	require.Equal(s, text, string(m.Data()))
	return m
}

// stands waits until so many messages wait, and so many are held by somebody.
func (s *stage) stands(c natsjs.Consumer, waiting, held int) {
	s.Helper()
	var info *natsjs.ConsumerInfo
	for range 1000 {
		var err error
		info, err = c.Info(s.Context())
		require.NoError(s, err)
		if int(info.NumPending) == waiting && info.NumAckPending == held {
			return
		}
		<-time.After(time.Millisecond)
	}
	require.Equal(s, []int{waiting, held}, []int{int(info.NumPending), info.NumAckPending})
}

// plays are what the queue relies on.
var plays = map[string]func(*stage){
	"what is acknowledged is gone": func(s *stage) {
		c := s.lets(asItIs)
		s.say("a", "b")
		require.NoError(s, s.comes(c, "a").Ack())
		s.stands(c, 1, 0)
		s.comes(c, "b")
		s.stands(c, 0, 1)
		require.Nil(s, s.next(c))
	},
	"what is not to come again does not": func(s *stage) {
		c := s.lets(asItIs)
		s.say("a")
		require.NoError(s, s.comes(c, "a").Term())
		s.stands(c, 0, 0)
	},
	"what nobody answers comes again, and an answer to its first delivery counts": func(s *stage) {
		c := s.lets(func(c *natsjs.ConsumerConfig) { c.AckWait = 200 * time.Millisecond })
		s.say("a")
		first := s.comes(c, "a")
		s.comes(c, "a")
		require.NoError(s, first.Ack())
		s.stands(c, 0, 0)
		require.Nil(s, s.next(c))
	},
	"what is refused comes again, at once or later": func(s *stage) {
		c := s.lets(asItIs)
		s.say("a")
		require.NoError(s, s.comes(c, "a").Nak())
		require.NoError(s, s.comes(c, "a").NakWithDelay(100*time.Millisecond))
		s.stands(c, 0, 1)
		s.comes(c, "a")
	},
	"only so many are out, and those that come later count": func(s *stage) {
		c := s.lets(func(c *natsjs.ConsumerConfig) { c.MaxAckPending = 1 })
		s.say("a", "b")
		a := s.comes(c, "a")
		require.Nil(s, s.next(c))
		require.NoError(s, a.NakWithDelay(time.Hour))
		require.Nil(s, s.next(c))
		s.stands(c, 1, 1)

		config := c.CachedInfo().Config
		config.MaxAckPending = 2
		c, err := s.js.UpdateConsumer(s.Context(), "s", config)
		require.NoError(s, err)
		s.comes(c, "b")
	},
	"what was said before is not stored again": func(s *stage) {
		c := s.lets(asItIs)
		s.sayAs("a", "x")
		s.sayAs("a", "x")
		s.sayAs("b", "y")
		s.stands(c, 2, 0)
	},
	"what is purged is gone, and may be answered": func(s *stage) {
		c := s.lets(asItIs)
		s.say("a", "b")
		a := s.comes(c, "a")
		require.NoError(s, s.purge())
		require.NoError(s, a.Ack())
		s.stands(c, 0, 0)
	},
	"a request ends with its consumer, and another one has what was not acknowledged": func(s *stage) {
		c := s.lets(asItIs)
		s.say("a")
		s.comes(c, "a")
		batch, err := c.Fetch(1, natsjs.FetchMaxWait(5*time.Second))
		require.NoError(s, err)
		_, err = c.Info(s.Context()) // the broker has the request
		require.NoError(s, err)
		require.NoError(s, s.deleteConsumer())
		require.Nil(s, <-batch.Messages())
		require.ErrorIs(s, batch.Error(), natsjs.ErrConsumerDeleted)
		_, err = s.js.Consumer(s.Context(), "s", "c")
		require.ErrorIs(s, err, natsjs.ErrConsumerNotFound)
		_, err = c.Info(s.Context())
		require.ErrorIs(s, err, natsjs.ErrConsumerNotFound)
		s.comes(s.lets(asItIs), "a")
	},
	"without a stream nothing goes": func(s *stage) {
		c := s.lets(asItIs)
		s.say("a")
		require.NoError(s, s.deleteStream())
		_, err := s.js.Stream(s.Context(), "s")
		require.ErrorIs(s, err, natsjs.ErrStreamNotFound)
		batch, err := c.Fetch(1, natsjs.FetchMaxWait(5*time.Second))
		require.NoError(s, err)
		require.Nil(s, <-batch.Messages())
		require.ErrorIs(s, batch.Error(), nats.ErrNoResponders)
		c = s.lets(asItIs)
		s.stands(c, 0, 0)
	},
	"what is there is not made again in another way": func(s *stage) {
		s.lets(asItIs)
		s.lets(asItIs)
		other := stageStream
		other.Duplicates = time.Second
		_, err := s.js.CreateStream(s.Context(), other)
		require.ErrorIs(s, err, natsjs.ErrStreamNameAlreadyInUse)
		another := stageConsumer
		another.MaxAckPending = 7
		_, err = s.js.CreateConsumer(s.Context(), "s", another)
		require.ErrorIs(s, err, natsjs.ErrConsumerExists)
	},
}

func TestTheBrokerOfTestsIsLikeTheRealOne(t *testing.T) {
	t.Parallel()
	for name, play := range plays {
		t.Run(name+", in reality", func(t *testing.T) {
			t.Parallel()
			_, js := connected(t, startBroker(t))
			play(&stage{
				T: t, js: js,
				purge: func() error {
					s, err := js.Stream(t.Context(), "s")
					require.NoError(t, err)
					return s.Purge(t.Context())
				},
				deleteStream:   func() error { return js.DeleteStream(t.Context(), "s") },
				deleteConsumer: func() error { return js.DeleteConsumer(t.Context(), "s", "c") },
			})
		})
		t.Run(name+", in a bubble", func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var made atomic.Uint64
				b := brokertest.New(func(string) *rand.Rand { return rand.New(rand.NewPCG(1, made.Add(1))) }, func(string) {})
				done := func(f func()) func() error { return func() error { f(); return nil } }
				play(&stage{
					T: t, js: b.Connect("a process", lives{}),
					purge: done(b.Purge), deleteStream: done(b.DeleteStream), deleteConsumer: done(func() { b.DeleteConsumer("c") }),
				})
			})
		})
	}
}

// lives is a process to which nothing happens.
type lives struct{}

func (lives) Says(string, []byte) bool { return true }
func (lives) Heard([]byte, time.Time)  {}
func (lives) Paused() time.Duration    { return 0 }
func (lives) Gone() bool               { return false }
