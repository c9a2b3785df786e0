package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/store/storetest"
)

// TestAFrontendReadsTheSameFromAnyEngine: the same submissions and the same decisions give the same answer to GET, byte for byte,
// whoever tells the pools what to look at. What chance or the clock makes is different in any two runs, of one engine, too:
// each identifier and each time is replaced by its number in the order of appearance. So is nothing else, and they keep their
// place: where one is missing, or in another form, or equal to another where it was not, the answers differ.
//
// Endings that come after so many attempts as fit in a time (sim_timeout_forever, sim_pending_then_confirmed, an outside that
// is down) are not here, because the number of attempts is in the answer.
func TestAFrontendReadsTheSameFromAnyEngine(t *testing.T) {
	t.Parallel()
	stories := []struct {
		name  string
		order order
		act   func(*client, bookingView) // once the booking waits for somebody
		rests string                     // where it stays: the phase
	}{
		{name: "booked", rests: "ended"},
		{name: "sold out", order: order{offer: "sim_sold_out_check"}, rests: "ended"},
		{name: "sold out at the last moment", order: order{offer: "sim_sold_out_book"}, rests: "ended"},
		{name: "dearer, and within the tolerance", order: order{offer: "sim_price_up_3pct", tolerance: 5}, rests: "ended"},
		{name: "dearer, and accepted", order: order{offer: "sim_price_up_30pct", tolerance: 5}, act: acceptOffer, rests: "ended"},
		{name: "dearer, and not answered", order: order{offer: "sim_price_up_30pct"}, rests: "parked"},
		{name: "booked without an answer", order: order{offer: "sim_5xx_booked"}, rests: "ended"},
		{name: "booked with an answer that is none", order: order{offer: "sim_garbage_200_booked"}, rests: "ended"},
		{name: "another card", order: order{card: "pm_card_chargeDeclined"}, act: anotherCard("generic_decline"), rests: "ended"},
		{name: "at the bank's page", order: order{card: "pm_card_authenticationRequired"}, rests: "parked"},
		{name: "back from the bank's page", order: order{card: "pm_card_authenticationRequired"}, act: authenticate, rests: "ended"},
		{name: "reviewed, and approved", order: order{email: "ana+review@example.com"}, act: approve, rests: "ended"},
		{name: "refused", order: order{email: "ana+reject@example.com"}, rests: "ended"},
		{name: "cancelled", act: cancelled, rests: "ended"},
	}
	for _, database := range []struct {
		name string
		url  func(testing.TB) string
	}{
		{"sqlite", func(testing.TB) string { return "" }},
		{"postgres", storetest.PostgresSchema},
	} {
		t.Run(database.name, func(t *testing.T) {
			t.Parallel()
			services := map[string]*client{
				inProcess: serviceForTest(t, database.url(t), func(c *Config) { c.Engine = inProcess }),
				jetStream: serviceForTest(t, database.url(t), func(c *Config) { c.Engine = jetStream }),
				"jetstream, each step by a hint": serviceForTest(t, database.url(t), func(c *Config) {
					c.Engine, c.NATS.Limits = jetStream, PoolsConfig{Provider: 8, Fraud: 8, Payment: 8, Tracking: 8}
				}),
			}
			for _, story := range stories {
				t.Run(story.name, func(t *testing.T) {
					t.Parallel()
					read := func(engine string) string {
						c := *services[engine]
						c.T = t
						b := c.submit(story.order)
						if story.act != nil {
							story.act(&c, b)
						}
						return c.atRest(b.ID, story.rests)
					}
					want := read(inProcess)
					for engine := range services {
						require.Equal(t, want, read(engine), "%s", engine)
					}
				})
			}
		})
	}
}

// cancelled waits until a booking is made and paid, and cancels it.
func cancelled(c *client, b bookingView) {
	c.atRest(b.ID, "ended")
	c.call("POST", "/v1/bookings/"+b.ID+"/cancellation", b.ClientSecret, `{}`, "Idempotency-Key", "cancel-"+b.ID).is(http.StatusAccepted)
	c.untilStatus(b.ID, "cancelled")
}

