package main

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// The fields of each answer. One that is added to an answer has to be added here, by who has thought about who may see it.
const (
	fieldsOfBooking = "client_reference created_at id payment_status price price.amount price.currency reference stage status steps steps[].attempts " +
		"steps[].name steps[].state terminal updated_at version"
	fieldsWhenConfirmed = "confirmation confirmation.hotel_confirmation confirmation.supplier_reference"
	fieldsWhenCancelled = "cancellation cancellation.code cancellation.fee cancellation.fee.amount cancellation.fee.currency cancellation.refund " +
		"cancellation.refund.amount cancellation.refund.currency cancellation.requested_at"
	fieldsWhenFailed  = "failure failure.code failure.message failure.retryable failure.user_action"
	fieldsWhenWaiting = "action action.client_secret action.code action.expires_at action.message action.type action.url"
	fieldsOfSummary   = "check_in check_out client client_reference created_at hotel_name id payment_status price price.amount price.currency reference " +
		"stage status terminal updated_at version"
	fieldsOfInside = "actions attribution attribution.click_id booking client contact contact.country contact.email contact.family_name " +
		"contact.given_name contact.language contact.phone money money.authorized money.authorized.amount money.authorized.currency " +
		"money.capture_before money.captured money.captured.amount money.captured.currency money.card money.price money.price.amount " +
		"money.price.currency money.refunded money.refunded.amount money.refunded.currency offer offer.supplier offer.token offer.total " +
		"offer.total.amount offer.total.currency place place.phase references references.hold references.hotel references.idempotency_key " +
		"references.payment references.screening references.supplier stay stay.check_in stay.check_out stay.hotel_id stay.hotel_name " +
		"stay.hotel_timezone stay.rooms stay.rooms[].adults stay.rooms[].child_ages stay.rooms[].guests stay.rooms[].guests[].family_name " +
		"stay.rooms[].guests[].given_name stay.rooms[].guests[].lead stay.rooms[].special_requests story story.charged story.happened story.next " +
		"timeline timeline[].actor timeline[].at timeline[].attempt timeline[].calls timeline[].calls[].idempotency_key timeline[].calls[].operation " +
		"timeline[].calls[].outcome timeline[].calls[].request_id timeline[].calls[].status timeline[].calls[].took_ms timeline[].calls[].vendor " +
		"timeline[].detail timeline[].outcome timeline[].phase timeline[].status " +
		"timeline[].step timeline[].took_ms timeline[].verb timeline[].version timeline[].what"
	fieldsOfProblem = "code detail request_id status title type"
)

// fieldsNowAndThen are what a booking has only while it moves, where a call had to be repeated, or where it took a moment.
const fieldsNowAndThen = "place.step place.due_at timeline[].reason timeline[].took_ms timeline[].calls[].code"

// fieldsOf lists the members of a JSON document by their paths.
func fieldsOf(f *fortress, text []byte) string {
	var whole any
	require.NoError(f, json.Unmarshal(text, &whole), "%s", text)
	seen := map[string]bool{}
	var walk func(path string, v any)
	walk = func(path string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for name, member := range v {
				seen[strings.TrimPrefix(path+"."+name, ".")] = true
				walk(path+"."+name, member)
			}
		case []any:
			for _, element := range v {
				walk(path+"[]", element)
			}
		}
	}
	walk("", whole)
	return strings.Join(slices.Sorted(maps.Keys(seen)), " ")
}

// below puts the path of an object before the fields in it.
func below(path, fields string) string {
	return path + strings.Join(strings.Fields(fields), " "+path)
}

func fieldSet(fields ...string) []string {
	all := strings.Fields(strings.Join(fields, " "))
	slices.Sort(all)
	return slices.DeleteFunc(slices.Compact(all), func(field string) bool { return slices.Contains(strings.Fields(fieldsNowAndThen), field) })
}

