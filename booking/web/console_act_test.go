package web

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
	"hotelbooking/booking/bookingtest"
)

var choices = regexp.MustCompile(`name="choice" value="([^"]*)"`)

// opens gets a dialogue as the page's script does, and fills in its form: the option of that name, or the only one.
func (c *clerk) opens(at, name string, fields ...string) (form url.Values, text string) {
	c.Helper()
	text = c.fragment(at).page(http.StatusOK)
	form = url.Values{"reason": {"The guest rang."}}
	for _, found := range choices.FindAllStringSubmatch(text, -1) {
		if name == "" || strings.HasPrefix(found[1], name+"~") {
			form.Set("choice", found[1])
			break
		}
	}
	require.NotEmpty(c, form.Get("choice"), text)
	if _, rest, ok := strings.Cut(text, `name="fee" value="`); ok {
		fee, _, _ := strings.Cut(rest, `"`)
		form.Set("fee", fee)
	}
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	return form, html.UnescapeString(text)
}

// sends a form as the page's script does.
func (c *clerk) sends(at string, form url.Values) reply {
	c.Helper()
	return c.post(at, form, "HX-Request", "true")
}

func (g *guest) stored() *booking.Booking { return g.house.rooms[g.id].b }

func (g *guest) lines() []booking.Entry { return g.house.rooms[g.id].history }

func (g *guest) action(verb string) string { return g.page() + "/actions/" + verb }

// reviewed is a guest whose booking waits for a person's judgement.
func reviewed(t *testing.T) *guest {
	t.Helper()
	g := open(t).guest()
	g.house.script(g.id, fates{"screen": {bookingtest.AsksStaff}})
	g.house.until(t, g.id, at(booking.Parked, booking.StepScreen))
	return g
}

// stayed is a guest whose booking is confirmed and charged, some time ago.
func stayed(t *testing.T) *guest {
	t.Helper()
	g := open(t).guest()
	g.house.until(t, g.id, atRest)
	g.house.pass(time.Hour)
	return g
}

func TestEveryActionSaysWhatItWillDoDoesItAndTellsSo(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		guest  func(*testing.T) *guest
		verb   string
		option string
		fields []string
		says   string
		done   string
		ends   func(*booking.Booking) bool
	}{
		"approve":                    {reviewed, "approve", "", nil, "The fraud question is answered with yes.", "Done: it is approved", hasStatus(booking.StatusConfirmed)},
		"reject":                     {reviewed, "reject", "", nil, "The booking fails", "Done: it is rejected", hasStatus(booking.StatusFailed)},
		"retry":                      {lost, "retry", "", nil, "The service first asks the other side", "Done: it is taken up again.", at(booking.Finding, booking.StepConfirm)},
		"resolve, it happened":       {lost, "resolve", optionHappened, []string{"supplier_reference", "SB-1"}, "The booking is confirmed on your word", "Done: what you found out", hasStatus(booking.StatusConfirmed)},
		"resolve, it did not happen": {lost, "resolve", optionNotHappened, nil, "The booking fails on your word.", "Done: what you found out", hasStatus(booking.StatusFailed)},
		"cancel":                     {stayed, "cancel", optionOnly, nil, "A fee of 69.20 EUR is kept. 276.80 EUR goes back", "for a fee of 69.20 EUR", hasStatus(booking.StatusCancelled)},
		"cancel, and waive the fee":  {stayed, "cancel", optionWaive, nil, "The fee of 69.20 EUR is waived. 346.00 EUR goes back", "for a fee of 0.00 EUR", hasStatus(booking.StatusCancelled)},
		"refund all":                 {stayed, "refund", "", []string{"amount", "346.00"}, "346.00 EUR goes back to the card.", "the refund of 346.00 EUR is on its way", atRest},
		"note":                       {stayed, "note", "", nil, "The text is written into the timeline.", "Done: the note is in the timeline.", atRest},
		"reveal":                     {stayed, "reveal", "", nil, "this once", "shown below, this once", atRest},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := c.guest(t)
			sue := staff(t, g.site, supervisorKey)
			form, text := sue.opens(g.action(c.verb), c.option, c.fields...)
			require.Contains(t, text, c.says)
			require.Contains(t, text, "<dialog")
			answer := sue.sends(g.action(c.verb), form).page(http.StatusOK)
			require.NotContains(t, answer, "<dialog", "which closes it")
			require.Contains(t, answer, `hx-swap-oob="innerHTML:#live-head"`)
			require.Contains(t, shown(t, answer, "done"), c.done)
			last := g.lines()[len(g.lines())-1]
			require.Equal(t, "support:sue", last.Actor)
			require.Equal(t, c.verb, last.Verb)
			require.Equal(t, "The guest rang.", last.Detail)
			require.Equal(t, string(RoleSupervisor), last.Mandate.Role, "as the audit wants it")
			if c.verb != "retry" {
				g.house.script(g.id, nil)
			}
			g.house.until(t, g.id, c.ends)
		})
	}
}

