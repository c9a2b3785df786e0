package bench

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

const (
	wholeFor    = 20 * time.Second // offered
	wholeLeast  = 6 * time.Second  // at a small scale: some of the answers take seconds
	followEvery = 100              // submissions, of which one is followed by polls
	mayLag      = 0.05             // of the rate: so much may be missing of what ends where it is sustained, by chance
	isFlooded   = 0.2              // of the rate: nobody asks what a higher one would do
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
// rise until far fewer end than are offered. A rate is sustained where as many end as are offered, while they are offered.
func whole(ctx context.Context, b *bench) error {
	b.report.note("service and sandbox are processes of their own; the sandbox answers after a few hundred milliseconds, with a long tail; %v", wholeSettings)
	b.report.note("open loop: latencies count from when a request was due; one booking in %d is followed by held polls; every 202 is compared with the sandbox's ledger", followEvery)
	for _, kind := range b.Databases {
		best := 0
		for _, rate := range wholeRates {
			var runs []sample
			sustained, flooded := 0, 0
			for run := range b.Runs {
				b.say("whole: %s, %d/s, run %d of %d", kind, rate, run+1, b.Runs)
				s, lag, err := b.wholeRun(ctx, kind, rate)
				if err != nil {
					return fmt.Errorf("%s at %d/s: %w", kind, rate, err)
				}
				runs = append(runs, s)
				if lag <= mayLag {
					sustained++
				}
				if lag > isFlooded {
					flooded++
				}
			}
			b.report.measured(labels("database", kind, "offered_per_second", rate), runs)
			if 2*sustained > b.Runs {
				best = rate
			}
			if 2*flooded > b.Runs {
				break
			}
		}
		b.report.note("%s: %d bookings a second sustained, nothing lost", kind, best)
	}
	return nil
}

// wholeRun offers one rate to new processes on an empty database, and says by which share of it they fell behind. It is an error if
// anything is lost, or done twice.
func (b *bench) wholeRun(ctx context.Context, kind string, rate int) (s sample, lag float64, err error) {
	l, err := b.newLandscape(ctx, kind, inProcess, wholeSettings)
	if err != nil {
		return nil, 0, err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	before, err := l.used(ctx)
	if err != nil {
		return nil, 0, err
	}
	watching := watch(ctx, l.service.admins())
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
		return nil, 0, err
	}
	offered := load.lasting
	ended, err := watching.until(ctx, promises.count())
	confirmed, rested, followErr := follow.wait()
	if err := errors.Join(err, followErr, promises.err); err != nil {
		return nil, 0, err
	}
	after, err := l.used(ctx)
	if err != nil {
		return nil, 0, err
	}
	if err := l.compare(ctx, promises.references); err != nil {
		return nil, 0, err
	}
	n := float64(promises.count())
	ends := watching.rate(began.Add(offered/2), began.Add(offered)) // by then the first ones have come through
	lag = 1 - ends/float64(rate)
	s.add("accepted_per_second", n/seen.took.Seconds())
	s.add("ended_per_second", ends)
	s.add("sustained", map[bool]float64{true: 1}[lag <= mayLag])
	s.add("accept_p50_ms", milliseconds(percentile(seen.latencies, 50)))
	s.add("accept_p99_ms", milliseconds(percentile(seen.latencies, 99)))
	s.add("confirmed_p50_ms", milliseconds(percentile(confirmed, 50)))
	s.add("confirmed_p99_ms", milliseconds(percentile(confirmed, 99)))
	s.add("rest_p50_ms", milliseconds(percentile(rested, 50)))
	s.add("rest_p99_ms", milliseconds(percentile(rested, 99)))
	s.add("all_ended_after_seconds", ended.Sub(began).Seconds())
	s.add("refused", float64(seen.failed+len(seen.latencies))-n)
	s.add("lost", 0) // else there was an error
	after.minus(before).add(&s, n)
	return s, lag, nil
}
