package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking/web"
)

// pages is a service in a process of its own, with somebody of each role. Tests share it: each has a booking of its own.
type pages struct {
	*client
	process *process
	keys    map[string]string // of support, by name: vera views, ada acts, sue gives money away
	start   func(t *testing.T, environ ...string) (*process, *client)
}

// onPages runs a test on a service over SQLite and on one over PostgreSQL, with the settings of environ.
func onPages(t *testing.T, test func(*testing.T, *pages), environ ...string) {
	t.Helper()
	onBothProcesses(t, func(t *testing.T, d *database) {
		test(t, servePages(t, d, "", environ...))
	})
}

// servePages starts the binary with a key for each role, and little patience. Without a sandbox elsewhere it has its own.
func servePages(t *testing.T, d *database, sandbox string, environ ...string) *pages {
	t.Helper()
	p := &pages{keys: map[string]string{}}
	var keys []map[string]string
	add := func(name string, scope web.Scope, role string) string {
		key := web.NewKey(scope)
		keys = append(keys, map[string]string{"name": name, "scope": string(scope), "role": role, "hash": web.HashKey(key)})
		return key
	}
	for name, role := range map[string]string{"vera": "viewer", "ada": "agent", "sue": "supervisor"} {
		p.keys[name] = add(name, web.ScopeSupport, role)
	}
	files := map[string]string{"bookings": add("bookings", web.ScopeBookings, ""), "support": p.keys["sue"]}
	checkout := add("checkout", web.ScopePublishable, "")
	require.NoError(t, os.MkdirAll(filepath.Join(d.dir, "keys"), 0o700))
	for name, key := range files { // where the harness reads them
		require.NoError(t, os.WriteFile(filepath.Join(d.dir, "keys", name+".key"), []byte(key), 0o600))
	}
	list, err := json.Marshal(keys)
	require.NoError(t, err)
	settings := append([]string{
		"BOOKING_AUTH__KEYS=" + strings.ReplaceAll(string(list), `"role":"",`, ""), "BOOKING_CHECKOUT__KEY=" + checkout,
		"BOOKING_SANDBOX__LATENCY=0", "BOOKING_SANDBOX__SEED=1",
		"BOOKING_FLOW__BACKOFF_BASE=20ms", "BOOKING_FLOW__BACKOFF_CAP=200ms", "BOOKING_FLOW__UNKNOWN_FOR=6s", "BOOKING_FLOW__ATTENTION_AFTER=1s",
		"BOOKING_WORKERS__BREAKER__MINIMUM=1000000", // every way to fail is tried at one supplier at once
		"BOOKING_PROVIDERS__HOTEL__TIMEOUT=1s",
	}, environ...)
	p.start = func(t *testing.T, more ...string) (*process, *client) {
		t.Helper()
		return serviceProcess(t, d.dir, sandbox, append(append(d.environ, settings...), more...)...)
	}
	p.process, p.client = p.start(t)
	return p
}

// with is the service for one of the tests that share it.
func (p *pages) with(t *testing.T) *pages {
	own, c := *p, *p.client
	c.T = t
	own.client = &c
	return &own
}

// story is one test of those that share a service.
type story struct {
	name string
	told func(*pages)
}

// tell runs stories side by side on one service for each database.
func tell(t *testing.T, stories []story, environ ...string) {
	t.Helper()
	onPages(t, func(t *testing.T, p *pages) {
		t.Run("all", func(t *testing.T) { // and then the service ends
			for _, s := range stories {
				t.Run(s.name, func(t *testing.T) {
					t.Parallel()
					s.told(p.with(t))
				})
			}
		})
	}, environ...)
}
