package jetstream_test

import (
	"context"
	"encoding/json"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"hotelbooking/booking"
	"hotelbooking/workers/jetstream"
)

func eventsConfig(change ...func(*jetstream.EventsConfig)) jetstream.EventsConfig {
	cfg := jetstream.EventsConfig{Stream: "events", Source: "/test", Replicas: 1, MaxAge: time.Hour, Duplicates: 2 * time.Minute}
	for _, f := range change {
		f(&cfg)
	}
	return cfg
}

// publisher is a subscriber, and a connection of whoever reads what it publishes.
func publisher(t testing.TB, b *broker, change ...func(*jetstream.EventsConfig)) (*jetstream.Events, natsjs.JetStream) {
	t.Helper()
	conn, _ := connected(t, b)
	cfg := eventsConfig(change...)
	require.NoError(t, cfg.Validate())
	events, err := jetstream.NewEvents(conn, cfg, zap.NewNop())
	require.NoError(t, err)
	_, js := connected(t, b)
	return events, js
}

// happened is event number part of a version of booking number n.
func happened(n, version, part int, event booking.EventType) booking.Event {
	id := booking.ID(fmt.Sprintf("01945e2a-7c00-7000-8000-%012x", n))
	return booking.NewEvent(id, version, part, event, time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), fmt.Appendf(nil, `{"id":%q,"version":%d}`, id, version))
}

// told is what a booking's life is told as.
func told(n int) []booking.Event {
	return []booking.Event{
		happened(n, 1, 0, booking.EventAccepted), happened(n, 4, 0, booking.EventAuthorized),
		happened(n, 5, 0, booking.EventCaptured), happened(n, 5, 1, booking.EventConfirmed),
	}
}

// stored are the messages of the stream, in its order.
func stored(t testing.TB, js natsjs.JetStream) []*natsjs.RawStreamMsg {
	t.Helper()
	stream, err := js.Stream(t.Context(), "events")
	require.NoError(t, err)
	info, err := stream.Info(t.Context())
	require.NoError(t, err)
	var all []*natsjs.RawStreamMsg
	for seq := info.State.FirstSeq; seq <= info.State.LastSeq && info.State.Msgs > 0; seq++ {
		msg, err := stream.GetMsg(t.Context(), seq)
		require.NoError(t, err)
		all = append(all, msg)
	}
	return all
}

func messageIDs(messages []*natsjs.RawStreamMsg) (all []string) {
	for _, m := range messages {
		all = append(all, m.Header.Get(natsjs.MsgIDHeader))
	}
	return all
}

func eventIDs(events []booking.Event) (all []string) {
	for _, e := range events {
		all = append(all, e.ID)
	}
	return all
}

func TestEventsAreCloudEventsOnASubjectOfTheirType(t *testing.T) {
	t.Parallel()
	events, js := publisher(t, startBroker(t))
	e := happened(1, 5, 1, booking.EventConfirmed)

	require.NoError(t, events.Take(t.Context(), []booking.Event{e}))

	messages := stored(t, js)
	require.Len(t, messages, 1)
	require.Equal(t, "events.booking.confirmed", messages[0].Subject)
	require.Equal(t, "application/cloudevents+json", messages[0].Header.Get("Content-Type"))
	require.Equal(t, e.ID, messages[0].Header.Get("Nats-Msg-Id"))
	want, err := e.CloudEvent("/test")
	require.NoError(t, err)
	require.JSONEq(t, string(want), string(messages[0].Data))
	var envelope map[string]any
	require.NoError(t, json.Unmarshal(messages[0].Data, &envelope))
	require.Equal(t, "1.0", envelope["specversion"])
}

func TestTheStreamOfEventsIsMadeAsConfiguredAndStaysAsSomebodyMadeIt(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	events, js := publisher(t, b, func(c *jetstream.EventsConfig) { c.MaxBytes = 1 << 20 })
	require.NoError(t, events.Take(t.Context(), told(1)[:1]))
	stream, err := js.Stream(t.Context(), "events")
	require.NoError(t, err)
	is := stream.CachedInfo().Config
	require.Equal(t, natsjs.LimitsPolicy, is.Retention, "who reads an event leaves it to the others")
	require.Equal(t, natsjs.FileStorage, is.Storage)
	require.Equal(t, time.Hour, is.MaxAge)
	require.Equal(t, 2*time.Minute, is.Duplicates)
	require.EqualValues(t, 1<<20, is.MaxBytes)
	require.Equal(t, 1, is.Replicas)

	is.MaxAge = 7 * time.Hour
	_, err = js.UpdateStream(t.Context(), is)
	require.NoError(t, err)
	next, _ := publisher(t, b)
	require.NoError(t, next.Take(t.Context(), told(2)))
	stream, err = js.Stream(t.Context(), "events")
	require.NoError(t, err)
	require.Equal(t, 7*time.Hour, stream.CachedInfo().Config.MaxAge)
}

func TestEventsOfABookingAreStoredInTheirOrder(t *testing.T) {
	t.Parallel()
	events, js := publisher(t, startBroker(t))
	var all []booking.Event
	for n := range 50 {
		all = append(all, told(n)...)
	}
	require.NoError(t, events.Take(t.Context(), all))

	of := map[string][]string{}
	for _, m := range stored(t, js) {
		var e struct{ ID, Subject string }
		require.NoError(t, json.Unmarshal(m.Data, &e))
		of[e.Subject] = append(of[e.Subject], e.ID)
	}
	require.Len(t, of, 50)
	for n := range 50 {
		require.Equal(t, eventIDs(told(n)), of[string(told(n)[0].Booking)])
	}
}

