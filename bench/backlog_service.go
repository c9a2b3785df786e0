package bench

import (
	"context"
	"errors"
	"net"
	"time"
)

// resident is what the service uses, a process of its own, at its start and after a while in which all its calls hang.
func (b *bench) resident(ctx context.Context, db *database, more ...string) (s sample, err error) {
	silent, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // nobody accepts: a connection is made, and nothing answers
	if err != nil {
		return nil, err
	}
	defer silent.Close()
	began := time.Now()
	service, err := b.serviceProcess(ctx, db, "http://"+silent.Addr().String(), append(hanging(), more...)...)
	if err != nil {
		return nil, err
	}
	defer service.kill() // its leases run out by themselves
	s.add("ready_after_ms", milliseconds(time.Since(began)))
	err = b.watchHanging(ctx, db, service, &s)
	return s, err
}

// watchHanging adds what a service uses that has nothing to do but to look what is due.
func (b *bench) watchHanging(ctx context.Context, db *database, service *process, s *sample) error {
	first, err := residentBytes(service.cmd.Process.Pid)
	if err != nil {
		return err
	}
	before, err := db.counters(ctx)
	if err != nil {
		return err
	}
	used, err := processCPU(service.cmd.Process.Pid)
	if err != nil {
		return err
	}
	began, last, most := time.Now(), first, first
	for time.Since(began) < max(5*time.Second, time.Duration(float64(idleFor)*min(1, b.Scale))) {
		select {
		case <-time.After(time.Second):
		case <-service.exited:
			return errors.New("the service ended")
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if last, err = residentBytes(service.cmd.Process.Pid); err != nil {
			return err
		}
		most = max(most, last)
	}
	usedNow, err := processCPU(service.cmd.Process.Pid)
	if err != nil {
		return err
	}
	took := time.Since(began).Seconds()
	after, err := db.counters(ctx)
	if err != nil {
		return err
	}
	s.add("resident_at_start_mb", first/(1<<20))
	s.add("watched_s", took)
	s.add("resident_then_mb", last/(1<<20))
	s.add("resident_most_mb", most/(1<<20))
	s.add("cpu_percent_of_core", 100*(usedNow-used)/took)
	if db.kind == onPostgres {
		s.add("database_cpu_percent_of_core", 100*after.minus(before).cpu/took)
	}
	return nil
}

// hanging is a service whose calls wait for ever, so that what waits goes on waiting.
func hanging() []string {
	environ := []string{"BOOKING_ADMISSION__MAX_AGE=1000h"}
	for _, vendor := range []string{"HOTEL", "FRAUD", "PAYMENT", "TRACKING"} {
		environ = append(environ, "BOOKING_PROVIDERS__"+vendor+"__TIMEOUT=1h")
	}
	for _, pool := range []string{"PROVIDER", "FRAUD", "PAYMENT", "TRACKING"} {
		environ = append(environ, "BOOKING_WORKERS__DEADLINES__"+pool+"=1h")
	}
	return environ
}
