package bench

import (
	"context"
	"errors"
	"net/http"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
	"github.com/valyala/fasthttp"
)

const (
	pollFor         = 4 * time.Second
	pollMost        = 1_000_000 // polls in that time
	pollConnections = 64
	pollHot         = 8      // bookings that everybody asks about
	pollCold        = 20_000 // bookings of which none is asked about twice in a row
	pollStride      = 7919   // a prime: neighbours in time are none in the database
	pollRate        = 500    // polls a second beside writers
	pollBacklog     = 20_000 // bookings for the engine to write while others are polled
)

// poll measures how bookings are followed: polls as fast as they go beside a bare server, polls at a constant rate beside an
// engine that writes flat out, and thousands of long-polls and event streams that wait.
func poll(ctx context.Context, b *bench) error {
	n, limitErr := b.holdable(b.scaled(heldEach))
	b.report.note(stalledNote, stalledLatency)
	b.report.note("%d connections; hot: %d bookings, cold: %d; beside writers: %d polls a second, latency from when each was due; held: %d long-polls and %d streams, opened at %d a second, of which %d each see a change",
		pollConnections, pollHot, b.scaled(pollCold), pollRate, n, n, openRate, min(n, b.scaled(heldChanged)))
	if limitErr != nil {
		b.report.note("fewer are held than asked for: %v", limitErr)
	}
	for _, kind := range b.Databases {
		flat, held := map[pollLevel][]sample{}, map[string][]sample{}
		var beside []sample
		for run := range b.Runs {
			b.say("poll: %s, run %d of %d", kind, run+1, b.Runs)
			if err := b.pollFlat(ctx, kind, flat); err != nil {
				return err
			}
			s, err := b.pollBesideWriters(ctx, kind)
			if err != nil {
				return err
			}
			beside = append(beside, s)
			if err := b.pollHeld(ctx, kind, n, held); err != nil {
				return err
			}
		}
		for _, level := range append(bareLevels, pollLevels...) {
			b.report.measured(labels("database", kind, "server", level.server, "spread", level.spread, "status", level.status), flat[level])
		}
		b.report.measured(labels("database", kind, "engine", "flat_out", "polls_per_second", pollRate), beside)
		for _, waiter := range []string{longPolls, streams} {
			b.report.measured(labels("database", kind, "waiter", waiter, "held", n), held[waiter])
		}
	}
	return nil
}

// pollLevel is one kind of poll.
type pollLevel struct {
	server, spread string
	status         int
}

var (
	bareLevels = []pollLevel{{"bare", "none", http.StatusOK}, {"bare", "none", http.StatusNotModified}}
	pollLevels = []pollLevel{
		{"service", "hot", http.StatusOK}, {"service", "hot", http.StatusNotModified},
		{"service", "cold", http.StatusOK}, {"service", "cold", http.StatusNotModified},
	}
)

// pollFlat polls as fast as the connections go, the service first, whose answers the bare server's are as long as.
func (b *bench) pollFlat(ctx context.Context, kind string, into map[pollLevel][]sample) error {
	service, length, err := b.pollService(ctx, kind)
	if err != nil {
		return err
	}
	bare, err := b.pollBare(ctx, kind, length)
	if err != nil {
		return err
	}
	for i, level := range bareLevels {
		into[level] = append(into[level], bare[i].sample(0))
	}
	for i, level := range pollLevels {
		into[level] = append(into[level], service[i].sample(bare[i%2].seen.perSecond())) // 200 beside 200, and 304 beside 304
	}
	return nil
}

// polled is what one level came to.
type polled struct {
	seen loaded
	used usage
}

func (p polled) sample(bare float64) (s sample) {
	p.seen.add(&s, "requests_per_second")
	if bare > 0 {
		s.add("of_bare_percent", 100*p.seen.perSecond()/bare)
	}
	p.used.add(&s, float64(len(p.seen.latencies)))
	return s
}

func (b *bench) pollService(ctx context.Context, kind string) (all []polled, length int, err error) {
	at, err := b.newStalledSite(ctx, kind)
	if err != nil {
		return nil, 0, err
	}
	defer at.closing(&err)
	bookings, err := at.untouched(ctx, max(pollHot, b.scaled(pollCold)))
	if err != nil {
		return nil, 0, err
	}
	for _, level := range pollLevels {
		among := bookings
		if level.spread == "hot" {
			among = bookings[:pollHot]
		}
		one, bytes, err := b.pollLevel(ctx, at, among, level.status)
		if err != nil {
			return nil, 0, err
		}
		all, length = append(all, one), max(length, bytes)
	}
	return all, length, nil
}

