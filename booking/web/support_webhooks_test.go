package web

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
)

func telling(t *testing.T) *site {
	t.Helper()
	s := open(t)
	s.house.toldOf()
	return s
}

func (s *site) webhooks(method, path, key, body string) reply {
	s.Helper()
	return s.call(method, "/v1/support/webhooks"+path, key, body)
}

func TestSupportSeesHowItGoesWithEachEndpointAndNotWhereItIs(t *testing.T) {
	t.Parallel()
	s := telling(t)
	s.house.paused = []booking.Pause{{What: "webhook:ledger", Since: s.house.now, Actor: "system", Reason: "It is gone."}, {What: "intake"}}
	r := s.webhooks("GET", "", viewerKey, "").is(http.StatusOK)
	require.NoError(t, contract().doc.Components.Schemas["WebhookEndpointList"].Value.VisitJSON(generic(r)))
	require.Equal(t, []WebhookEndpoint{
		{Name: "shop", Types: []string{"booking.*"}, Due: 3, Dead: 2, LagSeconds: 90},
		{Name: "ledger", Types: []string{}, Failing: true, Paused: true, PausedSince: s.house.now, PausedBy: "system", PausedReason: "It is gone."},
	}, read[WebhookEndpointList](r).Endpoints)
}

func TestDeliveriesAreListedPageByPage(t *testing.T) {
	t.Parallel()
	s := telling(t)
	for query, want := range map[string]int{"?limit=100": 120, "?limit=7": 120, "?endpoint=shop&limit=25": 60, "?state=dead&limit=20": 40, "?booking=" + anyBooking: 120, "?booking=none": 0} {
		seen := map[string]bool{}
		for cursor, pages := "", 0; ; pages++ {
			require.Less(t, pages, 20)
			r := s.webhooks("GET", "/deliveries"+query+cursor, viewerKey, "").is(http.StatusOK)
			require.NoError(t, contract().doc.Components.Schemas["WebhookDeliveryList"].Value.VisitJSON(generic(r)))
			require.NotContains(t, string(r.body), "canary", "what was sent is not shown")
			page := read[WebhookDeliveryList](r)
			for _, d := range page.Deliveries {
				require.False(t, seen[d.Id], d.Id)
				seen[d.Id] = true
			}
			if page.NextCursor == "" {
				break
			}
			cursor = "&cursor=" + page.NextCursor
		}
		require.Len(t, seen, want, query)
	}
	dead := read[WebhookDeliveryList](s.webhooks("GET", "/deliveries?state=dead&limit=1", viewerKey, "").is(http.StatusOK))
	require.Equal(t, []WebhookDelivery{{
		Id: "120", Endpoint: "shop", EventId: anyBooking + ":120:booking.confirmed", Type: "booking.confirmed", BookingId: anyBooking, Version: 120,
		State: "dead", Since: s.house.now, Attempts: 1, EndedAt: s.house.now, LastStatus: 503, LastError: "http_503",
	}}, dead.Deliveries)

	for _, query := range []string{
		"limit=0", "limit=101", "limit=x", "state=lost", "cursor=x", "cursor=AAAAAAAAAAAAAAAA", "state=due&cursor=" + dead.NextCursor, "cursor=" + dead.NextCursor, "status=dead",
	} {
		s.webhooks("GET", "/deliveries?"+query, viewerKey, "").problem(http.StatusBadRequest, ProblemCodeInvalidParameter)
	}
}

func TestASupervisorSendsADeadLetterAgainAndSaysWhy(t *testing.T) {
	t.Parallel()
	s := telling(t)
	const why = `{"reason":"they mended it"}`
	require.Equal(t, 1, read[WebhookReplayReceipt](s.webhooks("POST", "/deliveries/3/actions/retry", supervisorKey, why).is(http.StatusAccepted)).Deliveries)
	order := s.house.told.orders[0]
	require.Equal(t, []any{int64(3), "support:sue", "supervisor", "they mended it"}, []any{order.Delivery, order.Actor, order.Role, order.Reason})
	require.NotEmpty(t, order.RequestID)

	p := s.webhooks("POST", "/deliveries/4/actions/retry", supervisorKey, why).problem(http.StatusConflict, ProblemCodeStateConflict)
	require.Contains(t, p.Detail, "no dead letter")
	for _, id := range []string{"999", "0", "-3", "x", "3.0", "99999999999999999999", "%00"} {
		s.webhooks("POST", "/deliveries/"+id+"/actions/retry", supervisorKey, why).problem(http.StatusNotFound, ProblemCodeNotFound)
	}
	s.webhooks("POST", "/deliveries/3/actions/retry", supervisorKey, `{"reason":" \n "}`).problem(http.StatusUnprocessableEntity, ProblemCodeValidationFailed)
	s.webhooks("POST", "/deliveries/3/actions/retry", agentKey, why).problem(http.StatusForbidden, ProblemCodeForbidden)
	require.Len(t, s.house.told.orders, 1)
}

