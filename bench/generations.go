package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/valyala/fasthttp"
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
	start func(ctx context.Context, b *bench, l *landscape) (*process, error) // also again, after a kill
}

var (
	synchronous = generation{name: "synchronous", yes: http.StatusOK, start: startSynchronous}
	inProcess   = generation{name: "in_process", yes: http.StatusAccepted, later: true, start: startInProcess}
)

// allGenerations are in the order of their history. One that is driven by events joins at the end.
var allGenerations = []generation{synchronous, inProcess}

// impatient is for a restart after a kill: nobody is to wait long for what the dead process held.
var impatient = []string{"BOOKING_WORKERS__LEASE=3s", "BOOKING_WORKERS__POLL=200ms"}

// generations compares them: how long a client waits for an answer, how much they carry, and what a kill -9 leaves behind.
func generations(ctx context.Context, b *bench) error {
	b.report.note("each a process of its own, beside a sandbox with its usual latency; clients that send the next booking when they have an answer; %v %v", wholeSettings, impatient)
	b.report.note("synchronous: the same steps, adapters and store inside the request. After a kill it is started again, and those whose answer was cut off ask again with the same Idempotency-Key")
	for _, kind := range b.Databases {
		for _, g := range allGenerations {
			for _, clients := range []int{64, 256} {
				err := b.repeat(labels("database", kind, "generation", g.name, "clients", clients), func() (sample, error) { return b.answering(ctx, kind, g, clients) })
				if err != nil {
					return err
				}
			}
		}
		for _, g := range allGenerations {
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

// answering measures a generation that nobody disturbs.
func (b *bench) answering(ctx context.Context, kind string, g generation, clients int) (s sample, err error) {
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
	var watching *watcher
	if g.later {
		watching = watch(ctx, l.service.admin)
		defer watching.stop()
	}
	began := time.Now()
	seen, err := c.load(clients).run(ctx)
	if err == nil {
		err = seen.only(g.yes)
	}
	if err = errors.Join(err, c.promises.err); err != nil {
		return nil, err
	}
	n := c.promises.count()
	decided, carried := seen.latencies, seen.perSecond()
	if g.later {
		if _, err := watching.until(ctx, n); err != nil {
			return nil, err
		}
		if decided, _, err = c.followed.wait(); err != nil {
			return nil, err
		}
		carried = almostAll * float64(n) / watching.reached(almostAll*float64(n)).Sub(began).Seconds()
	}
	after, err := l.used(ctx)
	if err != nil {
		return nil, err
	}
	if err := l.compare(ctx, c.promises.references); err != nil {
		return nil, err
	}
	s.add("answer_p50_ms", milliseconds(percentile(seen.latencies, 50)))
	s.add("answer_p99_ms", milliseconds(percentile(seen.latencies, 99)))
	s.add("answers_per_second", seen.perSecond())
	s.add("decided_p50_ms", milliseconds(percentile(decided, 50)))
	s.add("decided_p99_ms", milliseconds(percentile(decided, 99)))
	s.add("ended_per_second", carried)
	after.minus(before).add(&s, float64(n))
	return s, nil
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
	c.follow = nil // whoever follows loses the connection
	kill := time.AfterFunc(lasting/2, l.service.kill)
	defer kill.Stop()
	seen, err := c.load(killedClients).run(ctx)
	if err != nil {
		return nil, err
	}
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
	s.add("lost_connections", float64(seen.failed))
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

// guests are clients that book one room after the other, each with an Idempotency-Key of its own, and what they were told.
type guests struct {
	l        *landscape
	subs     *submissions
	lasting  time.Duration
	promises *promises
	followed *followers
	follow   func(id string, since time.Time) // a booking to its end; nil: nobody does

	mu   sync.Mutex        // guards the next, which the connections write
	open map[int]time.Time // submissions without a promise, by number, and when they were sent last
}

func newGuests(ctx context.Context, l *landscape, lasting time.Duration) *guests {
	c := &guests{l: l, subs: newSubmissions(l.service.bookings, "sim_ok"), lasting: lasting, promises: newPromises(), open: map[int]time.Time{}}
	if l.kind.later {
		c.followed = newFollowers(l.service.base, l.service.bookings)
		c.follow = func(id string, since time.Time) { c.followed.follow(ctx, id, since) }
	}
	return c
}

func (c *guests) load(clients int) closedLoop {
	return closedLoop{
		base: c.l.service.base, connections: clients, requests: generationMost, lasting: c.lasting, patience: answerPatience,
		prepare: c.prepare, answered: c.answered,
	}
}

func (c *guests) prepare(i int, req *fasthttp.Request) {
	c.mu.Lock()
	c.open[i] = time.Now()
	c.mu.Unlock()
	c.subs.prepare(i, req)
}

func (c *guests) answered(i int, res *fasthttp.Response) {
	if res.StatusCode() != c.l.kind.yes {
		return
	}
	var b told
	if !c.l.kind.later && (json.Unmarshal(res.Body(), &b) != nil || b.Status != "confirmed") {
		return // no yes
	}
	c.promises.add(res.Body())
	c.mu.Lock()
	since := c.open[i]
	delete(c.open, i)
	c.mu.Unlock()
	if c.follow != nil && i%generationFollow == 0 {
		c.follow(strings.TrimPrefix(string(res.Header.Peek("Location")), bookingsPath+"/"), since)
	}
}

// unanswered are the submissions that have no promise.
func (c *guests) unanswered() []int {
	c.mu.Lock()
	defer c.mu.Unlock()
	var left []int
	for i := range c.open {
		left = append(left, i)
	}
	slices.Sort(left)
	return left
}

// ask lets the clients of these submissions ask again, as a frontend does that had no answer.
func (c *guests) ask(ctx context.Context, base string, again []int) error {
	if len(again) == 0 {
		return nil
	}
	load := closedLoop{
		base: base, connections: min(len(again), killedClients), requests: len(again), lasting: answerPatience, patience: answerPatience,
		prepare:  func(i int, req *fasthttp.Request) { c.prepare(again[i], req) },
		answered: func(i int, res *fasthttp.Response) { c.answered(again[i], res) },
	}
	_, err := load.run(ctx)
	return errors.Join(err, c.promises.err)
}
