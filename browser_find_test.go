package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// supportView is what tests read of a booking as staff see it.
type supportView struct {
	Booking    bookingView `json:"booking"`
	Attention  string      `json:"attention"`
	Money      struct{ Authorized, Captured, Refunded moneyView }
	Actions    []string
	References struct {
		Supplier, Hotel, Payment string
		Key                      string `json:"idempotency_key"`
	}
	Timeline []struct{ Actor, Reason, Outcome, Verb, Note string }
}

func (c *client) supportOf(id string) supportView {
	c.Helper()
	var v supportView
	a := c.call("GET", "/v1/support/bookings/"+id, c.support, "").is(http.StatusOK)
	require.NoError(c, json.Unmarshal(a.body, &v))
	return v
}

// atRest submits a booking and waits until nothing moves it any more, and it was paid.
func (p *pages) atRest(o order) bookingView {
	p.Helper()
	b := p.submit(o)
	secret := b.ClientSecret
	require.Eventually(p, func() bool {
		b = p.call("GET", "/v1/bookings/"+b.ID, p.bookings, "").is(http.StatusOK).booking()
		return b.Terminal && b.Stage == "done"
	}, time.Minute, 20*time.Millisecond)
	b.ClientSecret = secret
	return b
}

// findsByEveryName looks for one booking by everything that it is called.
func findsByEveryName(p *pages) {
	v := visit(p.T, p.client)
	p.signIn(v, "vera")
	email := aGuest()
	b := p.atRest(order{email: email})
	known := p.supportOf(b.ID)
	for what, name := range map[string]string{
		"the id": b.ID, "the reference": b.Reference, "the reference as people say it": " " + strings.ToLower(b.Reference[:4]) + "-" + b.Reference[4:] + " ",
		"the supplier's": known.References.Supplier, "the payment provider's": known.References.Payment, "the shop's key": known.References.Key, "the guest's": strings.ToUpper(email),
	} {
		require.NotEmpty(p, strings.TrimSpace(name), what)
		v.open("/support")
		v.fillIn("input[type=search]", "", name)
		v.keys("\r")
		v.until(`location.pathname === "/support/bookings/`+b.ID+`"`, what)
	}
	v.open("/support?q=" + url.QueryEscape("nobody@example.com"))
	v.sees("No booking carries", "nobody@example.com")
	v.look("find-nothing")
	v.open("/support?status=failed&q=" + url.QueryEscape(email))
	v.sees("the filter leaves it out")
	v.link("Show without the filter")
	v.until(`location.pathname === "/support/bookings/` + b.ID + `"`)
}

// filtersAndPages narrows the list, shares it by its address, and goes through its pages.
func filtersAndPages(p *pages) {
	v := visit(p.T, p.client)
	p.signIn(v, "ada")
	email := aGuest()
	failed := p.atRest(order{email: email, offer: "sim_sold_out_check"})
	for range 54 {
		p.submit(order{email: email})
	}
	v.open("/support?q=" + url.QueryEscape(email))
	v.until(`document.querySelectorAll("tbody tr").length === 50`)
	v.sees("55 bookings")
	v.look("find")
	v.link("Older")
	v.until(`document.querySelectorAll("tbody tr").length === 5`)
	v.back()
	v.until(`document.querySelectorAll("tbody tr").length === 50`)

	v.open("/support")
	v.button("Filter")
	v.click("label", "failed")
	v.set("Failure code", "offer_sold_out")
	v.fill("Newer than", "1h")
	v.button("Apply")
	v.until(`location.search.includes("status=failed") && location.search.includes("failure=offer_sold_out") && location.search.includes("newer_than=1h")`)
	v.sees(failed.Reference, "offer sold out")
	v.look("find-filtered")
	other := v.another()
	other.open(evaluate[string](v.tab, "location.pathname + location.search"))
	other.sees(failed.Reference)
	other.until(`one("input[name=status]", "failed").checked`)

	v.allow("answered 400")
	v.open("/support?newer_than=soon")
	v.sees("something in the filter cannot be read")
	v.look("find-wrong-filter")
}

