package web

import (
	"bufio"
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
)

// follows opens the stream of changes, as the page's script does.
func (c *clerk) follows(path string, head ...string) *streaming {
	c.Helper()
	ctx, cancel := context.WithTimeout(c.Context(), soon)
	c.Cleanup(cancel)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.server.URL+path, http.NoBody)
	require.NoError(c, err)
	request.Header.Set("Cookie", c.cookie)
	request.Header.Set("Accept", "text/event-stream")
	for i := 0; i < len(head); i += 2 {
		request.Header.Set(head[i], head[i+1])
	}
	response, err := c.server.Client().Do(request)
	require.NoError(c, err)
	c.Cleanup(func() { _ = response.Body.Close() })
	require.Equal(c, http.StatusOK, response.StatusCode)
	s := &streaming{c.T, response, bufio.NewReader(response.Body), cancel}
	require.Equal(c, "retry: 2000\n", s.next())
	return s
}

func TestAnOpenPageHearsOfEveryChangePastTheEndOfTheBooking(t *testing.T) {
	t.Parallel()
	g := open(t).guest()
	ada := staff(t, g.site, viewerKey)
	s := ada.follows(g.page() + "/events?seen=1")
	require.Equal(t, "text/event-stream", s.response.Header.Get("Content-Type"))
	for _, version := range []string{"2", "3", "4", "5", "6", "7"} {
		g.house.whenever(t, func() { g.house.turn(t, g.id) })
		require.Equal(t, "id: "+version+"\nevent: changed\ndata: "+version+"\n", s.next())
	}
	require.True(t, atRest(g.stored()))
	g.house.whenever(t, func() {
		g.staff("POST", "/"+string(g.id)+"/actions/note", agentKey, `{"reason":"Calls back tomorrow."}`).is(http.StatusAccepted)
	})
	require.Equal(t, "id: 8\nevent: changed\ndata: 8\n", s.next(), "which was decided long ago")
	require.Contains(t, ada.fragment(g.page()+"?part=live").page(http.StatusOK), "Calls back tomorrow.")
}

func TestAPageThatMissedSomethingHearsOfItAtOnce(t *testing.T) {
	t.Parallel()
	g := open(t).guest()
	g.house.until(t, g.id, atRest)
	ada := staff(t, g.site, viewerKey)
	require.Contains(t, ada.follows(g.page()+"/events?seen=3").next(), "data: 7\n")
	require.Contains(t, ada.follows(g.page()+"/events?seen=7", "Last-Event-ID", "6").next(), "data: 7\n")
	missing := "/support/bookings/01945e2a-7c00-7000-8000-999999999999/events"
	require.Equal(t, http.StatusNotFound, ada.get(missing).status)
}

func TestTheStreamOfAPageIsPingedAndEndsWithItsSession(t *testing.T) {
	t.Parallel()
	s := open(t, func(c *Config) { c.PingEvery = time.Millisecond })
	g := s.guest()
	ada := staff(t, s, viewerKey)
	stream := ada.follows(g.page() + "/events")
	require.Equal(t, ": ping\n", stream.next())
	s.house.mu.Lock()
	clear(s.house.sessions)
	s.house.mu.Unlock()
	for {
		if _, err := stream.lines.ReadString('\n'); err != nil {
			require.NoError(t, stream.response.Body.Close())
			break
		}
	}
	require.Eventually(t, func() bool { return s.api.held.Load() == 0 }, soon, time.Millisecond)
}

func TestTheStreamOfAPageEndsWhenTheServerDrains(t *testing.T) {
	t.Parallel()
	g := open(t).guest()
	stream := staff(t, g.site, viewerKey).follows(g.page() + "/events?seen=1")
	g.house.whenever(t, func() { g.api.Drain() })
	stream.ends()
	require.Equal(t, booking.StatusPending, g.stored().Status())
}

func TestTooManyOpenPagesAreToldToComeLater(t *testing.T) {
	t.Parallel()
	g := open(t, func(c *Config) { c.HeldMax = 0 }).guest()
	require.Equal(t, http.StatusServiceUnavailable, staff(t, g.site, viewerKey).get(g.page()+"/events").status)
}
