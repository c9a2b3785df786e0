package web

import (
	"context"
	"strings"

	"github.com/labstack/echo/v4"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"

	"hotelbooking/booking"
)

// trace makes a span of each request to the API and to the console: in the caller's trace where it sends one, else in one of its
// own. Of a submission it is the parent of all that is done for the booking; others are linked to the booking's.
func (s *Server) trace(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if path := c.Path(); !strings.HasPrefix(path, "/v1/") && !strings.HasPrefix(path, "/support") {
			return next(c)
		}
		r := c.Request()
		// Neither tracestate nor baggage is read: what callers put there would go with the booking for as long as it lives.
		ctx, sent := r.Context(), r.Header.Get(headerTraceparent)
		if !holdsCard(sent) { // it would be stored, and sent to vendors
			ctx = inTrace(ctx, sent)
		}
		ctx, span := s.tracer.Start(ctx, knownMethod(r.Method)+" "+c.Path(), trace.WithSpanKind(trace.SpanKindServer))
		defer span.End()
		c.SetRequest(r.WithContext(ctx))
		err := next(c)
		if !span.IsRecording() {
			return err
		}
		status := c.Response().Status
		span.SetAttributes(
			attribute.String("http.request.method", knownMethod(r.Method)), attribute.String("http.route", c.Path()),
			attribute.Int("http.response.status_code", status),
		)
		if id, err := bookingID(c.Param("id")); err == nil {
			span.SetAttributes(attribute.String("booking.id", string(id)))
		}
		if status >= 500 {
			span.SetStatus(codes.Error, "")
		}
		return err
	}
}

const headerTraceparent = "Traceparent"

// traceTo links the request to what is done for the booking that it reads.
func traceTo(ctx context.Context, b *booking.Booking) {
	if span := trace.SpanFromContext(ctx); b.Trace != "" && span.IsRecording() {
		span.AddLink(trace.Link{SpanContext: trace.SpanContextFromContext(inTrace(context.Background(), b.Trace))})
	}
}

// inTrace is ctx in the trace of a traceparent; as it is, where that is none.
func inTrace(ctx context.Context, traceparent string) context.Context {
	if traceparent == "" {
		return ctx
	}
	return propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{"traceparent": traceparent})
}

// traceID is for the line in the log.
func traceID(ctx context.Context) zap.Field {
	if span := trace.SpanContextFromContext(ctx); span.IsValid() {
		return zap.String("trace_id", span.TraceID().String())
	}
	return zap.Skip()
}