func TestEachRoleDoesWhatItMay(t *testing.T) {
	t.Parallel()
	g := stayed(t)
	keys := map[Role]string{RoleViewer: viewerKey, RoleAgent: agentKey, RoleSupervisor: supervisorKey}
	for role, key := range keys {
		clerk := staff(t, g.site, key)
		seen := clerk.get(g.page()).page(http.StatusOK)
		for _, a := range deskActions {
			path, form := g.action(string(a.Verb)), url.Values{"reason": {"The guest rang."}, "choice": {"do~1~0"}}
			if rank(role) < rank(a.access.role()) {
				require.Contains(t, clerk.get(path).page(http.StatusForbidden), "role does not cover", "%s %s", role, a.Verb)
				require.Contains(t, clerk.sends(path, form).page(http.StatusForbidden), "role does not cover", "%s %s", role, a.Verb)
				continue
			}
			require.NotEqual(t, http.StatusForbidden, clerk.get(path).status, "%s %s", role, a.Verb)
			require.NotEqual(t, http.StatusForbidden, clerk.sends(path, form).status, "%s %s", role, a.Verb)
		}
		for verb, needs := range map[booking.Verb]Role{booking.VerbRefund: RoleSupervisor, booking.VerbCancel: RoleAgent} {
			denied := strings.Contains(seen, `disabled data-test="act-`+string(verb)+`"`)
			require.Equal(t, rank(role) < rank(needs), denied, "%s %s", role, verb)
			require.Equal(t, !denied, strings.Contains(seen, `id="act-`+string(verb)+`"`), "%s %s", role, verb)
		}
		require.NotContains(t, seen, `data-test="act-approve"`, "what is not possible is not there")
		require.Equal(t, role == RoleViewer, strings.Contains(seen, `data-test="act-reveal"`))
		require.Equal(t, role != RoleViewer, strings.Contains(seen, `data-test="note-form"`))
	}
	require.Empty(t, slices.DeleteFunc(slices.Clone(g.lines()), func(e booking.Entry) bool {
		return e.Verb != string(booking.VerbRefund) && e.Verb != string(booking.VerbCancel)
	}), "made up digests decide nothing")
}

func TestWhatIsNotPossibleIsRefusedWithWhatIs(t *testing.T) {
	t.Parallel()
	g := open(t).guest()
	sue := staff(t, g.site, supervisorKey)
	for _, verb := range []string{"approve", "reject", "resolve", "refund"} {
		text := sue.sends(g.action(verb), url.Values{"reason": {"The guest rang."}, "choice": {"do~1~0"}, "amount": {"5"}}).page(http.StatusConflict)
		require.Contains(t, text, "This is not possible as the booking stands now.", verb)
		require.Contains(t, shown(t, text, "act-allowed"), "cancel, retry, note, reveal", verb)
		require.Contains(t, sue.get(g.action(verb)).page(http.StatusConflict), "not possible", verb)
	}
	require.Len(t, g.lines(), 1)
	sue.get("/support/bookings/01945e2a-7c00-7000-8000-999999999999/actions/note").is(http.StatusNotFound)
	sue.get(g.action("explode")).is(http.StatusNotFound)
}

