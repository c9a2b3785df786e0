package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestImpossibleEventsAreRefused(t *testing.T) {
	t.Parallel()
	for variables, want := range map[string]string{
		"BOOKING_EVENTS__SOURCE=":                              "events.source",
		"BOOKING_EVENTS__STREAM=a.b BOOKING_ENGINE=jetstream":  "events.stream",
		"BOOKING_EVENTS__STREAM=events":                        "events.stream: needs engine",
		"BOOKING_EVENTS__STREAM=look BOOKING_ENGINE=jetstream": "events.stream: is taken",
		"BOOKING_EVENTS__MAX_AGE=1m":                           "events.duplicates",
		"BOOKING_EVENTS__MAX_BYTES=-1":                         "events.max_bytes",
		"BOOKING_EVENTS__BATCH=0":                              "events.batch",
		"BOOKING_EVENTS__POLL=0s":                              "events.poll",
		"BOOKING_EVENTS__TIMEOUT=0s":                           "events.timeout",
		"BOOKING_EVENTS__BACKOFF_CAP=0s":                       "events.backoff_cap",
	} {
		_, err := load("config.yaml", strings.Fields(variables), nil)
		require.ErrorContains(t, err, want, variables)
	}
}

func TestNobodyIsToldUnlessThatIsConfigured(t *testing.T) {
	t.Parallel()
	cfg := DefaultConfig()
	require.Empty(t, cfg.subscribers())
	require.Empty(t, storeConfig(cfg, keys{}).Subscribers)
	cfg.Engine, cfg.Events.Stream = jetStream, "events"
	require.Equal(t, []string{"stream"}, cfg.subscribers())
	require.Equal(t, cfg.subscribers(), storeConfig(cfg, keys{}).Subscribers)
	require.NoError(t, eventsConfig(cfg).Validate())
}
