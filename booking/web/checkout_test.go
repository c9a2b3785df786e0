package web

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"
)

// linked are the files that a page loads.
var linked = regexp.MustCompile(`(?:href|src)="(/assets/[^"]+)"`)

func TestTheCheckoutCarriesThePublishableKeyAndNoOtherSecret(t *testing.T) {
	t.Parallel()
	s := open(t)
	page := s.call("GET", "/", "", "").is(http.StatusOK)
	require.Equal(t, "text/html; charset=UTF-8", page.header.Get("Content-Type"))
	setup := checkoutSetupOf(page)
	require.Equal(t, pageKey, setup.Key)
	require.Equal(t, "sandbox", setup.Supplier)
	text := string(page.body)
	for _, secret := range []string{webKey, otherKey, viewerKey, agentKey, supervisorKey, strings.Repeat("k", 32), "bks_"} {
		require.NotContains(t, text, secret)
	}
	require.Equal(t, 1, strings.Count(text, "bk_"), "one key, once")
}

func TestEverySampleOfferCanBeSubmittedAsThePageWouldSubmitIt(t *testing.T) {
	t.Parallel()
	s := open(t)
	setup := checkoutSetupOf(s.call("GET", "/", "", "").is(http.StatusOK))
	require.Len(t, setup.Offers, 4)
	for _, offer := range setup.Offers {
		var in Submission
		require.NoError(t, json.Unmarshal([]byte(submission("", "")), &in))
		in.Offer.Supplier, in.Offer.Token, in.Offer.Total = setup.Supplier, offer.Token, offer.Total
		in.Stay.HotelId, in.Stay.HotelName, in.Stay.HotelTimezone = offer.HotelID, offer.Hotel, offer.Zone
		in.Stay.CheckIn, in.Stay.CheckOut, in.Stay.Rooms[0].Adults = offer.CheckIn, offer.CheckOut, offer.Adults
		in.Payment.ReturnUrl = "http://127.0.0.1:8080/?booking-return=1"
		body, err := json.Marshal(in)
		require.NoError(t, err)
		s.call("POST", "/v1/bookings", setup.Key, string(body), "Idempotency-Key", offer.ID).is(http.StatusAccepted)
	}
}

func TestSampleOffersAreForAWeekendThreeMonthsAheadAndStayTheSameForAWeek(t *testing.T) {
	t.Parallel()
	monday := time.Date(2026, 11, 23, 23, 59, 0, 0, time.UTC)
	first := sampleOffers(monday)
	arrival, err := time.Parse(time.DateOnly, first[0].CheckIn)
	require.NoError(t, err)
	require.Equal(t, time.Friday, arrival.Weekday())
	require.InDelta(t, 90, arrival.Sub(monday).Hours()/24, 7)
	require.Equal(t, first, sampleOffers(monday.AddDate(0, 0, 1)))
	require.NotEqual(t, first, sampleOffers(monday.AddDate(0, 0, 7)))
	require.Equal(t, []string{"€346.00", "€218.50", "£189.00", "¥128,000"}, []string{first[0].Price(), first[1].Price(), first[2].Price(), first[3].Price()})
}

func TestEveryMagicValueOfTheSpecificationCanBeChosen(t *testing.T) {
	t.Parallel()
	page := string(open(t).call("GET", "/", "", "").is(http.StatusOK).body)
	told := contract().doc.Info.Description
	tokens := regexp.MustCompile("`(sim_[a-z0-9_]+|pm_card_\\w+)`").FindAllStringSubmatch(told, -1)
	require.Greater(t, len(tokens), 15)
	for _, token := range tokens {
		require.Contains(t, page, `"`+token[1]+`"`)
	}
	require.Contains(t, page, `value="sim_slow_`)
	for _, word := range regexp.MustCompile("`\\+([a-z]+)`").FindAllStringSubmatch(told, -1) {
		require.Contains(t, page, `<option value="`+word[1]+`">`)
	}
}

func TestWithAnotherSupplierThereAreNoScenarios(t *testing.T) {
	t.Parallel()
	s := open(t, func(c *Config) { c.Suppliers = []string{"grandhotels"} })
	page := s.call("GET", "/", "", "").is(http.StatusOK)
	require.Equal(t, "grandhotels", checkoutSetupOf(page).Supplier)
	require.NotContains(t, string(page.body), `id="scenarios"`)
}

func TestWithoutAPublishableKeyThereIsNoCheckoutAndThePageSaysWhatElseIsHere(t *testing.T) {
	t.Parallel()
	s := open(t, func(c *Config) { c.CheckoutKey = "" })
	page := s.call("GET", "/", "", "").is(http.StatusNotFound)
	require.Contains(t, string(page.body), `href="/docs"`)
	require.Contains(t, string(page.body), `href="/support"`)
	require.NotContains(t, string(page.body), "bk_")
}

func TestTheFormDoesNotFlashUpWhereABookingIsFollowed(t *testing.T) {
	t.Parallel()
	s := open(t)
	form := regexp.MustCompile(`<form id="checkout"[^>]* hidden>`)
	require.NotRegexp(t, form, string(s.call("GET", "/?utm_source=mail", "", "").is(http.StatusOK).body))
	for _, query := range []string{"?booking=01945e2a-7c00-7000-8000-000000000001", "?booking-return=1"} {
		require.Regexp(t, form, string(s.call("GET", "/"+query, "", "").is(http.StatusOK).body))
	}
}