func TestAnActionThatWouldNowDoSomethingElseIsShownAgainAndNotDone(t *testing.T) {
	t.Parallel()
	t.Run("the fee has moved", func(t *testing.T) {
		t.Parallel()
		g := open(t).guest()
		g.house.until(t, g.id, atRest)
		ada := staff(t, g.site, agentKey)
		form, text := ada.opens(g.action("cancel"), "")
		require.Contains(t, text, "There is no fee.")
		g.house.pass(time.Hour)
		again := ada.sends(g.action("cancel"), form).page(http.StatusConflict)
		require.Contains(t, shown(t, again, "act-changed"), "It has changed while you were reading.")
		require.Contains(t, again, "A fee of 69.20 EUR is kept.")
		require.Contains(t, again, "The guest rang.", "what was typed stays")
		require.Equal(t, booking.StatusConfirmed, g.stored().Status())
	})
	t.Run("somebody else refunded", func(t *testing.T) {
		t.Parallel()
		g := stayed(t)
		sue := staff(t, g.site, supervisorKey)
		form, _ := sue.opens(g.action("refund")+"?amount=50", "", "amount", "50")
		g.house.pass(time.Second)
		g.staff("POST", "/"+string(g.id)+"/actions/refund", supervisorKey, `{"reason":"Cold water.","amount":{"amount":"20.00","currency":"EUR"}}`).is(http.StatusAccepted)
		g.house.until(t, g.id, atRest)
		again := sue.sends(g.action("refund"), form).page(http.StatusConflict)
		require.Contains(t, shown(t, again, "act-changed"), "It has changed while you were reading.")
		require.Contains(t, again, "So far 346.00 EUR was charged and 20.00 EUR refunded; afterwards we keep 276.00 EUR.")
		require.EqualValues(t, 2000, g.house.rooms[g.id].world.Refunded)
	})
	t.Run("it stands elsewhere", func(t *testing.T) {
		t.Parallel()
		g := lost(t)
		ada := staff(t, g.site, agentKey)
		form, _ := ada.opens(g.action("retry"), "")
		g.house.script(g.id, fates{"capture": {bookingtest.Refuses}})
		g.house.until(t, g.id, at(booking.Parked, booking.StepCapture))
		again := ada.sends(g.action("retry"), form).page(http.StatusConflict)
		require.Contains(t, again, "346.00 EUR is charged to the card, as a new attempt")
		require.Equal(t, booking.Parked, g.stored().Place.Phase)
	})
	t.Run("another amount was typed than was read", func(t *testing.T) {
		t.Parallel()
		g := stayed(t)
		sue := staff(t, g.site, supervisorKey)
		form, _ := sue.opens(g.action("refund"), "", "amount", "50,00")
		again := sue.post(g.action("refund"), form).page(http.StatusConflict)
		require.Contains(t, again, "The amount is another one now.")
		require.Contains(t, again, "50.00 EUR goes back to the card.")
		form.Set("choice", choices.FindStringSubmatch(again)[1])
		answer := sue.post(g.action("refund"), form).is(http.StatusSeeOther) // as who has no script does it
		require.Contains(t, shown(t, sue.get(answer.header.Get("Location")).page(http.StatusOK), "done"), "the refund of 50.00 EUR is on its way")
		g.house.until(t, g.id, atRest)
		require.EqualValues(t, 5000, g.house.rooms[g.id].world.Refunded)
	})
}

