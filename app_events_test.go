package main

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
)

// What is in the stream is tested in workers/jetstream, and the order in workers/relay: here, that all of it is connected, and
// that what is left at a stop is told after the next start.
func TestEventsOfTheWholeServiceReachTheStream(t *testing.T) {
	t.Parallel()
	onBoth(t, func(c *client) {
		c.untilDecided(c.submit(order{}).ID)
		c.untilDecided(c.submit(order{offer: "sim_sold_out_book"}).ID)
		for _, metric := range []string{
			`booking_events_taken_total{subscriber="stream",type="booking.accepted"} 2`,
			`booking_events_taken_total{subscriber="stream",type="booking.confirmed"} 1`,
			`booking_events_taken_total{subscriber="stream",type="booking.failed"} 1`,
			`booking_events_taken_total{subscriber="stream",type="payment.captured"} 1`,
			`booking_events_taken_total{subscriber="stream",type="payment.voided"} 1`,
		} {
			require.Eventually(c, func() bool {
				a := c.call("GET", c.admin+"/metrics", "", "").is(http.StatusOK)
				return strings.Contains(string(a.body), metric)
			}, time.Minute, 20*time.Millisecond, metric)
		}
	}, func(c *Config) {
		c.Engine, c.Events.Stream = jetStream, "events"
		c.Events.Poll = time.Hour // the store wakes the relay
	})
}

// A process that does not tell others what has happened leaves it for those that do.
func TestAProcessWithoutTheRoleTellsNobodyAndLosesNothing(t *testing.T) {
	t.Parallel()
	cfg := quick(t, "")
	cfg.Engine, cfg.Events.Stream = jetStream, "events"
	cfg.Roles = []string{apiRole, "provider", "fraud", "payment", "tracking"}
	app := NewApp(cfg, zap.NewNop())
	require.NoError(t, app.Start(t.Context()))
	require.Nil(t, app.relay)
	c := &client{T: t, base: "http://" + app.Addr(), bookings: keyFile(t, cfg, "bookings")}
	c.untilDecided(c.submit(order{}).ID)
	figures, err := app.store.EventFigures(t.Context(), eventsName)
	require.NoError(t, err)
	require.GreaterOrEqual(t, figures.Waiting, 3, "accepted, reserved on the card, confirmed")
	require.NoError(t, app.Stop(t.Context()))

	cfg.Roles = roles()
	next := NewApp(cfg, zap.NewNop())
	require.NoError(t, next.Start(t.Context()))
	require.Eventually(t, func() bool {
		figures, err := next.store.EventFigures(t.Context(), eventsName)
		return err == nil && figures.Waiting == 0
	}, time.Minute, 10*time.Millisecond)
	require.NoError(t, next.Stop(t.Context()))
}
