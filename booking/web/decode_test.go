package web

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestBodiesThatCannotBeReadAre400WithAPointer(t *testing.T) {
	t.Parallel()
	s := open(t)
	for name, c := range map[string]struct{ body, pointer, code string }{
		"unknown field":              {submission(`"hotel_id"`, `"hotell_id":1,"hotel_id"`), "/stay/hotell_id", "unknown_field"},
		"a field of ours":            {submission(`"client_reference"`, `"status":"confirmed","client_reference"`), "/status", "unknown_field"},
		"another case":               {submission(`"offer"`, `"Offer"`), "/Offer", "unknown_field"},
		"field in a room":            {submission(`"adults":2`, `"adults":2,"beds":1`), "/stay/rooms/0/beds", "unknown_field"},
		"duplicate":                  {submission(`"token":"sim_ok"`, `"token":"sim_ok","token":"sim_down"`), "/offer/token", "duplicate_field"},
		"duplicate behind an escape": {submission(`"token":"sim_ok"`, `"token":"sim_ok","\u0074oken":"sim_down"`), "/offer/token", "duplicate_field"},
		"duplicate in attribution":   {submission(`"click_id":"abc"`, `"click_id":"abc","click_id":"def"`), "/attribution/click_id", "duplicate_field"},
		"trailing text":              {submission("", "") + "x", "", "trailing_data"},
		"trailing object":            {submission("", "") + "{}", "", "trailing_data"},
		"number for a text":          {submission(`"sim_ok"`, `17`), "/offer/token", "wrong_type"},
		"text for a number":          {submission(`"adults":2`, `"adults":"2"`), "/stay/rooms/0/adults", "wrong_type"},
		"fraction of an adult":       {submission(`"adults":2`, `"adults":1.5`), "/stay/rooms/0/adults", "wrong_type"},
		"a number without end":       {submission(`"adults":2`, `"adults":1e999`), "/stay/rooms/0/adults", "wrong_type"},
		"object for an array":        {submission(`"child_ages":[]`, `"child_ages":{}`), "/stay/rooms/0/child_ages", "wrong_type"},
		"amount as a number":         {submission(`"346.00"`, `346.00`), "/offer/total/amount", "wrong_type"},
		"not JSON":                   {"offer=sim_ok", "", "syntax"},
		"cut off":                    {submission("", "")[:200], "/stay/hotel_name", "syntax"},
		"not UTF-8":                  {submission("Hotel Sol", "Hotel \xff"), "/stay/hotel_name", "syntax"},
		"half a surrogate":           {submission("Hotel Sol", `\ud800`), "/stay/hotel_name", "syntax"},
		"an array":                   {"[]", "", "wrong_type"},
	} {
		t.Run(name, func(t *testing.T) {
			p := s.with(t).submit(c.body, "key-1").problem(http.StatusBadRequest, ProblemCodeMalformedRequest)
			require.Len(t, p.Errors, 1)
			require.Equal(t, c.code, p.Errors[0].Code)
			require.Equal(t, c.pointer, p.Errors[0].Pointer)
		})
	}
	require.Empty(t, s.house.rooms)
}

func TestAnEmptyBodyIsSaidToBeEmpty(t *testing.T) {
	t.Parallel()
	s := open(t)
	p := s.call("POST", "/v1/bookings", webKey, "", "Idempotency-Key", "key-1", "Content-Type", "application/json").
		problem(http.StatusBadRequest, ProblemCodeMalformedRequest)
	require.Equal(t, "The body is empty.", p.Detail)
}

func TestOnlyPlainJSONIsTaken(t *testing.T) {
	t.Parallel()
	s := open(t)
	for _, media := range []string{"text/plain", "application/x-www-form-urlencoded", "application/xml", "application/json; charset=latin1", "application/json;;", "json"} {
		s.call("POST", "/v1/bookings", webKey, submission("", ""), "Idempotency-Key", "key-1", "Content-Type", media).
			problem(http.StatusUnsupportedMediaType, ProblemCodeUnsupportedMediaType)
	}
	s.call("POST", "/v1/bookings", webKey, submission("", ""), "Idempotency-Key", "key-1", "Content-Encoding", "gzip").
		problem(http.StatusUnsupportedMediaType, ProblemCodeUnsupportedMediaType)
	s.call("POST", "/v1/bookings", webKey, submission("", ""), "Idempotency-Key", "key-1", "Content-Type", "application/json; charset=UTF-8").
		is(http.StatusAccepted)
}

