package web

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
	"hotelbooking/booking/bookingtest"
)

// shown is the text of the first element with that data-test, without its tags.
func shown(t *testing.T, page, name string) string {
	t.Helper()
	_, rest, ok := strings.Cut(page, `data-test="`+name+`"`)
	require.True(t, ok, "the page has no %s", name)
	_, rest, _ = strings.Cut(rest, ">")
	return strings.TrimSpace(tags.ReplaceAllString(rest[:min(len(rest), 400)], " "))
}

var tags = regexp.MustCompile(`<[^>]*>?`)

func (g *guest) page() string { return "/support/bookings/" + string(g.id) }

func TestAnAgentReadsTheWholeBookingOnOnePage(t *testing.T) {
	t.Parallel()
	g := open(t).guest()
	g.house.until(t, g.id, atRest)
	g.house.rooms[g.id].history[1].Calls = []booking.Call{
		{Vendor: "sandbox hotel", Operation: "hold", RequestID: "request-1", Key: "key-of-the-hold", Status: 200, Took: 41 * time.Millisecond},
		{Vendor: "sandbox hotel", Operation: "find", Fault: booking.Unclear, Took: time.Second},
	}
	body := staff(t, g.site, agentKey).get(g.page()).page(http.StatusOK)
	b := g.house.rooms[g.id].b
	for name, want := range map[string]string{
		"story-charged": "Yes: 346.00 EUR was charged.", "story-happened": "The hotel&#39;s supplier confirmed", "status": "confirmed", "payment-status": "payment", "ref-ours": b.Reference,
		"ref-id": string(b.ID), "ref-client": "web-4711", "ref-supplier": "S-" + b.Reference, "ref-hold": "H-" + b.Reference, "ref-payment": b.Facts.Money.Reference, "ref-key": "key-1",
		"contact-name": "Ana Núñez", "contact-email": "ana@example.com", "lane-capture": "Charge the card", "policy": "Before",
	} {
		require.True(t, strings.HasPrefix(shown(t, body, name), want), "%s: %s", name, shown(t, body, name))
	}
	for _, want := range []string{
		`<link rel="canonical" href="` + g.page() + `">`, "10 Jan 2027 13:00 CET", "69.20 EUR", "request-1", "key-of-the-hold", "no answer", "nobody can tell whether it happened",
		"X-Correlation-Id: " + string(b.ID), "3 nights",
	} {
		require.Contains(t, body, want)
	}
	require.Equal(t, b.Version, strings.Count(body, `data-test="line"`))
	require.Equal(t, 6, strings.Count(body, `data-test="attempt"`), "each step was tried once")
	require.Equal(t, 2, strings.Count(body, `data-test="call"`))
}

func TestABookingIsOpenedByWhateverItIsCalled(t *testing.T) {
	t.Parallel()
	g := open(t).guest()
	g.house.until(t, g.id, atRest)
	ada := staff(t, g.site, viewerKey)
	b := g.house.rooms[g.id].b
	for _, name := range []string{b.Reference, strings.ToLower(b.Reference), "web-4711", "S-" + b.Reference, b.Facts.Money.Reference, "key-1", "ana@example.com"} {
		answer := ada.get("/support/bookings/" + url.PathEscape(name)).is(http.StatusSeeOther)
		require.Equal(t, g.page(), answer.header.Get("Location"), name)
	}
	for _, name := range []string{"nothing", "01945e2a-7c00-7000-8000-999999999999"} {
		require.Contains(t, ada.get("/support/bookings/"+name).page(http.StatusNotFound), "No booking is called that. Type one of its names")
	}
	require.NotContains(t, g.log.String(), "ana@example.com")
	require.NotContains(t, g.log.String(), "ana%40example.com")
}

func TestALaneTellsTryingAskingAndUndoingApart(t *testing.T) {
	t.Parallel()
	g := open(t).guest()
	g.house.script(g.id, fates{"confirm": {bookingtest.LosesReply}, "find room": {bookingtest.IsBusy, bookingtest.Obeys}})
	g.house.until(t, g.id, atRest)
	g.staff("POST", "/"+string(g.id)+"/actions/cancel", agentKey, `{"reason":"The guest rang."}`).is(http.StatusAccepted)
	g.house.until(t, g.id, atRest)
	lane := func(step string) string {
		_, rest, _ := strings.Cut(staff(t, g.site, viewerKey).get(g.page()).page(http.StatusOK), `data-test="lane-`+step+`"`)
		rest, _, _ = strings.Cut(rest, "</ol>")
		return rest
	}
	confirm := lane("confirm")
	require.Contains(t, confirm, `data-state="compensated"`)
	for _, want := range []string{`class="turn tried"`, `class="turn asked"`, `class="turn undo"`, `class="turn decided"`, "The guest rang.", "support:ada", "attempt 1"} {
		require.Contains(t, confirm, want)
	}
	require.Contains(t, lane("capture"), `class="turn undo"`)
	require.NotContains(t, lane("screen"), `class="turn undo"`)
}

func TestWhatAFailedBookingNeverCameToIsNotToCome(t *testing.T) {
	t.Parallel()
	g := open(t).guest()
	ada := staff(t, g.site, viewerKey)
	require.Contains(t, ada.get(g.page()).page(http.StatusOK), "to come")
	g.house.script(g.id, fates{"confirm": {bookingtest.Refuses}})
	g.house.until(t, g.id, atRest)
	failed := ada.get(g.page()).page(http.StatusOK)
	require.NotContains(t, failed, "to come")
	require.Contains(t, failed, "not needed")
}

