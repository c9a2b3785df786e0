package workers

import (
	"context"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
	"go.uber.org/zap"

	"hotelbooking/booking"
)

// All that is done for a booking is in the trace of its acceptance, whichever process does it and however late: its context is
// stored with the booking. Without a tracer there are no spans, and nothing here costs anything. Attributes hold nothing
// personal: the exporter sends them to others.

// traceAcceptance begins the span that all others of the booking are children of, and lets ask remember it.
func (w *Workers) traceAcceptance(ctx context.Context, ask *booking.Ask) (context.Context, trace.Span) {
	if w.deps.Tracer == nil {
		return ctx, noop.Span{}
	}
	ctx, span := w.deps.Tracer.Start(ctx, "accept")
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	ask.Trace = carrier.Get("traceparent")
	return ctx, span
}

// traceAccepted says what became of it. What had been accepted before has a trace of its own.
func (w *Workers) traceAccepted(span trace.Span, receipt booking.Receipt, err error) {
	switch {
	case !span.IsRecording():
	case err != nil:
		span.SetStatus(codes.Error, "not known to be stored")
	default:
		span.SetAttributes(w.describe(receipt.Booking)...)
		span.SetAttributes(attribute.Bool("booking.replayed", receipt.Replayed))
		if origin := contextOf(receipt.Booking); receipt.Replayed && origin.IsValid() {
			span.AddLink(trace.Link{SpanContext: origin})
		}
	}
}

// traceTurn begins the turn's span; finish ends it.
func (w *Workers) traceTurn(ctx context.Context, t *turn) context.Context {
	if w.deps.Tracer == nil {
		return ctx
	}
	b := t.held.b
	ctx, t.span = w.deps.Tracer.Start(joining(ctx, b), string(b.Place.Step)+" "+string(b.Place.Phase), trace.WithTimestamp(t.began))
	if t.span.IsRecording() {
		t.span.SetAttributes(w.describe(b)...)
		t.span.SetAttributes(
			attribute.String("booking.step", string(b.Place.Step)), attribute.String("booking.phase", string(b.Place.Phase)),
			attribute.String("booking.pool", string(t.pool.name)), attribute.String("booking.supplier", b.Offer.Supplier),
		)
	}
	return ctx
}

// traceSaved says how the turn ended.
func (t *turn) traceSaved(e booking.Entry) {
	if t.span == nil || !t.span.IsRecording() {
		return
	}
	t.span.SetAttributes(
		attribute.Int("booking.attempt", e.Attempt), attribute.String("booking.outcome", string(e.Outcome)),
		attribute.String("booking.reason", string(e.Reason)), attribute.Int("booking.version", e.Version),
	)
}

// traceForgotten says that it has no end that anybody knows of.
func (t *turn) traceForgotten() {
	if t.span != nil {
		t.span.SetStatus(codes.Error, "not saved")
	}
}

func (t *turn) traceEnd() {
	if t.span != nil {
		t.span.End()
	}
}

// save is the queue's Save as a part of the turn. The commit serves others, too, so it links to those whom it serves.
func (w *Workers) save(ctx context.Context, t *turn, b *booking.Booking, e booking.Entry, lease time.Duration) error {
	if t.span == nil {
		return w.queue.Save(ctx, b, e, lease)
	}
	ctx, span := w.deps.Tracer.Start(trace.ContextWithSpan(ctx, t.span), "save")
	defer span.End()
	err := w.queue.Save(ctx, b, e, lease)
	if err != nil {
		span.SetStatus(codes.Error, "not known to be saved")
	}
	return err
}

// traceDecision makes the span of a decision that was taken since began: only then is it known which trace it belongs to. It
// links to the request that asked for it, which has a trace of its own.
func (w *Workers) traceDecision(ctx context.Context, began time.Time, b *booking.Booking, d booking.Decision) {
	if w.deps.Tracer == nil {
		return
	}
	request := trace.SpanContextFromContext(ctx)
	_, span := w.deps.Tracer.Start(joining(ctx, b), "decide "+string(d.Verb), trace.WithTimestamp(began))
	defer span.End()
	if !span.IsRecording() {
		return
	}
	kind, _, _ := strings.Cut(d.Actor, ":") // what is behind it may be somebody's name
	span.SetAttributes(w.describe(b)...)
	span.SetAttributes(attribute.String("booking.actor", kind), attribute.Int("booking.version", b.Version))
	if request.IsValid() && b.Trace != "" {
		span.AddLink(trace.Link{SpanContext: request})
	}
}

// describe is what every span of a booking has.
func (w *Workers) describe(b *booking.Booking) []attribute.KeyValue {
	return []attribute.KeyValue{
		attribute.String("booking.id", string(b.ID)), attribute.String("booking.reference", b.Reference), attribute.String("booking.process", w.boot),
	}
}

// joining is ctx in the trace of b's acceptance; as it is, where that was not traced.
func joining(ctx context.Context, b *booking.Booking) context.Context {
	if b.Trace == "" {
		return ctx
	}
	return propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{"traceparent": b.Trace})
}

// contextOf is the span of b's acceptance.
func contextOf(b *booking.Booking) trace.SpanContext {
	return trace.SpanContextFromContext(joining(context.Background(), b))
}

// traceID lets the line in the log be found from the trace, and the other way round.
func (t *turn) traceID() zap.Field {
	if t.span == nil || !t.span.SpanContext().IsValid() {
		return zap.Skip()
	}
	return zap.String("trace_id", t.span.SpanContext().TraceID().String())
}
