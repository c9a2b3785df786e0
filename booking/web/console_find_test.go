package web

import (
	"context"
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

// book submits a booking with another reference of its own, and scripts its world.
func (s *site) book(n int, f fates) booking.ID {
	s.Helper()
	body := submission(`"web-4711"`, `"web-`+strconv.Itoa(n)+`"`)
	accepted := s.submit(body, "key-"+strconv.Itoa(n)).is(http.StatusAccepted).booking()
	id := booking.ID(accepted.Id)
	s.house.script(id, f)
	return id
}

// listed are the references in a list, in their order.
func listed(page string) []string {
	var found []string
	for _, match := range regexp.MustCompile(`<th scope="row"><a href="/support/bookings/[^"]+"><code>([^<]+)</code>`).FindAllStringSubmatch(page, -1) {
		found = append(found, match[1])
	}
	return found
}

// link is where the link with a text leads; empty: there is none.
func link(page, text string) string {
	match := regexp.MustCompile(`<a href="([^"]+)"[^>]*>` + regexp.QuoteMeta(text) + `</a>`).FindStringSubmatch(page)
	if match == nil {
		return ""
	}
	return html.UnescapeString(match[1])
}

func (s *site) reference(id booking.ID) string { return s.house.rooms[id].b.Reference }

func TestWhoHasNotSignedInIsSentThereAndComesBack(t *testing.T) {
	t.Parallel()
	s := open(t)
	for _, path := range []string{"/support?status=failed", "/support/bookings.csv", "/support/bulk?action=retry"} {
		answer := nobody(t, s).get(path).is(http.StatusSeeOther)
		require.Equal(t, signInPath+"?next="+url.QueryEscape(path), answer.header.Get("Location"))
	}
	part := nobody(t, s).fragment("/support/count").is(http.StatusUnauthorized)
	require.Equal(t, signInPath, part.header.Get("HX-Redirect"), "a part of a page is no place to sign in")
	staff(t, s, viewerKey).get("/support?status=failed").page(http.StatusOK)
}

func TestAKeyOfTheAPIOpensNoPage(t *testing.T) {
	t.Parallel()
	nobody(t, open(t)).get("/support", "Authorization", "Bearer "+supervisorKey).is(http.StatusSeeOther)
}

func TestOnlyWhoMayActIsOfferedToActOnMany(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.book(1, nil)
	for key, offered := range map[string][]string{
		viewerKey:     nil,
		agentKey:      {"retry", "approve", "reject", "cancel", "note"},
		supervisorKey: {"retry", "approve", "reject", "cancel", "refund", "note"},
	} {
		page := staff(t, s, key).get("/support").page(http.StatusOK)
		var verbs []string
		for _, match := range regexp.MustCompile(`<option value="([a-z]+)">[A-Z]`).FindAllStringSubmatch(page, -1) {
			verbs = append(verbs, match[1])
		}
		require.Equal(t, offered, verbs)
	}
}

func TestOneBookingThatIsFoundIsShownAtOnce(t *testing.T) {
	t.Parallel()
	s := open(t)
	id := s.book(1, nil)
	s.house.until(t, id, atRest)
	s.book(2, nil)
	b := s.house.rooms[id].b
	clerk := staff(t, s, viewerKey)
	for _, q := range []string{
		string(b.ID), b.Reference, " " + strings.ToLower(b.Reference[:3]+"-"+b.Reference[3:]) + " ", b.Facts.Reservation.SupplierReference, b.Facts.Money.Reference,
		"key-1", "web-1",
	} {
		require.NotEmpty(t, q)
		answer := clerk.get("/support?q=" + url.QueryEscape(q)).is(http.StatusSeeOther)
		require.Equal(t, "/support/bookings/"+string(id), answer.header.Get("Location"), q)
	}
	require.Len(t, listed(clerk.get("/support?q=ana@example.com").page(http.StatusOK)), 2, "several are a list")
}

func TestAnIdentifierThatTheFilterHidesIsSaidToBeThere(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.book(1, nil)
	clerk := staff(t, s, viewerKey)
	page := clerk.get("/support?q=web-1&status=failed").page(http.StatusOK)
	require.Contains(t, page, "One booking carries")
	require.Equal(t, "/support?q=web-1", link(page, "Show without the filter"))
	page = clerk.get("/support?q=web-2&status=failed").page(http.StatusOK)
	require.Contains(t, page, "No booking carries <code>web-2</code>", "and what to try")
	require.Contains(t, clerk.get("/support?status=failed").page(http.StatusOK), "Nothing matches now")
}

// crowd is one booking for each preset, by the preset's name, and some that none has.
func crowd(t *testing.T) (*site, map[string]booking.ID) {
	t.Helper()
	s := open(t)
	ids := map[string]booking.ID{}
	until := func(name string, n int, f fates, reached func(*booking.Booking) bool) {
		ids[name] = s.book(n, f)
		s.house.until(t, ids[name], reached)
	}
	until("Needs attention", 1, fates{"confirm": {bookingtest.LosesReply}, "find room": {bookingtest.IsBusy}}, func(b *booking.Booking) bool { return b.Attention != "" })
	until("Confirmed, not captured", 2, nil, at(booking.Doing, booking.StepCapture))
	ids["Stuck for 15 minutes"] = ids["Needs attention"]
	until("done", 3, nil, atRest)
	until("failed long ago", 4, fates{"confirm": {bookingtest.Refuses}}, atRest)
	s.house.pass(61 * time.Minute)
	until("Waiting for customer", 5, fates{"authorize": {bookingtest.AsksCustomer}}, hasStatus(booking.StatusRequiresAction))
	until("In review", 6, fates{"screen": {bookingtest.AsksStaff}}, hasStatus(booking.StatusInReview))
	until("Failed in the last hour", 7, fates{"confirm": {bookingtest.Refuses}}, atRest)
	return s, ids
}

func TestEachPresetIsAFilterAndShowsWhatItSays(t *testing.T) {
	t.Parallel()
	s, ids := crowd(t)
	clerk := staff(t, s, viewerKey)
	all := clerk.get("/support").page(http.StatusOK)
	require.Len(t, listed(all), 7)
	for _, p := range presets[1:] {
		href := link(all, p.name)
		require.Equal(t, "/support?"+p.query, href)
		page := clerk.get(href).page(http.StatusOK)
		want := []string{s.reference(ids[p.name])}
		if p.name == "Needs attention" {
			want = []string{s.reference(ids["In review"]), want[0]} // which waits for a person, too
		}
		require.Equal(t, want, listed(page), p.name)
		require.Equal(t, 1, strings.Count(page, ` aria-current="true"`), p.name)
		require.Contains(t, page, `<a href="`+html.EscapeString(href)+`" aria-current="true">`+p.name, p.name)
	}
}

func TestEachFilterNarrowsTheList(t *testing.T) {
	t.Parallel()
	s, ids := crowd(t)
	clerk := staff(t, s, viewerKey)
	created := s.house.rooms[ids["Waiting for customer"]].b.CreatedAt
	for query, want := range map[string][]string{
		"attention=outcome_unknown":                           {"Needs attention"},
		"failure=offer_sold_out":                              {"Failed in the last hour", "failed long ago"},
		"failure=offer_sold_out&status=failed&newer_than=31d": {"Failed in the last hour", "failed long ago"},
		"failure=offer_sold_out&newer_than=1h":                {"Failed in the last hour"},
		"supplier=sandbox&status=in_review":                   {"In review"},
		"supplier=another":                                    nil,
		"status=in_review&status=requires_action":             {"In review", "Waiting for customer"},
		"status=failed&status=failed&status=":                 {"Failed in the last hour", "failed long ago"},
		"created_after=" + created.Add(-time.Second).Format(time.RFC3339) + "&status=requires_action": {"Waiting for customer"},
		"created_before=" + created.Format(time.RFC3339) + "&status=failed":                           {"failed long ago"},
		"created_before=2000-01-01":       nil,
		"older_than=1s&uncaptured=true":   {"Confirmed, not captured"},
		"uncaptured=false&status=pending": nil,
	} {
		var references []string
		for _, name := range want {
			references = append(references, s.reference(ids[name]))
		}
		require.Equal(t, references, listed(clerk.get("/support?"+query).page(http.StatusOK)), query)
	}
}

func TestAViewHasOneAddressHoweverItsFormWasFilledIn(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.book(1, nil)
	page := staff(t, s, viewerKey).get("/support?status=processing&status=pending&status=processing&supplier=&q=+&uncaptured=false").page(http.StatusOK)
	require.Equal(t, "/support?status=pending&status=processing", link(page, "Refresh"))
}

func TestWhatCannotBeReadIsSaidBesideItAndNothingIsLost(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.book(1, nil)
	clerk := staff(t, s, viewerKey)
	for query, say := range map[string]string{
		"older_than=soon":                                     "Write a length of time",
		"older_than=-5m":                                      "Write a length of time",
		"newer_than=99999999999d":                             "Write a length of time",
		"newer_than=0":                                        "Write a length of time",
		"created_after=yesterday":                             "Write a day",
		"created_before=2026-13-01":                           "Write a day",
		"status=lost":                                         "There is no such status.",
		"attention=%3Cscript%3E":                              "It is none of our codes.",
		"failure=" + strings.Repeat("x", 41):                  "It is none of our codes.",
		"supplier=" + strings.Repeat("x", 65):                 "No supplier is called that.",
		"uncaptured=maybe":                                    "It is true, or it is not there.",
		"q=" + strings.Repeat("x", 256):                       "No identifier is that long.",
		"failure=offer_sold_out&supplier=sandbox":             "Say how far back",
		"failure=offer_sold_out&status=failed&newer_than=32d": "Say how far back",
		"failure=offer_sold_out&status=failed&created_after=2026-01-01&created_before=2026-03-01": "Say how far back",
		"cursor=abc": "The place in the list belongs to another view.",
	} {
		page := clerk.get("/support?newer_than=3h&status=failed&" + query)
		if strings.Contains(query, "newer_than") || strings.Contains(query, "status=failed") || strings.Contains(query, "offer_sold_out") {
			page = clerk.get("/support?" + query)
		} else {
			require.Contains(t, string(page.body), `value="3h"`, query)
			require.Contains(t, string(page.body), `value="failed" checked`, query)
		}
		require.Contains(t, page.page(http.StatusBadRequest), say, query)
		require.Empty(t, listed(string(page.body)), query)
	}
	clerk.get("/support?stauts=failed").page(http.StatusBadRequest)
	clerk.get("/support?q=4111+1111+1111+1111").page(http.StatusUnprocessableEntity)
}

func TestTheListIsPagedWithoutMissingOrRepeatingOne(t *testing.T) {
	t.Parallel()
	s := open(t)
	for i := range 2*findLimit + 3 {
		s.book(i, nil)
	}
	clerk := staff(t, s, viewerKey)
	for _, view := range []string{"/support", "/support?status=pending&status=processing", "/support?q=ana%40example.com"} {
		var all []string
		pages := 0
		for at := view; at != ""; pages++ {
			page := clerk.get(at).page(http.StatusOK)
			all = append(all, listed(page)...)
			if at != view {
				require.Equal(t, view, link(page, "Newest"))
			}
			at = link(page, "Older")
		}
		unique := map[string]bool{}
		for _, reference := range all {
			unique[reference] = true
		}
		want := 2*findLimit + 3
		if strings.Contains(view, "q=") {
			want = pageMax // a name that more have is none
		}
		require.Len(t, all, want)
		require.Len(t, unique, want)
		require.Equal(t, 3, pages)
	}
	older := link(clerk.get("/support").page(http.StatusOK), "Older")
	require.NotEmpty(t, older)
	page := clerk.get(older + "&status=failed").page(http.StatusBadRequest)
	require.Contains(t, page, "belongs to another view")
}

func TestTheNumberOfBookingsComesAfterThePage(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.book(1, nil)
	clerk := staff(t, s, viewerKey)
	page := clerk.get("/support?status=pending").page(http.StatusOK)
	require.Contains(t, page, `hx-get="/support/count?status=pending" hx-trigger="load"`)
	require.Equal(t, "1 booking", clerk.fragment("/support/count?status=pending").page(http.StatusOK))
	require.Equal(t, "0 bookings", clerk.fragment("/support/count?status=failed").page(http.StatusOK))
	require.Equal(t, "1 booking", clerk.fragment("/support/count?q=web-1").page(http.StatusOK))
	require.Equal(t, "not counted", clerk.fragment("/support/count?status=lost").page(http.StatusBadRequest))
	s.api.views = counted{s.house, countMost + 1, nil}
	require.Equal(t, "more than 10,000 bookings", clerk.fragment("/support/count").page(http.StatusOK))
	s.api.views = counted{s.house, 1312, nil}
	require.Equal(t, "1,312 bookings", clerk.fragment("/support/count").page(http.StatusOK))
	s.api.views = counted{s.house, 0, context.DeadlineExceeded}
	require.Equal(t, "more than can be counted quickly", clerk.fragment("/support/count").page(http.StatusOK))
	s.api.views = counted{s.house, 0, errDown}
	require.Equal(t, "not counted", clerk.fragment("/support/count").page(http.StatusServiceUnavailable))
	require.Contains(t, s.log.String(), "connection refused", "and the log has why")
}

// counted is a house that counts what it is told.
type counted struct {
	*house
	n   int
	err error
}

func (c counted) Count(context.Context, booking.Filter, int) (int, error) { return c.n, c.err }

// slow is a house whose list takes too long.
type slow struct{ *house }

func (slow) List(context.Context, booking.Filter) ([]*booking.Booking, error) {
	return nil, context.DeadlineExceeded
}

func TestASearchThatTakesTooLongIsGivenUpWithWhatToDo(t *testing.T) {
	t.Parallel()
	s := open(t)
	clerk := staff(t, s, viewerKey)
	s.api.desk = slow{s.house}
	page := clerk.get("/support?supplier=sandbox&uncaptured=true").page(http.StatusServiceUnavailable)
	require.Contains(t, page, "This search took too long")
	require.Contains(t, page, `name="uncaptured" value="true" checked`)
}

// hostile is markup that would run, or break the page, wherever it came out as it went in.
const hostile = `"'><script>alert(1)</script><img src=x onerror=alert(1)>{{.}}`

func TestTextsOfABookingComeOutAsTexts(t *testing.T) {
	t.Parallel()
	s := open(t)
	id := s.book(1, fates{"screen": {bookingtest.AsksStaff}})
	s.house.until(t, id, hasStatus(booking.StatusInReview))
	b := s.house.rooms[id].b
	b.ClientReference, b.Client, b.Reference = hostile, hostile, hostile
	b.Stay.HotelName, b.Stay.HotelID, b.Stay.CheckIn, b.Stay.CheckOut, b.Offer.Supplier = hostile, hostile, hostile, hostile, hostile
	b.Facts.Failure.Code, b.Attention, b.Facts.Price.Currency = booking.Reason(hostile), booking.Reason(hostile), hostile
	clerk := staff(t, s, supervisorKey)
	for _, page := range []string{
		clerk.get("/support").page(http.StatusOK),
		clerk.get("/support/bulk?action=cancel").page(http.StatusOK),
		clerk.get("/support?q=" + url.QueryEscape(hostile+"x")).page(http.StatusOK),
		clerk.get("/support?supplier=" + url.QueryEscape(hostile)).page(http.StatusOK),
		clerk.get("/support?older_than=" + url.QueryEscape(hostile)).page(http.StatusBadRequest),
		clerk.post("/support/bulk", url.Values{"action": {"refund"}, "reason": {hostile}}, "HX-Request", "true").page(http.StatusOK),
	} {
		require.NotContains(t, page, "<script>alert")
		require.NotContains(t, page, "<img")
		require.NotContains(t, page, `"'>`)
	}
	require.Contains(t, clerk.get("/support").page(http.StatusOK), "&lt;script&gt;alert(1)")
	require.NotContains(t, clerk.get("/support").page(http.StatusOK), "ana@example.com", "no personal data in a list")
}
