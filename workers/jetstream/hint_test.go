package jetstream_test

import (
	"testing"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
	"hotelbooking/booking/bookingtest"
)

// What goes over the broker is who, where and since when, and nothing of the guest.
func TestAHintNamesABookingAndItsTraceAndNothingElse(t *testing.T) {
	t.Parallel()
	const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	f := newFleet(t)
	_, js := connected(t, f.broker)
	api := f.join(nil) // who says hints makes the stream, too
	var stream natsjs.Stream
	require.Eventually(t, func() bool {
		var err error
		stream, err = js.Stream(t.Context(), "look")
		return err == nil
	}, readyWithin, time.Millisecond)
	receipt, err := api.Submit(t.Context(), bookingtest.Ask(func(a *booking.Ask) { a.Trace = trace }), "key", [32]byte{})
	require.NoError(t, err)
	var msg *natsjs.RawStreamMsg
	require.Eventually(t, func() bool {
		msg, err = stream.GetMsg(t.Context(), 1)
		return err == nil
	}, readyWithin, time.Millisecond)
	id := string(receipt.Booking.ID)
	require.JSONEq(t, `{"booking":"`+id+`","version":1,"pool":"provider","supplier":"`+receipt.Booking.Offer.Supplier+`"}`, string(msg.Data))
	require.Equal(t, id+":1", msg.Header.Get(natsjs.MsgIDHeader))
	require.Equal(t, trace, msg.Header.Get("traceparent"))
	require.Len(t, msg.Header, 2)
	require.Equal(t, "look.provider."+receipt.Booking.Offer.Supplier, msg.Subject)
}
