package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

const (
	wholeFor     = 20 * time.Second // offered
	wholeLeast   = 6 * time.Second  // at a small scale: some of the answers take seconds
	endsWithin   = 2 * time.Minute  // after the last submission
	watchEvery   = 500 * time.Millisecond
	followEvery  = 50   // submissions, of which one is followed by polls
	mayLag       = 0.05 // of the rate: so much the bookings under way may grow a second where it is sustained
	wholeMinimum = 0.98 // of the rate: so much must be accepted
)

var wholeRates = []int{500, 1000, 1500, 2000, 2500}

// wholeSettings let the service wait for as many answers at once as a few thousand bookings a second have under way: rate
// times how long a call takes on average, some hundred milliseconds, and what the long tail needs.
var wholeSettings = []string{
	"BOOKING_WORKERS__POOLS__PROVIDER=4096", "BOOKING_WORKERS__PER_SUPPLIER=4096", "BOOKING_WORKERS__POOLS__FRAUD=1024",
	"BOOKING_WORKERS__POOLS__PAYMENT=3072", "BOOKING_WORKERS__POOLS__TRACKING=768", "BOOKING_WORKERS__MEMORY=20000", lazyGC,
}

// lazyGC lets service and sandbox trade some memory for time: thousands of waiting goroutines are looked through at each collection.
const lazyGC = "GOGC=400"

// whole takes bookings from the submission over HTTP to their ends at a sandbox with the latency of real systems, at rates that
// rise until one is not sustained: until the bookings under way grow for as long as it is offered.
func whole(ctx context.Context, b *bench) error {
	b.report.note("service and sandbox are processes of their own; the sandbox answers after a few hundred milliseconds, with a long tail; %v", wholeSettings)
	b.report.note("open loop: latencies count from when a request was due; one booking in %d is followed by held polls; every 202 is compared with the sandbox's ledger", followEvery)
	for _, kind := range b.Databases {
		best := 0
		for _, rate := range wholeRates {
			var runs []sample
			sustained := 0
			for run := range b.Runs {
				b.say("whole: %s, %d/s, run %d of %d", kind, rate, run+1, b.Runs)
				s, ok, err := b.wholeRun(ctx, kind, rate)
				if err != nil {
					return fmt.Errorf("%s at %d/s: %w", kind, rate, err)
				}
				if runs = append(runs, s); ok {
					sustained++
				}
			}
			b.report.measured(labels("database", kind, "offered_per_second", rate), runs)
			if 2*sustained <= b.Runs {
				break
			}
			best = rate
		}
		b.report.note("%s: %d bookings a second sustained, nothing lost", kind, best)
	}
	return nil
}