func TestAFormThatIsSentTwiceRefundsOnce(t *testing.T) {
	t.Parallel()
	g := stayed(t)
	sue := staff(t, g.site, supervisorKey)
	form, _ := sue.opens(g.action("refund")+"?amount=50.00", "", "amount", "50.00")
	first := sue.sends(g.action("refund"), form).page(http.StatusOK)
	require.Contains(t, shown(t, first, "done"), "the refund of 50.00 EUR is on its way")
	second := sue.sends(g.action("refund"), form).page(http.StatusOK) // while the first is under way
	require.Contains(t, shown(t, second, "done"), "the refund of 50.00 EUR is on its way")
	g.house.until(t, g.id, atRest)
	third := sue.sends(g.action("refund"), form).page(http.StatusOK) // and after it: the button "back", and "send again"
	require.Contains(t, shown(t, third, "done"), "50.00 EUR went back in all")
	form.Set("reason", "Another one.")
	require.Contains(t, sue.sends(g.action("refund"), form).page(http.StatusConflict), "It has changed while you were reading.")
	require.EqualValues(t, 5000, g.house.rooms[g.id].world.Refunded)
	require.Equal(t, 1, strings.Count(sue.get(g.page()).page(http.StatusOK), ">refund</span>"))
}

func TestTwoPeopleWhoSayTheSameBothSaidIt(t *testing.T) {
	t.Parallel()
	g := stayed(t)
	ada, sue := staff(t, g.site, agentKey), staff(t, g.site, supervisorKey)
	first, _ := ada.opens(g.action("note"), "")
	second, _ := sue.opens(g.action("note"), "")
	for range 2 { // which is once each
		ada.sends(g.action("note"), first).is(http.StatusOK)
		sue.sends(g.action("note"), second).is(http.StatusOK)
	}
	lines := g.lines()
	require.Equal(t, []string{"support:ada", "support:sue"}, []string{lines[len(lines)-2].Actor, lines[len(lines)-1].Actor})
	require.Equal(t, 2, strings.Count(ada.get(g.page()).page(http.StatusOK), `data-test="note"`))
}

func TestWhatIsWrongIsSaidBesideTheFieldAndTheRestIsKept(t *testing.T) {
	t.Parallel()
	g := stayed(t)
	sue := staff(t, g.site, supervisorKey)
	for amount, says := range map[string]string{
		"400": "It is more than what is left to refund: 346.00 EUR.", "0": "It must be more than nothing.", "1,234.50": "exactly 2 decimals", "5.001": "exactly 2 decimals", "-5": "exactly 2 decimals",
	} {
		text := sue.sends(g.action("refund"), url.Values{"reason": {"The guest rang."}, "amount": {amount}, "choice": {"346.00~1~0"}}).page(http.StatusUnprocessableEntity)
		require.Contains(t, shown(t, text, "wrong-amount"), says, amount)
		require.Contains(t, text, `value="`+amount+`"`)
		require.Contains(t, text, ">The guest rang.</textarea>")
		preview := sue.fragment(g.action("refund") + "?part=preview&amount=" + url.QueryEscape(amount)).page(http.StatusOK)
		require.Contains(t, shown(t, preview, "wrong-amount"), says, amount)
	}
	for reason, says := range map[string]string{"": "at least 3 characters", "ab": "at least 3 characters", "   ": "It must say something.", "a\x00bc": "control characters", strings.Repeat("x", 501): "at most 500 characters"} {
		form, _ := sue.opens(g.action("note"), "", "reason", reason)
		text := sue.sends(g.action("note"), form).page(http.StatusUnprocessableEntity)
		require.Contains(t, text, says, "%q", reason)
	}
	card := sue.sends(g.action("note"), url.Values{"reason": {"It is 4242 4242 4242 4242."}, "choice": {"do~1~0"}}).page(http.StatusUnprocessableEntity)
	require.Contains(t, card, "looks like a card number")
	require.NotContains(t, card, "4242 4242")
	require.Len(t, g.lines(), g.stored().Version)
	require.NotContains(t, sue.get(g.page()).page(http.StatusOK), `data-test="note"`)

	g = lost(t)
	sue = staff(t, g.site, supervisorKey)
	form, _ := sue.opens(g.action("resolve"), optionHappened)
	require.Contains(t, sue.sends(g.action("resolve"), form).page(http.StatusUnprocessableEntity), "has a number at the supplier: ask for it")
	form.Del("choice")
	require.Contains(t, sue.sends(g.action("resolve"), form).page(http.StatusUnprocessableEntity), "Choose one of the two.")
	ada := staff(t, g.site, agentKey)
	waived := url.Values{"reason": {"The guest rang."}, "choice": {"waive~1~0"}}
	require.Contains(t, ada.sends(g.action("cancel"), waived).page(http.StatusForbidden), "Only a supervisor can waive the fee.")
	require.Equal(t, booking.Parked, g.stored().Place.Phase)
}