func fieldsOfEachRole(g *guard) {
	f := fortify(g, "")
	wish := strings.Replace(order{offer: "sim_fee"}.json(), `"special_requests":""`, `"special_requests":"a high floor"`, 1)
	b := f.call("POST", "/v1/bookings", f.keys["web"], wish, "Idempotency-Key", uuid.NewString()).is(http.StatusAccepted).booking()
	f.until(b.ID, func(b bookingView) bool { return b.Terminal && b.Stage == "done" })
	path, inside := "/v1/bookings/"+b.ID, "/v1/support/bookings/"+b.ID
	noted := f.call("POST", inside+"/actions/note", f.keys["ada"], `{"reason":"asked for a cot"}`).is(http.StatusAccepted)
	f.call("POST", path+"/cancellation", b.ClientSecret, "{}").is(http.StatusAccepted)
	f.untilStatus(b.ID, "cancelled")
	waits := f.submit(order{card: "pm_card_authenticationRequired"})
	f.untilStatus(waits.ID, "requires_action")
	failed := f.submit(order{offer: "sim_sold_out_check"})
	f.untilStatus(failed.ID, "failed")

	get := func(path, key string) answer { return f.call("GET", path, key, "").is(http.StatusOK) }
	same := func(name string, a answer, fields ...string) {
		g.equal(fieldSet(fields...), fieldSet(fieldsOf(f, a.body)), "what %s see", name)
	}
	cancelled := []string{fieldsOfBooking, fieldsWhenConfirmed, fieldsWhenCancelled}
	same("a shop that submits", f.call("POST", "/v1/bookings", f.keys["web"], order{}.json(), "Idempotency-Key", uuid.NewString()).is(202), fieldsOfBooking, "client_secret")
	same("a guest", get(path, b.ClientSecret), cancelled...)
	same("a shop", get(path, f.keys["web"]), cancelled...)
	same("a shop, of its list", get("/v1/bookings?client_reference=web-4711", f.keys["web"]), "bookings",
		below("bookings[].", strings.Join(append(cancelled, fieldsWhenFailed, fieldsWhenWaiting), " ")))
	same("a guest who has to act", get("/v1/bookings/"+waits.ID, waits.ClientSecret), fieldsOfBooking, fieldsWhenWaiting)
	same("a guest without a room", get("/v1/bookings/"+failed.ID, failed.ClientSecret), fieldsOfBooking, fieldsWhenFailed)
	same("those with another's secret", f.call("GET", "/v1/bookings/"+failed.ID, b.ClientSecret, "").is(404), fieldsOfProblem)
	same("staff who list", get("/v1/support/bookings?limit=1&q="+b.ID, f.keys["vera"]), "bookings next_cursor", below("bookings[].", fieldsOfSummary))
	same("staff who list failures", get("/v1/support/bookings?limit=1&status=failed", f.keys["vera"]), "bookings next_cursor", below("bookings[].", fieldsOfSummary+" failure_code"))
	ours := below("booking.", strings.Join(cancelled, " "))
	same("viewers", get(inside, f.keys["vera"]), fieldsOfInside, ours, "masked")
	same("agents", get(inside, f.keys["ada"]), fieldsOfInside, ours)
	same("supervisors", get(inside, f.keys["sue"]), fieldsOfInside, ours)
	same("agents who wrote a note", noted, fieldsOfInside, below("booking.", fieldsOfBooking+" "+fieldsWhenConfirmed))

	g.lacks("what a viewer sees", string(get(inside, f.keys["vera"]).body), "Núñez", "Ana", "600000000", "high floor", b.ClientSecret)
	g.has("what an agent sees", string(get(inside, f.keys["ada"]).body), "Núñez", "ana@example.com", "+34600000000", "high floor")
	for name, a := range map[string]answer{"a guest": get(path, b.ClientSecret), "a shop": get(path, f.keys["web"]), "a list": get("/v1/support/bookings?q="+b.ID, f.keys["sue"])} {
		g.lacks(name, string(a.body), "Núñez", "ana@", "600000000", "high floor", "a cot", "pm_card", "bks_", "lease", "owner")
	}
	events := f.stream(bookingView{ID: b.ID, ClientSecret: b.ClientSecret}, "")
	g.equal("cancelled", events[len(events)-1].Status)
	g.equal("", events[len(events)-1].ClientSecret, "a stream does not repeat the secret")
}
