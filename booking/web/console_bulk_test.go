package web

import (
	"context"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
	"hotelbooking/booking/bookingtest"
)

// bulkForm is the form of a preview or of a step, as the browser would send it; sends itself or not.
func bulkForm(page string) (path string, form url.Values, itself bool) {
	match := regexp.MustCompile(`(?s)<form class="(?:begin|next)" hx-post="([^"]+)"( hx-trigger="load, submit")?(.*?)</form>`).FindStringSubmatch(page)
	if match == nil {
		return "", nil, false
	}
	form = url.Values{}
	for _, field := range regexp.MustCompile(`<input type="hidden" name="([a-z]+)" value="([^"]*)">`).FindAllStringSubmatch(match[3], -1) {
		form.Set(field[1], html.UnescapeString(field[2]))
	}
	return html.UnescapeString(match[1]), form, match[2] != ""
}

// begin opens a preview and fills in why.
func (c *clerk) begin(path string) (preview, run string, form url.Values) {
	c.Helper()
	preview = c.get(path).page(http.StatusOK)
	run, form, _ = bulkForm(preview)
	require.NotEmpty(c, run, "%s", preview)
	form.Set("reason", "the hotel has closed")
	return preview, run, form
}

// runAll sends the forms one after the other until the end, as the page does; answers are all that was said.
func (c *clerk) runAll(run string, form url.Values) (answers []string) {
	c.Helper()
	for range 100 {
		answer := c.post(run, form, "HX-Request", "true").page(http.StatusOK)
		answers = append(answers, answer)
		next, fields, itself := bulkForm(answer)
		if next == "" {
			require.Contains(c, answer, "Finished.")
			return answers
		}
		require.True(c, itself, "%s", answer)
		run, form = next, fields
	}
	require.Fail(c, "it never ends")
	return nil
}

// decided are the entries of support in a booking's history.
func (s *site) decided(id booking.ID) []booking.Entry {
	var found []booking.Entry
	for _, e := range s.house.rooms[id].history {
		if booking.ByStaff(e.Actor) {
			found = append(found, e)
		}
	}
	return found
}

func TestManyAreDecidedAboutToTheEndEachOnceEachAudited(t *testing.T) {
	t.Parallel()
	s := open(t)
	const n = 2*bulkSlice + 5
	for i := range n {
		id := s.book(i, fates{"screen": {bookingtest.AsksStaff}})
		s.house.until(t, id, hasStatus(booking.StatusInReview))
	}
	other := s.book(n, nil)
	s.house.pass(time.Second)
	clerk := staff(t, s, agentKey)
	preview, run, form := clerk.begin("/support/bulk?action=approve&status=in_review")
	require.Contains(t, preview, "Approve the screening: 45 bookings")
	require.Contains(t, preview, "Of the 45 newest, all can be decided so.")
	require.Equal(t, bulkShown, strings.Count(preview, "The fraud question is answered with yes."))
	require.Contains(t, preview, "closing it, or leaving it, stops the run")
	require.Equal(t, "/support/bulk?status=in_review", run)

	late := s.book(n+1, fates{"screen": {bookingtest.AsksStaff}})
	s.house.until(t, late, hasStatus(booking.StatusInReview))
	answers := clerk.runAll(run, form)
	require.Len(t, answers, 3)
	require.Contains(t, answers[0], "Approving: 20 done, 0 left as they were, about 25 to go.")
	require.Contains(t, answers[1], "Approving: 40 done, 0 left as they were, about 5 to go.")
	require.Contains(t, answers[2], "45 done, 0 left")
	for id := range s.house.rooms {
		if id == other || id == late {
			require.Empty(t, s.decided(id), "%s is not in the view, or came after it", id)
			continue
		}
		entries := s.decided(id)
		require.Len(t, entries, 1)
		require.Equal(t, "support:ada", entries[0].Actor)
		require.Equal(t, "approve", entries[0].Verb)
		require.Equal(t, "the hotel has closed", entries[0].Detail)
		require.Equal(t, string(RoleAgent), entries[0].Mandate.Role)
		require.NotEmpty(t, entries[0].Mandate.RequestID)
	}
	require.Contains(t, clerk.runAll(run, form)[0], "0 done, 0 left", "sent again, it finds nothing that matches")
}

