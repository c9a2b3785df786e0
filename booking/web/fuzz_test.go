package web

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"hotelbooking/booking"
	"hotelbooking/booking/bookingtest"
)

// fuzzed is the API without a network, made once for each process that fuzzes: making it takes longer than a request.
var fuzzed = sync.OnceValue(func() *Server {
	config := DefaultConfig()
	config.SecretKey = bytes.Repeat([]byte("k"), 32)
	config.Suppliers = []string{"sandbox"}
	config.KeyRate, config.AddressRate = 0, 0
	config.Keys = []Key{
		{Name: "web", Hash: HashKey(webKey), Scope: ScopeBookings},
		{Name: "sue", Hash: HashKey(supervisorKey), Scope: ScopeSupport, Role: RoleSupervisor},
	}
	api, err := newServer(config, Deps{
		Vendors: map[string]Vendor{"sandbox": sandboxVendor{}}, Log: zap.NewNop(),
		Flow: booking.NewFlow(booking.Outside{}, booking.DefaultLimits()),
	}, contract())
	if err != nil {
		panic(err)
	}
	return api
})

// desk is the API before a fresh house.
type desk struct {
	*testing.T
	house *house
	api   *Server
}

func freshDesk(t *testing.T) desk {
	t.Helper()
	h, api := newHouse(), fuzzed()
	api.engine, api.bookings, api.desk, api.notices, api.now = h, h, h, h, h.clock
	return desk{t, h, api}
}

// ask makes one request, with its headers as they are: no client would send most of them.
func (d desk) ask(method, path string, query url.Values, body []byte, header http.Header) reply {
	d.Helper()
	request := httptest.NewRequestWithContext(d.Context(), method, "/", bytes.NewReader(body))
	request.URL = &url.URL{Path: path, RawQuery: query.Encode()}
	request.Header = header
	w := newRecorder(d.T)
	d.api.ServeHTTP(w, request)
	r := w.reply()
	d.civil(r)
	return r
}

func (d desk) post(path, key string, body []byte, head ...string) reply {
	d.Helper()
	header := http.Header{"Authorization": {"Bearer " + key}, "Content-Type": {"application/json"}}
	for i := 0; i < len(head); i += 2 {
		header.Set(head[i], head[i+1])
	}
	return d.ask("POST", path, nil, body, header)
}

// civil: whatever came in, it is no defect of ours, and a refusal says what it is in words that are in the specification.
func (d desk) civil(r reply) {
	d.Helper()
	require.Less(d, r.status, http.StatusInternalServerError, "%s", r.body)
	require.NotEmpty(d, r.header.Get("X-Request-Id"))
	if r.status < http.StatusBadRequest {
		return
	}
	require.Equal(d, "application/problem+json", r.header.Get("Content-Type"))
	p := read[Problem](r)
	require.Empty(d, contract().violations("Problem", generic(r)), "%s", r.body)
	require.True(d, p.Code.Valid(), "%s", p.Code)
	require.Equal(d, r.status, p.Status)
	known, _, _ := describe(p.Code)
	require.Equal(d, r.status, known)
	for _, field := range p.Errors {
		require.NotEmpty(d, field.Code)
		require.NotEmpty(d, field.Detail)
	}
	if p.Code == ProblemCodeValidationFailed {
		require.NotEmpty(d, p.Errors)
		for _, field := range p.Errors {
			require.True(d, field.Pointer == "" || field.Pointer[0] == '/', "%q is no pointer", field.Pointer)
		}
	}
}

func addAll(f *testing.F, bodies ...string) {
	for _, body := range bodies {
		f.Add([]byte(body))
	}
}

