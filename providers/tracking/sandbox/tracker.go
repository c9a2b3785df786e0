// Package sandbox is the adapter for the sandbox's tracking system, which speaks Segment's track call: it drops a message
// id that it has seen, so its calls are harmless.
package sandbox

import (
	"context"
	"maps"
	"net/http"
	"time"

	"hotelbooking/booking"
	"hotelbooking/providers"
)

// Tracker is booking.Tracker.
type Tracker struct{ caller *providers.Caller }

// New checks cfg; it dials nothing.
func New(cfg providers.Config) (*Tracker, error) {
	caller, err := providers.NewCaller(cfg, providers.Vendor{Name: "sandbox tracking", Down: booking.TrackingUnavailable, Code: providers.CodeAt("error", "code")})
	if err != nil {
		return nil, err
	}
	return &Tracker{caller}, nil
}

type event struct {
	Type        string         `json:"type"`
	MessageID   string         `json:"messageId"`
	Event       string         `json:"event"`
	AnonymousID string         `json:"anonymousId"`
	Timestamp   string         `json:"timestamp"`
	Properties  map[string]any `json:"properties"`
}

// Track sends the event. The guest stays anonymous: our reference stands for them.
func (t *Tracker) Track(ctx context.Context, e booking.Conversion) error {
	const operation = "track"
	properties := map[string]any{}
	for name, value := range e.Attribution {
		properties[name] = value
	}
	maps.Copy(properties, map[string]any{ // ours last: an attribution must not replace them
		"reference": e.Reference, "value": e.Value.Decimal(), "currency": e.Value.Currency,
		"hotel_id": e.HotelID, "check_in": e.CheckIn, "check_out": e.CheckOut,
	})
	var answer struct {
		Success bool `json:"success"`
	}
	_, err := t.caller.Do(ctx, providers.Request{
		Operation: operation, Method: http.MethodPost, Path: "/tracking/v1/track", Correlation: e.MessageID, Harmless: true,
		Body: event{
			Type: "track", MessageID: e.MessageID, Event: e.Event, AnonymousID: e.Reference,
			Timestamp: e.At.UTC().Format(time.RFC3339Nano), Properties: properties,
		},
	}, &answer)
	if err != nil {
		return err
	}
	if !answer.Success {
		fault := t.caller.Unclear(operation, "the answer is not that it was taken")
		fault.Kind, fault.Reason = booking.NotDone, booking.TrackingUnavailable
		return fault
	}
	return nil
}