func TestASupervisorSendsEventsOfABookingOrATimeAgain(t *testing.T) {
	t.Parallel()
	s := telling(t)
	s.house.told.happened = 5
	const from, to = "2026-11-23T00:00:00Z", "2026-11-24T00:00:00Z"
	for body, want := range map[string]booking.DeliveryOrder{
		`"booking":"` + anyBooking + `"`:          {Booking: anyBooking},
		`"from":"` + from + `","to":"` + to + `"`: {From: time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC), To: time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)},
	} {
		s.house.told.orders = nil
		r := s.webhooks("POST", "/shop/actions/replay", supervisorKey, `{"reason":"they lost it",`+body+`}`).is(http.StatusAccepted)
		require.Equal(t, 5, read[WebhookReplayReceipt](r).Deliveries)
		order := s.house.told.orders[0]
		require.Equal(t, []any{"shop", want.Booking, want.From, want.To, "they lost it", "support:sue"},
			[]any{order.Endpoint, order.Booking, order.From.UTC(), order.To.UTC(), order.Reason, order.Actor})
	}
	s.house.told.orders = nil
	for body, pointer := range map[string]string{
		``: "", `,"booking":"` + anyBooking + `","from":"` + from + `"`: "", `,"from":"` + from + `"`: "", `,"to":"` + to + `"`: "", `,"booking":"nothing"`: "/booking",
		`,"from":"` + to + `","to":"` + from + `"`: "/to", `,"from":"` + to + `","to":"` + to + `"`: "/to",
	} {
		p := s.webhooks("POST", "/shop/actions/replay", supervisorKey, `{"reason":"they lost it"`+body+`}`).problem(http.StatusUnprocessableEntity, ProblemCodeValidationFailed)
		require.Equal(t, pointer, p.Errors[0].Pointer, body)
	}
	s.webhooks("POST", "/nobody/actions/replay", supervisorKey, `{"reason":"they lost it","booking":"`+anyBooking+`"}`).problem(http.StatusNotFound, ProblemCodeNotFound)
	s.webhooks("POST", "/shop/actions/replay", agentKey, `{"reason":"they lost it","booking":"`+anyBooking+`"}`).problem(http.StatusForbidden, ProblemCodeForbidden)
	s.house.told.happened = booking.ReplayMost + 1
	p := s.webhooks("POST", "/shop/actions/replay", supervisorKey, `{"reason":"they lost it","from":"`+from+`","to":"`+to+`"}`).problem(http.StatusUnprocessableEntity, ProblemCodeValidationFailed)
	require.Contains(t, p.Errors[0].Detail, strconv.Itoa(booking.ReplayMost))
	require.Empty(t, s.house.told.orders)
}

func TestASupervisorPausesAnEndpointAndLetsItGoOn(t *testing.T) {
	t.Parallel()
	s := telling(t)
	after := read[WebhookEndpoint](s.webhooks("POST", "/shop/actions/pause", supervisorKey, `{"reason":"they move house"}`).is(http.StatusAccepted))
	require.Equal(t, []any{"shop", true, "support:sue", "they move house"}, []any{after.Name, after.Paused, after.PausedBy, after.PausedReason})
	require.Equal(t, "webhook:shop", s.house.paused[0].What)
	s.webhooks("POST", "/shop/actions/resume", agentKey, `{"reason":"they are back"}`).problem(http.StatusForbidden, ProblemCodeForbidden)
	after = read[WebhookEndpoint](s.webhooks("POST", "/shop/actions/resume", supervisorKey, `{"reason":"they are back"}`).is(http.StatusAccepted))
	require.False(t, after.Paused)
	require.Empty(t, s.house.paused)
	s.webhooks("POST", "/nobody/actions/pause", supervisorKey, `{"reason":"who is that"}`).problem(http.StatusNotFound, ProblemCodeNotFound)
	require.Len(t, s.house.pauseLog, 2)
}

func TestTheConsoleSaysWhatOtherSystemsWereToldOfABookingAndWhoIsToldNothing(t *testing.T) {
	t.Parallel()
	g := open(t).guest()
	desk := staff(t, g.site, supervisorKey)
	require.NotContains(t, desk.get(g.page()).page(http.StatusOK), `data-test="told"`, "nobody is told")
	g.house.toldOf()
	for i := range g.house.told.deliveries[:4] {
		d := &g.house.told.deliveries[i]
		d.Booking, d.State = g.id, []booking.DeliveryState{booking.DeliveryDue, booking.DeliveryDue, booking.DeliveryDead, booking.DeliveryDelivered}[i]
		if i == 0 || i == 3 {
			d.LastError = ""
		}
	}
	body := desk.get(g.page()).page(http.StatusOK)
	require.Equal(t, 4, strings.Count(body, `data-test="told-line"`))
	for _, want := range []string{">to be sent<", ">not taken yet; it is tried again<", ">not taken; nobody tries any more<", ">taken<", "<code>http_503</code>", ">shop<"} {
		require.Contains(t, body, want)
	}
	require.NotContains(t, body, "canary", "what was sent is not shown")

	g.house.paused = []booking.Pause{{What: booking.PauseOfWebhook("shop"), Since: g.house.now, Actor: "system", Reason: "It is gone."}}
	overview := desk.get("/support/overview").page(http.StatusOK)
	require.Contains(t, overview, "Webhooks to shop")
	require.Contains(t, overview, "/support/pauses?what=webhook:shop")
	require.Contains(t, desk.get("/support/pauses?what=webhook:shop").page(http.StatusOK), "What has waited is sent at once")
}
