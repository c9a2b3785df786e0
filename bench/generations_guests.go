package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sourcegraph/conc/pool"
	vegeta "github.com/tsenart/vegeta/v12/lib"
	"github.com/valyala/fasthttp"
)

// guests are clients that book one room after the other, each with an Idempotency-Key of its own, and what they were told.
type guests struct {
	l        *landscape
	subs     *submissions
	lasting  time.Duration
	promises *promises
	watching *watcher // of a service that goes on after its answers
	followed *followers
	follow   func(id string, since time.Time) // a booking to its end; nil: nobody does

	mu   sync.Mutex        // guards the next, which the connections write
	open map[int]time.Time // submissions without a promise, by number, and when they were sent last
}

func newGuests(ctx context.Context, l *landscape, lasting time.Duration) *guests {
	c := &guests{l: l, subs: newSubmissions(l.service.bookings, "sim_ok"), lasting: lasting, promises: newPromises(), open: map[int]time.Time{}}
	if l.generation.later {
		c.followed = newFollowers(l.service.base, l.service.bookings)
		c.watching = watch(ctx, l.service.admins())
		c.follow = func(id string, since time.Time) { c.followed.follow(ctx, id, since) }
	}
	return c
}

func (c *guests) close() {
	if c.watching != nil {
		c.watching.stop()
	}
}

// all is the time of each answer, sorted; an answer that promises nothing is an error.
func (c *guests) all(ctx context.Context, clients int) ([]time.Duration, error) {
	seen, err := c.load(clients).run(ctx)
	if err == nil {
		err = seen.only(c.l.generation.yes)
	}
	return seen.latencies, err
}

// eager is clients that send their next booking when they have an answer, and how many bookings a second then end.
func (c *guests) eager(ctx context.Context, clients int) (answers, decisions []time.Duration, carried float64, err error) {
	began := time.Now()
	if answers, err = c.all(ctx, clients); err != nil {
		return nil, nil, 0, err
	}
	n := c.promises.count()
	if _, err := c.watching.until(ctx, n); err != nil {
		return nil, nil, 0, err
	}
	decisions, _, err = c.followed.wait()
	most := almostAll * float64(n) // the last ones only wait for the slowest answers
	return answers, decisions, most / c.watching.reached(most).Sub(began).Seconds(), err
}

// patient is clients that send their next booking when the last one is decided, which they learn from held polls.
func (c *guests) patient(ctx context.Context, clients int) (answers, decisions []time.Duration, err error) {
	var next atomic.Int64
	var mu sync.Mutex // guards the results
	each := pool.New().WithErrors().WithFirstError()
	until := time.Now().Add(c.lasting)
	for range clients {
		each.Go(func() error {
			for time.Now().Before(until) {
				began := time.Now()
				id, err := c.submit(ctx, int(next.Add(1))-1)
				answered := time.Since(began)
				if err == nil {
					_, err = c.followed.until(ctx, id, "", func(b followed) bool { return b.Terminal })
				}
				if err != nil {
					return err
				}
				mu.Lock()
				answers, decisions = append(answers, answered), append(decisions, time.Since(began))
				mu.Unlock()
			}
			return nil
		})
	}
	err = each.Wait()
	slices.Sort(answers)
	slices.Sort(decisions)
	return answers, decisions, err
}

// submit is one booking of a patient client: its id.
func (c *guests) submit(ctx context.Context, i int) (string, error) {
	var t vegeta.Target
	c.subs.target(c.l.service.base, i, &t)
	req, err := http.NewRequestWithContext(ctx, t.Method, t.URL, bytes.NewReader(t.Body))
	if err != nil {
		return "", err
	}
	req.Header = t.Header
	res, err := c.followed.client.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, tooLong))
	if err != nil {
		return "", err
	}
	if res.StatusCode != c.l.generation.yes {
		return "", fmt.Errorf("a submission is answered with %d", res.StatusCode)
	}
	c.promises.add(body)
	a, err := parseAccepted(res.Header.Get("Location"), res.Header.Get("ETag"), body)
	return a.id, err
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
	if res.StatusCode() != c.l.generation.yes {
		return
	}
	var b told
	if !c.l.generation.later && (json.Unmarshal(res.Body(), &b) != nil || b.Status != "confirmed") {
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
