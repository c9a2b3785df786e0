package web

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
)

// streaming is an open stream.
type streaming struct {
	*testing.T
	response *http.Response
	lines    *bufio.Reader
	leave    context.CancelFunc
}

func (g *guest) stream(head ...string) *streaming {
	g.Helper()
	ctx, cancel := context.WithTimeout(g.Context(), soon)
	g.Cleanup(cancel)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, g.server.URL+g.path+"/stream", http.NoBody)
	require.NoError(g, err)
	request.Header.Set("Authorization", "Bearer "+g.secret)
	for i := 0; i < len(head); i += 2 {
		request.Header.Set(head[i], head[i+1])
	}
	response, err := g.server.Client().Do(request)
	require.NoError(g, err)
	g.Cleanup(func() { _ = response.Body.Close() })
	return &streaming{g.T, response, bufio.NewReader(response.Body), cancel}
}

// next is the next event or comment, without its empty line.
func (s *streaming) next() string {
	s.Helper()
	var text strings.Builder
	for {
		line, err := s.lines.ReadString('\n')
		require.NoError(s, err, "after %q", text.String())
		if line == "\n" {
			return text.String()
		}
		text.WriteString(line)
	}
}

// status is the next event, which must be of that version.
func (s *streaming) status(id string) Booking {
	s.Helper()
	lines := strings.Split(strings.TrimSpace(s.next()), "\n")
	require.Equal(s, "id: "+id, lines[0])
	require.Equal(s, "event: status", lines[1])
	var b Booking
	require.NoError(s, json.Unmarshal([]byte(strings.TrimPrefix(lines[2], "data: ")), &b, json.RejectUnknownMembers(true)))
	return b
}

func (s *streaming) ends() {
	s.Helper()
	rest, err := io.ReadAll(s.lines)
	require.NoError(s, err)
	require.Empty(s, rest)
}

func TestAStreamTellsOfEveryChangeUntilTheBookingIsDecided(t *testing.T) {
	t.Parallel()
	g := open(t).guest()
	s := g.stream()
	require.Equal(t, "text/event-stream", s.response.Header.Get("Content-Type"))
	require.Equal(t, "private, no-cache", s.response.Header.Get("Cache-Control"))
	require.Equal(t, "retry: 2000\n", s.next())
	require.Equal(t, StatusPending, s.status("1").Status)
	for _, want := range []string{"2", "3", "4"} {
		g.house.whenever(t, func() { g.house.turn(t, g.id) })
		require.Equal(t, StatusProcessing, s.status(want).Status)
	}
	g.house.whenever(t, func() { g.house.turn(t, g.id) })
	b := s.status("5")
	require.Equal(t, StatusConfirmed, b.Status)
	require.True(t, b.Terminal)
	require.Empty(t, b.ClientSecret)
	s.ends()
}

func TestAStreamResumesAfterTheLastEventThatWasSeen(t *testing.T) {
	t.Parallel()
	g := open(t).guest()
	g.house.turn(t, g.id)
	s := g.stream("Last-Event-ID", "2")
	require.Equal(t, "retry: 2000\n", s.next())
	g.house.whenever(t, func() { g.house.turn(t, g.id) })
	s.status("3")

	missed := g.stream("Last-Event-ID", "1")
	missed.next()
	require.Equal(t, 3, missed.status("3").Version, "what was missed comes as one event: the booking as it stands")
}

func TestAStreamOfADecidedBookingHasOneEventOrNone(t *testing.T) {
	t.Parallel()
	g := open(t).guest()
	g.house.until(t, g.id, hasStatus(booking.StatusConfirmed))
	s := g.stream()
	s.next()
	s.status("5")
	s.ends()
	require.Equal(t, http.StatusNoContent, g.stream("Last-Event-ID", "5").response.StatusCode, "which keeps browsers from coming back")
}

func TestAnEventIDThatIsNoneIsRefused(t *testing.T) {
	t.Parallel()
	g := open(t).guest()
	for _, id := range []string{"x", "-1", "1.5", "99999999999999999999"} {
		g.call("GET", g.path+"/stream", g.secret, "", "Last-Event-ID", id).problem(http.StatusBadRequest, ProblemCodeInvalidParameter)
	}
}

func TestASilentStreamIsKeptAliveBeyondTheTimeOutsOfOtherCalls(t *testing.T) {
	t.Parallel()
	g := open(t, func(c *Config) {
		c.ReadTimeout, c.WriteTimeout, c.PingEvery = 500*time.Millisecond, 500*time.Millisecond, 80*time.Millisecond
	}).guest()
	s := g.stream()
	s.next()
	s.status("1")
	for range 10 {
		require.Equal(t, ": ping\n", s.next())
	}
	g.house.turn(t, g.id)
	for text := s.next(); !strings.HasPrefix(text, "id: 2\n"); text = s.next() {
		require.Equal(t, ": ping\n", text)
	}
}

func TestAStreamEndsWhenItIsOldOrTheServerStops(t *testing.T) {
	t.Parallel()
	g := open(t, func(c *Config) { c.StreamMax = 50 * time.Millisecond }).guest()
	s := g.stream()
	s.next()
	s.status("1")
	s.ends()

	g = open(t).guest()
	s = g.stream()
	s.next()
	s.status("1")
	g.house.whenever(t, g.api.Drain)
	s.ends()
}

func TestAStreamThatIsLeftReleasesItsPlace(t *testing.T) {
	t.Parallel()
	g := open(t).guest()
	s := g.stream()
	s.next()
	s.status("1")
	require.EqualValues(t, 1, g.api.held.Load())
	s.leave()
	require.Eventually(t, func() bool { return g.api.held.Load() == 0 }, soon, 5*time.Millisecond)
}