// A submission is refused with a reason or stored; what is stored, written as a submission, is the same submission.
func FuzzSubmission(f *testing.F) {
	addAll(f, submission("", ""), submission("Ana", "A\u0301na \u200d"), submission("web-4711", "\u0958\u0958"), submission(`"es"`, `"pt-br"`),
		submission(`"adults":2`, `"adults":1e0`), submission(`"EUR"`, `"JPY"`), submission(`"price_tolerance_percent":0`, `"expires_at":"2027-01-10T13:00:00.5+14:00"`),
		submission("pm_card_visa", "4111 1111 1111 1111"), submission(`"abc"`, `"\u0034111111111111111"`), submission("Ana", "\x00"), submission(`{"click_id"`, `{"click_id":"x","click_id"`),
		submission("Europe/Madrid", "../../etc/passwd"), submission(`"child_ages":[]`, `"child_ages":null`), "", "null", "[]", `{"`, strings.Repeat("[", 10000), "\xff",
		submission("Núñez", "de la Rosa-Ñandú"), submission("ana@example.com", `\"a b\"@example.com`), submission("ana@example.com", "é@例え.jp"))
	addAll(f, submission(`"+34600000000"`, `"600"`), submission(`"adults":2`, `"adults":200`), submission(`"payment":{"token":"pm_card_visa"},`, ""))
	f.Fuzz(func(t *testing.T, body []byte) {
		d := freshDesk(t)
		r := d.post("/v1/bookings", webKey, body, "Idempotency-Key", "key-1")
		if r.status != http.StatusAccepted {
			require.Empty(t, d.house.rooms, "what is refused is not stored")
			return
		}
		require.Empty(t, contract().violations("Booking", generic(r)))
		require.Len(t, d.house.rooms, 1)
		home := d.house.rooms[booking.ID(r.booking().Id)]
		require.NotNil(t, home)
		require.False(t, holdsCard(string(body)))
		var sent any
		require.NoError(t, json.Unmarshal(body, &sent))
		require.Empty(t, contract().violations("Submission", sent))
		for range 2 {
			again := d.post("/v1/bookings", webKey, resubmission(t, home.b.Ask), "Idempotency-Key", "key-1").is(http.StatusAccepted)
			require.Equal(t, "true", again.header.Get("Idempotent-Replayed"))
			require.Equal(t, r.booking().Id, again.booking().Id)
		}
		require.Len(t, d.house.rooms, 1)
	})
}

// resubmission writes what was stored as its caller would.
func resubmission(t *testing.T, ask booking.Ask) []byte {
	t.Helper()
	out := Submission{
		ClientReference: ask.ClientReference, Attribution: ask.Attribution, Payment: PaymentMethod{Token: ask.PaymentToken},
		Offer: Offer{
			Supplier: ask.Offer.Supplier, Token: ask.Offer.Token, Total: money(ask.Offer.Total),
			PriceTolerancePercent: ask.Offer.TolerancePercent, ExpiresAt: ask.Offer.ExpiresAt,
		},
		Stay: Stay{
			HotelId: ask.Stay.HotelID, HotelName: ask.Stay.HotelName, HotelTimezone: ask.Stay.HotelTimezone,
			CheckIn: ask.Stay.CheckIn, CheckOut: ask.Stay.CheckOut,
		},
		Contact: Contact{
			GivenName: ask.Contact.GivenName, FamilyName: ask.Contact.FamilyName, Email: ask.Contact.Email, Phone: ask.Contact.Phone,
			Country: ask.Contact.Country, Language: ask.Contact.Language,
		},
	}
	for _, room := range ask.Stay.Rooms {
		asked := Room{Adults: room.Adults, ChildAges: room.ChildAges, SpecialRequests: room.SpecialRequests}
		for _, g := range room.Guests {
			asked.Guests = append(asked.Guests, Guest{GivenName: g.GivenName, FamilyName: g.FamilyName, Lead: g.Lead})
		}
		out.Stay.Rooms = append(out.Stay.Rooms, asked)
	}
	body, err := json.Marshal(out)
	require.NoError(t, err)
	return body
}

