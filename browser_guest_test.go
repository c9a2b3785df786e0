package main

import (
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"
)

// mistakes sees what the guest has to correct, where it is.
func mistakes(p *pages) {
	v := visit(p.T, p.client)
	v.allow("answered 422")
	email := aGuest()
	v.open("/")
	v.fillCheckout(errand{email: email})
	v.fill("Last name", "<b>Núñez</b>")
	v.click("#pay", "")
	v.until(`document.getElementById("family-name").getAttribute("aria-invalid") === "true"`)
	v.until(`plain(document.getElementById("family-name-error").innerText).includes("angle brackets")`)
	v.look("checkout-mistake")
	require.Empty(p, p.bookedBy(email))
	v.fill("Last name", "Núñez")
	v.click("#pay", "")
	v.ends("confirmed")
	require.Len(p, p.bookedBy(email), 1)

	v = visit(p.T, p.client)
	v.allow("answered 422")
	v.open("/")
	v.click("#pay", "")
	v.until(`document.querySelectorAll("[aria-invalid=true]").length >= 4`, "what is missing is marked")
}

func cancelsForNothing(p *pages) {
	v := visit(p.T, p.client)
	v.books(errand{email: aGuest()})
	v.ends("confirmed")
	reference := v.reference()
	p.untilLedger(reference, paidOnce)
	v.click("#cancel", "")
	v.until(`document.getElementById("cancel-fee")?.innerText === "None"`)
	v.look("checkout-cancel-free")
	v.click("#keep-booking", "")
	v.until(`!document.getElementById("confirm-cancel")`)
	v.click("#cancel", "")
	v.click("#confirm-cancel", "")
	v.ends("cancelled")
	p.untilLedger(reference, func(l ledgerView) bool { return nothingLeft(l) && l.Captured == l.Refunded })
	v.sees("Everything you paid is refunded")
}

func paysToCancel(p *pages) {
	v := visit(p.T, p.client)
	v.books(errand{email: aGuest(), room: "sim_fee"})
	v.ends("confirmed")
	reference := v.reference()
	p.untilLedger(reference, paidOnce)
	v.click("#cancel", "")
	v.until(`/[1-9]/.test(document.getElementById("cancel-fee")?.innerText)`)
	fee := evaluate[string](v.tab, `document.getElementById("cancel-fee").innerText`)
	v.look("checkout-cancel-fee")
	require.Contains(p, evaluate[string](v.tab, `document.getElementById("confirm-cancel").innerText`), fee)
	v.click("#confirm-cancel", "")
	v.ends("cancelled")
	v.sees(fee, "the fee was kept")
	p.untilLedger(reference, func(l ledgerView) bool { return l.Active == 0 && l.Refunded != "0.00" && l.Refunded != l.Captured })
	v.look("checkout-cancelled-fee")
}

// reloadsInTheMiddle while the hotel is being asked, and while the guest is.
func reloadsInTheMiddle(p *pages) {
	v := visit(p.T, p.client)
	email := aGuest()
	v.books(errand{email: email, room: "sim_timeout_booked", card: "pm_card_chargeDeclined"})
	v.ends("requires_action")
	reference := v.reference()
	v.reload()
	v.ends("requires_action")
	require.Equal(p, reference, v.reference())
	v.set("Card", "pm_card_visa")
	v.click("#pay-again", "")
	v.ends("processing")
	v.reload()
	v.ends("confirmed")
	require.Equal(p, reference, v.reference())
	require.Len(p, p.bookedBy(email), 1)
	p.untilLedger(reference, paidOnce)
}

func goesBack(p *pages) {
	v := visit(p.T, p.client)
	email := aGuest()
	v.books(errand{email: email, room: "sim_timeout_booked"})
	v.until(`location.search.includes("booking=")`)
	v.back()
	v.until(`!location.search.includes("booking=")`)
	v.until(`shown(document.getElementById("checkout")) && shown(document.getElementById("underway"))`, "the form, and word of the booking under way")
	v.look("checkout-under-way")
	v.fillCheckout(errand{email: email, room: "sim_timeout_booked"})
	v.click("#pay", "")
	v.ends("confirmed")
	require.Len(p, p.bookedBy(email), 1, "going back and pressing again books nothing twice")
	p.untilLedger(v.reference(), paidOnce)
}

func clicksTwice(p *pages) {
	v := visit(p.T, p.client)
	email := aGuest()
	v.open("/")
	v.fillCheckout(errand{email: email})
	v.clicks("#pay", "", 3)
	v.ends("confirmed")
	require.Len(p, p.bookedBy(email), 1)
}