func TestAnAdvertisementsParametersDoNotCloseTheCheckout(t *testing.T) {
	t.Parallel()
	s := open(t)
	for _, query := range []string{"?utm_source=mail&utm_source=twice&fbclid=x", "?booking=01945e2a-7c00-7000-8000-000000000001", "?booking-return=1&payment_intent=pi_1"} {
		s.call("GET", "/"+query, "", "").is(http.StatusOK)
	}
}

func TestTheCheckoutIsLightAndHasNothingThatItsPolicyForbids(t *testing.T) {
	t.Parallel()
	s := open(t)
	page := s.call("GET", "/", "", "").is(http.StatusOK)
	require.Equal(t, pagePolicy, page.header.Get("Content-Security-Policy"))
	require.Equal(t, "no-store", page.header.Get("Cache-Control"))
	text := string(page.body)
	require.NotRegexp(t, `(?i)<style|\sstyle=|\son[a-z]+=|https?://`, text)
	require.NotRegexp(t, `<script>`, text)
	weight, seen := len(page.body), []string{}
	for _, file := range linked.FindAllStringSubmatch(text, -1) {
		loaded := s.call("GET", file[1], "", "").is(http.StatusOK)
		require.Equal(t, "public, max-age=31536000, immutable", loaded.header.Get("Cache-Control"))
		weight += len(loaded.body)
		seen = append(seen, file[1][strings.LastIndex(file[1], "/")+1:])
		if strings.HasSuffix(file[1], ".js") {
			require.NotRegexp(t, `innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|console\.`, string(loaded.body), file[1])
		}
	}
	require.Less(t, weight, 300_000)
	for _, module := range modulesOf(t, s, "checkout.js") {
		require.Contains(t, seen, module, "it is loaded late: the page does not name it")
	}
}

// modulesOf are the modules that one imports, and those that they import.
func modulesOf(t *testing.T, s *site, name string) (all []string) {
	t.Helper()
	for next := []string{name}; len(next) > 0; next = next[1:] {
		source := s.call("GET", "/assets/"+s.api.pages.version+"/"+next[0], "", "").is(http.StatusOK)
		for _, found := range regexp.MustCompile(`from "\./([^"]+)"`).FindAllStringSubmatch(string(source.body), -1) {
			if !slices.Contains(all, found[1]) {
				all, next = append(all, found[1]), append(next, found[1])
			}
		}
	}
	require.Contains(t, all, "booking-client.js")
	return all
}

func TestPagesOfOtherSitesMayLoadTheClientModuleAndItsTypes(t *testing.T) {
	t.Parallel()
	s := open(t)
	for path, kind := range map[string]string{"/booking-client.js": "text/javascript; charset=utf-8", "/booking-client.d.ts": "text/plain; charset=utf-8"} {
		file := s.call("GET", path, "", "", "Origin", "https://shop.example").is(http.StatusOK)
		require.Equal(t, kind, file.header.Get("Content-Type"))
		require.Equal(t, "*", file.header.Get("Access-Control-Allow-Origin"))
		require.Equal(t, "cross-origin", file.header.Get("Cross-Origin-Resource-Policy"))
		require.Equal(t, "public, max-age=300", file.header.Get("Cache-Control"))
		require.Contains(t, string(file.body), "BookingClient")
		s.call("GET", path, "", "", "If-None-Match", file.header.Get("ETag")).is(http.StatusNotModified)
	}
	page := s.call("GET", "/", "", "", "Origin", "https://shop.example")
	require.Empty(t, page.header.Get("Access-Control-Allow-Origin"), "nobody else's page reads this one")
}

func TestAPageOfAnAllowedSiteMaySendAndReadAllThatTheClientModuleDoes(t *testing.T) {
	t.Parallel()
	s := open(t, func(c *Config) { c.AllowedOrigins = []string{"https://shop.example"} })
	asked := s.call("OPTIONS", "/v1/bookings", "", "", "Origin", "https://shop.example", "Access-Control-Request-Method", "POST").is(http.StatusNoContent)
	for _, name := range []string{"Authorization", "Content-Type", "Idempotency-Key", "If-None-Match", "Prefer", "Last-Event-ID"} {
		require.Contains(t, asked.header.Get("Access-Control-Allow-Headers"), name)
	}
	answered := s.call("POST", "/v1/bookings", pageKey, submission("", ""), "Idempotency-Key", "key-1", "Origin", "https://shop.example").is(http.StatusAccepted)
	for _, name := range []string{"ETag", "Retry-After", "Idempotent-Replayed", "Preference-Applied"} {
		require.Contains(t, answered.header.Get("Access-Control-Expose-Headers"), name)
	}
}

// checkoutSetupOf is what the page's script reads.
func checkoutSetupOf(page reply) (setup checkoutSetup) {
	page.Helper()
	data := regexp.MustCompile(`(?s)<script type="application/json" id="setup">(.*?)</script>`).FindSubmatch(page.body)
	require.NotNil(page, data)
	require.NoError(page, json.Unmarshal(data[1], &setup))
	return setup
}
