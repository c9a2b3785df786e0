package web

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
	"hotelbooking/booking/bookingtest"
)

// lost is a guest whose booking nobody knows the outcome of.
func lost(t *testing.T) *guest {
	t.Helper()
	g := open(t).guest()
	g.house.script(g.id, fates{"confirm": {bookingtest.LosesReply}, "find room": {bookingtest.IsBusy}})
	g.house.until(t, g.id, at(booking.Parked, booking.StepConfirm))
	return g
}

// staff makes a call to support's side of the API.
func (g *guest) staff(method, path, key, body string) reply {
	g.Helper()
	return g.call(method, "/v1/support/bookings"+path, key, body)
}

func TestSupportFindsABookingByWhateverTheCallerReadsOut(t *testing.T) {
	t.Parallel()
	g := open(t).guest()
	g.house.until(t, g.id, atRest)
	b := g.house.rooms[g.id].b
	for _, q := range []string{
		string(b.ID), b.Reference, strings.ToLower(b.Reference[:3] + "-" + b.Reference[3:]), b.ClientReference, b.Facts.Reservation.SupplierReference,
		b.Facts.Money.Reference, "key-1", "ana@example.com",
	} {
		if q == "" {
			continue
		}
		list := read[SupportList](g.staff("GET", "?q="+url.QueryEscape(q), viewerKey, "").is(http.StatusOK))
		require.Len(t, list.Bookings, 1, q)
		require.Equal(t, string(g.id), read[SupportBooking](g.staff("GET", "/"+url.PathEscape(q), viewerKey, "").is(http.StatusOK)).Booking.Id, q)
	}
	require.Empty(t, read[SupportList](g.staff("GET", "?q=nothing", viewerKey, "").is(http.StatusOK)).Bookings)
	g.staff("GET", "/nothing", viewerKey, "").problem(http.StatusNotFound, ProblemCodeNotFound)
	require.NotContains(t, g.log.String(), "ana@example.com")
	require.NotContains(t, g.log.String(), "ana%40example.com")
}

func TestSupportPagesThroughAllBookingsWithoutMissingOrRepeatingOne(t *testing.T) {
	t.Parallel()
	s := open(t)
	for i := range 101 {
		s.submit(submission("", ""), "key-"+strconv.Itoa(i)).is(http.StatusAccepted)
	}
	for _, query := range []string{"?limit=100", "?limit=26", "?limit=17&status=pending&created_after=2027-01-01T00:00:00Z", "?status=pending"} {
		var seen []string
		for cursor, pages := "", 0; ; pages++ {
			require.Less(t, pages, 8)
			page := read[SupportList](s.call("GET", "/v1/support/bookings"+query+cursor, viewerKey, "").is(http.StatusOK))
			for _, b := range page.Bookings {
				seen = append(seen, b.Id)
			}
			if page.NextCursor == "" {
				break
			}
			cursor = "&cursor=" + page.NextCursor
		}
		require.Len(t, seen, 101, query)
		require.IsDecreasing(t, seen)
	}
	first := read[SupportList](s.call("GET", "/v1/support/bookings?q=web-4711&limit=60", viewerKey, "").is(http.StatusOK))
	second := read[SupportList](s.call("GET", "/v1/support/bookings?q=web-4711&limit=60&cursor="+first.NextCursor, viewerKey, "").is(http.StatusOK))
	require.Len(t, first.Bookings, 60)
	require.Len(t, second.Bookings, 40, "an identifier finds the newest hundred that carry it")
	require.Empty(t, second.NextCursor)
}

