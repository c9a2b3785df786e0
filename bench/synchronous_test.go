package bench

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"hotelbooking/booking"
	"hotelbooking/store"
)

// synchronousForTest is the service on a database of its own, with an outside that answers at once.
func synchronousForTest(t *testing.T, ports booking.Outside) *synchronousService {
	t.Helper()
	db := database{dir: t.TempDir()}
	s, err := store.Open(t.Context(), db.config(), zap.NewNop())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return &synchronousService{flow: booking.NewFlow(ports, booking.DefaultLimits()), store: s}
}

func (s *synchronousService) submit(t *testing.T, body, key string) (int, told) {
	t.Helper()
	req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, bookingsPath, strings.NewReader(body))
	req.Header.Set("Idempotency-Key", key)
	answer := httptest.NewRecorder()
	s.routes().ServeHTTP(answer, req)
	var b told
	if answer.Header().Get("Content-Type") == "application/json" {
		require.NoError(t, json.Unmarshal(answer.Body.Bytes(), &b))
	}
	return answer.Code, b
}

func TestASynchronousAnswerIsTheDecision(t *testing.T) {
	t.Parallel()
	s := synchronousForTest(t, outside{}.ports())
	body := string(newSubmissions("key", "sim_ok").body(1))
	status, b := s.submit(t, body, "k-1")
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, "confirmed", b.Status)
	stored, err := s.store.Get(t.Context(), booking.ID(b.ID))
	require.NoError(t, err)
	require.Equal(t, booking.Ended, stored.Place.Phase)
	again, repeated := s.submit(t, body, "k-1")
	require.Equal(t, http.StatusOK, again)
	require.Equal(t, b.Reference, repeated.Reference)
	status, _ = s.submit(t, strings.Replace(body, "346.00", "347.00", 1), "k-1")
	require.Equal(t, http.StatusUnprocessableEntity, status)
}

func TestASubmissionThatNobodyFinishedIsAConflictForEver(t *testing.T) {
	t.Parallel()
	s := synchronousForTest(t, outside{}.ports())
	body := newSubmissions("key", "sim_ok").body(1)
	asked, err := readAsk(body, time.Now().UTC())
	require.NoError(t, err)
	b, entry := s.flow.Begin(asked, asked.CreatedAt)
	_, err = s.store.Accept(t.Context(), booking.Acceptance{
		Booking: b, Entry: entry, Key: "k-1", Fingerprint: fingerprintOf(body), Owner: "the process that died", Lease: time.Hour,
	})
	require.NoError(t, err)
	status, _ := s.submit(t, string(body), "k-1")
	require.Equal(t, http.StatusConflict, status)
}

func TestASubmissionThatCannotBeReadIsRefused(t *testing.T) {
	t.Parallel()
	s := synchronousForTest(t, outside{}.ports())
	for _, body := range []string{"", "{}", `{"offer":{"total":{"amount":"x","currency":"EUR"}}}`} {
		status, _ := s.submit(t, body, "k-1")
		require.Equal(t, http.StatusUnprocessableEntity, status, body)
	}
}