// The bodies of everything that can be decided, about bookings in all places: accepted with one more line of history, or
// refused and nothing written.
func FuzzActions(f *testing.F) {
	for i := range actions {
		for place := range places() {
			f.Add(byte(i), byte(place), []byte(`{"reason":"asked by phone"}`))
		}
	}
	f.Add(byte(0), byte(5), []byte(`{"expected_fee":{"amount":"0.00","currency":"EUR"}}`))
	f.Add(byte(1), byte(2), []byte(`{"payment":{"token":"pm_other"}}`))
	f.Add(byte(2), byte(3), []byte(`{"accepted_total":{"amount":"346.00","currency":"EUR"}}`))
	f.Add(byte(4), byte(5), []byte(`{"reason":"kind","waive_fee":true}`))
	f.Add(byte(5), byte(4), []byte(`{"reason":"rang them","outcome":"happened","supplier_reference":"S-1"}`))
	f.Add(byte(5), byte(4), []byte(`{"reason":"rang them","outcome":"not_happened"}`))
	f.Add(byte(8), byte(5), []byte(`{"reason":"kind","amount":{"amount":"10.00","currency":"EUR"}}`))
	f.Add(byte(8), byte(5), []byte(`{"reason":"kind","amount":{"amount":"99999.00","currency":"USD"}}`))
	f.Add(byte(9), byte(5), []byte(`{"reason":"4111-1111-1111-1111"}`))
	f.Add(byte(9), byte(5), []byte(`{"reason":"\u202e"}`))
	f.Fuzz(func(t *testing.T, action, place byte, body []byte) {
		d := freshDesk(t)
		d.post("/v1/bookings", webKey, []byte(submission("", "")), "Idempotency-Key", "key-1").is(http.StatusAccepted)
		id := booking.ID("01945e2a-7c00-7000-8000-000000000001")
		home, where := d.house.rooms[id], places()[int(place)%len(places())]
		d.house.script(id, where.fates)
		d.house.until(t, id, where.reached)
		before, lines := home.b.Clone(), len(home.history)

		verb := actions[int(action)%len(actions)]
		path, key := "/v1/support/bookings/"+string(id)+"/actions/"+verb, supervisorKey
		if strings.HasPrefix(verb, "/") {
			path, key = "/v1/bookings/"+string(id)+verb, webKey
		}
		r := d.post(path, key, body)
		if moved := len(home.history) - lines; moved == 0 {
			require.Equal(t, before, home.b, "%s", r.body)
			return
		}
		require.Equal(t, http.StatusAccepted, r.status)
		require.Len(t, home.history, lines+1)
		require.Equal(t, before.Version+1, home.b.Version)
		line := home.history[lines]
		require.NotEmpty(t, line.Actor)
		if key == supervisorKey {
			require.Equal(t, "support:sue", line.Actor)
			require.NotEmpty(t, line.Detail, "staff say why")
		}
	})
}

// actions are the customer's, which begin with a slash, and staff's.
var actions = []string{
	"/cancellation", "/actions/payment", "/actions/accept-offer", "retry", "cancel", "resolve", "approve", "reject", "refund", "note",
}

// somewhere is how a booking gets to a place.
type somewhere struct {
	fates   fates
	reached func(*booking.Booking) bool
}

func places() []somewhere {
	lost := []bookingtest.Fate{bookingtest.LosesReply}
	return []somewhere{
		{nil, func(*booking.Booking) bool { return true }},
		{fates{"screen": {bookingtest.AsksStaff}}, at(booking.Parked, booking.StepScreen)},
		{fates{"authorize": {bookingtest.AsksCustomer}}, at(booking.Parked, booking.StepAuthorize)},
		{fates{"hold": {bookingtest.AsksCustomer}}, at(booking.Parked, booking.StepHold)},
		{fates{"confirm": lost, "find room": {bookingtest.IsBusy}}, at(booking.Parked, booking.StepConfirm)},
		{nil, atRest},
		{fates{"hold": {bookingtest.Refuses}}, atRest},
		{fates{"authorize": {bookingtest.Refuses}}, at(booking.Parked, booking.StepAuthorize)},
	}
}

