package webhooks

import (
	"math/rand/v2"
	"time"

	"hotelbooking/booking"
)

// result is what becomes of a delivery after a try.
func (s *Sender) result(d booking.Delivery, owner string, a answer) booking.DeliveryResult {
	r := booking.DeliveryResult{Delivery: d, Owner: owner, Status: a.status, Error: a.fault}
	switch {
	case a.taken:
		r.State = booking.DeliveryDelivered
	case a.fault == cutOff:
		r.State = booking.DeliveryDue // at once, by another process: it may have arrived, or not
	case s.now().Sub(d.Since) >= s.cfg.RetryFor:
		r.State = booking.DeliveryDead
	default:
		r.State = booking.DeliveryDue
		r.RetryIn = max(pause(d.Attempts, s.cfg.BackoffBase, s.cfg.BackoffCap), min(a.retryAfter, s.cfg.BackoffCap))
	}
	return r
}

// pause is anything up to a bound that doubles with each attempt: so those that failed together do not come back together.
func pause(attempts int, base, most time.Duration) time.Duration {
	return time.Duration(rand.Int64N(int64(bound(attempts, base, most)) + 1)) //nolint:gosec // it spreads, and guards nothing
}

func bound(attempts int, base, most time.Duration) time.Duration {
	d := base
	for range attempts - 1 {
		if d >= most/2 {
			return most
		}
		d *= 2
	}
	return min(d, most)
}