func TestABodyBeyondSixteenKiBIs413HoweverItComes(t *testing.T) {
	t.Parallel()
	s := open(t)
	big := submission(`"special_requests":""`, `"special_requests":"`+strings.Repeat("x", bodyMax)+`"`)
	s.submit(big, "key-1").problem(http.StatusRequestEntityTooLarge, ProblemCodeBodyTooLarge)

	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/bookings", strings.NewReader(big))
	require.NoError(t, err)
	request.ContentLength = -1 // chunked: nobody says how much will come
	request.Header.Set("Authorization", "Bearer "+webKey)
	request.Header.Set("Idempotency-Key", "key-1")
	request.Header.Set("Content-Type", "application/json")
	answer := newRecorder(t)
	s.api.ServeHTTP(answer, request)
	answer.reply().problem(http.StatusRequestEntityTooLarge, ProblemCodeBodyTooLarge)
}

func TestACardNumberIsRefusedWhereverItIsAndNeverEchoedOrLogged(t *testing.T) {
	t.Parallel()
	s := open(t)
	g := s.guest()
	for i, card := range testCards {
		spaced := card[:4] + " " + card[4:8] + "-" + card[8:]
		escaped := fmt.Sprintf(`\u%04x`, card[0]) + card[1:]
		for _, body := range []string{
			submission("web-4711", card), submission("sim_ok", card), submission("Hotel Sol", spaced), submission(`"h-1"`, `"`+card+`"`),
			submission("Ana", card), submission("Núñez", spaced), submission(`"special_requests":""`, `"special_requests":"card `+spaced+`"`),
			submission("ana@example.com", card+"@example.com"), submission("+34600000000", card), submission("pm_card_visa", card),
			submission("pm_card_visa", "pm_"+card), submission("abc", card), submission("click_id", card), submission("sim_ok", escaped),
			submission(`"adults":2`, `"adults":`+card), submission(`"offer"`, `"`+card+`":1,"offer"`), submission(`"offer"`, `"`+escaped+`":1,"offer"`),
			submission(`"offer"`, `"`+escaped+`":1,"`+escaped+`":1,"offer"`), submission("", "") + card, card, `{"x":"` + card,
			submission(`"346.00"`, `"`+card+`"`), submission(`"EUR"`, `"`+card+`"`), submission("2027-03-01", card), submission(`"ES"`, `"`+card+`"`),
		} {
			answer := s.submit(body, fmt.Sprintf("key-%d", i))
			answer.problem(http.StatusUnprocessableEntity, ProblemCodeCardDataRefused)
		}
		for _, answer := range []reply{
			s.submit(submission("", ""), card),
			s.call("GET", "/v1/bookings?client_reference="+card, webKey, ""),
			s.call("GET", "/v1/support/bookings?q="+card, agentKey, ""),
			s.call("GET", "/v1/support/bookings?"+card+"=1", agentKey, ""),
			s.call("GET", "/v1/support/bookings/"+card, agentKey, ""),
			s.call("GET", g.path, webKey, "", "X-Card", card),
			s.call("POST", g.path+"/actions/payment", webKey, `{"payment":{"token":"`+card+`"}}`),
			s.call("POST", "/v1/support/bookings/"+string(g.id)+"/actions/note", agentKey, `{"reason":"paid with `+spaced+`"}`),
			s.call("POST", "/v1/support/bookings/"+card+"/actions/note", agentKey, `{"reason":"a note"}`),
		} {
			answer.problem(http.StatusUnprocessableEntity, ProblemCodeCardDataRefused)
			require.NotContains(t, string(answer.body), card)
		}
		require.NotContains(t, s.log.String(), card)
		require.NotContains(t, s.log.String(), spaced)
	}
	require.Len(t, s.house.rooms, 1)
	unknown := s.call("GET", g.path, webKey, "", "X-Request-Id", testCards[0])
	require.NotEqual(t, testCards[0], unknown.header.Get("X-Request-Id"))
}

func FuzzNoSubmissionBreaksTheServer(f *testing.F) {
	f.Add(submission("", ""))
	f.Add(`{"offer":{"total":{"amount":"1e9","currency":"XXX"}}}`)
	f.Add(`{"stay":{"check_in":"0000-00-00","rooms":[{"guests":[{}]}]}}`)
	f.Add(`{"contact":{"email":"@","language":"-","country":"  "},"attribution":{"":""}}`)
	f.Add(strings.Repeat("[", 5000))
	f.Fuzz(func(t *testing.T, body string) {
		api, house := unlisted(t)
		submit := func() reply {
			request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/bookings", strings.NewReader(body))
			request.Header = http.Header{"Authorization": {"Bearer " + webKey}, "Idempotency-Key": {"key"}, "Content-Type": {"application/json"}}
			answer := newRecorder(t)
			api.ServeHTTP(answer, request)
			return answer.reply()
		}
		answer := submit()
		require.Less(t, answer.status, http.StatusInternalServerError, "%s", answer.body)
		if answer.status == http.StatusAccepted {
			require.Equal(t, answer.booking().Id, submit().is(http.StatusAccepted).booking().Id)
			require.Len(t, house.rooms, 1)
		}
	})
}