// wholeRun offers one rate to new processes on an empty database. It is an error if anything is lost, or done twice.
func (b *bench) wholeRun(ctx context.Context, kind string, rate int) (s sample, sustained bool, err error) {
	l, err := b.newLandscape(ctx, kind, inProcess, wholeSettings)
	if err != nil {
		return nil, false, err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	before, err := l.used(ctx)
	if err != nil {
		return nil, false, err
	}
	watching := watch(ctx, l.service.admin)
	defer watching.stop()
	promises := newPromises()
	follow := newFollowers(l.service.base, l.service.bookings)
	subs := newSubmissions(l.service.bookings, "sim_ok")
	load := openLoop{
		base: l.service.base, rate: rate, lasting: max(wholeLeast, time.Duration(float64(wholeFor)*b.Scale)),
		prepare: func(i int, t *vegeta.Target) error { subs.target(l.service.base, i, t); return nil },
		answered: func(r *vegeta.Result) {
			if r.Code != http.StatusAccepted {
				return // the load counts it
			}
			promises.add(r.Body)
			if accepted, err := acceptedOf(r); err == nil && r.Seq%followEvery == 0 {
				follow.follow(ctx, accepted.id, r.Timestamp)
			}
		},
	}
	began := time.Now()
	seen, err := load.run(ctx)
	if err != nil {
		return nil, false, err
	}
	offered := load.lasting
	ended, err := watching.until(ctx, promises.count())
	confirmed, rested, followErr := follow.wait()
	if err := errors.Join(err, followErr, promises.err); err != nil {
		return nil, false, err
	}
	after, err := l.used(ctx)
	if err != nil {
		return nil, false, err
	}
	if err := l.compare(ctx, promises.references); err != nil {
		return nil, false, err
	}
	n := float64(promises.count())
	lag := watching.growth(began.Add(offered/2), began.Add(offered))
	sustained = n >= wholeMinimum*float64(rate)*offered.Seconds() && lag <= mayLag*float64(rate)
	s.add("accepted_per_second", n/seen.took.Seconds())
	s.add("ended_per_second", watching.rate(began.Add(offered/2), began.Add(offered)))
	s.add("growth_per_second", lag)
	s.add("sustained", map[bool]float64{true: 1}[sustained])
	s.add("accept_p50_ms", milliseconds(percentile(seen.latencies, 50)))
	s.add("accept_p99_ms", milliseconds(percentile(seen.latencies, 99)))
	s.add("confirmed_p50_ms", milliseconds(percentile(confirmed, 50)))
	s.add("confirmed_p99_ms", milliseconds(percentile(confirmed, 99)))
	s.add("rest_p50_ms", milliseconds(percentile(rested, 50)))
	s.add("rest_p99_ms", milliseconds(percentile(rested, 99)))
	s.add("all_ended_after_seconds", ended.Sub(began).Seconds())
	s.add("refused", float64(seen.failed+len(seen.latencies)-promises.count()))
	s.add("lost", 0) // else there was an error
	after.minus(before).add(&s, n)
	return s, sustained, nil
}

// landscape is a service and a sandbox as processes of their own, on an empty database.
type landscape struct {
	db       *database
	kind     generation
	settings []string
	sandbox  *process
	service  *process
}

func (b *bench) newLandscape(ctx context.Context, kind string, g generation, settings []string) (l *landscape, err error) {
	l = &landscape{kind: g, settings: settings}
	defer func() {
		if err != nil {
			err = errors.Join(err, l.close())
		}
	}()
	if l.db, err = b.open(ctx, kind); err != nil {
		return l, err
	}
	if l.sandbox, err = b.sandboxProcess(ctx, l.db.dir, 1, lazyGC); err != nil {
		return l, err
	}
	l.service, err = g.start(ctx, b, l)
	return l, err
}

func (l *landscape) close() error {
	var problems []error
	for _, p := range []*process{l.service, l.sandbox} {
		if p != nil {
			problems = append(problems, p.stop())
		}
	}
	if l.db != nil {
		problems = append(problems, l.db.close())
	}
	return errors.Join(problems...)
}

// compare is an error if what the clients of the references were promised is not what happened outside.
func (l *landscape) compare(ctx context.Context, promised map[string]bool) error {
	ledger, _, err := readLedger(ctx, l.sandbox.sandbox)
	if err != nil {
		return err
	}
	if wrong := describe(outcomes(promised, ledger)); wrong != "" {
		return fmt.Errorf("of %d bookings: %s", len(promised), wrong)
	}
	return nil
}

// usage is CPU time in seconds.
type usage struct{ service, sandbox, database, driver float64 }

func (u usage) minus(before usage) usage {
	return usage{u.service - before.service, u.sandbox - before.sandbox, u.database - before.database, u.driver - before.driver}
}

func (u usage) add(s *sample, bookings float64) {
	each := func(cpu float64) float64 { return 1000 * cpu / bookings }
	s.add("service_cpu_seconds_per_1000", each(u.service))
	s.add("sandbox_cpu_seconds_per_1000", each(u.sandbox))
	s.add("database_cpu_seconds_per_1000", each(u.database))
	s.add("driver_cpu_seconds_per_1000", each(u.driver))
}

func (l *landscape) used(ctx context.Context) (u usage, err error) {
	counted, err := l.db.counters(ctx)
	if err != nil {
		return u, err
	}
	service, serviceErr := processCPU(l.service.cmd.Process.Pid)
	sandbox, sandboxErr := processCPU(l.sandbox.cmd.Process.Pid)
	return usage{service, sandbox, counted.cpu, ownCPU()}, errors.Join(serviceErr, sandboxErr)
}

// promises are the references of bookings that clients were promised.
type promises struct {
	mu         sync.Mutex // guards the rest, which connections write; whoever reads it waits for them first
	references map[string]bool
	err        error
}

func newPromises() *promises { return &promises{references: map[string]bool{}} }

// add reads the body of an answer that promises a booking.
func (p *promises) add(body []byte) {
	reference := referenceIn(body)
	p.mu.Lock()
	defer p.mu.Unlock()
	if reference == "" {
		p.err = errNoBooking
		return
	}
	p.references[reference] = true
}

func (p *promises) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.references)
}

