package booking_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"hotelbooking/booking"
)

// asyncAPI is docs/asyncapi.yaml as JSON has it.
func asyncAPI(t *testing.T) map[string]any {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "docs", "asyncapi.yaml"))
	require.NoError(t, err)
	var document map[string]any
	require.NoError(t, yaml.Unmarshal(text, &document))
	written, err := json.Marshal(document)
	require.NoError(t, err)
	again, err := jsonschema.UnmarshalJSON(bytes.NewReader(written))
	require.NoError(t, err)
	return again.(map[string]any)
}

// inside is what stands at the end of a path.
func inside(t *testing.T, value any, path ...string) any {
	t.Helper()
	for i, name := range path {
		fields, is := value.(map[string]any)
		require.True(t, is, "%s is an object", strings.Join(path[:i], "/"))
		require.Contains(t, fields, name, strings.Join(path[:i], "/"))
		value = fields[name]
	}
	return value
}

// schemas are those of the events by their types, formats and all.
func schemas(t *testing.T, document map[string]any) map[booking.EventType]*jsonschema.Schema {
	t.Helper()
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft7) // of which AsyncAPI's own is a superset
	compiler.AssertFormat()
	require.NoError(t, compiler.AddResource("asyncapi.json", document))
	all := map[booking.EventType]*jsonschema.Schema{}
	for _, event := range booking.EventTypes() {
		payload := inside(t, document, "components", "messages", string(event), "payload", "$ref").(string)
		schema, err := compiler.Compile("asyncapi.json" + payload)
		require.NoError(t, err)
		all[event] = schema
	}
	return all
}

// golden is what was once sent of a type.
func golden(t *testing.T, event booking.EventType) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "events", "v1", string(event)+".json"))
	require.NoError(t, err)
	return text
}

func decoded(t *testing.T, text []byte) map[string]any {
	t.Helper()
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	require.NoError(t, err)
	return value.(map[string]any)
}

func TestEachTypeOfEventHasAChannelAndAnOperation(t *testing.T) {
	t.Parallel()
	document := asyncAPI(t)
	require.Equal(t, "3.0.0", document["asyncapi"])
	var types []string
	for _, event := range booking.EventTypes() {
		name := string(event)
		types = append(types, name)
		require.Equal(t, "{stream}."+name, inside(t, document, "channels", name, "address"))
		require.Equal(t, "#/components/messages/"+name, inside(t, document, "channels", name, "messages", name, "$ref"))
		require.Equal(t, "send", inside(t, document, "operations", name, "action"))
		require.Equal(t, "#/channels/"+name, inside(t, document, "operations", name, "channel", "$ref"))
		require.Equal(t, booking.CloudEventType, inside(t, document, "components", "messages", name, "contentType"))
	}
	for _, section := range [][]string{{"channels"}, {"operations"}, {"components", "messages"}} {
		listed := inside(t, document, section...).(map[string]any)
		require.ElementsMatch(t, types, slices.Collect(maps.Keys(listed)), section)
	}
	requireRefs(t, document, document)
}

// requireRefs: all that is referred to is there.
func requireRefs(t *testing.T, document, value any) {
	t.Helper()
	switch v := value.(type) {
	case map[string]any:
		if ref, is := v["$ref"].(string); is {
			inside(t, document, strings.Split(strings.TrimPrefix(ref, "#/"), "/")...)
		}
		for _, inner := range v {
			requireRefs(t, document, inner)
		}
	case []any:
		for _, inner := range v {
			requireRefs(t, document, inner)
		}
	}
}

// Whoever made a reader of the schema can read what is sent today, and what was sent by every version before.
func TestEventsOfTodayAndOfBeforeAreAsTheSchemaSays(t *testing.T) {
	t.Parallel()
	all, today := schemas(t, asyncAPI(t)), goldenEvents(t)
	for event, schema := range all {
		require.NoError(t, schema.Validate(decoded(t, golden(t, event))), "what was sent once")
		sent, err := today[event].CloudEvent("/hotelbooking")
		require.NoError(t, err)
		require.NoError(t, schema.Validate(decoded(t, sent)), "what is sent today")
		for other, another := range all {
			require.Equal(t, other == event, another.Validate(decoded(t, sent)) == nil, "%s as %s", event, other)
		}
	}
}

// A schema that lets everything pass says nothing: whatever is missing, or of another kind, is refused.
func TestWhatIsNotAnEventIsNotAsTheSchemaSays(t *testing.T) {
	t.Parallel()
	for event, schema := range schemas(t, asyncAPI(t)) {
		whole := decoded(t, golden(t, event))
		for _, path := range objects(whole, nil) {
			for _, name := range slices.Sorted(maps.Keys(objectAt(whole, path))) {
				if name == "client_reference" {
					continue // it may be missing
				}
				for _, spoil := range []func(map[string]any){
					func(o map[string]any) { delete(o, name) },
					func(o map[string]any) { o[name] = []any{"of another kind"} },
					func(o map[string]any) { o[name] = "" },
				} {
					broken := decoded(t, golden(t, event))
					spoil(objectAt(broken, path))
					require.Error(t, schema.Validate(broken), "%s: %v %s", event, path, name)
				}
			}
		}
		more := decoded(t, golden(t, event))
		more["added"], more["data"].(map[string]any)["added"] = 1, "x"
		require.NoError(t, schema.Validate(more), "fields may be added")
	}
}

// objects are the paths of all objects in a value.
func objects(value map[string]any, path []string) [][]string {
	all := [][]string{slices.Clone(path)}
	for name, inner := range value {
		if fields, is := inner.(map[string]any); is {
			all = append(all, objects(fields, append(path, name))...)
		}
	}
	return all
}

func objectAt(value map[string]any, path []string) map[string]any {
	for _, name := range path {
		value = value[name].(map[string]any)
	}
	return value
}

// The schema and the struct have the same fields, and the same are optional.
func TestTheSchemaHasWhatTheStructHas(t *testing.T) {
	t.Parallel()
	document := asyncAPI(t)
	for name, of := range map[string]reflect.Type{
		"booking": reflect.TypeFor[booking.EventData](), "hotel": reflect.TypeFor[booking.EventHotel](),
		"payment_details": reflect.TypeFor[booking.EventPayment](), "amount": reflect.TypeFor[booking.EventAmount](),
	} {
		var fields, required []string
		for i := range of.NumField() {
			field, option, _ := strings.Cut(of.Field(i).Tag.Get("json"), ",")
			fields = append(fields, field)
			if option != "omitempty" {
				required = append(required, field)
			}
		}
		schema := inside(t, document, "components", "schemas", name).(map[string]any)
		require.ElementsMatch(t, fields, slices.Collect(maps.Keys(schema["properties"].(map[string]any))), name)
		require.ElementsMatch(t, required, schema["required"], name)
	}
	statuses := inside(t, document, "components", "schemas", "booking", "properties", "status", "examples").([]any)
	for i, status := range booking.Statuses() {
		require.Equal(t, string(status), statuses[i])
	}
	require.Len(t, statuses, len(booking.Statuses()))
}
