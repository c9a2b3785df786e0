package tracing

import (
	"slices"

	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// sampler decides once for each trace: what belongs to a booking is kept where its acceptance was, in whichever process, and
// what links to something that is kept, as a group commit does, is kept with it.
type sampler struct {
	follow bool        // the callers
	ours   sdk.Sampler // of traces that nobody has decided about
}

// ShouldSample implements sdk.Sampler. Callers come in by spans of the kind server, and by no others.
func (s sampler) ShouldSample(p sdk.SamplingParameters) sdk.SamplingResult {
	parent := trace.SpanContextFromContext(p.ParentContext)
	decided := parent.IsValid() && (s.follow || !parent.IsRemote() || p.Kind != trace.SpanKindServer)
	kept := decided && parent.IsSampled() ||
		!decided && slices.ContainsFunc(p.Links, func(l trace.Link) bool { return l.SpanContext.IsSampled() })
	switch {
	case kept:
		return sdk.SamplingResult{Decision: sdk.RecordAndSample}
	case decided:
		return sdk.SamplingResult{Decision: sdk.Drop}
	default:
		return s.ours.ShouldSample(p)
	}
}

// Description implements sdk.Sampler.
func (s sampler) Description() string { return "hotelbooking" }