func TestALongHistoryKeepsThePageSmall(t *testing.T) {
	t.Parallel()
	g := lost(t)
	home := g.house.rooms[g.id]
	for range 2000 {
		line := home.history[len(home.history)-1]
		line.Version++
		line.Verb, line.Actor, line.Reason = "turn", booking.SystemActor, booking.SupplierUnavailable
		line.Calls = []booking.Call{{Vendor: "sandbox hotel", Operation: "find", RequestID: strings.Repeat("r", 36), Status: 503, Code: "busy", Fault: booking.NotDone}}
		home.history = append(home.history, line)
	}
	body := staff(t, g.site, viewerKey).get(g.page()).page(http.StatusOK)
	require.Less(t, len(body), 300_000)
	require.Contains(t, body, "older lines are in the API")
	require.Contains(t, body, "earlier lines: see the timeline")
}

func TestOtherBookingsOfTheGuestAreToldApart(t *testing.T) {
	t.Parallel()
	s := open(t)
	submit := func(key, old, replacement string) booking.ID {
		return booking.ID(s.submit(submission(old, replacement), key).is(http.StatusAccepted).booking().Id)
	}
	failed := submit("key-1", "", "")
	s.house.script(failed, fates{"hold": {bookingtest.Refuses}})
	s.house.until(t, failed, atRest)
	here := submit("key-2", "", "")
	overlapping := submit("key-3", `"check_in":"2027-03-01"`, `"check_in":"2027-03-03"`)
	elsewhere := submit("key-4", `"hotel_id":"h-1"`, `"hotel_id":"h-2"`)
	after := submit("key-5", `"check_in":"2027-03-01","check_out":"2027-03-04"`, `"check_in":"2027-03-04","check_out":"2027-03-05"`)
	before := submit("key-7", `"check_in":"2027-03-01","check_out":"2027-03-04"`, `"check_in":"2027-02-27","check_out":"2027-03-01"`)
	stranger := submit("key-6", "ana@example.com", "bob@example.com")

	seen := staff(t, s, viewerKey).get("/support/bookings/" + string(here)).page(http.StatusOK)
	relation := func(page string, id booking.ID) string {
		_, rest, ok := strings.Cut(page, `id="related-`+string(id)+`"`)
		if !ok {
			return ""
		}
		return shown(t, rest, "relation")
	}
	for id, want := range map[booking.ID]string{failed: earlierTry, overlapping: possibleDuplicate, elsewhere: otherBooking, after: otherBooking, before: otherBooking} {
		require.True(t, strings.HasPrefix(relation(seen, id), want), relation(seen, id))
	}
	require.Empty(t, relation(seen, stranger))
	require.Contains(t, shown(t, seen, "duplicate"), "another booking of this hotel for these days")

	seen = staff(t, s, viewerKey).get("/support/bookings/" + string(failed)).page(http.StatusOK)
	require.True(t, strings.HasPrefix(relation(seen, here), laterTry))
	require.NotContains(t, seen, `data-test="duplicate"`)
}

func TestWhatOthersWroteIsShownAndNeverRun(t *testing.T) {
	t.Parallel()
	const script, image, address = `<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `javascript:alert(1)`
	hostile := script + image + address
	g := open(t).guest()
	g.house.until(t, g.id, atRest)
	home := g.house.rooms[g.id]
	b := home.b
	b.ClientReference, b.Client, b.PaymentToken = hostile, hostile, hostile
	b.Offer.Supplier, b.Offer.Token = hostile, hostile
	b.Stay.HotelID, b.Stay.HotelName, b.Stay.HotelTimezone, b.Stay.CheckIn, b.Stay.CheckOut = hostile, hostile, hostile, hostile, hostile
	b.Stay.Rooms = []booking.Room{{Adults: 1, Guests: []booking.Guest{{GivenName: hostile, FamilyName: hostile, Lead: true}}, SpecialRequests: hostile}}
	b.Contact = booking.Contact{GivenName: hostile, FamilyName: hostile, Email: hostile, Phone: hostile, Country: hostile, Language: hostile}
	b.Facts.Reservation = booking.Reservation{SupplierReference: hostile, HotelConfirmation: hostile}
	b.Facts.Hold.Reference, b.Facts.Verdict.Reference, b.Facts.Money.Reference = hostile, hostile, hostile
	b.Facts.Money.Brand, b.Facts.Money.Last4 = hostile, hostile
	b.Attention = booking.Reason(hostile)
	home.key = hostile
	for i := range home.history {
		line := &home.history[i]
		line.Actor, line.Detail, line.Reason, line.Outcome = hostile, hostile, booking.Reason(hostile), booking.Kind(hostile)
		line.Calls = []booking.Call{{Vendor: hostile, Operation: hostile, RequestID: hostile, Key: hostile, Code: hostile, Fault: booking.Refused}}
	}
	home.history[1].Verb = string(booking.VerbNote)
	twin := *home
	other := b.Clone()
	other.ID = "01945e2a-7c00-7000-8000-000000000077"
	other.Reference = hostile
	twin.b = other
	g.house.rooms[other.ID] = &twin

	sue := staff(t, g.site, supervisorKey)
	for _, path := range []string{"", "?part=live", "/actions/refund", "/actions/cancel", "/actions/note"} {
		for _, head := range [][]string{nil, {"HX-Request", "true"}} {
			body := sue.get(g.page()+path, head...).page(http.StatusOK)
			require.NotContains(t, body, "<script>", path)
			require.NotContains(t, body, "<img", path)
			require.NotContains(t, body, `="javascript:`, path)
			require.NotContains(t, body, `">&lt;img`, path)
		}
	}
	whole := sue.get(g.page()).page(http.StatusOK)
	require.Greater(t, strings.Count(whole, "&lt;script&gt;alert(1)&lt;/script&gt;"), 80, "it is all there, as text")
}