func TestAViewerSeesWhoTheGuestsAreOnceAndThatIsWrittenDown(t *testing.T) {
	t.Parallel()
	s := open(t)
	id := s.submit(submission(`"special_requests":""`, `"special_requests":"my illness"`), "key-1").is(http.StatusAccepted).booking().Id
	g := &guest{site: s, id: booking.ID(id)}
	vera := staff(t, s, viewerKey)
	personal := []string{"Núñez", ">Ana", "ana@", "600000000", "illness"}
	masked := func(text string) {
		for _, word := range personal {
			require.NotContains(t, text, word)
		}
	}
	masked(vera.get(g.page()).page(http.StatusOK))
	form, text := vera.opens(g.action("reveal"), "")
	masked(text)
	form.Set("reason", "")
	masked(vera.sends(g.action("reveal"), form).page(http.StatusUnprocessableEntity))
	require.Len(t, g.lines(), 1)
	form.Set("reason", "She forgot her reference.")
	for n, head := range [][]string{{"HX-Request", "true"}, nil} { // with a script, and without
		text := vera.post(g.action("reveal"), form, head...).page(http.StatusOK)
		for _, word := range personal {
			require.Contains(t, text, word)
		}
		require.Len(t, g.lines(), n+2, "each look is a line")
	}
	require.Equal(t, "support:vera", g.lines()[1].Actor)
	masked(vera.get(g.page()).page(http.StatusOK))
	masked(vera.fragment(g.page() + "?part=live").page(http.StatusOK))
	require.Contains(t, vera.get(g.page()).page(http.StatusOK), "She forgot her reference.")
}

func TestActionsAreForWhoHasSignedInAndFromOurOwnPages(t *testing.T) {
	t.Parallel()
	g := stayed(t)
	sue := staff(t, g.site, supervisorKey)
	form, _ := sue.opens(g.action("refund"), "", "amount", "346.00")
	for _, head := range [][]string{
		{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Sec-Fetch-Site", "", "Origin", "https://evil.example"},
	} {
		require.Contains(t, sue.post(g.action("refund"), form, head...).page(http.StatusForbidden), "page of another site")
	}
	stranger := nobody(t, g.site)
	for _, path := range []string{g.page(), g.action("refund")} {
		answer := stranger.get(path).is(http.StatusSeeOther)
		require.Equal(t, signInPath+"?next="+url.QueryEscape(path), answer.header.Get("Location"))
	}
	require.Contains(t, stranger.post(g.action("refund"), form).page(http.StatusUnauthorized), "Sign in")
	require.Equal(t, signInPath, stranger.sends(g.action("refund"), form).is(http.StatusUnauthorized).header.Get("HX-Redirect"))
	stranger.get(g.page()+"/events", "Accept", "text/event-stream").is(http.StatusUnauthorized)
	require.Equal(t, booking.Ended, g.stored().Place.Phase)
	require.Zero(t, g.house.rooms[g.id].world.Refunded)
}