func TestWhatCannotBeDecidedIsForetoldLeftAndListed(t *testing.T) {
	t.Parallel()
	s := open(t)
	failed := s.book(1, fates{"confirm": {bookingtest.Refuses}})
	s.house.until(t, failed, atRest)
	review := s.book(2, fates{"screen": {bookingtest.AsksStaff}})
	s.house.until(t, review, hasStatus(booking.StatusInReview))
	s.house.pass(time.Second)
	clerk := staff(t, s, agentKey)
	preview, run, form := clerk.begin("/support/bulk?action=reject")
	require.Contains(t, preview, "Of the 2 newest, 1 cannot be decided so")
	require.Contains(t, preview, "Not possible while the booking is failed and the payment is voided.")
	answers := clerk.runAll(run, form)
	require.Len(t, answers, 1)
	require.Contains(t, answers[0], "1 done, 1 left as it was")
	require.Contains(t, answers[0], `hx-swap-oob="beforeend:#refusals"`)
	require.Contains(t, answers[0], `<a href="/support/bookings/`+string(failed)+`"`)
	require.NotContains(t, answers[0], string(review))
	require.Empty(t, s.decided(failed))
	require.Len(t, s.decided(review), 1)
}

func TestABookingThatChangedSinceThePreviewIsLeftOut(t *testing.T) {
	t.Parallel()
	s := open(t)
	var ids []booking.ID
	for i := range bulkShown + 2 {
		id := s.book(i, nil)
		s.house.until(t, id, atRest)
		ids = append(ids, id)
	}
	penalties := func(id booking.ID, at time.Time, fee int64) {
		s.house.rooms[id].b.Facts.Hold.Penalties = []booking.Penalty{{From: at, Fee: s.house.rooms[id].b.Facts.Price.Of(fee)}}
	}
	for _, id := range ids {
		penalties(id, s.house.clock().Add(time.Hour), 5000)
	}
	penalties(ids[2], s.house.clock().Add(-time.Hour), 1000)
	s.house.pass(time.Second)
	clerk := staff(t, s, agentKey)
	preview, run, form := clerk.begin("/support/bulk?action=cancel")
	require.Contains(t, preview, "Fees that these 12 keep of the guests' money: <strong>10.00 EUR</strong>")
	require.Contains(t, preview, "I know that this cannot be taken back.")
	penalties(ids[11], s.house.clock().Add(-time.Hour), 4000) // shown, and moved
	s.house.pass(time.Minute)
	require.Equal(t, "10.00", s.house.rooms[ids[2]].b.CancelQuote(s.house.clock()).Fee.Decimal())
	answer := clerk.runAll(run, form)[0]
	require.Contains(t, answer, "11 done, 1 left as it was")
	require.Contains(t, answer, "It has changed since the preview")
	require.Contains(t, answer, string(ids[11]))
	require.Equal(t, int64(1000), s.house.rooms[ids[2]].b.Facts.Cancellation.Fee.Minor)
}

func TestAFeeThatMovedWithTheTimeIsRefusedToThoseThatWereNotShownToo(t *testing.T) {
	t.Parallel()
	s := open(t)
	var ids []booking.ID
	for i := range bulkShown + 2 {
		id := s.book(i, nil)
		s.house.until(t, id, atRest)
		ids = append(ids, id)
	}
	for _, id := range ids {
		b := s.house.rooms[id].b
		b.Facts.Hold.Penalties = []booking.Penalty{{From: s.house.clock().Add(time.Hour), Fee: b.Facts.Price.Of(5000)}}
	}
	s.house.pass(time.Second)
	clerk := staff(t, s, agentKey)
	_, run, form := clerk.begin("/support/bulk?action=cancel")
	s.house.pass(2 * time.Hour)
	answer := clerk.runAll(run, form)[0]
	require.Contains(t, answer, "0 done, 12 left as they were")
	require.Equal(t, len(ids), strings.Count(answer, "The cancellation fee has changed since the preview. It is 50.00 EUR now."))
	for _, id := range ids {
		require.Nil(t, s.house.rooms[id].b.Facts.Cancellation)
	}
}

