package chaos_test

import (
	"context"
	"net/http"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/chaos/client"
	"hotelbooking/chaos/judge"
)

// gather collects the evidence. An instance must run.
func (c *kase) gather(stories []*judge.Story, stuck int) judge.Evidence {
	c.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	e, err := client.Witnesses{Client: c.asker(), Support: func() string { return c.support }, DB: c.db, Outside: &c.sandbox.books}.Gather(ctx, stories, stuck)
	require.NoError(c, err)
	return e
}

// asker goes to any instance.
func (c *kase) asker() client.Client {
	return client.Client{Somewhere: c.somewhere, Key: func() string { return c.key }}
}

// ask reads from any instance, again and again for a while where there is no answer.
func (c *kase) ask(path, key string, into any) (status int) {
	c.Helper()
	status, err := c.asker().Ask(path, key, into)
	require.NoError(c, err)
	return status
}

// needs are words of coverage that must not stay 0.
type needs []string

// finish ends the load and the faults, waits until everything rests, compares, reports, and fails the case for whatever is
// wrong.
func (c *kase) finish(l *load, must needs) {
	c.Helper()
	c.require(c.judge(l), must)
}

// require publishes a report, and is the verdict.
func (c *kase) require(r *report, must needs) {
	c.Helper()
	r.publish()
	for _, v := range r.found[:min(len(r.found), 3)] {
		c.Log(r.evidence.About(v))
	}
	require.Empty(c, judge.FirstOf(r.found, 20), "%d violations", len(r.found))
	for _, word := range must {
		require.NotZero(c, r.Coverage[word], "%s: nothing of it happened, so nothing was shown: %v", word, r.Coverage)
	}
	require.NotZero(c, r.Acked)
	require.LessOrEqual(c, r.GaveUp*20, r.Acked+20, "too many bookings failed that were to succeed: the outcomes mean nothing")
}

// judge is finish without the verdict.
func (c *kase) judge(l *load) *report {
	c.Helper()
	l.stop()
	c.sandbox.misbehave(healthy())
	c.rest() // or clients would wait for what waits for a person
	c.staff()
	l.leave()
	stories := l.all()
	stuck := c.rest()
	e := c.gather(stories, stuck)
	return c.report(e)
}

// staff sends on what processes died of too often: with so many kills some bookings are hit three times in a row.
func (c *kase) staff() {
	c.Helper()
	if c.alone {
		return
	}
	sent := 0
	for range 100 { // pages
		var page struct{ Bookings []struct{ ID string } }
		require.Equal(c, http.StatusOK, c.ask("/v1/support/bookings?attention=crashed_repeatedly&limit=100", c.support, &page))
		if len(page.Bookings) == 0 {
			break
		}
		for _, b := range page.Bookings {
			a, err := client.Call(http.MethodPost, c.somewhere()+"/v1/support/bookings/"+b.ID+"/actions/retry", c.support, `{"reason":"the processes were killed"}`, callWithin)
			require.NoError(c, err)
			require.Equal(c, http.StatusAccepted, a.Status, "%s", a.Body)
			sent++
		}
		c.rest()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if sent > 0 {
		c.did["sent_on_by_staff"] = sent
	}
}