// presets opens each view that is one click away.
func presets(p *pages) {
	v := visit(p.T, p.client)
	p.signIn(v, "vera")
	names := evaluate[[]string](v.tab, `[...document.querySelectorAll("nav.views a")].map(a => a.innerText.trim())`)
	for _, want := range []string{"Needs attention", "Stuck", "Waiting for customer", "In review", "Confirmed", "Failed"} {
		require.Contains(p, strings.ToLower(strings.Join(names, ", ")), strings.ToLower(want))
	}
	for _, name := range names {
		v.open("/support")
		v.click("nav.views a", name)
		v.until(fmt.Sprintf(`document.querySelector("nav.views a[aria-current]")?.innerText.trim() === %s`, js(name)))
	}
	review := p.submit(order{email: "ana+review@example.com"})
	p.untilStatus(review.ID, "in_review")
	v.open("/support")
	v.click("nav.views a", "In review")
	v.sees(review.Reference)
}

// downloads takes the list as a file.
func downloads(p *pages) {
	v := visit(p.T, p.client)
	p.signIn(v, "vera")
	email := aGuest()
	var references []string
	for range 3 {
		references = append(references, p.atRest(order{email: email}).Reference)
	}
	dir := p.TempDir()
	c := chromedp.FromContext(v.tab.ctx)
	_, err := cdp.Call(context.WithoutCancel(v.ctx), c.Browser, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{
		Behavior: browser.SetDownloadBehaviorBehaviorAllow, BrowserContextID: c.BrowserContextID, DownloadPath: dir,
	})
	require.NoError(p, err)
	v.open("/support?q=" + url.QueryEscape(email))
	v.link("Download CSV")
	var files []string
	require.Eventually(p, func() bool {
		files, err = filepath.Glob(filepath.Join(dir, "*.csv"))
		return err == nil && len(files) == 1
	}, patience, 20*time.Millisecond)
	content, err := os.ReadFile(files[0])
	require.NoError(p, err)
	rows, err := csv.NewReader(strings.NewReader(string(content))).ReadAll()
	require.NoError(p, err)
	require.Len(p, rows, 4, "a head and three bookings")
	for _, reference := range references {
		require.Contains(p, string(content), reference)
	}
	require.NotContains(p, string(content), "example.com", "no personal data leaves by files")
}

// bulk rejects what is in review, all at once, after a preview.
func bulk(p *pages) {
	v := visit(p.T, p.client)
	p.signIn(v, "ada")
	email := strings.Replace(aGuest(), "@", "+review@", 1)
	var all []bookingView
	for range 12 {
		all = append(all, p.submit(order{email: email}))
	}
	for _, b := range all {
		p.untilStatus(b.ID, "in_review")
	}
	v.open("/support?status=in_review&q=" + url.QueryEscape(email))
	v.sees("12 bookings")
	v.set("What to do with all", "reject")
	v.button("Preview")
	v.until(`location.pathname === "/support/bulk"`)
	v.sees("12", all[11].Reference) // the newest
	v.look("bulk")
	v.fill("Why", "the same stolen cards")
	v.tickAll()
	v.button("Reject")
	v.sees("Finished", "12 done")
	v.look("bulk-finished")
	for _, b := range all {
		require.Equal(p, "failed", p.untilDecided(b.ID).Status)
		p.untilLedger(b.Reference, nothingLeft)
	}
	require.Contains(p, fmt.Sprint(p.supportOf(all[3].ID).Timeline), "ada")
}

// tickAll ticks what has to be ticked to go on.
func (b *tab) tickAll() {
	b.Helper()
	for evaluate[bool](b, `Boolean([...top().querySelectorAll("input[type=checkbox][required]")].find(e => shown(e) && !e.checked))`) {
		b.click("input[type=checkbox][required]:not(:checked)", "")
	}
}