// Headers that are read: none makes a request fail that is right but for them, unless a problem says so.
func FuzzHeaders(f *testing.F) {
	f.Add("key-1", "Bearer "+webKey, "wait=1", `"1"`, "1", "203.0.113.9", "application/json", "trace-1")
	f.Add("", "bearer  "+webKey, "respond-async, wait=20;x=y", `W/"1", "2"`, "-1", "::1, 10.0.0.1, unknown", "application/json; charset=utf-8", "4111111111111111")
	f.Add(strings.Repeat("k", 256), "Bearer bks_"+strings.Repeat("A", 43), "wait=99999999999999999999", "*", "99999999999999999999", "\x00", "text/html", "a b")
	f.Add("kéy", "Basic dXNlcjpwdw==", "wait", `"`, "0x1", ",,,,", "application/json; charset=latin1", "<script>")
	f.Add("4111 1111 1111 1111", "Bearer", "wait=\"2\"", "W/", " 7", "[::1]:80", `application/json; charset="utf-8"`, "\u202e")
	f.Fuzz(func(t *testing.T, key, authorization, prefer, ifNoneMatch, lastEvent, forwarded, contentType, requestID string) {
		d := freshDesk(t)
		d.post("/v1/bookings", webKey, []byte(submission("", "")), "Idempotency-Key", "key-0").is(http.StatusAccepted)
		id := booking.ID("01945e2a-7c00-7000-8000-000000000001")
		d.house.until(t, id, atRest) // so that nothing is waited for but what is asked for
		path := "/v1/bookings/" + string(id)
		header := http.Header{
			"Authorization": {authorization}, "Prefer": {prefer}, "If-None-Match": {ifNoneMatch}, "Last-Event-Id": {lastEvent},
			"X-Forwarded-For": {forwarded}, "Content-Type": {contentType}, "X-Request-Id": {requestID}, "Idempotency-Key": {key},
		}
		with := func(name, value string) http.Header {
			h := header.Clone()
			h.Set(name, value)
			return h
		}
		d.api.config.WaitMax = time.Millisecond
		d.house.waiting = make(chan struct{}, 1<<16)
		d.ask("GET", path, nil, nil, header)
		known := d.ask("GET", path, nil, nil, with("Authorization", "Bearer "+webKey))
		if known.status == http.StatusNotModified {
			require.True(t, matches(ifNoneMatch, d.house.rooms[id].b.Version))
		}
		d.ask("GET", path+"/stream", nil, nil, with("Authorization", "Bearer "+webKey))
		submitted := d.ask("POST", "/v1/bookings", nil, []byte(submission("", "")), with("Authorization", "Bearer "+webKey))
		if submitted.status == http.StatusAccepted {
			require.True(t, visible(key) && key != "" && len(key) <= 255)
			require.False(t, holdsCard(key))
		}
		stranger := d.ask("POST", "/v1/bookings", nil, []byte(submission("", "")), header)
		if stranger.status == http.StatusAccepted {
			require.Contains(t, authorization, webKey, "only a key opens")
		}
	})
}

// Query parameters, those of the support's search above all: whatever they hold, the answer is a list or a problem, and a cursor
// that was not given for just this search is refused.
func FuzzQueries(f *testing.F) {
	cursor, err := encodeCursor("01945e2a-7c00-7000-8000-000000000001", "\x00\x00\x000001-01-01T00:00:00Z")
	if err != nil {
		f.Fatal(err)
	}
	f.Add("web-4711", "1", cursor, "pending", "any", "2027-01-01T00:00:00Z", "q")
	f.Add("' OR 1=1 --", "0", "AAAA", "nothing", "true", "yesterday", "Q")
	f.Add("1818G1801Y", "101", cursor+"A", "confirmed", strings.Repeat("x", 41), "2027-01-01T00:00:00+14:00", "limit")
	f.Add("%00\x00", "1e1", "=", "", "attention", "0000-00-00T00:00:00Z", "client_reference")
	f.Add("4111111111111111", "-1", "", "", "", "", "")
	f.Fuzz(func(t *testing.T, q, limit, cursor, status, attention, after, extra string) {
		d := freshDesk(t)
		d.post("/v1/bookings", webKey, []byte(submission("", "")), "Idempotency-Key", "key-0").is(http.StatusAccepted)
		staff := http.Header{"Authorization": {"Bearer " + supervisorKey}}
		query := url.Values{}
		for name, value := range map[string]string{"q": q, "limit": limit, "cursor": cursor, "status": status, "attention": attention, "created_after": after} {
			if value != "" {
				query.Set(name, value)
			}
		}
		r := d.ask("GET", "/v1/support/bookings", query, nil, staff)
		if r.status == http.StatusOK {
			require.Empty(t, contract().violations("SupportList", generic(r)))
			if next := read[SupportList](r).NextCursor; next != "" {
				query.Set("cursor", next)
				d.ask("GET", "/v1/support/bookings", query, nil, staff).is(http.StatusOK)
				query.Set("cursor", next[1:]+next[:1])
				if next[1:]+next[:1] != next {
					d.ask("GET", "/v1/support/bookings", query, nil, staff).problem(http.StatusBadRequest, ProblemCodeInvalidParameter)
				}
			}
		}
		if q != "" {
			d.ask("GET", "/v1/support/bookings/"+q, nil, nil, staff)
			found := d.ask("GET", "/v1/bookings", url.Values{"client_reference": {q}}, nil, http.Header{"Authorization": {"Bearer " + webKey}})
			if found.status == http.StatusOK && len(read[BookingList](found).Bookings) > 0 {
				require.Equal(t, "web-4711", tidy(q))
			}
		}
		d.ask("GET", "/v1/bookings/"+q, url.Values{extra: {q}}, nil, staff)
	})
}

