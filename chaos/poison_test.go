package chaos_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/chaos/judge"
)

// A booking whose step kills the process is found out: it is left to a person after three deaths, and the others, who died with
// it each time, come to their ends.
func TestAPoisonBookingIsSetAside(t *testing.T) {
	form := beside(t)
	const poison, maxDeaths = "sim_slow_1", 3
	c := newCase(t, "poison", onSQLite(t))
	c.alone = true
	began := make(chan string, 1) // the reference of the poisonous booking
	gate := newGate(t, c.sandbox.url, func(r *http.Request, body []byte) bool {
		if !strings.HasSuffix(r.URL.Path, "/holds") || !bytes.Contains(body, []byte(`"`+poison+`"`)) {
			return false
		}
		var hold struct{ Reference string }
		if json.Unmarshal(body, &hold) != nil {
			return false
		}
		select {
		case began <- hold.Reference:
		default:
		}
		return true
	})
	environ := []string{"BOOKING_SANDBOX__URL=" + gate, "BOOKING_PROVIDERS__HOTEL__TIMEOUT=20s"}
	one := c.start(environ...)
	load := c.offer(plan{clients: 20, pause: 50 * time.Millisecond, kinds: judge.Only("ok"), cancel: -1})
	load.acks(20)
	for range form.of(1, 10) {
		before := c.done("kills")
		poisoned := c.offer(plan{clients: 1, kinds: []judge.Kind{{Name: "poison", Offer: poison, Want: judge.Confirmed, Parks: "crashed_repeatedly", Weight: 1}}, cancel: -1})
		poisoned.acks(1)
		poisoned.stop()
		reference := ""
		for parked := false; !parked; {
			select {
			case reference = <-began:
				load.ends(20) // its neighbours, claimed at the same moment, have come further
				c.kill(one)
				require.LessOrEqual(t, c.done("kills")-before, maxDeaths, "nobody stops it")
				one = c.start(environ...)
			case <-time.After(100 * time.Millisecond):
				parked = slices.Contains(c.setAside(), reference)
			}
		}
		require.Equal(t, maxDeaths, c.done("kills")-before)
		load.with(poisoned)
	}
	load.acks(20)
	r := c.judge(load)
	c.require(r, needs{"crashed", "attention"})
	require.GreaterOrEqual(t, r.Parked, form.of(1, 10))
	require.LessOrEqual(t, r.Parked-form.of(1, 10), r.Acked/50, "its neighbours were taken for poison, too")
}

// setAside lists the bookings that support sees because processes died of them.
func (c *kase) setAside() (references []string) {
	c.Helper()
	var page struct{ Bookings []struct{ Reference string } }
	require.Equal(c, http.StatusOK, c.ask("/v1/support/bookings?limit=100&attention=crashed_repeatedly", c.support, &page))
	for _, b := range page.Bookings {
		references = append(references, b.Reference)
	}
	return references
}
