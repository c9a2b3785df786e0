// Package tracing sends the spans of the service to an OpenTelemetry collector, and alone knows OpenTelemetry's SDK: whoever makes
// spans knows its API only. A collector that is slow or gone costs spans, and never a booking a moment.
//
//	t, err := tracing.New(tracing.Config{Endpoint: "http://127.0.0.1:4318", Sample: 1, Timeout: 10 * time.Second}, log)
//	tracer := t.Tracer() // nil where nothing is configured
//	...
//	t.Stop(ctx) // sends what is left
package tracing

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"
)

// Config is where spans go, and which of them.
type Config struct {
	Endpoint      string            // takes OTLP over HTTP; /v1/traces is added where it has no path; empty: nothing is traced
	Headers       map[string]string // of every export; secret
	Sample        float64           // the share of traces begun here that is kept, 0 to 1
	FollowCallers bool              // a trace that a caller has begun is kept where the caller keeps it, and else as those begun here
	Timeout       time.Duration     // of one export with its repetitions, and of the last one, in Stop
	Process       string            // who this process is
	Version       string            // of the service
}

const (
	queued     = 8192 // spans that wait for their export; those beyond are lost
	atOnce     = 512  // spans of one export
	every      = 2 * time.Second
	longest    = 200 // bytes of an attribute
	pathOfOTLP = "/v1/traces"
)

// Tracing makes spans and exports them. A nil one does nothing.
type Tracing struct {
	provider *sdk.TracerProvider
	exporter *exporter
	timeout  time.Duration
	log      *zap.Logger
}

// New is nil where cfg has no endpoint. Nothing is dialled yet.
func New(cfg Config, log *zap.Logger) (*Tracing, error) {
	if cfg.Endpoint == "" {
		return nil, nil //nolint:nilnil // a nil Tracing is one that does nothing
	}
	endpoint, err := url.Parse(cfg.Endpoint)
	if err != nil {
		return nil, errors.New("trace: the endpoint is no address") // and not err: it quotes
	}
	if strings.Trim(endpoint.Path, "/") == "" {
		endpoint.Path = pathOfOTLP
	}
	otlp, err := otlptracehttp.New(context.Background(),
		otlptracehttp.WithEndpointURL(endpoint.String()), otlptracehttp.WithHeaders(cfg.Headers), otlptracehttp.WithTimeout(cfg.Timeout),
		otlptracehttp.WithCompression(otlptracehttp.GzipCompression),
		otlptracehttp.WithRetry(otlptracehttp.RetryConfig{Enabled: true, InitialInterval: time.Second, MaxInterval: 10 * time.Second, MaxElapsedTime: cfg.Timeout}),
		otlptracehttp.WithHTTPClient(&http.Client{
			Timeout: cfg.Timeout,
			// A redirect would take the headers to a place that nobody configured.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}))
	if err != nil {
		return nil, fmt.Errorf("set up the export of traces: %w", err)
	}
	e := newExporter(otlp, cfg, log)
	limits := sdk.NewSpanLimits()
	limits.AttributeValueLengthLimit = longest
	limits.LinkCountLimit = atOnce // as many as a group commit serves
	return &Tracing{
		exporter: e, timeout: cfg.Timeout, log: log,
		provider: sdk.NewTracerProvider(
			sdk.WithSampler(sampler{follow: cfg.FollowCallers, ours: sdk.TraceIDRatioBased(cfg.Sample)}),
			sdk.WithRawSpanLimits(limits),
			sdk.WithResource(resource.NewSchemaless(
				attribute.String("service.name", "hotelbooking"), attribute.String("service.version", cfg.Version), attribute.String("service.instance.id", cfg.Process),
			)),
			sdk.WithBatcher(e, sdk.WithMaxQueueSize(queued), sdk.WithMaxExportBatchSize(atOnce), sdk.WithBatchTimeout(every), sdk.WithExportTimeout(cfg.Timeout)),
		),
	}, nil
}

// Tracer makes spans; nil where nothing is traced.
func (t *Tracing) Tracer() trace.Tracer {
	if t == nil {
		return nil
	}
	return t.provider.Tracer("hotelbooking")
}

// Stop sends what is left, for no longer than the time-out, or than ctx.
func (t *Tracing) Stop(ctx context.Context) {
	if t == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, t.timeout)
	defer cancel()
	// Exports end with ctx, and Shutdown waits for that: so whoever exports has gone when it returns.
	defer context.AfterFunc(ctx, t.exporter.giveUp)()
	if err := t.provider.Shutdown(context.WithoutCancel(ctx)); err != nil {
		t.log.Warn("the export of traces did not end well", zap.Error(err))
	}
}

// Counts are running totals of spans, for metrics.
type Counts struct {
	Exported int64 // taken by the collector
	Lost     int64 // refused, or given up; those that found the queue full are not among them
}

// Counts reads the running totals.
func (t *Tracing) Counts() Counts {
	if t == nil {
		return Counts{}
	}
	return Counts{Exported: t.exporter.exported.Load(), Lost: t.exporter.lost.Load()}
}
