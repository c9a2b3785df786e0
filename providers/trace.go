package providers

import (
	"context"
	"net/http"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"hotelbooking/booking"
)

// startSpan makes a span of the call, a child of the one that ctx has; where that has none, nothing is traced.
func (c *Caller) startSpan(ctx context.Context, r Request) (context.Context, trace.Span) {
	parent := trace.SpanFromContext(ctx)
	if !parent.SpanContext().IsValid() {
		return ctx, noop.Span{}
	}
	return parent.TracerProvider().Tracer("hotelbooking/providers").
		Start(ctx, c.vendor.Name+" "+r.Operation, trace.WithSpanKind(trace.SpanKindClient))
}

// endSpan says how the call went.
func endSpan(span trace.Span, call booking.Call) {
	if span.IsRecording() {
		span.SetAttributes(
			attribute.String("vendor.name", call.Vendor), attribute.String("vendor.operation", call.Operation),
			attribute.String("vendor.request_id", call.RequestID), attribute.String("vendor.code", call.Code),
			attribute.Int("http.response.status_code", call.Status),
		)
		if call.Fault != "" {
			span.SetAttributes(attribute.String("vendor.fault", string(call.Fault)))
			span.SetStatus(codes.Error, string(call.Fault))
		}
	}
	span.End()
}

// carry tells the vendor which span calls it. Neither tracestate nor baggage: what others put there is not the vendor's to know.
func carry(ctx context.Context, h http.Header) {
	span := trace.SpanContextFromContext(ctx)
	if !span.IsValid() {
		return
	}
	propagation.TraceContext{}.Inject(trace.ContextWithSpanContext(ctx, span.WithTraceState(trace.TraceState{})), propagation.HeaderCarrier(h))
}
