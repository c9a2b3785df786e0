package web

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
)

// node is the program that runs the module's own tests. Without it they are skipped on a laptop, and fail in CI.
func node(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("node")
	version := "0"
	if err == nil {
		told, _ := exec.CommandContext(t.Context(), path, "--version").Output() //nolint:gosec // what LookPath found
		version, _, _ = strings.Cut(strings.TrimPrefix(strings.TrimSpace(string(told)), "v"), ".")
	}
	if major, _ := strconv.Atoi(version); major < 18 {
		reason := "SKIPPED: the tests of booking-client.js need node 18 or later in PATH; found version " + version
		if os.Getenv("CI") != "" {
			require.Fail(t, reason)
		}
		t.Skip(reason)
	}
	return path
}

// runNode runs test files of clienttest.
func runNode(t *testing.T, environment []string, files ...string) {
	t.Helper()
	program := node(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	arguments := []string{"--test"}
	for _, file := range files {
		arguments = append(arguments, filepath.Join("clienttest", file))
	}
	run := exec.CommandContext(ctx, program, arguments...) //nolint:gosec // what LookPath found, with names from here
	run.Env = append(os.Environ(), environment...)
	output, err := run.CombinedOutput()
	require.NoError(t, err, "%s", output)
}

func TestTheClientModuleKeepsItsPromises(t *testing.T) {
	t.Parallel()
	runNode(t, nil, "submit.test.mjs", "follow.test.mjs", "declarations.test.mjs", "journal.test.mjs")
}

func TestEveryTestOfTheClientModuleIsRun(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("clienttest/*.test.mjs")
	require.NoError(t, err)
	require.Equal(t, []string{"clienttest/api.test.mjs", "clienttest/declarations.test.mjs", "clienttest/follow.test.mjs", "clienttest/journal.test.mjs", "clienttest/submit.test.mjs"}, files)
}

func TestTheClientModuleWorksWithTheAPI(t *testing.T) {
	t.Parallel()
	node(t)
	s := open(t)
	moves := httptest.NewServer(s.moves())
	t.Cleanup(moves.Close)
	runNode(t, []string{
		"API_URL=" + s.server.URL, "API_KEY=" + pageKey, "API_CONTROL=" + moves.URL, "API_SUBMISSION=" + submission("", ""),
	}, "api.test.mjs")
}

// moves lets another process move the bookings of the house.
func (s *site) moves() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /script/{id}", func(w http.ResponseWriter, r *http.Request) {
		var f fates
		if err := json.UnmarshalRead(r.Body, &f); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		s.house.script(booking.ID(r.PathValue("id")), f)
	})
	mux.HandleFunc("POST /run/{id}", func(_ http.ResponseWriter, r *http.Request) {
		s.house.until(s.T, booking.ID(r.PathValue("id")), func(b *booking.Booking) bool {
			return atRest(b) || b.Place.Phase == booking.Parked
		})
	})
	mux.HandleFunc("POST /down/{is}", func(_ http.ResponseWriter, r *http.Request) {
		s.house.mu.Lock()
		defer s.house.mu.Unlock()
		s.house.down = nil
		if r.PathValue("is") == "true" {
			s.house.down = errDown
		}
	})
	return mux
}

func TestTheClientModulesTypesHaveTheFieldsOfTheAPI(t *testing.T) {
	t.Parallel()
	declared, err := os.ReadFile("assets/booking-client.d.ts")
	require.NoError(t, err)
	for _, name := range []string{"Money", "Guest", "Room", "Booking", "Step", "Failure", "Action", "Confirmation", "Cancellation", "CancellationQuote", "Problem"} {
		body := regexp.MustCompile(`(?ms)^export interface ` + name + ` \{\n(.*?)^\}`).FindSubmatch(declared)
		require.NotNil(t, body, name)
		fields := map[string]bool{} // whether it is required
		for _, field := range regexp.MustCompile(`(?m)^  (\w+)(\??):`).FindAllSubmatch(body[1], -1) {
			fields[string(field[1])] = len(field[2]) == 0
		}
		require.Equal(t, fieldsOf(contract().doc.Components.Schemas[name].Value), fields, name)
	}
	for name, schema := range contract().doc.Components.Schemas {
		found := regexp.MustCompile(`(?s)export type ` + name + ` =([^;]*);`).FindSubmatch(declared)
		if found == nil || len(schema.Value.Enum) == 0 {
			continue
		}
		var words []any
		for _, word := range regexp.MustCompile(`"(\w+)"`).FindAllSubmatch(found[1], -1) {
			words = append(words, string(word[1]))
		}
		require.Equal(t, schema.Value.Enum, words, name)
	}
}

// fieldsOf tells which fields a schema has, and which are required. The client secret is the handle's, not the booking's.
func fieldsOf(schema *openapi3.Schema) map[string]bool {
	fields := map[string]bool{}
	for name := range schema.Properties {
		if name != "client_secret" || !slices.Contains(schema.Required, "payment_status") {
			fields[name] = slices.Contains(schema.Required, name)
		}
	}
	return fields
}
