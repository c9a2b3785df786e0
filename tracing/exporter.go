package tracing

import (
	"context"
	"strings"
	"sync/atomic"
	"time"

	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.uber.org/zap"
)

// reportEvery is how often the log says that the collector takes nothing.
const reportEvery = time.Minute

// exporter counts what is lost, and says so once in a while. It has no errors: the SDK would print each.
type exporter struct {
	sdk.SpanExporter

	timeout  time.Duration
	log      *zap.Logger
	secrets  *strings.Replacer
	ending   context.Context // ends when nobody waits for exports any more
	giveUp   context.CancelFunc
	exported atomic.Int64
	lost     atomic.Int64
	reported time.Time // when the log last said so; exports come one after the other
}

func newExporter(to sdk.SpanExporter, cfg Config, log *zap.Logger) *exporter {
	var secrets []string
	for _, value := range cfg.Headers {
		if value != "" {
			secrets = append(secrets, value, "[redacted]")
		}
	}
	e := &exporter{SpanExporter: to, timeout: cfg.Timeout, log: log, secrets: strings.NewReplacer(secrets...)}
	e.ending, e.giveUp = context.WithCancel(context.Background())
	return e
}

// ExportSpans sends spans, or loses them.
func (e *exporter) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	ctx, cancel := context.WithTimeout(ctx, e.timeout)
	defer cancel()
	defer context.AfterFunc(e.ending, cancel)()
	err := e.SpanExporter.ExportSpans(ctx, spans)
	if err == nil {
		e.exported.Add(int64(len(spans)))
		return nil
	}
	lost := e.lost.Add(int64(len(spans)))
	if now := time.Now(); now.Sub(e.reported) >= reportEvery {
		e.reported = now
		said := e.secrets.Replace(err.Error()) // a collector may quote what it was sent
		e.log.Warn("traces are lost; bookings are not affected", zap.Int64("spans", lost), zap.String("error", said[:min(len(said), longest)]),
			zap.String("do", "look whether tracing.endpoint answers, and whether it takes tracing.headers"))
	}
	return nil
}
