package webhooks

import (
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
)

func TestADeadLetterIsSeenCountedAndRetriedByAPerson(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db database) {
		answers := []int{404, 204, 204}
		shop := receive(t, func(n int, _ got) int { return answers[n-1] })
		r := start(t, db, []Endpoint{shop.endpoint("shop")}, func(p *parts) { p.cfg.RetryFor = 1 })
		r.take(happened(1, 1), happened(1, 2))
		dead := r.until(booking.DeliveryDead, 1)[0]
		require.Equal(t, []any{1, 404, "http_404", happened(1, 1).ID}, []any{dead.Attempts, dead.Status, dead.LastError, dead.Event})
		r.until(booking.DeliveryDelivered, 1)
		require.Equal(t, 1.0, testutil.ToFloat64(r.metrics.outcomes.WithLabelValues("shop", "dead")))
		require.Len(t, r.logs.FilterMessageSnippet("webhook dead").All(), 1)
		order := booking.DeliveryOrder{Delivery: dead.ID, Actor: booking.SupportActor("sue"), Reason: "they mended it"}
		require.NoError(t, db.RetryDelivery(t.Context(), order))
		r.until(booking.DeliveryDelivered, 2)
		all := shop.received()
		require.Equal(t, []string{all[0].id(), all[0].body}, []string{all[2].id(), all[2].body})
	})
}

func TestAnEndpointThatSaysItIsGoneIsAskedNoMoreUntilAPersonLetsItGoOn(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db database) {
		var back atomic.Bool
		shop := receive(t, func(int, got) int {
			if back.Load() {
				return 204
			}
			return 410
		})
		fine := receive(t, always(204))
		r := start(t, db, []Endpoint{shop.endpoint("shop"), fine.endpoint("fine")}, func(p *parts) { p.cfg.PerEndpoint = 1 })
		r.take(happened(1, 1), happened(1, 2), happened(2, 1))
		r.until(booking.DeliveryDelivered, 3)
		require.Eventually(t, func() bool { return r.logs.FilterMessageSnippet("says that it is gone").Len() == 1 }, time.Minute, time.Millisecond)
		r.take(happened(3, 1))
		r.until(booking.DeliveryDelivered, 4)
		r.upkeep(t.Context())
		require.Equal(t, 1.0, testutil.ToFloat64(r.metrics.paused.WithLabelValues("shop")))
		require.Len(t, shop.received(), 1, "it has said so")
		list, err := r.Endpoints(t.Context())
		require.NoError(t, err)
		require.Equal(t, []booking.WebhookEndpoint{
			{Name: "shop", DeliveryFigures: booking.DeliveryFigures{Due: 4, Lag: list[0].Lag, Paused: true}}, {Name: "fine"},
		}, list, "nothing is lost")

		back.Store(true)
		require.NoError(t, db.Pause(t.Context(), booking.PauseChange{What: booking.PauseOfWebhook("shop"), Actor: booking.SupportActor("sue"), Reason: "they are back"}))
		r.until(booking.DeliveryDelivered, 8)
		require.Equal(t, happened(1, 1).ID, shop.received()[0].id())
	})
}

func TestAReplaySendsTheSameEventsAgain(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db database) {
		shop := receive(t, always(204))
		events := past{happened(1, 1), happened(1, 2), happened(2, 1)}
		r := start(t, db, []Endpoint{shop.endpoint("shop")}, func(p *parts) { p.deps.Events = events })
		r.take(events[0])
		r.until(booking.DeliveryDelivered, 1)
		order := booking.DeliveryOrder{Endpoint: "shop", Booking: events[0].Booking, Actor: booking.SupportActor("sue"), Reason: "they lost them"}
		n, err := r.Replay(t.Context(), order)
		require.NoError(t, err)
		require.Equal(t, 2, n)
		r.until(booking.DeliveryDelivered, 2)
		var ids []string
		for _, g := range shop.received() {
			ids = append(ids, g.id())
		}
		require.Equal(t, []string{events[0].ID, events[0].ID, events[1].ID}, ids, "in order, and the other booking's not at all")
		require.Equal(t, shop.received()[0].body, shop.received()[1].body)

		order.Endpoint = "nobody"
		_, err = r.Replay(t.Context(), order)
		require.ErrorIs(t, err, booking.ErrNoEndpoint)
		order.Endpoint, order.Booking = "shop", "none"
		n, err = r.Replay(t.Context(), order)
		require.NoError(t, err)
		require.Zero(t, n)
		r.deps.Events = past(slices.Repeat([]booking.Event{happened(1, 1)}, booking.ReplayMost+1))
		order.Booking = ""
		_, err = r.Replay(t.Context(), order)
		require.ErrorIs(t, err, booking.ErrTooManyEvents)
		r.until(booking.DeliveryDelivered, 2)
	})
}