func TestSupportFiltersCombine(t *testing.T) {
	t.Parallel()
	g := lost(t)
	g.submit(submission("", ""), "key-2").is(http.StatusAccepted)
	for query, want := range map[string]int{
		"": 2, "?status=processing": 1, "?status=pending": 1, "?status=failed": 0, "?attention=any": 1, "?attention=true": 1, "?attention=outcome_unknown": 1,
		"?attention=capture_failed": 0, "?q=web-4711": 2, "?q=web-4711&status=pending": 1, "?q=web-4711&attention=any": 1,
		"?q=web-4711&attention=undo_stuck": 0, "?q=web-4711&created_after=2027-01-10T12:00:01Z": 1, "?created_after=2027-01-10T12:00:01Z": 1,
	} {
		list := g.staff("GET", query, viewerKey, "").is(http.StatusOK)
		require.Len(t, read[SupportList](list).Bookings, want, query)
		require.Empty(t, contract().violations("SupportList", generic(list)))
	}
}

func TestSearchesThatCannotBeAre400(t *testing.T) {
	t.Parallel()
	g := open(t).guest()
	g.submit(submission("", ""), "key-2").is(http.StatusAccepted)
	cursor := read[SupportList](g.staff("GET", "?limit=1", viewerKey, "")).NextCursor
	require.NotEmpty(t, cursor)
	for _, query := range []string{
		"?limit=0", "?limit=101", "?limit=x", "?limit=-1", "?status=lost", "?created_after=yesterday", "?cursor=x", "?cursor=" + cursor + "A",
		"?cursor=" + cursor[:20], "?status=pending&cursor=" + cursor, "?statuss=pending", "?limit=1&limit=2", "?attention=" + strings.Repeat("x", 41),
		"?q=" + strings.Repeat("x", 256),
	} {
		p := g.staff("GET", query, viewerKey, "").problem(http.StatusBadRequest, ProblemCodeInvalidParameter)
		require.NotContains(t, p.Detail, "yesterday")
	}
}

func FuzzCursors(f *testing.F) {
	good, err := encodeCursor("01945e2a-7c00-7000-8000-000000000001", "q")
	require.NoError(f, err)
	f.Add(good, "q")
	f.Add(good[:26]+string(good[26]+1), "q") // the same bytes, written in another way
	f.Add("", "")
	f.Add("AAAAAAAAAAAAAAAAAAAAAAAAAAA", "q")
	f.Fuzz(func(t *testing.T, text, filters string) {
		id, err := decodeCursor(text, filters)
		if err != nil {
			return
		}
		again, err := encodeCursor(id, filters)
		require.NoError(t, err)
		require.Equal(t, text, again, "one page has one cursor")
	})
}

func TestSupportReadsTheStoryTheMoneyAndTheTimeline(t *testing.T) {
	t.Parallel()
	g := open(t).guest()
	g.house.script(g.id, fates{"screen": {bookingtest.AsksStaff}})
	g.house.until(t, g.id, at(booking.Parked, booking.StepScreen))
	g.staff("GET", "/"+string(g.id), agentKey, "").is(http.StatusOK).golden("support_in_review")

	g = lost(t)
	answer := g.staff("GET", "/"+string(g.id), agentKey, "").is(http.StatusOK)
	require.Empty(t, contract().violations("SupportBooking", generic(answer)))
	view := read[SupportBooking](answer)
	require.Equal(t, "outcome_unknown", view.Attention)
	require.Contains(t, view.Actions, SupportVerbResolve)
	require.Len(t, view.Timeline, view.Booking.Version)
	require.Equal(t, "key-1", view.References.IdempotencyKey)
	require.Equal(t, "ana@example.com", view.Contact.Email)
	require.Equal(t, etag(view.Booking.Version), answer.header.Get("ETag"))
	require.Equal(t, "private, no-cache", answer.header.Get("Cache-Control"))
}

func TestAViewerSeesPersonalDataMasked(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.submit(submission(`"special_requests":""`, `"special_requests":"my illness"`), "key-1").is(http.StatusAccepted)
	answer := s.call("GET", "/v1/support/bookings/key-1", viewerKey, "").is(http.StatusOK).golden("support_masked")
	for _, personal := range []string{"Núñez", `"Ana"`, "ana@", "600000000", "illness"} {
		require.NotContains(t, string(answer.body), personal)
	}
	require.True(t, read[SupportBooking](answer).Masked)
	require.False(t, read[SupportBooking](s.call("GET", "/v1/support/bookings/key-1", agentKey, "")).Masked)
}

