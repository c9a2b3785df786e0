package main

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/stretchr/testify/require"
)

// TestTheOverviewInABrowser has a service to itself: what is paused there is paused for everybody.
func TestTheOverviewInABrowser(t *testing.T) {
	t.Parallel()
	onPages(t, func(t *testing.T, p *pages) {
		figuresAreDrawn(p)
		pausesAndResumes(p)
	})
}

func figuresAreDrawn(p *pages) {
	p.atRest(order{})
	p.atRest(order{offer: "sim_sold_out_check"})
	review := p.submit(order{email: "ana+review@example.com"})
	p.untilStatus(review.ID, "in_review")
	v := visit(p.T, p.client)
	p.signIn(v, "vera")
	v.link("Overview")
	v.until(`location.pathname === "/support/overview"`)
	v.until(`document.querySelectorAll("figure.chart canvas").length === document.querySelectorAll("figure.chart").length && document.querySelector("figure.chart")`, "each chart is drawn")
	v.says("failures", "offer sold out")
	v.says("throughput", "confirmed")
	v.look("overview")
	require.Zero(p, evaluate[int](v.tab, `document.querySelectorAll("[data-test=change]").length`), "a viewer pauses nothing")
	v.until(`document.querySelector("[data-test=chart-bookings] table tbody tr, figure.chart table tr td")`, "the figures are there as a table, too")
}

// pausesAndResumes whatever can be paused, and sees that it counts.
func pausesAndResumes(p *pages) {
	v := visit(p.T, p.client)
	p.signIn(v, "sue")
	v.open("/support/overview")
	whats := evaluate[[]string](v.tab, `[...document.querySelectorAll("[data-test=switch]")].map(e => e.dataset.what)`)
	require.GreaterOrEqual(p, len(whats), 6, "intake, four pools and the supplier")
	row := func(what string) string { return fmt.Sprintf("[data-test=switch][data-what=%q] ", what) }
	change := func(what, reason, now string) {
		v.click(row(what)+"[data-test=change]", "")
		v.until(`document.querySelector("dialog[open]")`)
		v.fill("Why", reason)
		v.click(part("confirm"), "")
		v.until(`!document.querySelector("dialog[open]")`)
		v.until(fmt.Sprintf(`document.querySelector(%s)?.innerText === %s`, js(row(what)+"[data-test=state]"), js(now)))
	}
	for i, what := range whats {
		change(what, "works on the line "+what, "paused")
		if i == 0 {
			v.look("overview-paused")
		}
		if what == "intake" {
			a := p.call("POST", "/v1/bookings", p.bookings, order{}.json(), "Idempotency-Key", fmt.Sprintf("paused-%d", time.Now().UnixNano()))
			require.Equal(p, http.StatusServiceUnavailable, a.status, "%s", a.body)
			change(what, "on again", "runs")
			continue
		}
		b := p.submit(order{})
		if what == "pool:tracking" {
			p.untilStatus(b.ID, "confirmed") // which never waits for it
		} else {
			v.says("state", "paused")
			require.False(p, p.call("GET", "/v1/bookings/"+b.ID, p.bookings, "").booking().Terminal, "%s is paused, and the booking waits", what)
		}
		change(what, "on again", "runs")
		p.untilStatus(b.ID, "confirmed")
	}
	v.says("pause-log", "sue", "works on the line")
}

// pagesAreLight weighs each page with all it loads, not compressed and not cached.
func pagesAreLight(p *pages) {
	b := p.atRest(order{})
	v := visit(p.T, p.client)
	p.signIn(v, "sue")
	protocol(v.tab, network.SetCacheDisabled, network.SetCacheDisabledParams{CacheDisabled: true})
	for _, path := range []string{"/", "/support/sign-in", "/support", "/support/bookings/" + b.ID, "/support/overview", "/?booking=" + b.ID} {
		v.open(path)
		v.until(`performance.getEntriesByName("first-contentful-paint").length > 0`)
		paint := evaluate[float64](v.tab, `performance.getEntriesByName("first-contentful-paint")[0].startTime`)
		total, parts := v.weight()
		p.Logf("%-60s %4d kB, first paint after %3.0f ms", path, total/1000, paint)
		require.NotEmpty(p, parts)
		require.Less(p, total, int64(300_000), "%s: %v", path, parts)
	}
}
