package workers_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
	"hotelbooking/booking/bookingtest"
)

// last are the figures of now.
func (r *rig) last() booking.Figures {
	all := r.Figures()
	return all[len(all)-1]
}

func TestFiguresCountWhatBecameOfBookings(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, func(p *parts) {
			p.script = func(b *booking.Booking, operation string) bookingtest.Fate {
				switch {
				case operation == "hold" && b.Offer.Token == "sold out":
					return bookingtest.Refuses
				case operation == "authorize" && b.Offer.Token == "lost":
					return bookingtest.LosesReply
				}
				return bookingtest.Obeys
			}
		})
		token := func(name string) func(*booking.Ask) { return func(a *booking.Ask) { a.Offer.Token = name } }
		r.ended(r.submit())
		r.ended(r.submit(token("sold out")))
		r.ended(r.submit(token("sold out")))
		r.ended(r.submit(token("lost")))
		id := r.submit()
		r.decide(id, booking.Decision{Verb: booking.VerbCancel, Actor: "customer"})
		require.Equal(t, booking.Cancelled, r.ended(id).Result)

		f := r.last()
		require.Equal(t, time.Now().UTC().Truncate(time.Microsecond), f.At)
		require.Equal(t, int64(5), f.Accepted)
		require.Equal(t, int64(2), f.Failed)
		require.Equal(t, map[booking.Reason]int64{booking.OfferSoldOut: 2}, f.Codes)
		require.Equal(t, int64(1), f.Cancelled)
		require.Equal(t, int64(1), f.Unknown)
		require.Equal(t, int64(r.count("booking_decided_total")), f.Confirmed+f.Failed+f.Cancelled, "as the metrics have it")
		require.Zero(t, f.Shed)
	})
}

func TestFiguresCountWhoWasTurnedAway(t *testing.T) {
	t.Parallel()
	r := build(t)
	require.Error(t, r.Admit())
	require.Error(t, r.Admit())
	require.Equal(t, int64(2), r.last().Shed)
}

func TestFiguresShowWhatWaitsAndWhatIsBusy(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, func(p *parts) {
			p.cfg.Pools.Provider, p.cfg.PerSupplier, p.cfg.Memory = 2, 2, 5
			p.cfg.Deadlines.Provider = time.Hour
			slowly(p, booking.StepHold, 30*time.Minute)
		})
		for range 7 {
			r.submit()
			synctest.Wait()
		}
		pass(time.Minute)
		f := r.last()
		require.Equal(t, booking.PoolFigures{Pool: booking.ProviderPool, InUse: 2, Size: 2, Waiting: 2}, f.Pools[0])
		require.Len(t, f.Pools, len(booking.Pools()))
		require.Equal(t, 4, f.Held)
		require.Equal(t, 5, f.Backlog, "two in memory, three in the database")
		require.InDelta(t, time.Minute, f.Oldest, float64(2*time.Second))
		require.Equal(t, []booking.BreakerFigures{{System: "provider:sandbox", State: booking.BreakerClosed}}, f.Breakers)
	})
}

func TestFiguresNameTheStatesOfBreakers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, eager, func(p *parts) {
			p.script = func(_ *booking.Booking, operation string) bookingtest.Fate {
				if operation == "hold" {
					return bookingtest.IsBusy
				}
				return bookingtest.Obeys
			}
		})
		for range 10 {
			r.submit()
		}
		synctest.Wait()
		require.Equal(t, []booking.BreakerFigures{{System: "provider:sandbox", State: booking.BreakerOpen}}, r.last().Breakers)
	})
}

func TestAnHourOfFiguresIsKeptOldestFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t)
		synctest.Wait()
		began := time.Now().UTC()
		first := r.Figures()
		require.Len(t, first, 2, "a sample is taken at the start, and now")
		require.Equal(t, began, first[0].At)

		pass(2 * time.Minute)
		require.InDelta(t, 25, len(r.Figures()), 4, "one in five seconds")

		pass(3 * time.Hour)
		all := r.Figures()
		require.Len(t, all, 721)
		for i := range all[1:] {
			require.False(t, all[i+1].At.Before(all[i].At), "oldest first")
		}
		require.InDelta(t, time.Hour, all[720].At.Sub(all[0].At), float64(3*time.Minute))
		require.Equal(t, time.Now().UTC(), all[720].At, "the last is of now")
	})
}