// referenceIn is the reference of the booking in an answer; "" where there is none.
func referenceIn(body []byte) string {
	_, after, _ := bytes.Cut(body, []byte(`"reference":"`))
	reference, _, found := bytes.Cut(after, []byte(`"`))
	if !found {
		return ""
	}
	return string(reference)
}

// watcher reads again and again how far the bookings have come.
type watcher struct {
	admin string
	quit  context.CancelFunc
	under sync.WaitGroup

	mu   sync.Mutex // guards the rest, which the watching goroutine writes
	seen []progress
}

// watch watches until it is stopped.
func watch(ctx context.Context, admin string) *watcher {
	ctx, quit := context.WithCancel(ctx)
	w := &watcher{admin: admin, quit: quit}
	w.under.Go(func() {
		for tick := time.NewTicker(watchEvery); ctx.Err() == nil; {
			if p, err := readProgress(ctx, admin); err == nil { // a busy service may be asked again
				w.mu.Lock()
				w.seen = append(w.seen, p)
				w.mu.Unlock()
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				tick.Stop()
			}
		}
	})
	return w
}

func (w *watcher) stop() {
	w.quit()
	w.under.Wait()
}

// until waits until n bookings have ended, and says when that was seen.
func (w *watcher) until(ctx context.Context, n int) (time.Time, error) {
	for deadline := time.Now().Add(endsWithin); ; {
		last := w.last()
		switch {
		case last.ended >= float64(n):
			return last.at, nil
		case time.Now().After(deadline):
			return last.at, fmt.Errorf("%.0f of %d bookings ended within %s", last.ended, n, endsWithin)
		}
		select {
		case <-time.After(watchEvery):
		case <-ctx.Done():
			return last.at, context.Cause(ctx)
		}
	}
}

func (w *watcher) last() progress {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.seen) == 0 {
		return progress{}
	}
	return w.seen[len(w.seen)-1]
}

// reached is about when n bookings had ended, between two looks at a steady pace.
func (w *watcher) reached(n float64) time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	var before progress
	for _, p := range w.seen {
		if p.ended >= n {
			share := (n - before.ended) / max(1, p.ended-before.ended)
			if before.at.IsZero() {
				return p.at
			}
			return before.at.Add(time.Duration(share * float64(p.at.Sub(before.at))))
		}
		before = p
	}
	return before.at
}

// between is what was seen first after each of two moments.
func (w *watcher) between(from, to time.Time) (first, last progress) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range w.seen {
		if first.at.IsZero() && !p.at.Before(from) {
			first = p
		}
		if last = p; !p.at.Before(to) {
			break
		}
	}
	return first, last
}

// growth is by how many bookings a second those under way grew.
func (w *watcher) growth(from, to time.Time) float64 {
	first, last := w.between(from, to)
	return per(last.accepted-last.ended-(first.accepted-first.ended), first, last)
}

// rate is how many bookings a second ended.
func (w *watcher) rate(from, to time.Time) float64 {
	first, last := w.between(from, to)
	return per(last.ended-first.ended, first, last)
}

func per(n float64, first, last progress) float64 {
	if seconds := last.at.Sub(first.at).Seconds(); seconds > 0 {
		return n / seconds
	}
	return 0
}
