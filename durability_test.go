package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	aloneBookings = 20 // one after the other, so that a commit can be of nobody else
	crowdBookings = 48 // at once, so that they share commits
)

// A kill -9 leaves what the kernel was given; only what an fsync covers outlives a loss of power. So the system calls are
// watched, and their order is the proof: before each 202 and each call to the outside, a commit that names the booking reached
// the disk, one that began after the submission, or the answer to the call before, had been read.
func TestNothingIsPromisedBeforeItIsOnDisk(t *testing.T) {
	t.Parallel()
	needsStrace(t)
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		binary, err := builtBinary()
		require.NoError(t, err)
		require.Empty(t, overSQLite(t, binary))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		binary, err := builtBinary()
		require.NoError(t, err)
		early, forgettable := overPostgres(t, binary, "on")
		require.Empty(t, early, "promised before PostgreSQL had said that it is committed")
		require.Empty(t, forgettable, "PostgreSQL said so before it was on disk")
	})
}

// The same eyes on a service that breaks the promise.
func TestABrokenPromiseOfDurabilityIsSeen(t *testing.T) {
	t.Parallel()
	needsStrace(t)
	if testing.Short() {
		t.Skip("builds the service once for each defect; not with -short")
	}
	t.Run("the database is asked for less", func(t *testing.T) {
		t.Parallel()
		binary := defective(t, map[string][]string{
			"store/sqlite.go":   {"synchronous(FULL)", "synchronous(NORMAL)", "got.Synchronous < 2", "got.Synchronous < 1"},
			"store/postgres.go": {`case "on", "remote_apply", "remote_write":`, `case "off":`},
		})
		t.Run("sqlite", func(t *testing.T) {
			t.Parallel()
			require.NotEmpty(t, overSQLite(t, binary))
		})
		t.Run("postgres", func(t *testing.T) {
			t.Parallel()
			early, forgettable := overPostgres(t, binary, "off")
			require.Empty(t, early)
			require.NotEmpty(t, forgettable)
		})
	})
	t.Run("an accept does not wait for its commit", func(t *testing.T) {
		t.Parallel()
		early := overSQLite(t, defective(t, map[string][]string{"store/bookings.go": {
			"\tif err := s.writer.write(ctx, o); err != nil {\n",
			"\tgo func() { _ = s.writer.write(context.WithoutCancel(ctx), o) }()\n\tif err != nil {\n",
		}}))
		require.True(t, slices.ContainsFunc(early, func(p promise) bool { return p.what == accepted }))
		require.True(t, slices.ContainsFunc(early, func(p promise) bool { return p.what != accepted }), "its first turn begins at once, too")
	})
}

// overSQLite lets bookings come and go, and returns the promises that were made too early.
func overSQLite(t *testing.T, binary string) []promise {
	t.Helper()
	trace := filepath.Join(t.TempDir(), "service")
	program := append(straced(t, trace), binary)
	service, c := serviceOf(t, program, t.TempDir(), sandboxProcess(t, "BOOKING_SANDBOX__LATENCY=0"))
	acked := c.comeAndGo()
	service.kill()
	events := traceIn(t, trace)
	return tooEarly(t, promisesIn(t, events, c, acked), sqliteCommits(events))
}

// overPostgres does so over a PostgreSQL of its own, since that of the other tests is not durable. It returns the promises
// that were made before PostgreSQL's answer, and the commits that PostgreSQL answered before they were on disk.
func overPostgres(t *testing.T, binary, synchronousCommit string) (early []promise, forgettable []commit) {
	t.Helper()
	serviceTrace := filepath.Join(t.TempDir(), "service")
	program := append(straced(t, serviceTrace), binary)
	server, serverTrace := stracedPostgres(t)
	service, c := serviceOf(t, program, t.TempDir(), sandboxProcess(t, "BOOKING_SANDBOX__LATENCY=0"),
		"BOOKING_DATABASE__URL="+server.URL()+"&synchronous_commit="+synchronousCommit)
	acked := c.comeAndGo()
	service.kill()
	require.NoError(t, server.Stop())

	events := traceIn(t, serviceTrace)
	heard := commitsHeard(events)
	early = tooEarly(t, promisesIn(t, events, c, acked), heard)
	events = traceIn(t, serverTrace)
	said := commitsSaid(events)
	require.GreaterOrEqual(t, len(said), len(heard), "the server's trace does not show everything")
	forgettable = notOnDisk(said, events)
	t.Logf("PostgreSQL said of %d commits that they are there, of %d before they were on disk", len(said), len(forgettable))
	return early, forgettable
}

// comeAndGo submits bookings one after the other, and then many at once, and returns them when all have ended.
func (c *client) comeAndGo() []bookingView {
	c.Helper()
	acked := make([]bookingView, aloneBookings)
	for i := range acked {
		acked[i] = c.submit(order{})
		c.untilLedger(acked[i].Reference, func(l ledgerView) bool { return l.Tracked == 1 })
	}
	crowd := c.crowd(crowdBookings)
	require.Len(c, crowd, crowdBookings)
	acked = append(acked, crowd...)
	c.allEnd(acked)
	return acked
}

