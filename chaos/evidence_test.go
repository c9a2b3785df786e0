package chaos_test

import (
	"context"
	"encoding/json"
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
	rows, err := judge.ReadRows(ctx, c.db)
	require.NoError(c, err)
	e := judge.Evidence{Stories: stories, Rows: rows, Final: map[string]judge.View{}, Fees: map[string]string{}, Desk: map[string]bool{}, Stuck: stuck}
	for _, s := range stories {
		if len(s.IDs) == 0 {
			continue
		}
		var v judge.View
		if c.ask("/v1/bookings/"+s.IDs[0], c.key, &v) == http.StatusOK {
			e.Final[s.IDs[0]] = v
		} else {
			s.Missing++
		}
	}
	for id, r := range rows {
		if r.Status == judge.Cancelled {
			var v judge.View
			require.Equal(c, http.StatusOK, c.ask("/v1/support/bookings/"+id, c.support, &v))
			e.Fees[id] = v.Cancellation.Fee.Amount
		}
	}
	for cursor := ""; ; {
		var page struct {
			Bookings   []struct{ ID string }
			NextCursor string `json:"next_cursor"`
		}
		path := "/v1/support/bookings?attention=any&limit=100"
		if cursor != "" {
			path += "&cursor=" + cursor
		}
		require.Equal(c, http.StatusOK, c.ask(path, c.support, &page))
		for _, b := range page.Bookings {
			e.Desk[b.ID] = true
		}
		if cursor = page.NextCursor; cursor == "" {
			break
		}
	}
	e.Ledger, _ = c.sandbox.ledger()
	c.sandbox.follow()
	e.Journal = c.sandbox.journal
	return e
}

// ask reads from any instance, again and again for a while where there is no answer.
func (c *kase) ask(path, key string, into any) (status int) {
	c.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; <-time.After(100 * time.Millisecond) {
		a, err := client.Call(http.MethodGet, c.somewhere()+path, key, "", callWithin)
		if err != nil || a.Status >= 500 {
			require.True(c, time.Now().Before(deadline), "%s: %d %v", path, a.Status, err)
			continue
		}
		if a.Status == http.StatusOK {
			require.NoError(c, json.Unmarshal(a.Body, into), "%s", a.Body)
		}
		return a.Status
	}
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
