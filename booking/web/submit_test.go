package web

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
)

func TestASubmissionIsAnsweredWith202AndAllItTakesToFollowIt(t *testing.T) {
	t.Parallel()
	s := open(t)
	answer := s.submit(submission("", ""), "key-1").is(http.StatusAccepted).golden("accepted")
	b := answer.booking()
	require.Equal(t, "/v1/bookings/"+b.Id, answer.header.Get("Location"))
	require.Equal(t, "1", answer.header.Get("Retry-After"))
	require.Equal(t, `"1"`, answer.header.Get("ETag"))
	require.Empty(t, answer.header.Get("Idempotent-Replayed"))
	require.Empty(t, contract().violations("Booking", generic(answer)))
	s.call("GET", answer.header.Get("Location"), b.ClientSecret, "").is(http.StatusOK)
}

func TestTheSameKeyAndBodyIsTheSameBookingHoweverFarItHasMoved(t *testing.T) {
	t.Parallel()
	g := open(t).guest()
	g.house.until(t, g.id, atRest)
	respelled := strings.Join(strings.Fields(submission(`"child_ages":[],`, "")), " ")
	for _, body := range []string{submission("", ""), respelled} {
		again := g.submit(body, "key-1").is(http.StatusAccepted)
		require.Equal(t, "true", again.header.Get("Idempotent-Replayed"))
		require.Equal(t, string(g.id), again.booking().Id)
		require.Equal(t, g.secret, again.booking().ClientSecret)
		require.Equal(t, StatusConfirmed, again.booking().Status)
	}
	require.Len(t, g.house.rooms, 1)
}

func TestTwoSpellingsOfOneNameAreOneSubmission(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.submit(submission("Núñez", "N\u00fa\u00f1ez"), "key-1").is(http.StatusAccepted)
	again := s.submit(submission("Núñez", "Nu\u0301n\u0303ez"), "key-1").is(http.StatusAccepted)
	require.Equal(t, "true", again.header.Get("Idempotent-Replayed"))
}

func TestAReplayStillWorksWhenTheSubmissionItselfWouldBeTooLate(t *testing.T) {
	t.Parallel()
	g := open(t).guest()
	g.house.pass(365 * 24 * time.Hour)
	require.Equal(t, string(g.id), g.submit(submission("", ""), "key-1").is(http.StatusAccepted).booking().Id)
	g.submit(submission("sim_ok", "sim_other"), "key-1").problem(http.StatusUnprocessableEntity, ProblemCodeIdempotencyKeyReused)
	p := g.submit(submission("", ""), "key-2").problem(http.StatusUnprocessableEntity, ProblemCodeValidationFailed)
	require.Equal(t, []FieldError{{"/stay/check_in", "past", "Check-in is over in the hotel's time zone."}}, p.Errors)
	g.call("POST", "/v1/bookings", otherKey, submission("", ""), "Idempotency-Key", "key-1").
		problem(http.StatusUnprocessableEntity, ProblemCodeValidationFailed)
}

func TestTheSameKeyWithAnotherBodyIsRefused(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.submit(submission("", ""), "key-1").is(http.StatusAccepted)
	s.submit(submission("sim_ok", "sim_down"), "key-1").problem(http.StatusUnprocessableEntity, ProblemCodeIdempotencyKeyReused)
	require.Len(t, s.house.rooms, 1)
}

func TestTwoClientsCanUseTheSameKey(t *testing.T) {
	t.Parallel()
	g := open(t).guest()
	theirs := g.call("POST", "/v1/bookings", otherKey, submission("", ""), "Idempotency-Key", "key-1").is(http.StatusAccepted)
	require.Empty(t, theirs.header.Get("Idempotent-Replayed"))
	require.NotEqual(t, string(g.id), theirs.booking().Id)
	require.NotEqual(t, g.secret, theirs.booking().ClientSecret)
}

func TestFiftyConcurrentSubmissionsWithOneKeyMakeOneBooking(t *testing.T) {
	t.Parallel()
	s := open(t)
	replies := make([]reply, 50)
	var wg sync.WaitGroup
	for i := range replies {
		wg.Go(func() {
			replies[i], _ = s.try(t.Context(), "POST", "/v1/bookings", webKey, submission("", ""), "Idempotency-Key", "key-1")
		})
	}
	wg.Wait()
	first := replies[0].is(http.StatusAccepted).booking()
	for _, r := range replies {
		require.Equal(t, first.Id, r.is(http.StatusAccepted).booking().Id)
		require.Equal(t, first.ClientSecret, r.booking().ClientSecret)
	}
	require.Len(t, s.house.rooms, 1)
}

