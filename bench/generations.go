package bench

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"hotelbooking/booking"
)

const (
	generationFor    = 15 * time.Second // of load
	generationLeast  = 6 * time.Second  // at a small scale: a synchronous answer takes seconds
	generationMost   = 200_000          // submissions of one load
	killedClients    = 256
	answerPatience   = 90 * time.Second // longer than a synchronous request may take
	quietFor         = 15 * time.Second // without a call to the sandbox: longer than its slowest answer, nobody works any more
	recoveredWithin  = 3 * time.Minute
	quietPoll        = 250 * time.Millisecond
	almostAll        = 0.99
	generationFollow = 100 // submissions, of which one is followed
)

// A generation is a way in which the product has been built, or could be.
type generation struct {
	name  string
	yes   int                                                                 // the status of an answer that promises a booking
	later bool                                                                // the booking goes on after that answer
	fleet bool                                                                // several processes: they need a database for all
	next  []string                                                            // when clients can send their next booking
	start func(ctx context.Context, b *bench, l *landscape) (*process, error) // also again, after a kill
}

var (
	synchronous = generation{name: "synchronous", yes: http.StatusOK, next: []string{afterDecision}, start: startSynchronous}
	inProcess   = generation{name: "in_process", yes: http.StatusAccepted, later: true, next: []string{afterDecision, afterAnswer}, start: startInProcess}
	eventDriven = generation{name: "event_driven", yes: http.StatusAccepted, later: true, fleet: true, next: []string{afterDecision, afterAnswer}, start: startEventDriven}
)

// A client waits for the decision before its next booking, as one of the synchronous service must; or goes on at the answer.
const (
	afterDecision = "decision"
	afterAnswer   = "answer"
)

// allGenerations are in the order of their history.
var allGenerations = []generation{synchronous, inProcess, eventDriven}

// impatient is for a restart after a kill: nobody is to wait long for what the dead process held.
var impatient = []string{"BOOKING_WORKERS__LEASE=3s", "BOOKING_WORKERS__POLL=200ms"}

