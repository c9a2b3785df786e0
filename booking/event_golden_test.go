package booking_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
	"hotelbooking/booking/bookingtest"
)

var addGolden = flag.Bool("add-events", false, "write the events that testdata/events does not have yet")

// goldenEvents is an event of each type, out of bookings whose time stands still.
func goldenEvents(t *testing.T) map[booking.EventType]booking.Event {
	t.Helper()
	cancel := booking.Decision{Verb: booking.VerbCancel, Actor: booking.CustomerActor}
	cancelled := listen(t, nil).until(ended)
	cancelled.now = cancelled.now.Add(time.Hour)
	cancelled.decide(cancel).until(ended)
	given := listen(t, nil).until(at(booking.Doing, booking.StepConfirm)).decide(cancel).until(ended)
	failed := listen(t, map[string][]bookingtest.Fate{"screen": {bookingtest.AsksStaff}})
	failed.until(status(booking.StatusInReview)).decide(booking.Decision{Verb: booking.VerbReject, Actor: "support:ana"})
	failed.until(ended)
	golden := map[booking.EventType]booking.Event{}
	for _, l := range []*listener{given, failed, cancelled} {
		for _, e := range l.events {
			golden[e.Type] = e
		}
	}
	require.Len(t, golden, len(booking.EventTypes()), "every type is there")
	return golden
}

// Other systems have read these. They are never changed: whoever reads them must be able to read what is sent today, in which
// there may be more.
func TestEventsAreWhatTheyWereAndMayOnlyGrow(t *testing.T) {
	t.Parallel()
	for event, e := range goldenEvents(t) {
		t.Run(string(event), func(t *testing.T) {
			t.Parallel()
			name := filepath.Join("testdata", "events", "v1", string(event)+".json")
			today, err := e.CloudEvent("/hotelbooking")
			require.NoError(t, err)
			golden, err := os.ReadFile(name)
			if os.IsNotExist(err) && *addGolden {
				var indented bytes.Buffer
				require.NoError(t, json.Indent(&indented, today, "", "  "))
				require.NoError(t, os.WriteFile(name, append(indented.Bytes(), '\n'), 0o600))
				return
			}
			require.NoError(t, err)

			var was, is map[string]any
			require.NoError(t, json.Unmarshal(golden, &was))
			require.NoError(t, json.Unmarshal(today, &is))
			requireWithin(t, was, is, string(event))

			var envelope struct{ Data json.RawMessage }
			require.NoError(t, json.Unmarshal(golden, &envelope))
			var data booking.EventData
			strict := json.NewDecoder(bytes.NewReader(envelope.Data))
			strict.DisallowUnknownFields()
			require.NoError(t, strict.Decode(&data), "what was sent once can be read")
		})
	}
}

// requireWithin: all that was is, with the same value. What is new is not looked at.
func requireWithin(t *testing.T, was, is any, path string) {
	t.Helper()
	fields, nested := was.(map[string]any)
	if !nested && slices.Contains([]string{"id", "time", "sequence", "version"}, path[strings.LastIndex(path, ".")+1:]) {
		require.IsType(t, was, is, path) // how many turns it took is the flow's to change
		return
	}
	if !nested {
		require.Equal(t, was, is, path)
		return
	}
	now, nested := is.(map[string]any)
	require.True(t, nested, "%s was an object", path)
	for name, value := range fields {
		require.Contains(t, now, name, "%s has lost a field", path)
		requireWithin(t, value, now[name], path+"."+name)
	}
}
