package booking

import (
	"encoding/json"
	"fmt"
	"time"
)

// CloudEventType is the content type of what CloudEvent makes.
const CloudEventType = "application/cloudevents+json"

// cloudEvent is the envelope of CloudEvents 1.0, structured, as JSON. Sequence is the extension of that name.
type cloudEvent struct {
	SpecVersion     string          `json:"specversion"`
	ID              string          `json:"id"`
	Source          string          `json:"source"`
	Type            EventType       `json:"type"`
	Subject         ID              `json:"subject"`
	Time            time.Time       `json:"time"`
	DataContentType string          `json:"datacontenttype"`
	DataSchema      string          `json:"dataschema"`
	Sequence        string          `json:"sequence"`
	Data            json.RawMessage `json:"data"`
}

// CloudEvent is the event as CloudEvents 1.0 has it. source names this installation: with the id it is unique in the world.
func (e Event) CloudEvent(source string) ([]byte, error) {
	encoded, err := json.Marshal(cloudEvent{
		SpecVersion: "1.0", ID: e.ID, Source: source, Type: e.Type, Subject: e.Booking, Time: e.At.UTC(),
		DataContentType: "application/json", DataSchema: e.Schema(), Sequence: e.Sequence(), Data: e.Data,
	})
	if err != nil {
		return nil, fmt.Errorf("write event %s: %w", e.ID, err)
	}
	return encoded, nil
}

// Sequence orders the events of one booking, as text: each is greater than those before it.
func (e Event) Sequence() string { return fmt.Sprintf("%010d.%d", e.Version, e.Part) }

// Schema names what Data is. It changes only with a change that is not compatible.
func (e Event) Schema() string { return "urn:hotelbooking:event:" + string(e.Type) + ":v1" }