func TestRefundingManyIsForSupervisors(t *testing.T) {
	t.Parallel()
	s := open(t)
	id := s.book(1, nil)
	s.house.until(t, id, atRest)
	s.house.pass(time.Second)
	form := url.Values{"action": {"refund"}, "reason": {"the hotel has closed"}}
	viewer, agent, supervisor := staff(t, s, viewerKey), staff(t, s, agentKey), staff(t, s, supervisorKey)
	viewer.get("/support/bulk?action=retry").page(http.StatusForbidden)
	viewer.post("/support/bulk", url.Values{"action": {"retry"}, "reason": {"why not"}}, "HX-Request", "true").page(http.StatusForbidden)
	agent.get("/support/bulk?action=refund").page(http.StatusBadRequest)
	agent.post("/support/bulk", form, "HX-Request", "true").page(http.StatusForbidden)
	for _, action := range []string{"reveal", "resolve", "erase", "payment", "notify", ""} {
		supervisor.get("/support/bulk?action=" + action).page(http.StatusBadRequest)
		supervisor.post("/support/bulk", url.Values{"action": {action}, "reason": {"why not"}}, "HX-Request", "true").page(http.StatusForbidden)
	}
	require.Empty(t, s.decided(id))
	preview, run, filled := supervisor.begin("/support/bulk?action=refund")
	require.Contains(t, preview, "346.00 EUR goes back to")
	require.Contains(t, supervisor.runAll(run, filled)[0], "1 done, 0 left")
	require.Equal(t, booking.GiveBack, s.house.rooms[id].b.Goal)
	require.Contains(t, supervisor.runAll(run, filled)[0], "0 done, 1 left", "a reload cannot refund twice")
}

func TestNothingIsRunWithoutAReasonOrFromAnotherSite(t *testing.T) {
	t.Parallel()
	s := open(t)
	id := s.book(1, nil)
	s.house.pass(time.Second)
	clerk := staff(t, s, agentKey)
	_, run, form := clerk.begin("/support/bulk?action=note")
	for _, reason := range []string{"", "  ", "no", strings.Repeat("x", 501), "be\x00ll"} {
		form.Set("reason", reason)
		require.Contains(t, clerk.post(run, form, "HX-Request", "true").page(http.StatusUnprocessableEntity), "Say why", "%q", reason)
	}
	form.Set("reason", "card 4111 1111 1111 1111")
	require.Contains(t, clerk.post(run, form, "HX-Request", "true").page(http.StatusUnprocessableEntity), string(ProblemCodeCardDataRefused))
	form.Set("reason", "a good one")
	for _, from := range []string{"cross-site", "same-site"} {
		clerk.post(run, form, "HX-Request", "true", "Sec-Fetch-Site", from).page(http.StatusForbidden)
	}
	clerk.post(run, form, "HX-Request", "true", "Sec-Fetch-Site", "", "Origin", "https://evil.example").page(http.StatusForbidden)
	clerk.post(run+"?older_than=soon", form, "HX-Request", "true").page(http.StatusBadRequest)
	form.Set("cursor", "nonsense")
	clerk.post(run, form, "HX-Request", "true").page(http.StatusBadRequest)
	form.Del("cursor")
	require.Empty(t, s.decided(id))
	require.Contains(t, clerk.runAll(run, form)[0], "1 done")
	require.Len(t, s.decided(id), 1)
}

// failing is a house that has no database from some decision on.
type failing struct {
	*house
	left *int
}

func (f failing) Decide(ctx context.Context, id booking.ID, d booking.Decision) (*booking.Booking, error) {
	if *f.left--; *f.left < 0 {
		return nil, fmt.Errorf("decide: %w", errDown)
	}
	return f.house.Decide(ctx, id, d)
}

