package main

import (
	"testing"

	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"
)

// signIn signs in to the console as one of those who have a key.
func (p *pages) signIn(v *visitor, name string) {
	v.Helper()
	v.open("/support/sign-in")
	v.fill("Support key", p.keys[name])
	v.button("Sign in")
	v.until(`location.pathname === "/support"`)
	v.sees(name)
}

func signsIn(p *pages) {
	v := visit(p.T, p.client)
	v.allow("answered 401")
	v.open("/support?status=failed")
	v.until(`location.pathname === "/support/sign-in"`)
	v.look("sign-in")
	v.fill("Support key", "bk_support_guessed")
	v.button("Sign in")
	v.sees("no key for support")
	v.look("sign-in-refused")
	v.open("/support/sign-in")
	v.fill("Support key", p.keys["vera"])
	v.button("Sign in")
	v.until(`location.pathname === "/support"`)
	v.sees("vera", "viewer")
	require.Empty(v, evaluate[string](v.tab, "document.cookie"), "scripts cannot read the session")
	v.button("Sign out")
	v.until(`location.pathname === "/support/sign-in"`)
	v.open("/support")
	v.until(`location.pathname === "/support/sign-in"`)
}

// refundsByKeyboard finds a booking and gives its money back without a mouse.
func refundsByKeyboard(p *pages) {
	b := p.atRest(order{})
	v := visit(p.T, p.client)
	p.signIn(v, "sue")
	walk := func(to string) { // by the tab key, and not for ever
		for range 60 {
			if evaluate[bool](v.tab, `document.activeElement.matches(`+js(to)+`)`) {
				require.True(p, evaluate[bool](v.tab, `(s => s.outlineStyle !== "none" || s.boxShadow !== "none")(getComputedStyle(document.activeElement))`), "where the focus is can be seen: %s", to)
				return
			}
			v.keys(kb.Tab)
		}
		require.Fail(p, "the tab key does not lead there", to)
	}
	v.keys(kb.Tab) // away from the box, which has the focus at first
	v.keys("/")
	v.until(`document.activeElement.matches("input[type=search]")`)
	evaluate[bool](v.tab, `(document.activeElement.value = "") === ""`) // a key that is played writes, whatever the page says to it
	v.keys(b.Reference)
	v.keys(kb.Enter)
	v.until(`document.querySelector("[data-test=banner]")`)
	walk("#act-refund")
	v.keys(kb.Enter)
	v.until(`document.querySelector("dialog[open]")?.contains(document.activeElement)`)
	walk("#reason")
	v.keys("the guest rang")
	walk("[data-test=act-submit]")
	v.keys(kb.Enter)
	v.until(`!document.querySelector("dialog[open]")`)
	p.untilLedger(b.Reference, func(l ledgerView) bool { return l.Refunded == "346.00" })
	require.False(p, evaluate[bool](v.tab, `document.activeElement === document.body`), "the focus is not lost with the dialogue")
}

func TestTheConsoleInABrowser(t *testing.T) {
	t.Parallel()
	tell(t, []story{
		{"whoever has a key signs in and out", signsIn},
		{"a booking is found by everything it is called", findsByEveryName},
		{"the list is narrowed, shared and paged", filtersAndPages},
		{"each view is one click away", presets},
		{"the list is downloaded", downloads},
		{"everything that matches is decided at once", bulk},
		{"a booking in review is approved", approves},
		{"a booking in review is rejected", rejects},
		{"an unknown outcome is resolved", resolves},
		{"a step is tried again", retries},
		{"a booking is cancelled with its fee", cancelsWithAFee},
		{"money is given back in two goes", refundsPartAndRest},
		{"a note is written", writesANote},
		{"a viewer reveals who the guest is", reveals},
		{"a decision that came too late is refused", isRefused},
		{"a booking moves while somebody looks", movesWhileLooking},
		{"an agent knows only the supplier's number", knowsOnlyTheSuppliersNumber},
		{"there is only a keyboard", refundsByKeyboard},
		{"many bookings are looked at one after the other", looksAtMany},
		{"the pages are light", pagesAreLight},
	})
}