// A booking's next event is not on its way before the broker has the one before it: a broker that refuses the first of them
// must not have the second.
func TestWhatTheBrokerDoesNotTakeIsNotOvertaken(t *testing.T) {
	t.Parallel()
	events, js := publisher(t, startBroker(t))
	_, err := js.CreateStream(t.Context(), natsjs.StreamConfig{Name: "events", Subjects: []string{"events.booking.>"}}) // and no payments
	require.NoError(t, err)
	all := told(1)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()

	require.Error(t, events.Take(ctx, append(all, told(2)...)))

	require.Equal(t, []string{told(1)[0].ID, told(2)[0].ID}, messageIDs(stored(t, js)), "neither was confirmed, for they are not paid")
}

func TestTheBrokerDropsWhatComesAgain(t *testing.T) {
	t.Parallel()
	events, js := publisher(t, startBroker(t))
	for range 3 {
		require.NoError(t, events.Take(t.Context(), told(1)), "that it has an event is as good as that it takes it")
	}
	require.Equal(t, eventIDs(told(1)), messageIDs(stored(t, js)))
}

// Behind its window the broker takes an event twice, as events.md says: whoever reads drops it by booking and version.
func TestBehindTheWindowAnEventIsThereTwiceAndItsReaderCanTell(t *testing.T) {
	t.Parallel()
	events, js := publisher(t, startBroker(t))
	require.NoError(t, events.Take(t.Context(), told(1)))
	stream, err := js.Stream(t.Context(), "events")
	require.NoError(t, err)
	require.NoError(t, stream.Purge(t.Context())) // forgets no ids
	for _, e := range told(1)[2:] {               // and so they come as from a relay that died long ago
		body, err := e.CloudEvent("/test")
		require.NoError(t, err)
		for range 2 {
			_, err = js.Publish(t.Context(), "events."+string(e.Type), body)
			require.NoError(t, err)
		}
	}
	seen, applied := map[string]string{}, []string{}
	for _, m := range stored(t, js) {
		var e struct{ ID, Subject, Sequence string }
		require.NoError(t, json.Unmarshal(m.Data, &e))
		if e.Sequence <= seen[e.Subject] { // the rule of events.md
			continue
		}
		seen[e.Subject] = e.Sequence
		applied = append(applied, e.ID)
	}
	require.Equal(t, eventIDs(told(1)[2:]), applied)
}

func TestWithoutABrokerEventsWaitAndAfterARestartNoneIsMissing(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	events, js := publisher(t, b)
	require.NoError(t, events.Take(t.Context(), told(1)))
	back := make(chan struct{}, 1)
	js.Conn().SetReconnectHandler(func(*nats.Conn) { back <- struct{}{} })

	b.stop()
	for n := 2; n < 4; n++ {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		require.Error(t, events.Take(ctx, told(n)))
		cancel()
	}
	b.start(t)
	<-back
	for n := 2; n < 4; n++ {
		untilTaken(t, events, told(n))
	}
	messages := messageIDs(stored(t, js))
	for n := 1; n < 4; n++ {
		require.Subset(t, messages, eventIDs(told(n)))
	}
	require.Len(t, messages, 3*4, "what was published twice the broker dropped")
}

func TestAStreamThatIsGoneIsMadeAnew(t *testing.T) {
	t.Parallel()
	events, js := publisher(t, startBroker(t))
	require.NoError(t, events.Take(t.Context(), told(1)))
	require.NoError(t, js.DeleteStream(t.Context(), "events"))
	untilTaken(t, events, told(2))
	require.Equal(t, eventIDs(told(2)), messageIDs(stored(t, js)))
}

// A broker that is restarted again and again while events are published: all of them are there in the end, and in order.
func TestARestartInTheMiddleLosesNothingAndKeepsTheOrder(t *testing.T) {
	t.Parallel()
	const bookings = 60
	b := startBroker(t)
	events, _ := publisher(t, b)
	var done atomic.Int64
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		for n := range bookings {
			untilTaken(t, events, told(n))
			done.Add(1)
		}
	}()
	for _, after := range []int64{10, 30} {
		for done.Load() < after {
			select {
			case <-finished:
			case <-time.After(time.Millisecond):
			}
		}
		b.restart(t)
	}
	<-finished
	_, js := connected(t, b)
	of := map[string][]string{}
	for _, m := range stored(t, js) {
		var e struct{ ID, Subject string }
		require.NoError(t, json.Unmarshal(m.Data, &e))
		of[e.Subject] = append(of[e.Subject], e.ID)
	}
	for n := range bookings {
		require.Equal(t, eventIDs(told(n)), of[string(told(n)[0].Booking)])
	}
}

// untilTaken does as the relay does: all of it again after an error.
func untilTaken(t testing.TB, events *jetstream.Events, all []booking.Event) {
	for t.Context().Err() == nil {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		err := events.Take(ctx, all)
		cancel()
		if err == nil {
			return
		}
		select {
		case <-t.Context().Done():
		case <-time.After(10 * time.Millisecond):
		}
	}
}
