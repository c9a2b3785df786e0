package web

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
)

// admin calls the operators' listener.
func admin(t *testing.T, path string, checks ...Check) reply {
	t.Helper()
	registry := prometheus.NewRegistry()
	counter := prometheus.NewCounter(prometheus.CounterOpts{Name: "bookings_accepted_total", Help: "Bookings accepted."})
	registry.MustRegister(counter)
	server := NewAdmin(AdminDeps{Ready: checks, Gatherer: registry, Log: zap.NewNop()})
	answer := newRecorder(t)
	server.Handler.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, http.NoBody))
	return answer.reply()
}

func TestALiveProcessSaysSoWhateverItsSurroundings(t *testing.T) {
	t.Parallel()
	broken := Check{"database", func(context.Context) error { return errors.New("away") }}
	require.JSONEq(t, `{"status":"ok"}`, string(admin(t, "/livez", broken).is(http.StatusOK).body))
}

func TestReadinessNamesEverythingThatIsWrong(t *testing.T) {
	t.Parallel()
	well := Check{"engine", func(context.Context) error { return nil }}
	away := Check{"database", func(context.Context) error { return errors.New("connection refused") }}
	full := Check{"migrations", func(context.Context) error { return errors.New("2 pending") }}
	require.JSONEq(t, `{"status":"ok","checks":{"engine":"ok"}}`, string(admin(t, "/readyz", well).is(http.StatusOK).body))
	require.JSONEq(t, `{"status":"unavailable","checks":{"engine":"ok","database":"connection refused","migrations":"2 pending"}}`,
		string(admin(t, "/readyz", away, well, full).is(http.StatusServiceUnavailable).body))
}

func TestAProbeHasADeadline(t *testing.T) {
	t.Parallel()
	admin(t, "/readyz", Check{"database", func(ctx context.Context) error {
		_, bounded := ctx.Deadline()
		require.True(t, bounded)
		return nil
	}}).is(http.StatusOK)
}

func TestOperatorsReadMetricsAndProfiles(t *testing.T) {
	t.Parallel()
	require.Contains(t, string(admin(t, "/metrics").is(http.StatusOK).body), "bookings_accepted_total 0")
	require.Contains(t, string(admin(t, "/debug/pprof/").is(http.StatusOK).body), "goroutine")
	admin(t, "/debug/pprof/cmdline").is(http.StatusOK)
	admin(t, "/").is(http.StatusNotFound)
}
