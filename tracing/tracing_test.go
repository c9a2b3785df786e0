package tracing_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"hotelbooking/tracing"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// started is a Tracing that exports to a collector that answers so, and its log.
func started(t *testing.T, answers http.HandlerFunc, change ...func(*tracing.Config)) (*tracing.Tracing, *observer.ObservedLogs) {
	t.Helper()
	collector := httptest.NewServer(answers)
	t.Cleanup(func() {
		collector.CloseClientConnections()
		collector.Close()
	})
	cfg := tracing.Config{
		Endpoint: collector.URL, Headers: map[string]string{"authorization": "Bearer canary"}, Sample: 1, FollowCallers: true, Timeout: 200 * time.Millisecond,
		Process: "boot", Version: "v1",
	}
	for _, f := range change {
		f(&cfg)
	}
	core, logs := observer.New(zapcore.DebugLevel)
	traces, err := tracing.New(cfg, zap.New(core))
	require.NoError(t, err)
	return traces, logs
}

// spans makes and ends n spans.
func spans(t *testing.T, tracer trace.Tracer, n int) {
	t.Helper()
	for range n {
		_, span := tracer.Start(t.Context(), "turn")
		span.End()
	}
}

func TestWithoutAnEndpointThereIsNoTracer(t *testing.T) {
	t.Parallel()
	none, err := tracing.New(tracing.Config{Sample: 1}, zap.NewNop())
	require.NoError(t, err)
	require.Nil(t, none)
	require.Nil(t, none.Tracer())
	require.Zero(t, none.Counts())
	none.Stop(t.Context())
}

func TestStopSendsWhatIsLeft(t *testing.T) {
	t.Parallel()
	var path, authorization atomic.Value
	traces, logs := started(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		path.Store(r.URL.Path)
		authorization.Store(r.Header.Get("Authorization"))
	}, func(cfg *tracing.Config) { cfg.Timeout = 10 * time.Second })
	spans(t, traces.Tracer(), 1000)
	traces.Stop(t.Context())
	require.Equal(t, tracing.Counts{Exported: 1000}, traces.Counts())
	require.Equal(t, "/v1/traces", path.Load())
	require.Equal(t, "Bearer canary", authorization.Load())
	require.Zero(t, logs.Len())
}

// Far more spans than the queue holds end while the collector takes none: that they end at all is what is tested, and that Stop
// does.
func TestACollectorThatHangsCostsSpansAndNothingElse(t *testing.T) {
	t.Parallel()
	traces, logs := started(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // or nobody would see that the caller has gone
		<-r.Context().Done()
	})
	spans(t, traces.Tracer(), 50_000)
	traces.Stop(t.Context())
	counts := traces.Counts()
	require.Zero(t, counts.Exported)
	require.Positive(t, counts.Lost)
	require.Less(t, counts.Lost, int64(50_000), "the queue is bounded")
	require.Equal(t, 1, logs.Len(), "once in a while, not once for each export")
}

func TestStopWaitsNoLongerThanItsCaller(t *testing.T) {
	t.Parallel()
	traces, _ := started(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}, func(cfg *tracing.Config) { cfg.Timeout = time.Hour })
	spans(t, traces.Tracer(), 10)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	traces.Stop(ctx)
	require.Equal(t, tracing.Counts{Lost: 10}, traces.Counts())
}

func TestACollectorThatRefusesIsToldOfWithoutOurSecrets(t *testing.T) {
	t.Parallel()
	traces, logs := started(t, func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "not with "+r.Header.Get("Authorization"), http.StatusForbidden)
	})
	spans(t, traces.Tracer(), 3)
	traces.Stop(t.Context())
	require.Equal(t, tracing.Counts{Lost: 3}, traces.Counts())
	require.Equal(t, 1, logs.Len())
	said := logs.All()[0].ContextMap()["error"]
	require.Contains(t, said, "not with [redacted]")
	require.NotContains(t, said, "canary")
}

func TestTheHeadersGoNowhereElse(t *testing.T) {
	t.Parallel()
	var elsewhere atomic.Int64
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	t.Cleanup(other.Close)
	traces, _ := started(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
	})
	spans(t, traces.Tracer(), 1)
	traces.Stop(t.Context())
	require.Equal(t, tracing.Counts{Lost: 1}, traces.Counts())
	require.Zero(t, elsewhere.Load())
}