func TestARunStandsStillWhereTheServiceCannotGoOnAndGoesOnFromThere(t *testing.T) {
	t.Parallel()
	s := open(t)
	for i := range 8 {
		s.book(i, nil)
	}
	s.house.pass(time.Second)
	clerk := staff(t, s, agentKey)
	_, run, form := clerk.begin("/support/bulk?action=note")
	left := 3
	s.api.engine = failing{s.house, &left}
	answer := clerk.post(run, form, "HX-Request", "true").page(http.StatusOK)
	require.Contains(t, answer, "Writing: 3 done, 0 left as they were, about 5 to go.")
	require.Contains(t, answer, "data-halted")
	run, form, itself := bulkForm(answer)
	require.False(t, itself, "it waits for somebody to press Go on")
	s.api.engine = s.house
	require.Contains(t, clerk.runAll(run, form)[0], "8 done, 0 left")
	for id := range s.house.rooms {
		require.Len(t, s.decided(id), 1, "each once")
	}
	s.house.pass(time.Second)
	_, run, form = clerk.begin("/support/bulk?action=note")
	s.api.desk = slow{s.house}
	answer = clerk.post(run, form, "HX-Request", "true").page(http.StatusOK)
	require.Contains(t, answer, "0 done")
	require.Contains(t, answer, "data-halted")
}

// lazy is a house where each decision takes its time.
type lazy struct{ *house }

func (l lazy) Decide(ctx context.Context, id booking.ID, d booking.Decision) (*booking.Booking, error) {
	l.pass(2 * time.Second)
	return l.house.Decide(ctx, id, d)
}

func TestAStepThatTakesLongEndsEarlySoThatThereIsProgress(t *testing.T) {
	t.Parallel()
	s := open(t)
	for i := range 7 {
		s.book(i, nil)
	}
	s.house.pass(time.Second)
	clerk := staff(t, s, agentKey)
	_, run, form := clerk.begin("/support/bulk?action=note")
	s.api.engine = lazy{s.house}
	answers := clerk.runAll(run, form)
	require.Len(t, answers, 3)
	require.Contains(t, answers[0], "Writing: 3 done")
	require.Contains(t, answers[2], "7 done")
}

func TestNoMoreRefusalsAreListedThanAnybodyReads(t *testing.T) {
	t.Parallel()
	s := open(t)
	for i := range bulkListed + 10 {
		s.book(i, nil)
	}
	s.house.pass(time.Second)
	clerk := staff(t, s, agentKey)
	preview, run, form := clerk.begin("/support/bulk?action=approve")
	require.Contains(t, preview, "Approve the screening: 110 bookings")
	require.Contains(t, preview, "Of the 100 newest, 100 cannot be decided so")
	answers := strings.Join(clerk.runAll(run, form), "")
	require.Equal(t, bulkListed, strings.Count(answers, "<li>"))
	require.Contains(t, answers, "0 done, "+strconv.Itoa(bulkListed+10)+" left as they were. The first 100 of those are listed.")
}

func TestWhatComesAfterThePreviewIsNotTakenWhateverTheFilterSays(t *testing.T) {
	t.Parallel()
	s := open(t)
	before := s.book(1, nil)
	s.house.pass(time.Second)
	clerk := staff(t, s, agentKey)
	_, run, form := clerk.begin("/support/bulk?action=note&created_before=2099-01-01")
	s.house.pass(time.Second)
	after := s.book(2, nil)
	s.house.pass(time.Second)
	require.Contains(t, clerk.runAll(run, form)[0], "1 done, 0 left")
	require.Len(t, s.decided(before), 1)
	require.Empty(t, s.decided(after))
}

func TestAPreviewOfNothingSaysSo(t *testing.T) {
	t.Parallel()
	s := open(t)
	clerk := staff(t, s, agentKey)
	page := clerk.get("/support/bulk?action=retry&status=failed").page(http.StatusOK)
	require.Contains(t, page, "Nothing matches the view any more")
	run, _, _ := bulkForm(page)
	require.Empty(t, run)
	clerk.get("/support/bulk?action=retry&status=lost").page(http.StatusBadRequest)
}
