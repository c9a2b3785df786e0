package client_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"hotelbooking/chaos/client"
	"hotelbooking/chaos/judge"
)

// service answers each request with the next of its answers, and with the last for ever.
type service struct {
	*httptest.Server
	answers []string // "202 body"; empty: the connection is cut
	asked   []string // method, path, Idempotency-Key and body
}

func serve(t *testing.T, answers ...string) (*service, client.Client) {
	t.Helper()
	s := &service{answers: answers}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.asked = append(s.asked, fmt.Sprintf("%s %s %s%s", r.Method, r.URL.Path, r.Header.Get("Idempotency-Key"), body))
		answer := s.answers[0]
		s.answers = s.answers[min(1, len(s.answers)-1):]
		if answer == "" {
			panic(http.ErrAbortHandler)
		}
		var status int
		_, _ = fmt.Sscan(answer, &status)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, answer[4:])
	}))
	t.Cleanup(s.Close)
	return s, client.Client{Somewhere: func() string { return s.URL }, Key: func() string { return "key" }, Breathe: func() {}}
}

func TestASubmissionIsRepeatedWithItsKeyUntilItIsAnswered(t *testing.T) {
	t.Parallel()
	outside, c := serve(t, "", "503 -", `202 {"id":"b1","reference":"R1","status":"pending","version":1}`, `202 {"id":"b2","status":"pending","version":1}`)
	s := &judge.Story{Key: "k1"}
	require.True(t, c.Submit(nil, s, "{}"))
	require.Equal(t, []string{"POST /v1/bookings k1{}", "POST /v1/bookings k1{}", "POST /v1/bookings k1{}"}, outside.asked)
	require.Equal(t, []int{2, 1, 1}, []int{s.Retries, s.Unavailable, s.Cut})
	require.Equal(t, "R1", s.Reference)
	require.False(t, s.Unreplayed)

	require.True(t, c.Submit(nil, s, "{}"))
	require.True(t, s.Unreplayed, "it was there already, and the service does not say so")
	require.Equal(t, []string{"b1", "b2"}, s.IDs)
}

func TestARefusalIsNotRepeated(t *testing.T) {
	t.Parallel()
	outside, c := serve(t, "422 -")
	s := &judge.Story{Key: "k1"}
	require.False(t, c.Submit(nil, s, "{}"))
	require.Equal(t, http.StatusUnprocessableEntity, s.Refused)
	require.Len(t, outside.asked, 1)
}

func TestABookingIsFollowedToItsEnd(t *testing.T) {
	t.Parallel()
	_, c := serve(t, `200 {"id":"b1","status":"processing","version":2}`, "500 -", "304 ", `200 {"id":"b1","status":"confirmed","version":4,"terminal":true}`)
	s := &judge.Story{IDs: []string{"b1"}}
	require.True(t, c.Follow(nil, s, "key"))
	require.Equal(t, []judge.Seen{{Status: "processing", Version: 2}, {Status: "confirmed", Version: 4, Terminal: true}}, s.Seen)
	require.False(t, s.Decided.IsZero())
}

func TestABookingThatIsGoneIsNoted(t *testing.T) {
	t.Parallel()
	_, c := serve(t, "404 -")
	s := &judge.Story{IDs: []string{"b1"}}
	require.False(t, c.Follow(nil, s, "key"))
	c.Cancel(nil, s)
	require.Equal(t, 2, s.Missing)
	require.True(t, s.CancelSent)
	require.False(t, s.CancelTaken)
}

func TestACancellationIsRepeatedUntilItIsTaken(t *testing.T) {
	t.Parallel()
	outside, c := serve(t, "429 -", `202 {"id":"b1","status":"cancelling","version":5}`)
	s := &judge.Story{IDs: []string{"b1"}}
	c.Cancel(nil, s)
	require.True(t, s.CancelTaken)
	require.Equal(t, "POST /v1/bookings/b1/cancellation {}", outside.asked[1])
}

func TestWhoIsToldToStopStops(t *testing.T) {
	t.Parallel()
	outside, c := serve(t, "503 -")
	over := make(chan struct{})
	c.Breathe = func() { close(over) }
	require.False(t, c.Submit(over, &judge.Story{}, "{}"))
	require.Len(t, outside.asked, 1)
}
