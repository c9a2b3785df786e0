package store

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// traceCommit makes a span of a group commit. It serves many bookings, so it is in nobody's trace: it has one of its own, and is
// linked to those that it serves, which link to it. end is to be called once the batch is settled.
func traceCommit(ctx context.Context, batch []*op) (_ context.Context, end func()) {
	var tracer trace.Tracer
	var links []trace.Link
	for _, o := range batch {
		if o.span != nil {
			tracer = o.span.TracerProvider().Tracer("hotelbooking/store")
			links = append(links, trace.Link{SpanContext: o.span.SpanContext()})
		}
	}
	if tracer == nil {
		return ctx, func() {}
	}
	ctx, span := tracer.Start(ctx, "commit", trace.WithNewRoot(), trace.WithLinks(links...), trace.WithAttributes(attribute.Int("commit.rows", len(batch))))
	for _, o := range batch {
		if o.span != nil {
			o.span.AddLink(trace.Link{SpanContext: span.SpanContext()})
		}
	}
	return ctx, func() {
		refused := 0
		for _, o := range batch {
			if o.err != nil {
				refused++
			}
		}
		span.SetAttributes(attribute.Int("commit.refused", refused))
		if refused == len(batch) {
			span.SetStatus(codes.Error, "nothing is known to be written")
		}
		span.End()
	}
}