func TestTheIdempotencyKeyIsRequiredAndMustBeVisibleASCII(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.call("POST", "/v1/bookings", webKey, submission("", "")).problem(http.StatusBadRequest, ProblemCodeIdempotencyKeyMissing)
	s.submit(submission("", ""), "").problem(http.StatusBadRequest, ProblemCodeIdempotencyKeyMissing)
	for _, key := range []string{"with space", "ünïcode", strings.Repeat("k", 256)} {
		s.submit(submission("", ""), key).problem(http.StatusBadRequest, ProblemCodeIdempotencyKeyInvalid)
	}
	s.submit(submission("", ""), strings.Repeat("k", 255)).is(http.StatusAccepted)
}

// untouchable is a body that must not be read.
type untouchable struct{ *testing.T }

func (u untouchable) Read([]byte) (int, error) {
	u.Error("the body was read")
	return 0, io.EOF
}

func TestOverloadShedsBeforeTheBodyOrTheDatabaseIsTouched(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.house.admit = &booking.Overloaded{RetryAfter: 4 * time.Second, Why: "backlog"}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/bookings", untouchable{t})
	require.NoError(t, err)
	request.Header.Set("Authorization", "Bearer "+webKey)
	answer := newRecorder(t)
	s.api.ServeHTTP(answer, request)
	p := answer.reply().golden("problem_overloaded").problem(http.StatusServiceUnavailable, ProblemCodeOverloaded)
	require.NotContains(t, p.Detail, "backlog", "why is for the operators")
	require.Contains(t, []string{"4", "5", "6"}, answer.Header().Get("Retry-After"), "jittered, but never sooner")
	require.Zero(t, s.house.reads)
}

func TestOverloadFoundLateIsAnsweredTheSame(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.house.down = &booking.Overloaded{RetryAfter: time.Second, Why: "predicted_wait"}
	s.submit(submission("", ""), "key-1").problem(http.StatusServiceUnavailable, ProblemCodeOverloaded)
}

func TestADatabaseThatIsAwayIsA503ThatTellsNothing(t *testing.T) {
	t.Parallel()
	g := open(t).guest()
	g.house.down = errDown
	for _, answer := range []reply{g.submit(submission("", ""), "key-2"), g.get(), g.call("GET", "/v1/support/bookings", agentKey, "")} {
		answer.problem(http.StatusServiceUnavailable, ProblemCodeUnavailable)
		require.NotEmpty(t, answer.header.Get("Retry-After"))
		require.NotContains(t, string(answer.body), "10.0.0.5")
	}
	require.Contains(t, g.log.String(), "connection refused", "but the log says it")
	g.house.down = nil
	g.submit(submission("", ""), "key-2").is(http.StatusAccepted)
}

func TestADatabaseThatDoesNotAnswerInTimeIsNotTheCallersFault(t *testing.T) {
	t.Parallel()
	g := open(t).guest()
	for _, late := range []error{context.DeadlineExceeded, &net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}, context.Canceled} {
		g.house.down = late
		g.get().problem(http.StatusServiceUnavailable, ProblemCodeUnavailable)
		g.submit(submission("", ""), "key-2").problem(http.StatusServiceUnavailable, ProblemCodeUnavailable)
	}
}

func TestAClientReferenceFindsTheCallersOwnBookingsOnly(t *testing.T) {
	t.Parallel()
	g := open(t).guest()
	g.call("POST", "/v1/bookings", otherKey, submission("", ""), "Idempotency-Key", "key-1").is(http.StatusAccepted)
	list := read[BookingList](g.call("GET", "/v1/bookings?client_reference=web-4711", webKey, "").is(http.StatusOK).golden("list"))
	require.Len(t, list.Bookings, 1)
	require.Equal(t, string(g.id), list.Bookings[0].Id)
	require.Empty(t, list.Bookings[0].ClientSecret)
	require.Empty(t, read[BookingList](g.call("GET", "/v1/bookings?client_reference=web-4712", webKey, "").is(http.StatusOK)).Bookings)
	g.call("GET", "/v1/bookings", webKey, "").problem(http.StatusBadRequest, ProblemCodeInvalidParameter)
	g.call("GET", "/v1/bookings?client_reference=", webKey, "").problem(http.StatusBadRequest, ProblemCodeInvalidParameter)
	g.call("GET", "/v1/bookings?client_referense=web-4711", webKey, "").problem(http.StatusBadRequest, ProblemCodeInvalidParameter)
}