func TestStaffResolveWhatNobodyCouldFindOut(t *testing.T) {
	t.Parallel()
	g := lost(t)
	path := "/" + string(g.id) + "/actions/"
	missing := g.staff("POST", path+"resolve", agentKey, `{"reason":"The hotel says yes.","outcome":"happened"}`).
		problem(http.StatusUnprocessableEntity, ProblemCodeValidationFailed)
	require.Equal(t, "/supplier_reference", missing.Errors[0].Pointer)
	require.Equal(t, "required", missing.Errors[0].Code)
	answer := g.staff("POST", path+"resolve", agentKey, `{"reason":"The hotel says yes.","outcome":"happened","supplier_reference":"SB-1"}`).is(http.StatusAccepted)
	view := read[SupportBooking](answer)
	require.Equal(t, StatusConfirmed, view.Booking.Status)
	require.Equal(t, "SB-1", view.References.Supplier)
	require.Equal(t, "/v1/support/bookings/"+string(g.id), answer.header.Get("Location"))
	last := view.Timeline[len(view.Timeline)-1]
	require.Equal(t, "support:ada", last.Actor)
	require.Equal(t, "resolve", last.Verb)
	require.Equal(t, "The hotel says yes.", last.Detail)

	p := g.staff("POST", path+"resolve", agentKey, `{"reason":"again","outcome":"happened"}`).golden("problem_state_conflict_support").
		problem(http.StatusConflict, ProblemCodeStateConflict)
	require.Contains(t, p.Allowed, "note")
	require.NotContains(t, p.Allowed, "notify")
}

func TestStaffDecideAReview(t *testing.T) {
	t.Parallel()
	for verb, want := range map[string]Status{"approve": StatusConfirmed, "reject": StatusFailed} {
		g := open(t).guest()
		g.staff("POST", "/"+string(g.id)+"/actions/"+verb, agentKey, `{"reason":"too early"}`).problem(http.StatusConflict, ProblemCodeStateConflict)
		g.house.script(g.id, fates{"screen": {bookingtest.AsksStaff}})
		g.house.until(t, g.id, at(booking.Parked, booking.StepScreen))
		g.staff("POST", "/"+string(g.id)+"/actions/"+verb, agentKey, `{"reason":"looked at it"}`).is(http.StatusAccepted)
		g.house.until(t, g.id, atRest)
		require.Equal(t, want, g.get().booking().Status)
	}
}

func TestStaffRetryCancelAndNote(t *testing.T) {
	t.Parallel()
	g := lost(t)
	path := "/" + string(g.id) + "/actions/"
	require.Equal(t, "support:ada", lastLine(g.staff("POST", path+"note", agentKey, `{"reason":"Calls back tomorrow."}`).is(http.StatusAccepted)).Actor)
	require.Equal(t, "retry", lastLine(g.staff("POST", path+"retry", agentKey, `{"reason":"They are back."}`).is(http.StatusAccepted)).Verb)
	g.house.script(g.id, nil)
	g.house.until(t, g.id, atRest)
	g.house.pass(time.Minute)

	g.staff("POST", path+"cancel", agentKey, `{"reason":"Kindness.","waive_fee":true}`).problem(http.StatusForbidden, ProblemCodeForbidden)
	view := read[SupportBooking](g.staff("POST", path+"cancel", supervisorKey, `{"reason":"Kindness.","waive_fee":true}`).is(http.StatusAccepted))
	require.Equal(t, Money{"0.00", "EUR"}, view.Booking.Cancellation.Fee)
	require.Equal(t, "cancelled_by_support", view.Booking.Cancellation.Code)
	g.staff("POST", path+"cancel", agentKey, `{"reason":"Again."}`).is(http.StatusAccepted)
}

