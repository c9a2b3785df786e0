package main

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
	"hotelbooking/store/storetest"
)

// onEach runs a test on both databases, where the test starts the service itself.
func onEach(t *testing.T, test func(t *testing.T, url string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, "")
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		test(t, storetest.PostgresSchema(t))
	})
}

// running is a service that the test stops itself, and its client.
func running(t *testing.T, cfg Config) (*App, *client) {
	t.Helper()
	log, lines := logBuffer()
	app := NewApp(cfg, log)
	require.NoError(t, app.Start(t.Context()))
	t.Cleanup(func() { requireNothingPersonal(t, lines.String()) })
	return app, &client{
		log: lines,
		T:   t, base: "http://" + app.Addr(), admin: "http://" + app.AdminAddr(), sandbox: app.sandboxURL(),
		bookings: keyFile(t, cfg, "bookings"), support: keyFile(t, cfg, "support"),
	}
}

// pausing pauses something, or lets it go on, as a supervisor does.
func pausing(t *testing.T, app *App, what string, paused bool) {
	t.Helper()
	require.NoError(t, app.workers.Pause(t.Context(), booking.PauseChange{
		What: what, Paused: paused, Actor: booking.SupportActor("ada"), Role: "supervisor", RequestID: "r-1", Reason: "the supplier asked for it",
	}))
}

// TestAPauseOutlivesTheProcess: what is paused is called neither by the process that was told nor by the one after it, and
// bookings that were taken meanwhile are confirmed once it goes on.
func TestAPauseOutlivesTheProcess(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, url string) {
		cfg, supplier := quick(t, url), booking.PauseOfSupplier("sandbox")
		app, c := running(t, cfg)
		pausing(t, app, supplier, true)
		b := c.submit(order{})
		seen := c.until(b.ID, func(b bookingView) bool { return b.Version >= 3 })
		require.Equal(t, "pending", seen.Status, "held back twice")
		require.NotContains(t, c.ledger(), b.Reference)
		require.NoError(t, app.Stop(context.Background()))

		app, c = running(t, cfg)
		defer func() { require.NoError(t, app.Stop(context.Background())) }()
		seen = c.until(b.ID, func(b bookingView) bool { return b.Version >= seen.Version+2 })
		require.Equal(t, "pending", seen.Status, "and by the next process, too")
		require.NotContains(t, c.ledger(), b.Reference)
		metrics := c.call("GET", c.admin+"/metrics", "", "").is(http.StatusOK)
		require.Contains(t, string(metrics.body), `booking_paused{what="supplier:sandbox"} 1`)

		pausing(t, app, supplier, false)
		require.Equal(t, "confirmed", c.untilDecided(b.ID).Status)
		log, err := app.workers.PauseLog(t.Context(), 10)
		require.NoError(t, err)
		require.Len(t, log, 2)
		require.False(t, log[0].Paused)
		require.Equal(t, booking.SupportActor("ada"), log[0].Actor)
	})
}

func TestAPausedIntakeSaysWhenToComeBack(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, url string) {
		app, c := running(t, quick(t, url))
		defer func() { require.NoError(t, app.Stop(context.Background())) }()
		before := c.submit(order{})
		pausing(t, app, booking.PauseIntake, true)
		refused := c.call("POST", "/v1/bookings", c.bookings, order{}.json(), "Idempotency-Key", "while-paused").is(http.StatusServiceUnavailable)
		require.NotEmpty(t, refused.header.Get("Retry-After"))
		require.Contains(t, string(refused.body), `"overloaded"`)
		require.Equal(t, "confirmed", c.untilDecided(before.ID).Status, "what was taken goes on")
		pausing(t, app, booking.PauseIntake, false)
		again := c.call("POST", "/v1/bookings", c.bookings, order{}.json(), "Idempotency-Key", "while-paused").is(http.StatusAccepted).booking()
		require.Equal(t, "confirmed", c.untilDecided(again.ID).Status)
	})
}

// TestFiguresOfARunningServiceAreThere: the console's overview has something to show from the first moment.
func TestFiguresOfARunningServiceAreThere(t *testing.T) {
	t.Parallel()
	app, c := running(t, quick(t, ""))
	defer func() { require.NoError(t, app.Stop(context.Background())) }()
	require.NotEmpty(t, app.workers.Figures())
	require.Equal(t, "confirmed", c.untilDecided(c.submit(order{}).ID).Status)
	all := app.workers.Figures()
	now := all[len(all)-1]
	require.Equal(t, int64(1), now.Accepted)
	require.Equal(t, int64(1), now.Confirmed)
	require.WithinDuration(t, time.Now(), now.At, time.Minute)
}