// promise is what the service told somebody, and what must not be forgotten by then.
type promise struct {
	booking string
	what    string // accepted, or a call to the outside: "POST /hotel/v1/bookings"
	since   int    // when the service had read what it rests on; 0 for a booking's first call, which nobody named before
	made    int    // when the service began to write it
}

const accepted = "202"

var (
	bookingID   = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}`)
	answer202   = regexp.MustCompile(`^HTTP/1\.1 202 (?s:.*)\r\nLocation: /v1/bookings/(` + bookingID.String() + `)\r\n`)
	callOutside = regexp.MustCompile(`^([A-Z]+ /[a-z]+/v1/[a-z]+)(?s:.*)\r\nX-Correlation-Id: (` + bookingID.String() + `)`)
)

// promisesIn finds them, and sees that none is missing.
func promisesIn(t *testing.T, events []event, c *client, acked []bookingView) []promise {
	t.Helper()
	ours, theirs := strings.TrimPrefix(c.base, "http://"), strings.TrimPrefix(c.sandbox, "http://")
	var promises []promise
	arrived := map[string]int{}   // by connection: when its last bytes were read
	asks := map[string]string{}   // by connection: the booking that is asked about
	learned := map[string]int{}   // by booking: when the last answer about it was read, or, without one, when it was asked
	made := map[string][]string{} // by booking
	add := func(p promise) {
		promises = append(promises, p)
		made[p.booking] = append(made[p.booking], p.what)
	}
	for at, e := range events {
		switch {
		case e.reads() && e.over && e.result > 0:
			arrived[e.file] = at
			if b := asks[e.file]; b != "" {
				learned[b] = at
			}
		case e.writes() && !e.over && strings.HasPrefix(e.file, "TCP:["+ours+"->"):
			if m := answer202.FindSubmatch(e.data); m != nil {
				add(promise{string(m[1]), accepted, arrived[e.file], at})
			}
		case e.writes() && !e.over && strings.HasSuffix(e.file, "->"+theirs):
			if m := callOutside.FindSubmatch(e.data); m != nil {
				b := string(m[2])
				add(promise{b, string(m[1]), learned[b], at})
				asks[e.file], learned[b] = b, at
			}
		}
	}
	for _, b := range acked {
		require.Contains(t, made[b.ID], accepted, "the trace does not show everything")
		require.Contains(t, made[b.ID], "POST /hotel/v1/holds", "the trace does not show everything")
	}
	for _, b := range acked[:aloneBookings] {
		require.Subset(t, made[b.ID], []string{"POST /fraud/v1/screenings", "POST /payment/v1/authorizations", "POST /hotel/v1/bookings", "POST /payment/v1/captures", "POST /tracking/v1/track"})
	}
	return promises
}

// tooEarly are the promises that were made before a commit that they could rest on was done.
func tooEarly(t *testing.T, promises []promise, commits []commit) (early []promise) {
	t.Helper()
	of := map[string][]commit{}
	for _, c := range commits {
		for _, b := range c.bookings {
			of[b] = append(of[b], c)
		}
	}
	made, broken := map[bool]int{}, map[bool]int{} // by whether it is a 202
	for _, p := range promises {
		made[p.what == accepted]++
		if !slices.ContainsFunc(of[p.booking], func(c commit) bool { return c.began > p.since && c.done != never && c.done < p.made }) {
			early = append(early, p)
			broken[p.what == accepted]++
		}
	}
	t.Logf("%d commits; too early were %d of %d answers 202, and %d of %d calls to the outside",
		len(commits), broken[true], made[true], broken[false], made[false])
	return early
}

// defective is the service with some of its source replaced: by file, pairs of right and wrong.
func defective(t *testing.T, defects map[string][]string) (binary string) {
	t.Helper()
	dir := t.TempDir()
	here, err := os.Getwd()
	require.NoError(t, err)
	replace := map[string]string{}
	for file, pairs := range defects {
		source, err := os.ReadFile(file)
		require.NoError(t, err)
		for pair := range slices.Chunk(pairs, 2) {
			require.Equal(t, 1, strings.Count(string(source), pair[0]), "the defect's place in %s has moved: mend this test", file)
		}
		wrong := filepath.Join(dir, filepath.Base(file))
		require.NoError(t, os.WriteFile(wrong, []byte(strings.NewReplacer(pairs...).Replace(string(source))), 0o600))
		replace[filepath.Join(here, file)] = wrong
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "overlay.json"), overlay, 0o600))
	binary, err = buildBinary(dir, "-overlay", filepath.Join(dir, "overlay.json"))
	require.NoError(t, err)
	return binary
}