func TestCancellingAgainWhatWaitsForStaffSaysWhatWouldHelp(t *testing.T) {
	t.Parallel()
	g := lost(t)
	g.post("/cancellation", "").is(http.StatusAccepted)
	require.Equal(t, StatusCancelling, g.get().booking().Status)
	refused := g.staff("POST", "/"+string(g.id)+"/actions/cancel", agentKey, `{"reason":"The guest calls again."}`).problem(http.StatusConflict, ProblemCodeStateConflict)
	require.Contains(t, refused.Allowed, "retry")
	g.post("/cancellation", "").is(http.StatusAccepted) // the guest has done all there is to do
}

func TestASupervisorRefundsNoMoreThanThereIs(t *testing.T) {
	t.Parallel()
	g := open(t).guest()
	path := "/" + string(g.id) + "/actions/refund"
	g.staff("POST", path, supervisorKey, `{"reason":"Cold water."}`).problem(http.StatusConflict, ProblemCodeStateConflict)
	g.house.until(t, g.id, atRest)
	for _, body := range []string{
		`{"reason":"Cold water.","amount":{"amount":"400.00","currency":"EUR"}}`, `{"reason":"Cold water.","amount":{"amount":"0.00","currency":"EUR"}}`,
		`{"reason":"Cold water.","amount":{"amount":"50.00","currency":"USD"}}`, `{"reason":"Cold water.","amount":{"amount":"50","currency":"EUR"}}`,
	} {
		g.staff("POST", path, supervisorKey, body).problem(http.StatusUnprocessableEntity, ProblemCodeValidationFailed)
	}
	g.staff("POST", path, supervisorKey, `{"reason":"Cold water.","amount":{"amount":"50.00","currency":"EUR"}}`).is(http.StatusAccepted)
	g.house.until(t, g.id, atRest)
	view := read[SupportBooking](g.staff("GET", "/"+string(g.id), viewerKey, "").is(http.StatusOK))
	require.Equal(t, Money{"50.00", "EUR"}, view.Money.Refunded)
	require.Equal(t, StatusConfirmed, view.Booking.Status)
}

func TestEveryActionNeedsAReason(t *testing.T) {
	t.Parallel()
	g := lost(t)
	for _, verb := range []string{"retry", "cancel", "resolve", "approve", "reject", "refund", "note"} {
		for _, reason := range []string{``, `,"reason":""`, `,"reason":"ab"`, `,"reason":"    "`, `,"reason":"a\u0000bc"`, `,"reason":"` + strings.Repeat("x", 501) + `"`} {
			body := "{" + strings.TrimPrefix(reason, ",") + "}"
			if verb == "resolve" {
				body = `{"outcome":"happened"` + reason + `}`
			}
			g.staff("POST", "/"+string(g.id)+"/actions/"+verb, supervisorKey, body).problem(http.StatusUnprocessableEntity, ProblemCodeValidationFailed)
		}
		g.staff("POST", "/01945e2a-7c00-7000-8000-999999999999/actions/"+verb, supervisorKey, `{"reason":"because"}`)
	}
	require.Len(t, g.house.rooms[g.id].history, g.house.rooms[g.id].b.Version)
	g.staff("POST", "/01945e2a-7c00-7000-8000-999999999999/actions/note", agentKey, `{"reason":"because"}`).problem(http.StatusNotFound, ProblemCodeNotFound)
	g.staff("POST", "/"+string(g.id)+"/actions/explode", agentKey, `{"reason":"because"}`).problem(http.StatusNotFound, ProblemCodeNotFound)
	g.staff("POST", "/"+string(g.id)+"/actions/approve", agentKey, `{"reason":"because","amount":1}`).problem(http.StatusBadRequest, ProblemCodeMalformedRequest)
}

func lastLine(r reply) TimelineEntry {
	r.Helper()
	timeline := read[SupportBooking](r).Timeline
	return timeline[len(timeline)-1]
}