// generations compares them: how long a client waits for an answer, how much they carry, and what a kill -9 leaves behind.
func generations(ctx context.Context, b *bench) error {
	b.report.note("each a process of its own, beside a sandbox with its usual latency; clients send their next booking after the decision, or already after the answer; %v %v", wholeSettings, impatient)
	b.report.note("synchronous: the same steps, adapters and store inside the request. After a kill it is started again, and those whose answer was cut off ask again with the same Idempotency-Key")
	b.report.note("event_driven: one process takes requests, and one works in each pool; hints go through a NATS server. A kill is of all of them at once, and not of that server")
	for _, kind := range b.Databases {
		all := slices.DeleteFunc(slices.Clone(allGenerations), func(g generation) bool { return g.fleet && kind == onSQLite })
		for _, g := range all {
			for _, next := range g.next {
				for _, clients := range []int{64, 256} {
					of := labels("database", kind, "generation", g.name, "clients", clients, "next_booking_after", next)
					if err := b.repeat(of, func() (sample, error) { return b.answering(ctx, kind, g, clients, next) }); err != nil {
						return err
					}
				}
			}
		}
		for _, g := range all {
			err := b.repeat(labels("database", kind, "killed_generation", g.name, "clients", killedClients), func() (sample, error) { return b.killed(ctx, kind, g) })
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// repeat reports as many runs as were asked for.
func (b *bench) repeat(of []field, measure func() (sample, error)) error {
	var runs []sample
	for run := range b.Runs {
		b.say("%v, run %d of %d", of, run+1, b.Runs)
		s, err := measure()
		if err != nil {
			return fmt.Errorf("%v: %w", of, err)
		}
		runs = append(runs, s)
	}
	b.report.measured(of, runs)
	return nil
}

func startSynchronous(ctx context.Context, b *bench, l *landscape) (*process, error) {
	p, err := b.run(l.db.dir, "synchronous", []string{"bench", "synchronous", "--dir", l.db.dir, "--database-url", l.db.url, "--sandbox", l.sandbox.sandbox}, lazyGC)
	if err != nil {
		return nil, err
	}
	var said struct{ HTTP string }
	if err := p.until(ctx, func() bool { return p.says("serving", &said) }); err != nil {
		return nil, errors.Join(fmt.Errorf("the synchronous service does not come up: %w", err), p.stop())
	}
	p.base = "http://" + said.HTTP
	return p, nil
}

func startInProcess(ctx context.Context, b *bench, l *landscape) (*process, error) {
	return b.serviceProcess(ctx, l.db, l.sandbox.sandbox, l.settings...)
}

// startEventDriven starts a fleet divided by roles, which shares one stream, also after a kill.
func startEventDriven(ctx context.Context, b *bench, l *landscape) (*process, error) {
	cluster, err := b.natsServer(ctx)
	if err != nil {
		return nil, err
	}
	settings := append(slices.Clone(l.settings), "BOOKING_ENGINE=jetstream", "BOOKING_NATS__URL="+strings.Join(cluster.URLs(), ","),
		"BOOKING_NATS__STREAM="+filepath.Base(l.db.dir))
	taking, err := b.serviceProcess(ctx, l.db, l.sandbox.sandbox, append(settings, "BOOKING_ROLES=api,sweeper")...)
	if err != nil {
		return nil, err
	}
	for _, pool := range booking.Pools() {
		p, err := b.workerProcess(ctx, l.db, l.sandbox.sandbox, string(pool), settings...)
		if err != nil {
			return nil, errors.Join(err, taking.stop())
		}
		taking.others = append(taking.others, p)
	}
	return taking, nil
}

// answering measures a generation that nobody disturbs.
func (b *bench) answering(ctx context.Context, kind string, g generation, clients int, next string) (s sample, err error) {
	l, err := b.newLandscape(ctx, kind, g, slices.Concat(wholeSettings, impatient))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	before, err := l.used(ctx)
	if err != nil {
		return nil, err
	}
	c := newGuests(ctx, l, max(generationLeast, time.Duration(float64(generationFor)*b.Scale)))
	defer c.close()
	var answers, decisions []time.Duration
	var carried float64
	switch {
	case !g.later:
		answers, err = c.all(ctx, clients)
		decisions, carried = answers, pace(clients, answers)
	case next == afterDecision:
		answers, decisions, err = c.patient(ctx, clients)
		carried = pace(clients, decisions)
	default:
		answers, decisions, carried, err = c.eager(ctx, clients)
	}
	if err = errors.Join(err, c.promises.err); err != nil {
		return nil, err
	}
	if g.later {
		if _, err := c.watching.until(ctx, c.promises.count()); err != nil {
			return nil, err
		}
	}
	after, err := l.used(ctx)
	if err != nil {
		return nil, err
	}
	if err := l.compare(ctx, c.promises.references); err != nil {
		return nil, err
	}
	s.add("answer_p50_ms", milliseconds(percentile(answers, 50)))
	s.add("answer_p99_ms", milliseconds(percentile(answers, 99)))
	s.add("decided_p50_ms", milliseconds(percentile(decisions, 50)))
	s.add("decided_p99_ms", milliseconds(percentile(decisions, 99)))
	s.add("bookings_per_second", carried)
	after.minus(before).add(&s, float64(c.promises.count()))
	return s, nil
}

// pace is how many bookings a second so many clients make that need so long for each: unlike a count over a few seconds, it
// does not depend on the first and the last ones.
func pace(clients int, each []time.Duration) float64 {
	var sum time.Duration
	for _, d := range each {
		sum += d
	}
	return float64(clients) * float64(len(each)) / max(sum.Seconds(), 1e-9)
}

// killed measures what a kill -9 in the middle of a load leaves behind, when everybody has done what they can.
func (b *bench) killed(ctx context.Context, kind string, g generation) (s sample, err error) {
	l, err := b.newLandscape(ctx, kind, g, slices.Concat(wholeSettings, impatient))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	lasting := max(generationLeast, time.Duration(float64(generationFor)*b.Scale))
	c := newGuests(ctx, l, lasting)
	defer c.close()
	c.follow = nil // whoever follows loses the connection
	kill := time.AfterFunc(lasting/2, l.service.kill)
	defer kill.Stop()
	if _, err := c.load(killedClients).run(ctx); err != nil {
		return nil, err
	}
	<-l.service.exited
	answered, cut := c.promises.count(), c.unanswered()
	restarted := time.Now()
	if l.service, err = g.start(ctx, b, l); err != nil {
		return nil, fmt.Errorf("start it again: %w", err)
	}
	if err := c.ask(ctx, l.service.base, cut); err != nil {
		return nil, err
	}
	unanswered := c.unanswered()
	ledger, recovered, err := l.settled(ctx, c.promises.references)
	if err != nil {
		return nil, err
	}
	left := leftBehind(c.promises.references, ledger)
	if g.later && (left != leftovers{} || len(unanswered) > 0) {
		return nil, fmt.Errorf("after a kill of %s: %+v, %d unanswered", g.name, left, len(unanswered))
	}
	s.add("answered", float64(answered))
	s.add("cut_off", float64(len(cut)))
	s.add("unanswered_in_the_end", float64(len(unanswered)))
	s.add("answered_and_lost", float64(left.lost))
	s.add("charged_without_answer", float64(left.charged))
	s.add("rooms_left_hanging", float64(left.rooms))
	s.add("open_authorizations_left", float64(left.open))
	s.add("done_twice", float64(left.twice))
	s.add("at_rest_after_seconds", recovered.Sub(restarted).Seconds())
	return s, nil
}

// settled is the ledger when nothing is left to do: when every booking in it is in order, or nobody has called for so long
// that nobody will. It says when the last call was.
func (l *landscape) settled(ctx context.Context, promised map[string]bool) (map[string]effects, time.Time, error) {
	var calls int
	last := time.Now()
	for looked, deadline := false, time.Now().Add(recoveredWithin); ; {
		now, err := countCalls(ctx, l.sandbox.sandbox)
		if err != nil {
			return nil, last, err
		}
		if now != calls {
			calls, last, looked = now, time.Now(), false
		}
		quiet, over := time.Since(last), time.Now().After(deadline)
		if quiet > quietFor || over || quiet > time.Second && !looked {
			looked = true
			ledger, _, err := readLedger(ctx, l.sandbox.sandbox)
			if err != nil || over || quiet > quietFor || len(outcomes(promised, ledger)) == 0 {
				return ledger, last, err
			}
		}
		select {
		case <-time.After(quietPoll):
		case <-ctx.Done():
			return nil, last, context.Cause(ctx)
		}
	}
}

// leftovers are bookings that nobody will put in order any more.
type leftovers struct {
	lost    int // the client has a yes, and there is no room, or it is not paid
	charged int // money was taken, and the client has no answer
	rooms   int // a room is held or booked, and the client has no answer
	open    int // money is reserved, and nobody will take it or let it go
	twice   int // booked or charged more than once
}

// leftBehind counts them, in a ledger in which nothing moves any more.
func leftBehind(promised map[string]bool, ledger map[string]effects) leftovers {
	var l leftovers
	for reference := range promised {
		if e := ledger[reference]; e.Active == 0 || e.Captures == 0 {
			l.lost++
		}
	}
	for reference, e := range ledger {
		if e.Captures > 0 && !promised[reference] {
			l.charged++
		}
		if (e.Active > 0 || e.Holds > 0) && !promised[reference] {
			l.rooms++
		}
		if e.Open > 0 {
			l.open++
		}
		if e.Confirmed > 1 || e.Captures > 1 || e.Authorized > 1 {
			l.twice++
		}
	}
	return l
}
