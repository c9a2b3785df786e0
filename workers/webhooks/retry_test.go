package webhooks

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
)

func TestPausesDoubleUpToTheirBound(t *testing.T) {
	t.Parallel()
	var bounds []time.Duration
	for attempt := range 6 {
		bounds = append(bounds, bound(attempt+1, 5*time.Second, time.Minute))
	}
	require.Equal(t, []time.Duration{5 * time.Second, 10 * time.Second, 20 * time.Second, 40 * time.Second, time.Minute, time.Minute}, bounds)
	require.Equal(t, 6*time.Hour, bound(1_000_000, 5*time.Second, 6*time.Hour))
	short, long := false, false
	for range 1000 {
		p := pause(2, 5*time.Second, time.Minute)
		require.True(t, p >= 0 && p <= 10*time.Second)
		short, long = short || p < 3*time.Second, long || p > 7*time.Second
	}
	require.True(t, short && long, "all of it is used")
}

func TestWhatAnAnswerMeansForTheDelivery(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	s, err := New(Config{RetryFor: 72 * time.Hour, BackoffBase: time.Second, BackoffCap: time.Hour}, Deps{Now: func() time.Time { return now }})
	require.NoError(t, err)
	become := func(status int, age time.Duration, header ...string) booking.DeliveryResult {
		h := http.Header{}
		for i := 0; i < len(header); i += 2 {
			h.Set(header[i], header[i+1])
		}
		return s.result(booking.Delivery{Since: now.Add(-age), Attempts: 1}, "me", judge(status, h, now))
	}
	for _, status := range []int{200, 201, 202, 204, 299} {
		require.Equal(t, []any{booking.DeliveryDelivered, "", status}, []any{become(status, 0).State, become(status, 0).Error, become(status, 0).Status})
	}
	for status, fault := range map[int]string{301: "redirect", 304: "redirect", 400: "http_400", 401: "http_401", 404: "http_404", 409: "http_409", 429: "http_429", 500: "http_500", 503: "http_503", 101: "http_101"} {
		r := become(status, 71*time.Hour)
		require.Equal(t, []any{booking.DeliveryDue, fault}, []any{r.State, r.Error})
		require.LessOrEqual(t, r.RetryIn, time.Second)
		require.Equal(t, booking.DeliveryDead, become(status, 72*time.Hour).State, "after three days")
	}
	require.Equal(t, []any{booking.DeliveryDue, "http_410"}, []any{become(410, 0).State, become(410, 0).Error}, "it waits until the endpoint is asked again")
	require.Equal(t, booking.DeliveryDelivered, become(204, 100*time.Hour).State, "late, and taken")

	for text, want := range map[string]time.Duration{
		"120": 2 * time.Minute, "86400": time.Hour, "Mon, 23 Nov 2026 10:10:00 GMT": 10 * time.Minute, "99999999999999": 0, "-5": 0, "soon": 0, "Mon, 23 Nov 2020 10:10:00 GMT": 0,
	} {
		got := become(503, 0, "Retry-After", text).RetryIn
		require.True(t, got >= want && got <= max(want, time.Second), "%q: %s", text, got)
	}
}

func TestAnEndpointThatTakesNothingForLongIsTriedWithOneNowAndThen(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	var c circuit
	for range 100 {
		c.failed(now)
	}
	require.False(t, c.open(), "it has not been for long")
	require.Equal(t, 3, c.vacant(now, 4, 1))
	now = now.Add(circuitAfter)
	c.failed(now)
	require.True(t, c.open())
	require.Zero(t, c.vacant(now, 4, 0))
	now = now.Add(probeFirst)
	require.Equal(t, 1, c.vacant(now, 4, 0))
	require.Zero(t, c.vacant(now, 4, 1), "one at a time")
	for range 20 {
		c.failed(now)
	}
	require.Zero(t, c.vacant(now.Add(probeMost-time.Second), 4, 0), "the longer the less often,")
	require.Equal(t, 1, c.vacant(now.Add(probeMost), 4, 0), "but never not at all")
	require.True(t, c.took())
	require.Equal(t, 4, c.vacant(now, 4, 0), "what it takes closes it")
	require.False(t, c.took())

	var few circuit
	few.failed(now)
	few.failed(now.Add(time.Hour))
	require.False(t, few.open(), "that were few")
}
