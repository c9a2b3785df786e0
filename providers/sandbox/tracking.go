package sandbox

import (
	"encoding/json"
	"errors"
	"net/http"
)

// trackRequest is Segment's track call.
type trackRequest struct {
	Type        string          `json:"type,omitempty"`
	MessageID   string          `json:"messageId"`
	Event       string          `json:"event"`
	AnonymousID string          `json:"anonymousId,omitempty"`
	UserID      string          `json:"userId,omitempty"`
	Timestamp   string          `json:"timestamp,omitempty"`
	Context     json.RawMessage `json:"context,omitempty"`
	Properties  map[string]any  `json:"properties"`
}

// message is an event that was taken.
type message struct {
	Event     string `json:"event"`
	Reference string `json:"reference"`
}

// The events that count.
const (
	eventConfirmed = "Booking Confirmed"
	eventCancelled = "Booking Cancelled"
)

func readTrack(_ *http.Request, body []byte) (request, error) {
	var in trackRequest
	if err := decode(body, &in); err != nil {
		return request{}, err
	}
	reference, _ := in.Properties["reference"].(string)
	var err error
	if in.MessageID == "" || in.Event == "" || in.AnonymousID == "" && in.UserID == "" {
		err = errors.New("messageId, event, and anonymousId or userId are required")
	}
	return request{reference: reference, apply: func(c *change) answer {
		return c.track(reference, in)
	}}, errors.Join(checkReference(reference), err)
}

func (c *change) track(reference string, in trackRequest) answer {
	if c.messages[in.MessageID] == nil {
		c.messages[in.MessageID] = &message{Event: in.Event, Reference: reference}
		c.touch(kindMessage, in.MessageID)
		c.did("tracked")
		switch in.Event {
		case eventConfirmed:
			c.row(reference).Tracked++
		case eventCancelled:
			c.row(reference).TrackedCancel++
		}
	}
	return answer{status: http.StatusOK, body: map[string]bool{"success": true}}
}