// A cursor is read back as it was written, by the search that it was given to; changed in one bit of its seal, by none.
func FuzzTamperedCursor(f *testing.F) {
	f.Add("filters", []byte("0123456789abcdef"))
	f.Add("", []byte{})
	f.Add("\x00", []byte{255})
	f.Fuzz(func(t *testing.T, filters string, raw []byte) {
		var sixteen [16]byte
		copy(sixteen[:], raw)
		id := booking.ID(uuidOf(sixteen))
		cursor, err := encodeCursor(id, filters)
		require.NoError(t, err)
		back, err := decodeCursor(cursor, filters)
		require.NoError(t, err)
		require.Equal(t, id, back)
		_, err = decodeCursor(cursor, filters+"x")
		require.ErrorIs(t, err, errCursor, "another search's")
		tampered, err := base64.RawURLEncoding.DecodeString(cursor)
		require.NoError(t, err)
		tampered[len(tampered)-1] ^= 1
		_, err = decodeCursor(base64.RawURLEncoding.EncodeToString(tampered), filters)
		require.ErrorIs(t, err, errCursor)
	})
}

func uuidOf(raw [16]byte) string {
	const hex = "0123456789abcdef"
	var out []byte
	for i, b := range raw {
		if slices.Contains([]int{4, 6, 8, 10}, i) {
			out = append(out, '-')
		}
		out = append(out, hex[b>>4], hex[b&15])
	}
	return string(out)
}

// A webhook's body, over HTTP: stored once, or refused; unsigned never stored.
func FuzzWebhook(f *testing.F) {
	f.Add("sandbox", "good", []byte(`{"id":"evt_1","type":"payment.updated","reference":"1818G1801Y"}`))
	f.Add("sandbox", "forged", []byte(`{"id":"evt_1"}`))
	f.Add("stranger", "good", []byte(`{}`))
	f.Add("sand box/..", "good", []byte(`[`))
	f.Add("sandbox", "good", []byte("\xff"))
	f.Fuzz(func(t *testing.T, vendor, signature string, body []byte) {
		d := freshDesk(t)
		header := http.Header{"Content-Type": {"application/json"}, "Sandbox-Signature": {signature}}
		for range 2 {
			r := d.ask("POST", "/v1/webhooks/"+vendor, nil, body, header)
			if r.status != http.StatusOK {
				require.Empty(t, d.house.notices)
				require.Zero(t, d.house.noticed)
				continue
			}
			require.Equal(t, "good", signature)
			require.Len(t, d.house.notices, 1)
			require.Equal(t, 1, d.house.noticed, "the second time it is known")
		}
	})
}

// An id is a lower-case UUID with dashes, and nothing else.
func FuzzBookingID(f *testing.F) {
	for _, id := range []string{"01945e2a-7c00-7000-8000-000000000001", "01945E2A-7c00-7000-8000-000000000001", "{01945e2a-7c00-7000-8000-0000000000}", "urn:uuid:0", ""} {
		f.Add(id)
	}
	f.Fuzz(func(t *testing.T, text string) {
		id, err := bookingID(text)
		plain := len(text) == 36 && strings.Trim(text, "0123456789abcdef-") == "" &&
			text[8] == '-' && text[13] == '-' && text[18] == '-' && text[23] == '-' && strings.Count(text, "-") == 4
		require.Equal(t, plain, err == nil)
		if plain {
			require.Equal(t, text, string(id))
		} else {
			require.ErrorIs(t, err, booking.ErrNotFound)
		}
	})
}
