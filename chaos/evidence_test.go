package chaos_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"
)

// evidence is what the three sources say once nothing moves any more: the clients' memory, the outside's books, and the
// service, by its database and its public API.
type evidence struct {
	stories []*story
	ledger  map[string]effects // by reference
	journal []entry
	rows    map[string]*row // by id
	final   map[string]view // by id: what the API says now, of all that were acknowledged
	fees    map[string]string
	desk    map[string]bool // ids that support's list of what needs a person shows
	stuck   int             // bookings that still moved when patience ended
}

// gather collects the evidence. An instance must run.
func (c *kase) gather(stories []*story, stuck int) evidence {
	c.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	rows, err := readRows(ctx, c.db)
	require.NoError(c, err)
	e := evidence{stories: stories, rows: rows, final: map[string]view{}, fees: map[string]string{}, desk: map[string]bool{}, stuck: stuck}
	for _, s := range stories {
		if len(s.IDs) == 0 {
			continue
		}
		var v view
		if c.ask("/v1/bookings/"+s.IDs[0], c.key, &v) == http.StatusOK {
			e.final[s.IDs[0]] = v
		} else {
			s.Missing++
		}
	}
	for id, r := range rows {
		if r.Status == cancelled {
			var v view
			require.Equal(c, http.StatusOK, c.ask("/v1/support/bookings/"+id, c.support, &v))
			e.fees[id] = v.Cancellation.Fee.Amount
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
			e.desk[b.ID] = true
		}
		if cursor = page.NextCursor; cursor == "" {
			break
		}
	}
	e.ledger, _ = c.sandbox.ledger()
	c.sandbox.follow()
	e.journal = c.sandbox.journal
	return e
}

// ask reads from any instance, again and again for a while where there is no answer.
func (c *kase) ask(path, key string, into any) (status int) {
	c.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; <-time.After(100 * time.Millisecond) {
		a, err := call(http.MethodGet, c.somewhere()+path, key, "", callWithin)
		if err != nil || a.status >= 500 {
			require.True(c, time.Now().Before(deadline), "%s: %d %v", path, a.status, err)
			continue
		}
		if a.status == http.StatusOK {
			require.NoError(c, json.Unmarshal(a.body, into), "%s", a.body)
		}
		return a.status
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
		c.Log(r.evidence.about(v))
	}
	require.Empty(c, firstOf(r.found, 20), "%d violations", len(r.found))
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
			a, err := call(http.MethodPost, c.somewhere()+"/v1/support/bookings/"+b.ID+"/actions/retry", c.support, `{"reason":"the processes were killed"}`, callWithin)
			require.NoError(c, err)
			require.Equal(c, http.StatusAccepted, a.status, "%s", a.body)
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

// about is all that is known of the booking of a violation, for who has to find out what went wrong.
func (e evidence) about(v violation) string {
	var out strings.Builder
	fmt.Fprintln(&out, v)
	reference := v.booking
	if r := e.rows[v.booking]; r != nil {
		reference = r.Reference
		fmt.Fprintf(&out, "  %s %s %s, version %d, attention %q, key %s\n", r.Phase, r.Step, r.Status, r.Version, r.Attention, r.Key)
		for _, l := range r.Lines {
			fmt.Fprintf(&out, "  %s %2d %s %s, %s %s: %s %s -> %s %s, %s, by %s, took %s\n", l.At.UTC().Format(stamp), l.Version, l.Actor, l.Verb,
				l.FromPhase, l.FromStep, l.Outcome, l.Reason, l.ToPhase, l.ToStep, l.Status, l.WrittenBy, l.Took)
		}
	}
	for _, s := range e.stories {
		if slices.Contains(s.IDs, v.booking) {
			fmt.Fprintf(&out, "  its client wanted %q, and saw %+v\n", s.Kind.name, s.Seen)
		}
	}
	for _, j := range e.journal {
		if j.Reference == reference {
			fmt.Fprintf(&out, "  %s received %s: %s %s %s: %s, %d %s, answer %s %s\n", j.At.UTC().Format(stamp), j.Received.UTC().Format(stamp), j.System,
				j.Operation, j.Key, j.Effect, j.Status, j.Code, j.Answer, j.Fault)
		}
	}
	fmt.Fprintf(&out, "  %+v", e.ledger[reference])
	return out.String()
}

const stamp = "15:04:05.000"

func firstOf(all []violation, n int) []string {
	var out []string
	for i, v := range all {
		if i == n {
			return append(out, fmt.Sprintf("and %d more", len(all)-n))
		}
		out = append(out, v.String())
	}
	return out
}
