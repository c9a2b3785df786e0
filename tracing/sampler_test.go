package tracing_test

import (
	"context"
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/trace"

	"hotelbooking/tracing"
)

// remote is a span of another process.
func remote(ctx context.Context, sampled bool) context.Context {
	return trace.ContextWithRemoteSpanContext(ctx, trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, TraceFlags: trace.TraceFlags(0).WithSampled(sampled), Remote: true,
	}))
}

func TestATraceIsKeptAsAWhole(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		sample, follow float64 // of the configuration; follow is 1 or 0
		sampled        bool    // the other process's span
		kind           trace.SpanKind
		kept           bool
	}{
		"the caller keeps it":                            {sample: 0, follow: 1, sampled: true, kind: trace.SpanKindServer, kept: true},
		"the caller does not":                            {sample: 1, follow: 1, sampled: false, kind: trace.SpanKindServer, kept: false},
		"the caller keeps it and has no say":             {sample: 0, follow: 0, sampled: true, kind: trace.SpanKindServer, kept: false},
		"the caller does not and has no say":             {sample: 1, follow: 0, sampled: false, kind: trace.SpanKindServer, kept: true},
		"the acceptance was kept by another process":     {sample: 0, follow: 0, sampled: true, kind: trace.SpanKindInternal, kept: true},
		"the acceptance was not kept by another process": {sample: 1, follow: 0, sampled: false, kind: trace.SpanKindInternal, kept: false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			traces, _ := started(t, taking, func(cfg *tracing.Config) { cfg.Sample, cfg.FollowCallers = test.sample, test.follow == 1 })
			defer traces.Stop(t.Context())
			ctx, span := traces.Tracer().Start(remote(t.Context(), test.sampled), "x", trace.WithSpanKind(test.kind))
			_, child := traces.Tracer().Start(ctx, "y")
			require.Equal(t, test.kept, span.SpanContext().IsSampled())
			require.Equal(t, test.kept, child.SpanContext().IsSampled(), "what is within it goes the same way")
			require.Equal(t, trace.TraceID{1}, child.SpanContext().TraceID(), "kept or not, it is that trace")
		})
	}
}

func TestWhatServesAKeptTraceIsKeptWithIt(t *testing.T) {
	t.Parallel()
	traces, _ := started(t, taking, func(cfg *tracing.Config) { cfg.Sample = 0 })
	defer traces.Stop(t.Context())
	serving := func(sampled bool) trace.SpanContext {
		link := trace.LinkFromContext(remote(t.Context(), sampled))
		_, span := traces.Tracer().Start(t.Context(), "commit", trace.WithNewRoot(), trace.WithLinks(link))
		return span.SpanContext()
	}
	require.True(t, serving(true).IsSampled())
	require.False(t, serving(false).IsSampled())
	_, alone := traces.Tracer().Start(t.Context(), "alone")
	require.False(t, alone.SpanContext().IsSampled())
}

// taking is a collector that takes everything.
func taking(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }
