package main

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/stretchr/testify/require"
)

// part is what a page names for its tests.
func part(name string) string { return fmt.Sprintf("[data-test=%q]", name) }

// says waits until a named part of the page says these words.
func (b *tab) says(name string, words ...string) {
	b.Helper()
	for _, word := range words {
		b.until(fmt.Sprintf(`[...document.querySelectorAll(%s)].some(e => plain(e.innerText).toLowerCase().includes(%s))`, js(part(name)), js(strings.ToLower(word))), name, "should say", word)
	}
}

func (b *tab) openBooking(id string) {
	b.Helper()
	b.open("/support/bookings/" + id)
	b.until(`document.querySelector("[data-test=banner]")`)
}

// decide presses the button of an action, and does what the dialogue asks for. What it foresees is returned.
func (b *tab) decide(verb, reason string, before ...func()) (foreseen string) {
	b.Helper()
	b.click(part("act-"+verb), "")
	b.until(`document.querySelector("dialog[open]")`)
	for _, f := range before {
		f()
	}
	b.fillIn(part("act-reason"), "", reason)
	foreseen = evaluate[string](b, `plain([...top().querySelectorAll("[data-test=preview]")].map(e => e.innerText).join(" | "))`)
	require.NotEmpty(b, foreseen, "an action says what it will do before it does it")
	b.click(part("act-submit"), "")
	b.until(`!document.querySelector("dialog[open]")`, "the dialogue closes once it is done")
	b.until(`document.querySelector("[data-test=done]")`)
	return foreseen
}

// recorded checks that the timeline says who did it, and why.
func (p *pages) recorded(id, who, reason string) {
	p.Helper()
	timeline := string(p.call("GET", "/v1/support/bookings/"+id, p.support, "").is(http.StatusOK).body)
	require.Contains(p, timeline, who)
	require.Contains(p, timeline, reason)
}

// approves lets a booking go on that fraud screening has stopped, and watches it.
func approves(p *pages) {
	v := visit(p.T, p.client)
	p.signIn(v, "ada")
	b := p.submit(order{email: "ana+review@example.com"})
	p.untilStatus(b.ID, "in_review")
	v.openBooking(b.ID)
	v.says("status", "in review")
	v.look("booking-in-review")
	v.click(part("act-approve"), "")
	v.until(`document.querySelector("dialog[open]")`)
	v.look("act-approve")
	v.keys("\x1b")
	v.until(`!document.querySelector("dialog[open]")`, "escape does nothing, and closes")
	require.Equal(p, "in_review", p.call("GET", "/v1/bookings/"+b.ID, p.bookings, "").booking().Status)
	v.decide("approve", "a guest we know")
	v.says("status", "confirmed")
	p.recorded(b.ID, "ada", "a guest we know")
	p.untilLedger(b.Reference, func(l ledgerView) bool { return l.Captures == 1 && l.Active == 1 })
	v.says("story-charged", "346.00")
	v.look("booking-confirmed")
}

func rejects(p *pages) {
	v := visit(p.T, p.client)
	p.signIn(v, "ada")
	b := p.submit(order{email: "ana+review@example.com"})
	p.untilStatus(b.ID, "in_review")
	v.openBooking(b.ID)
	v.decide("reject", "a stolen card")
	v.says("status", "failed")
	p.recorded(b.ID, "ada", "a stolen card")
	p.untilLedger(b.Reference, nothingLeft)
	v.says("story-charged", "no")
}

// unknownOutcome is a booking of which nobody can tell whether the supplier has it.
func (p *pages) unknownOutcome() bookingView {
	p.Helper()
	b := p.submit(order{offer: "sim_timeout_forever"})
	require.Eventually(p, func() bool {
		s := p.supportOf(b.ID)
		return s.Attention != "" && strings.Contains(fmt.Sprint(s.Actions), "resolve")
	}, time.Minute, 50*time.Millisecond)
	return b
}

// resolves tells what the hotel said on the phone.
func resolves(p *pages) {
	v := visit(p.T, p.client)
	p.signIn(v, "ada")
	b := p.unknownOutcome()
	v.openBooking(b.ID)
	v.says("story-charged", "not") // charged yet
	v.decide("resolve", "the hotel knows of nothing", func() {
		v.look("act-resolve")
		v.click("label", "did not happen")
	})
	v.says("status", "failed")
	p.recorded(b.ID, "ada", "the hotel knows of nothing")
	p.untilLedger(b.Reference, nothingLeft)

	b = p.unknownOutcome()
	v.openBooking(b.ID)
	v.decide("resolve", "the hotel has it, says Pepa", func() {
		v.click("label.option", "it happened")
		v.fillIn(part("act-supplier-reference"), "", "PHONE-4711")
	})
	v.says("status", "confirmed")
	v.says("ref-supplier", "PHONE-4711")
	p.recorded(b.ID, "ada", "the hotel has it, says Pepa")
}

// retries has a step tried again that has given up.
func retries(p *pages) {
	v := visit(p.T, p.client)
	p.signIn(v, "ada")
	b := p.submit(order{email: "ana+down@example.com"})
	p.untilStatus(b.ID, "in_review")
	before := len(p.supportOf(b.ID).Timeline)
	v.openBooking(b.ID)
	v.decide("retry", "the screening is back")
	p.recorded(b.ID, "ada", "the screening is back")
	require.Eventually(p, func() bool { return len(p.supportOf(b.ID).Timeline) > before+1 }, patience, 20*time.Millisecond, "it was tried again")
	p.untilStatus(b.ID, "in_review")
	v.says("version", fmt.Sprint(p.supportOf(b.ID).Booking.Version)) // else the button is drawn anew while it is pressed
	v.decide("approve", "it is not back")
	v.says("status", "confirmed")
}

// cancelsWithAFee shows what the guest will not get back before it is kept.
func cancelsWithAFee(p *pages) {
	v := visit(p.T, p.client)
	p.signIn(v, "ada")
	b := p.atRest(order{offer: "sim_fee"})
	quote := string(p.call("GET", "/v1/bookings/"+b.ID+"/cancellation", b.ClientSecret, "").is(http.StatusOK).body)
	_, fee, found := strings.Cut(quote, `"fee":{"amount":"`)
	require.True(p, found, quote)
	fee, _, _ = strings.Cut(fee, `"`)
	require.NotEqual(p, "0.00", fee)
	v.openBooking(b.ID)
	foreseen := v.decide("cancel", "the guest is ill", func() { v.look("act-cancel") })
	require.Contains(p, foreseen, fee, "the fee is shown first")
	v.says("status", "cancelled")
	p.recorded(b.ID, "ada", "the guest is ill")
	p.untilLedger(b.Reference, func(l ledgerView) bool {
		return l.Active == 0 && l.Captured == "346.00" && l.Refunded != "0.00" && l.Refunded != "346.00"
	})
	v.says("story-charged", fee)
}

// refundsPartAndRest gives money back in two goes, and no more than there is.
func refundsPartAndRest(p *pages) {
	v := visit(p.T, p.client)
	p.signIn(v, "sue")
	b := p.atRest(order{})
	v.openBooking(b.ID)
	v.decide("refund", "no hot water", func() {
		v.fillIn(part("act-amount"), "", "500.00")
		v.says("wrong-amount", "346.00")
		v.fillIn(part("act-amount"), "", "100.00")
		v.until(`plain(top().querySelector("[data-test=preview]")?.innerText).includes("100.00")`)
		v.look("act-refund")
	})
	p.untilLedger(b.Reference, func(l ledgerView) bool { return l.Refunded == "100.00" })
	v.says("money", "246.00")
	v.decide("refund", "the rest, too")
	p.untilLedger(b.Reference, func(l ledgerView) bool { return l.Refunded == "346.00" && l.Captures == 1 && l.Active == 1 })
	p.recorded(b.ID, "sue", "no hot water")
	v.says("payment-status", "refunded")
}

// writesANote, which everybody sees who looks at the booking.
func writesANote(p *pages) {
	v := visit(p.T, p.client)
	p.signIn(v, "ada")
	b := p.atRest(order{})
	other := visit(p.T, p.client)
	p.signIn(other, "vera")
	other.openBooking(b.ID)
	v.openBooking(b.ID)
	v.fill("Add a note", "calls again tomorrow")
	v.button("Add the note")
	v.says("note", "calls again tomorrow", "ada")
	other.says("note", "calls again tomorrow")
}

// reveals shows a viewer who the guest is, after they have said why.
func reveals(p *pages) {
	v := visit(p.T, p.client)
	p.signIn(v, "vera")
	email := aGuest()
	b := p.atRest(order{email: email})
	v.openBooking(b.ID)
	v.says("people", "masked")
	v.lacks(email, "Núñez", "+34600000000")
	require.Zero(p, evaluate[int](v.tab, `all("[data-test^=act-]:not([disabled])", "").filter(e => e.dataset.test !== "act-reveal").length`), "a viewer decides nothing")
	v.look("booking-viewer")
	v.decide("reveal", "the guest is on the phone")
	v.says("people", email, "Núñez")
	p.recorded(b.ID, "vera", "the guest is on the phone")
	v.reload()
	v.says("people", "masked")
	v.lacks(email)
}

