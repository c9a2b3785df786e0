package workers_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
	"hotelbooking/booking/bookingtest"
	"hotelbooking/workers"
)

func works(pools ...booking.Pool) func(*parts) { return func(p *parts) { p.cfg.Works = pools } }

// fleet is one engine that only accepts, and one for each pool beside it.
func fleet(t *testing.T, change ...func(*parts)) (api *rig, of map[booking.Pool]*rig) {
	api = start(t, append(change, works())...)
	of = map[booking.Pool]*rig{}
	for _, pool := range booking.Pools() {
		of[pool] = start(t, beside(api, append(change, works(pool))...))
	}
	return api, of
}

func TestABookingGoesFromProcessToProcess(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		api, of := fleet(t)
		var ids []booking.ID
		for range 50 {
			ids = append(ids, api.submit())
		}
		for _, id := range ids {
			require.Equal(t, booking.Confirmed, api.ended(id).Result)
			require.Equal(t, []string{"hold", "screen", "authorize", "confirm", "capture", "track"}, api.world.Calls(api.get(id)))
		}
		require.Empty(t, api.logs.FilterMessage("turn").All())
		for pool, r := range of {
			lines := r.logs.FilterMessage("turn").All()
			require.NotEmpty(t, lines)
			for _, line := range lines {
				step, ok := r.flow.Step(booking.Name(line.ContextMap()["step"].(string)))
				require.True(t, ok)
				require.Equal(t, pool, step.Pool)
			}
			require.Zero(t, r.count("booking_crashed_total"), "nobody died")
		}
		require.Zero(t, api.leased())
	})
}

// Staff approve just when the time to do so is over: the process that saw it end has the lease, and asks no cards.
func TestABookingThatMovedToAPoolOfOthersIsGivenToThem(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var race raced
		first := start(t, works(booking.ProviderPool, booking.FraudPool), func(p *parts) {
			race.Queue = p.memory
			p.queue = &race
			p.script = func(_ *booking.Booking, operation string) bookingtest.Fate {
				if operation == "screen" {
					return bookingtest.AsksStaff
				}
				return bookingtest.Obeys
			}
		})
		start(t, beside(first, works(booking.PaymentPool, booking.TrackingPool)))
		id := first.submit()
		b := first.until(id, func(b *booking.Booking) bool { return b.Place.Phase == booking.Parked })
		race.before.Store(func() { // between the claim of what timed out, and its save
			race.before.Store(func() {})
			first.decide(id, booking.Decision{Verb: booking.VerbApprove, Actor: "support:ana"})
		})
		pass(time.Until(b.Facts.Waiting.Until) + 3*time.Second)
		require.Equal(t, booking.Confirmed, first.get(id).Result, "at once, not when the lease has run out")
	})
}

func TestAProcessWorksOnlyInPoolsThatThereAre(t *testing.T) {
	t.Parallel()
	cfg := workers.DefaultConfig()
	cfg.Works = []booking.Pool{"kitchen"}
	require.ErrorContains(t, cfg.Validate(), `works: "kitchen" is no pool`)
}