// atRest waits until nothing of a booking is left to do but by a person, and is the answer to GET then, with its headers that
// are about the booking.
func (c *client) atRest(id, phase string) string {
	c.Helper()
	require.Eventually(c, func() bool {
		var inside struct {
			Place struct {
				Phase string `json:"phase"`
			} `json:"place"`
		}
		body := c.call("GET", "/v1/support/bookings/"+id, c.support, "").is(http.StatusOK).body
		return json.Unmarshal(body, &inside) == nil && inside.Place.Phase == phase
	}, time.Minute, 20*time.Millisecond, "booking %s never comes to rest", id)
	a := c.call("GET", "/v1/bookings/"+id, c.bookings, "").is(http.StatusOK)
	h := a.header
	return sameOfAll(fmt.Sprintf("%s\n%s\n%s\n%s", h.Get("Content-Type"), h.Get("Cache-Control"), h.Get("ETag"), a.body))
}

// madeByChance is what differs in any two runs: times as we write them, ids, references, and what the sandbox calls its own
// things. Each kind has a group.
var madeByChance = regexp.MustCompile(`"(` +
	`(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z)|` +
	`([0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12})|` +
	`([0-9A-HJKMNP-TV-Z]{10})|` +
	`(SBX-[A-Z2-7]{8})|` +
	`(HC-[A-Z2-7]{6})|` +
	`(pay_[A-Z2-7]{26}_secret_[A-Z2-7]{26})|` +
	`(http://127\.0\.0\.1:\d+/payment/3ds/pay_[A-Z2-7]{26})` +
	`)"`)

// sameOfAll replaces each of them by its kind and its number.
func sameOfAll(text string) string {
	numbers := map[string]string{}
	counts := map[int]int{}
	return madeByChance.ReplaceAllStringFunc(text, func(made string) string {
		if numbers[made] == "" {
			groups := madeByChance.FindStringSubmatch(made)
			kind := 2
			for groups[kind] == "" {
				kind++
			}
			counts[kind]++
			numbers[made] = fmt.Sprintf(`"%s %d"`, [...]string{"", "", "time", "id", "reference", "supplier's", "hotel's", "secret", "page"}[kind], counts[kind])
		}
		return numbers[made]
	})
}

func TestWhatChanceMakesIsReplacedAndNothingElse(t *testing.T) {
	t.Parallel()
	const first = `"7" {"id":"019a9e5c-4d10-7c3a-9d4e-2f6a8b0c1d2e","version":7,"created_at":"2026-11-20T10:00:00Z","updated_at":"2026-11-20T10:00:00.123456Z"}`
	require.Equal(t, `"7" {"id":"id 1","version":7,"created_at":"time 1","updated_at":"time 2"}`, sameOfAll(first))
	for name, other := range map[string]string{
		"a version":           `"7" {"id":"019a9e5c-4d10-7c3a-9d4e-2f6a8b0c1d2e","version":8,"created_at":"2026-11-20T10:00:00Z","updated_at":"2026-11-20T10:00:00.123456Z"}`,
		"an order of members": `"7" {"version":7,"id":"019a9e5c-4d10-7c3a-9d4e-2f6a8b0c1d2e","created_at":"2026-11-20T10:00:00Z","updated_at":"2026-11-20T10:00:00.123456Z"}`,
		"a form of times":     `"7" {"id":"019a9e5c-4d10-7c3a-9d4e-2f6a8b0c1d2e","version":7,"created_at":"2026-11-20T10:00:00+00:00","updated_at":"2026-11-20T10:00:00.123456Z"}`,
		"times that are one":  `"7" {"id":"019a9e5c-4d10-7c3a-9d4e-2f6a8b0c1d2e","version":7,"created_at":"2026-11-20T10:00:00Z","updated_at":"2026-11-20T10:00:00Z"}`,
		"a space":             `"7" {"id": "019a9e5c-4d10-7c3a-9d4e-2f6a8b0c1d2e","version":7,"created_at":"2026-11-20T10:00:00Z","updated_at":"2026-11-20T10:00:00.123456Z"}`,
	} {
		require.NotEqual(t, sameOfAll(first), sameOfAll(other), name)
	}
}