func (b *bench) pollBare(ctx context.Context, kind string, length int) (all []polled, err error) {
	at, err := b.newBareSite(ctx, kind, length)
	if err != nil {
		return nil, err
	}
	defer at.closing(&err)
	for _, level := range bareLevels {
		one, _, err := b.pollLevel(ctx, at, []accepted{{id: "any", etag: bareETag}}, level.status)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, nil
}

// pollLevel polls among bookings so that each answer has this status. It returns how long the body of one was, too.
func (b *bench) pollLevel(ctx context.Context, at *site, among []accepted, status int) (p polled, length int, err error) {
	load := closedLoop{base: at.server.base, connections: pollConnections, requests: pollMost, prepare: polls(at.server.bookings, among, status)}
	load.lasting = b.lasting(warmUp)
	load.answered = func(i int, res *fasthttp.Response) {
		if i == 0 {
			length = len(res.Body())
		}
	}
	if warm, err := load.run(ctx); err != nil || warm.only(status) != nil {
		return p, 0, errors.Join(err, warm.only(status))
	}
	before, err := at.used(ctx)
	if err != nil {
		return p, 0, err
	}
	load.lasting, load.answered = b.lasting(pollFor), nil
	if p.seen, err = load.run(ctx); err != nil || p.seen.only(status) != nil {
		return p, 0, errors.Join(err, p.seen.only(status))
	}
	after, err := at.used(ctx)
	p.used = after.minus(before)
	return p, length, err
}

// polls prepares a closed loop's polls, one booking after the other, far from each other.
func polls(key string, among []accepted, status int) func(int, *fasthttp.Request) {
	return func(i int, req *fasthttp.Request) {
		a := among[i*pollStride%len(among)]
		if status == http.StatusOK {
			a.etag = ""
		}
		follow(req, key, a.id, a.etag)
	}
}

// pollBesideWriters polls at a constant rate: first where nobody writes, then while the engine and its outside, which
// answers at once, take what there is of the machine.
func (b *bench) pollBesideWriters(ctx context.Context, kind string) (s sample, err error) {
	quiet, err := b.newStalledSite(ctx, kind)
	if err != nil {
		return nil, err
	}
	bookings, err := quiet.submitted(ctx, b.scaled(pollBacklog))
	alone := loaded{}
	if err == nil {
		alone, err = b.pollSteadily(ctx, quiet, bookings)
	}
	if err = errors.Join(err, quiet.close()); err != nil {
		return nil, err
	}
	at, err := b.newSite(ctx, kind, 0)
	if err != nil {
		return nil, err
	}
	defer at.closing(&err)
	if bookings, err = at.submitted(ctx, b.scaled(pollBacklog)); err != nil {
		return nil, err
	}
	pools := lookAt(ctx, at)
	beside, err := b.pollSteadily(ctx, at, bookings)
	if err = errors.Join(err, pools.stop()); err != nil {
		return nil, err
	}
	s.add("p50_ms", milliseconds(percentile(beside.latencies, 50)))
	s.add("p99_ms", milliseconds(percentile(beside.latencies, 99)))
	s.add("quiet_p50_ms", milliseconds(percentile(alone.latencies, 50)))
	s.add("quiet_p99_ms", milliseconds(percentile(alone.latencies, 99)))
	pools.add(&s)
	return s, nil
}

// pollSteadily asks for whole bookings at a constant rate.
func (b *bench) pollSteadily(ctx context.Context, at *site, among []accepted) (loaded, error) {
	header := http.Header{"Authorization": {"Bearer " + at.server.bookings}}
	seen, err := openLoop{
		base: at.server.base, rate: pollRate, lasting: b.lasting(pollFor),
		prepare: func(i int, t *vegeta.Target) error {
			t.Method, t.URL, t.Header = http.MethodGet, at.server.base+bookingsPath+"/"+among[i*pollStride%len(among)].id, header
			return nil
		},
	}.run(ctx)
	return seen, errors.Join(err, seen.only(http.StatusOK))
}