// losesTheConnection after the booking was accepted.
func losesTheConnection(p *pages) {
	v := visit(p.T, p.client)
	v.allow("ERR_INTERNET_DISCONNECTED")
	email := aGuest()
	v.books(errand{email: email, card: "pm_card_chargeDeclined"})
	v.ends("requires_action")
	v.offline(true)
	v.set("Card", "pm_card_visa")
	v.click("#pay-again", "")
	require.Eventually(p, func() bool { return v.complained("failed: POST .*/actions/payment") }, patience, 20*time.Millisecond)
	v.sees("We are trying again; nothing is done twice")
	v.look("checkout-offline")
	v.offline(false)
	v.ends("confirmed") // the button was pressed once, and the page has not forgotten it
	v.until(`!shown(document.getElementById("connection"))`)
	require.Len(p, p.bookedBy(email), 1)
	p.untilLedger(v.reference(), paidOnce)
}

// losesTheAnswer: the guest goes offline before they press the button, and comes back.
func losesTheAnswer(p *pages) {
	v := visit(p.T, p.client)
	v.allow("ERR_INTERNET_DISCONNECTED")
	email := aGuest()
	v.open("/")
	v.fillCheckout(errand{email: email})
	v.offline(true)
	v.click("#pay", "")
	v.sees("Nothing is lost")
	v.look("checkout-sending-offline")
	v.offline(false)
	v.ends("confirmed")
	require.Len(p, p.bookedBy(email), 1)
}

// hasTwoTabs and wants the same in both.
func hasTwoTabs(p *pages) {
	v := visit(p.T, p.client)
	other := v.another()
	email := aGuest()
	v.open("/")
	other.open("/")
	v.fillCheckout(errand{email: email, room: "sim_timeout_booked"})
	other.fillCheckout(errand{email: email, room: "sim_timeout_booked"})
	v.click("#pay", "")
	other.click("#pay", "")
	v.ends("confirmed")
	other.until(`shown(document.getElementById("underway")) || document.getElementById("outcome").dataset.status === "confirmed"`)
	require.Len(p, p.bookedBy(email), 1, "the same wish in two tabs is one booking")
}

// hasOnlyAKeyboard goes from the first tab to the confirmation.
func hasOnlyAKeyboard(p *pages) {
	v := visit(p.T, p.client)
	email := aGuest()
	v.open("/")
	text := map[string]string{"given-name": "Ana", "family-name": "Núñez", "email": email, "phone": "+34600000000"}
	for range 60 {
		v.keys(kb.Tab)
		id := evaluate[string](v.tab, `document.activeElement.id`)
		require.True(p, evaluate[bool](v.tab, `document.activeElement === document.body || (s => s.outlineStyle !== "none" || s.boxShadow !== "none")(getComputedStyle(document.activeElement)) || document.activeElement.type === "radio"`), "where the focus is can be seen: %s", id)
		if text[id] != "" {
			v.keys(text[id])
			delete(text, id)
		}
		if id == "pay" {
			require.Empty(p, text, "everything before the button was reached")
			v.keys(kb.Enter)
			break
		}
	}
	v.ends("confirmed")
	require.True(p, evaluate[bool](v.tab, `document.getElementById("outcome").contains(document.activeElement)`), "whoever listens is taken to the outcome")
	for range 20 {
		v.keys(kb.Tab)
		if evaluate[string](v.tab, `document.activeElement.id`) == "cancel" {
			v.keys(kb.Enter)
			break
		}
	}
	v.until(`document.activeElement.id === "confirm-cancel"`)
	v.keys(kb.Enter)
	v.ends("cancelled")
	require.Len(p, p.bookedBy(email), 1)
}

// TestABookingSurvivesTheServiceInABrowser: the service dies while a guest waits, and is started again at the same address.
func TestABookingSurvivesTheServiceInABrowser(t *testing.T) {
	t.Parallel()
	onBothProcesses(t, func(t *testing.T, d *database) {
		p := servePages(t, d, sandboxProcess(t, "BOOKING_SANDBOX__LATENCY=0"))
		v := visit(t, p.client)
		v.allow("ERR_CONNECTION|ERR_INCOMPLETE|ERR_EMPTY|ERR_SOCKET")
		email := aGuest()
		v.books(errand{email: email, room: "sim_slow_4000"})
		v.until(`location.search.includes("booking=")`)
		v.until(`document.getElementById("reference")`)
		reference := v.reference()
		p.process.kill()
		v.until(`shown(document.getElementById("connection"))`)
		v.sees("Your booking goes on without this page")
		p.start(t, "BOOKING_HTTP__ADDR="+strings.TrimPrefix(p.base, "http://"))
		v.ends("confirmed")
		require.Equal(t, reference, v.reference())
		p.untilLedger(reference, paidOnce)
		require.Len(t, p.bookedBy(email), 1)
	})
}