// isRefused tries what somebody else has just decided otherwise.
func isRefused(p *pages) {
	v := visit(p.T, p.client)
	p.signIn(v, "ada")
	b := p.submit(order{email: "ana+review@example.com"})
	p.untilStatus(b.ID, "in_review")
	v.openBooking(b.ID)
	v.click(part("act-approve"), "")
	v.until(`document.querySelector("dialog[open]")`)
	p.call("POST", "/v1/support/bookings/"+b.ID+"/actions/reject", p.support, `{"reason":"sue was faster"}`).is(http.StatusAccepted)
	p.untilDecided(b.ID)
	v.allow("answered 409")
	v.fillIn(part("act-reason"), "", "too late")
	v.click(part("act-submit"), "")
	v.until(`document.querySelector("dialog[open] [role=alert]")`)
	v.look("act-refused")
	require.NotContains(p, string(p.call("GET", "/v1/support/bookings/"+b.ID, p.support, "").body), "too late")
	require.Equal(p, "failed", p.untilDecided(b.ID).Status)
}

// movesWhileLooking: what a booking does is seen without asking.
func movesWhileLooking(p *pages) {
	v := visit(p.T, p.client)
	p.signIn(v, "vera")
	b := p.submit(order{card: "pm_card_chargeDeclined"})
	p.untilStatus(b.ID, "requires_action")
	v.openBooking(b.ID)
	v.says("status", "requires action")
	v.look("booking-waits-for-customer")
	evaluate[bool](v.tab, "(window.sameDocument = true)")
	p.call("POST", "/v1/bookings/"+b.ID+"/actions/payment", b.ClientSecret, `{"payment":{"token":"pm_card_visa"}}`).is(http.StatusAccepted)
	v.says("status", "confirmed")
	v.says("story-charged", "346.00")
	require.True(p, evaluate[bool](v.tab, "window.sameDocument === true"), "the page was not loaded again")

	// What stays possible stays where it is: a button that came anew while it is being pressed would not be pressed.
	rest := p.atRest(order{})
	desk := visit(p.T, p.client)
	p.signIn(desk, "sue")
	desk.openBooking(rest.ID)
	desk.until(`document.getElementById("live-state").innerText === "live"`)
	evaluate[bool](desk.tab, `Boolean(window.button = document.getElementById("act-refund"))`)
	p.call("POST", "/v1/support/bookings/"+rest.ID+"/actions/note", p.support, `{"reason":"the guest rang"}`).is(http.StatusAccepted)
	desk.sees("the guest rang")
	require.True(p, evaluate[bool](desk.tab, `window.button.isConnected`))

	// An answer of before the change comes last, and another one.
	for range 2 {
		evaluate[bool](desk.tab, `(document.getElementById("version").textContent = 1, htmx.trigger(document.body, "htmx:afterSettle"))`)
		desk.says("version", fmt.Sprint(p.supportOf(rest.ID).Booking.Version))
	}
}

// knowsOnlyTheSuppliersNumber is an agent whom the hotel has called.
func knowsOnlyTheSuppliersNumber(p *pages) {
	b := p.atRest(order{})
	number := p.supportOf(b.ID).References.Supplier
	v := visit(p.T, p.client)
	p.signIn(v, "sue")
	v.fillIn("input[type=search]", "", number)
	v.keys("\r")
	v.until(`document.querySelector("[data-test=banner]")`)
	v.sees(b.Reference, number)
	v.says("story-charged", "yes", "346.00")
	v.decide("refund", "the hotel has no room")
	p.untilLedger(b.Reference, func(l ledgerView) bool { return l.Refunded == "346.00" })
	v.says("story-charged", "No longer", "refunded")
	v.look("booking-refunded")
	require.Equal(p, url.PathEscape(b.ID), evaluate[string](v.tab, `location.pathname.split("/").pop()`))
}

// looksAtMany: each page that was left must give back the stream that told it of changes.
func looksAtMany(p *pages) {
	v := visit(p.T, p.client)
	p.signIn(v, "vera")
	for range 8 { // two more than a browser opens streams to one server
		b := p.submit(order{})
		v.openBooking(b.ID)
		v.until(`document.getElementById("live-state").innerText === "live"`)
	}
	v.back()
	v.until(`document.getElementById("live-state")?.innerText === "live"`, "and a page that one goes back to is live again")
}
