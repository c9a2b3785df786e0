package booking_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
)

func eventsPage(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile(filepath.Join("..", "docs", "events.md"))
	require.NoError(t, err)
	return string(page)
}

// Whoever copies an example from the page has what is really sent.
func TestTheExamplesOfThePageAreEventsOfEachType(t *testing.T) {
	t.Parallel()
	examples := regexp.MustCompile("(?ms)^### ([a-z._]+)$.*?^```json\n(.*?)^```$").FindAllStringSubmatch(eventsPage(t), -1)
	var types []booking.EventType
	for _, example := range examples {
		event := booking.EventType(example[1])
		types = append(types, event)
		require.JSONEq(t, string(golden(t, event)), example[2], event)
	}
	require.Equal(t, booking.EventTypes(), types)
}

// A reader decides by this table what may be done with an event: so it has all that is in one, and nothing else.
func TestThePageListsAllThatIsInAnEvent(t *testing.T) {
	t.Parallel()
	page := eventsPage(t)
	rows := func(heading string) []string {
		_, section, found := strings.Cut(page, "\n## "+heading+"\n")
		require.True(t, found, heading)
		section, _, _ = strings.Cut(section, "\n## ")
		var names []string
		for line := range strings.Lines(section) {
			if cells := strings.Split(line, "|"); len(cells) > 2 {
				for _, name := range regexp.MustCompile("`[^`]+`").FindAllString(cells[1], -1) {
					names = append(names, strings.Trim(name, "`"))
				}
			}
		}
		return names
	}

	require.ElementsMatch(t, leaves(reflect.TypeFor[booking.EventData](), ""), rows("The data"))

	envelope, err := booking.Event{Data: []byte("{}")}.CloudEvent("/a")
	require.NoError(t, err)
	var fields map[string]any
	require.NoError(t, json.Unmarshal(envelope, &fields))
	var names []string
	for name := range fields {
		names = append(names, name)
	}
	require.ElementsMatch(t, names, rows("The envelope"))
	for _, status := range booking.Statuses() {
		require.Contains(t, page, "`"+string(status)+"`")
	}
}

// leaves are the paths of the fields of a struct as JSON has them. The amounts of a payment are all alike: they are one each.
func leaves(of reflect.Type, path string) (all []string) {
	for i := range of.NumField() {
		field := of.Field(i)
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		kind := field.Type
		if kind.Kind() == reflect.Pointer {
			kind = kind.Elem()
		}
		if kind.Kind() == reflect.Struct && kind.PkgPath() == of.PkgPath() && path != "payment." {
			all = append(all, leaves(kind, path+name+".")...)
			continue
		}
		all = append(all, path+name)
	}
	return all
}
