package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// site is a service, or what it is compared with, as a process of its own on an empty database.
type site struct {
	db      *database
	sandbox *process // nil: none is needed
	server  *process
}

// unlimited lets a service accept whatever comes: what is measured is how fast, not when it refuses.
var unlimited = []string{"BOOKING_ADMISSION__MAX_BACKLOG=100000000", "BOOKING_ADMISSION__MAX_AGE=100000h", "BOOKING_SHUTDOWN__GRACE=1s"}

const (
	// stalledLatency times the sandbox's usual latency is 7 s for a room, and at most a minute.
	stalledLatency = 20
	stalledNote    = "idle engine: one slot for hotels, a sandbox %d times as slow as usual, room for one booking in memory: what is accepted waits in the database"
)

// stalled leaves the accepted bookings where they are: the only slot they could begin in is taken by one of them for seconds.
var stalled = []string{
	"BOOKING_WORKERS__POOLS__PROVIDER=1", "BOOKING_WORKERS__PER_SUPPLIER=1", "BOOKING_WORKERS__MEMORY=1",
	"BOOKING_WORKERS__DEADLINES__PROVIDER=10m", "BOOKING_PROVIDERS__HOTEL__TIMEOUT=10m",
}

// newSite starts a service, and a sandbox whose usual latency is multiplied by latency.
func (b *bench) newSite(ctx context.Context, kind string, latency float64, settings ...string) (s *site, err error) {
	s = &site{}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	if s.db, err = b.open(ctx, kind); err != nil {
		return s, err
	}
	if s.sandbox, err = b.sandboxProcess(ctx, s.db.dir, latency); err != nil {
		return s, err
	}
	s.server, err = b.serviceProcess(ctx, s.db, s.sandbox.sandbox, append(settings, unlimited...)...)
	return s, err
}

// newStalledSite starts a service that accepts bookings and does next to nothing with them.
func (b *bench) newStalledSite(ctx context.Context, kind string, settings ...string) (*site, error) {
	return b.newSite(ctx, kind, stalledLatency, append(settings, stalled...)...)
}

// restart ends the service and starts it again on what it had, with other settings.
func (b *bench) restart(ctx context.Context, s *site, settings ...string) error {
	if err := s.server.stop(); err != nil {
		return err
	}
	server, err := b.serviceProcess(ctx, s.db, s.sandbox.sandbox, append(settings, unlimited...)...)
	if server != nil {
		s.server = server
	}
	return err
}

// newBareSite starts the bare server, whose answers to GET have a body of so many bytes.
func (b *bench) newBareSite(ctx context.Context, kind string, bodyBytes int) (s *site, err error) {
	s = &site{}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	if s.db, err = b.open(ctx, kind); err != nil {
		return s, err
	}
	s.server, err = b.run(s.db.dir, "bare", []string{"bench", "bare", "--database-url", s.db.url, "--dir", s.db.dir, "--body-bytes", strconv.Itoa(bodyBytes)})
	if err != nil {
		return s, err
	}
	var said struct{ HTTP string }
	err = s.server.until(ctx, func() bool { return s.server.says("serving", &said) })
	s.server.base = "http://" + said.HTTP
	return s, err
}

func (s *site) close() error {
	var problems []error
	for _, p := range []*process{s.server, s.sandbox} {
		if p != nil {
			problems = append(problems, p.stop())
		}
	}
	if s.db != nil {
		problems = append(problems, s.db.close())
	}
	return errors.Join(problems...)
}

// closing makes the site's end part of a function's result.
func (s *site) closing(err *error) { *err = errors.Join(*err, s.close()) }

// used is the CPU time of all so far. It waits for PostgreSQL to report its own.
func (s *site) used(ctx context.Context) (u usage, err error) {
	counted, err := s.db.counters(ctx)
	if err != nil {
		return u, err
	}
	u.database, u.driver = counted.cpu, ownCPU()
	if u.service, err = processCPU(s.server.cmd.Process.Pid); err == nil && s.sandbox != nil {
		u.sandbox, err = processCPU(s.sandbox.cmd.Process.Pid)
	}
	return u, err
}

// everySystem makes each of the sandbox's systems answer after exactly this time.
func (s *site) everySystem(ctx context.Context, takes time.Duration) error {
	var faults bytes.Buffer
	for i, system := range []string{"hotel", "fraud", "payment", "tracking"} {
		faults.WriteString(map[bool]string{true: "{", false: ","}[i == 0])
		fmt.Fprintf(&faults, `%q:{"latency":{"p50_ms":%d,"p99_ms":%[2]d}}`, system, takes.Milliseconds())
	}
	faults.WriteByte('}')
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, s.sandbox.sandbox+"/_faults", &faults)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	if err := res.Body.Close(); err != nil || res.StatusCode >= http.StatusMultipleChoices {
		return errors.Join(err, fmt.Errorf("the sandbox answers %d to its latencies", res.StatusCode))
	}
	return nil
}

// submitted makes n bookings, and returns them.
func (s *site) submitted(ctx context.Context, n int) ([]accepted, error) {
	var got collected
	seen, err := closedLoop{
		base: s.server.base, connections: 64, requests: n, lasting: submitWithin,
		prepare: newSubmissions(s.server.bookings, "sim_ok").prepare, answered: got.answered,
	}.run(ctx)
	if err = errors.Join(err, seen.only(http.StatusAccepted), got.err); err != nil {
		return nil, fmt.Errorf("submit %d bookings: %w", n, err)
	}
	if len(got.all) < n {
		return nil, fmt.Errorf("only %d of %d bookings were accepted within %s", len(got.all), n, submitWithin)
	}
	return got.all, nil
}

// untouched makes n bookings on a stalled site, and returns none that its engine might yet come to.
func (s *site) untouched(ctx context.Context, n int) ([]accepted, error) {
	bookings, err := s.submitted(ctx, n+touched)
	if err != nil {
		return nil, err
	}
	return bookings[touched:], nil
}

const touched = 256 // the oldest are taken first, one every few seconds; as many connections blur which those are

const submitWithin = 5 * time.Minute

// lasting is d at the scale of this run, at least half a second.
func (b *bench) lasting(d time.Duration) time.Duration {
	return max(500*time.Millisecond, time.Duration(float64(d)*b.Scale))
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
