package jetstream_test

import (
	"encoding/json"
	"testing"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
)

// A reader as docs/events.md has it, that fails now and then, and whose word that it has an event is lost now and then, has
// applied each event once and in order.
func TestAReaderThatKeepsToTheRuleAppliesEachEventOnceAndInOrder(t *testing.T) {
	t.Parallel()
	const bookings = 20
	events, js := publisher(t, startBroker(t))
	var all []booking.Event
	for n := range bookings {
		all = append(all, told(n)...)
	}
	require.NoError(t, events.Take(t.Context(), all))
	consumer, err := js.CreateOrUpdateConsumer(t.Context(), "events", natsjs.ConsumerConfig{
		Durable: "reader", FilterSubject: "events.>", AckPolicy: natsjs.AckExplicitPolicy, AckWait: 100 * time.Millisecond, MaxAckPending: 1,
	})
	require.NoError(t, err)
	messages, err := consumer.Messages()
	require.NoError(t, err)
	defer messages.Stop()

	sequences, applied, again := map[string]string{}, map[string][]string{}, 0
	for n, done := 0, 0; done < len(all); n++ {
		msg, err := messages.Next()
		require.NoError(t, err)
		if n%4 == 1 {
			require.NoError(t, msg.Nak()) // it could not be applied
			continue
		}
		var e struct{ ID, Subject, Sequence string }
		require.NoError(t, json.Unmarshal(msg.Data(), &e))
		if e.Sequence > sequences[e.Subject] {
			sequences[e.Subject] = e.Sequence
			applied[e.Subject] = append(applied[e.Subject], e.ID)
			done++
		} else {
			again++
		}
		if n%7 != 3 { // else it was applied, and the answer is lost
			require.NoError(t, msg.Ack())
		}
	}
	require.Positive(t, again, "some came again, and were told apart")
	for n := range bookings {
		require.Equal(t, eventIDs(told(n)), applied[string(told(n)[0].Booking)])
	}
}
