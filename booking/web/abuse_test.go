package web

import (
	"fmt"
	"net/http"
	"net/netip"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// A method can be any word: what a caller writes there must not reach the log, nor be a time series of its own.
func TestAMethodThatNobodyHasIsNotKept(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.call("CANARY4242", "/v1/bookings", "", "").is(http.StatusMethodNotAllowed)
	s.call("DELETE", "/v1/bookings", "", "").is(http.StatusMethodNotAllowed)
	require.NotContains(t, s.log.String(), "CANARY")
	require.Contains(t, s.log.String(), `"method":"other"`)
	require.Contains(t, s.log.String(), `"method":"DELETE"`)
}

func TestTheAddressesOfOneNetworkShareAPace(t *testing.T) {
	t.Parallel()
	s := open(t, func(c *Config) {
		c.AddressRate, c.AddressBurst = 0.001, 2
		c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	})
	from := func(address string) reply {
		return s.call("GET", "/v1/bookings", "", "", "X-Forwarded-For", address)
	}
	for i := range 2 {
		from(fmt.Sprintf("2001:db8:1:2::%d", i)).problem(http.StatusUnauthorized, ProblemCodeUnauthorized)
	}
	from("2001:db8:1:2:ffff::7").problem(http.StatusTooManyRequests, ProblemCodeRateLimited)
	from("2001:db8:1:3::1").problem(http.StatusUnauthorized, ProblemCodeUnauthorized)
	for range 2 {
		from("198.51.100.7").problem(http.StatusUnauthorized, ProblemCodeUnauthorized)
	}
	from("::ffff:198.51.100.7").problem(http.StatusTooManyRequests, ProblemCodeRateLimited)
	from("198.51.100.8").problem(http.StatusUnauthorized, ProblemCodeUnauthorized)
}

func TestWhoAsksForWhatIsNotThereHasAPaceToo(t *testing.T) {
	t.Parallel()
	s := open(t, func(c *Config) { c.AddressRate, c.AddressBurst = 0.001, 4 })
	for range 2 {
		s.call("GET", "/nowhere", "", "").problem(http.StatusNotFound, ProblemCodeNotFound)
		s.call("PUT", "/v1/bookings", "", "").problem(http.StatusMethodNotAllowed, ProblemCodeMethodNotAllowed)
	}
	s.call("GET", "/nowhere", "", "").problem(http.StatusTooManyRequests, ProblemCodeRateLimited)
	s.call("PUT", "/v1/bookings", "", "").problem(http.StatusTooManyRequests, ProblemCodeRateLimited)
	s.call("GET", "/v1/bookings", "", "").problem(http.StatusTooManyRequests, ProblemCodeRateLimited)
	s.call("GET", "/v1/bookings?client_reference=x", webKey, "").is(http.StatusOK)
}

// One in seven hundred keys such as order-UUID was taken for a card number, because the word before the UUID hid what it is.
func TestAUUIDIsNoCardNumberWhateverStandsBesideIt(t *testing.T) {
	t.Parallel()
	for _, around := range []string{"%s", "order-%s", "face-%s", "%s-2", "a-b-%s-c", "web_%s", "{%s}", "urn:uuid:%s", "x/%s/y", "%[1]s-%[1]s"} {
		for range 5000 {
			id := uuid.New()
			if text := fmt.Sprintf(around, id); hexLetters(id.String()) > 0 {
				require.False(t, holdsCard(text), text)
			}
		}
	}
	require.True(t, holdsCard("order-4242-4242-4242-4242"))
	require.True(t, holdsCard("4242-4242-4242-4242-order"))
	require.True(t, holdsCard("01945e2a-7c00-7000-8000-00000000000a 4242-4242-4242-4242"))
}
