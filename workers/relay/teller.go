package relay

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/sourcegraph/conc/panics"
	"go.uber.org/zap"

	"hotelbooking/booking"
)

const (
	claimWithin  = 5 * time.Second
	settleWithin = 5 * time.Second
	settlePause  = time.Second // after one that failed
	margin       = 2 * settleWithin
	backoffBase  = 250 * time.Millisecond // before the second try; doubled each time
	watchEvery   = 15 * time.Second
	// mostRefused is after how many bookings in a row that a subscriber does not take it is left alone for a while.
	mostRefused = 8
	// calm is how long a subscriber must take everything until its trouble is said to be over, so that one event that it never
	// takes is not a line of the log at each try.
	calm = 30 * time.Second
)

// teller tells one subscriber. But for wake its fields are its goroutine's alone.
type teller struct {
	Subscription
	relay *Relay
	wake  chan struct{}

	claims   int       // made so far: each has an owner of its own
	failures int       // rounds in a row in which nothing went well
	careful  bool      // the last round was not all well: so bookings are told of one by one, and what ails one stops no other
	troubled time.Time // when a round was last not all well, if that was said and its end was not; else zero
}

// run tells of what there is until claiming ends.
func (t *teller) run(claiming, telling context.Context) {
	for claiming.Err() == nil {
		found, taken, err := t.round(claiming, telling)
		t.note(taken, err)
		if found == 0 || err != nil {
			t.rest(claiming)
		}
	}
}

// round tells of some events: of so many found so many were taken.
func (t *teller) round(claiming, telling context.Context) (found, taken int, err error) {
	t.claims++
	claim := booking.EventClaim{
		Subscriber: t.Name, Owner: fmt.Sprintf("%s.%d", t.relay.deps.Boot, t.claims), Limit: t.relay.cfg.Batch, Lease: t.relay.cfg.Timeout + t.relay.margin,
	}
	events, err := t.claim(claiming, claim)
	if err != nil || len(events) == 0 {
		return 0, 0, err
	}
	has, err := t.tell(telling, events)
	if settled := t.settle(claiming, claim, has); settled != nil {
		return len(events), 0, settled
	}
	t.relay.metrics.told(t.Name, has)
	return len(events), len(has), err
}

// claim is not cut off by a stop: what was claimed and nobody knows of would be told only after its lease.
func (t *teller) claim(claiming context.Context, c booking.EventClaim) ([]booking.Event, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(claiming), claimWithin)
	defer cancel()
	events, err := t.relay.deps.Outbox.ClaimEvents(ctx, c)
	if err != nil {
		t.relay.metrics.failed(t.Name, "claim")
	}
	return events, err
}

// tell hands events to the subscriber and gives back those that it has.
func (t *teller) tell(telling context.Context, events []booking.Event) (taken []booking.Event, err error) {
	ctx, cancel := context.WithTimeoutCause(telling, t.relay.cfg.Timeout, errTimeout)
	defer cancel()
	if !t.careful {
		if err := t.take(ctx, events); err != nil {
			return nil, err
		}
		return events, nil
	}
	refused := 0
	for len(events) > 0 && refused < mostRefused && ctx.Err() == nil {
		n := 1
		for n < len(events) && events[n].Booking == events[0].Booking {
			n++
		}
		if failed := t.take(ctx, events[:n]); failed != nil {
			err = failed
			refused++
		} else {
			taken = append(taken, events[:n]...)
			refused = 0
		}
		events = events[n:]
	}
	return taken, err
}

func (t *teller) take(ctx context.Context, events []booking.Event) (err error) {
	if panicked := panics.Try(func() { err = t.To.Take(ctx, events) }); panicked != nil {
		err = fmt.Errorf("a defect of ours: %s", panicked.String())
	}
	if err != nil {
		t.relay.metrics.failed(t.Name, "take")
		return fmt.Errorf("tell of %s and %d more: %w", events[0].ID, len(events)-1, err)
	}
	return nil
}

// settle says what the subscriber has, again and again until that is written: nothing else can be done meanwhile, and to
// forget it would tell the subscriber twice.
func (t *teller) settle(claiming context.Context, c booking.EventClaim, taken []booking.Event) error {
	for {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(claiming), settleWithin)
		err := t.relay.deps.Outbox.SettleEvents(ctx, c, taken)
		cancel()
		if err == nil {
			return nil
		}
		t.relay.metrics.failed(t.Name, "settle")
		t.note(0, err)
		select {
		case <-claiming.Done():
			return err
		case <-time.After(settlePause):
		}
	}
}

// note is after each round: it decides how the next one is done, and says what has changed.
func (t *teller) note(taken int, err error) {
	name, now := zap.String("subscriber", t.Name), time.Now()
	t.careful = err != nil
	switch {
	case err == nil || taken > 0:
		t.failures = 0
	default:
		t.failures++
	}
	switch {
	case err != nil && t.troubled.IsZero():
		t.relay.log.Warn("events wait, and are told of again and again", name, zap.Error(err))
		t.troubled = now
	case err != nil:
		t.troubled = now
	case !t.troubled.IsZero() && now.Sub(t.troubled) >= calm:
		t.relay.log.Info("events are told of again", name)
		t.troubled = time.Time{}
	}
}

// rest waits until there may be more to tell. What fails is not hurried by anything.
func (t *teller) rest(claiming context.Context) {
	pause, wake := t.relay.cfg.Poll, t.wake
	if t.careful {
		pause, wake = min(backoffBase<<min(max(t.failures-1, 0), 20), t.relay.cfg.BackoffCap), nil
	}
	timer := time.NewTimer(pause/4*3 + rand.N(pause/2+1)) //nolint:gosec // it spreads load
	defer timer.Stop()
	select {
	case <-claiming.Done():
	case <-timer.C:
	case <-wake:
	}
}

// watch keeps the figures of how far behind the subscriber is.
func (t *teller) watch(claiming context.Context) {
	every := time.NewTicker(watchEvery)
	defer every.Stop()
	for claiming.Err() == nil {
		ctx, cancel := context.WithTimeout(claiming, claimWithin)
		figures, err := t.relay.deps.Outbox.EventFigures(ctx, t.Name)
		cancel()
		if err == nil {
			t.relay.metrics.behind(t.Name, figures)
		} else if claiming.Err() == nil {
			t.relay.metrics.failed(t.Name, "figures")
		}
		select {
		case <-claiming.Done():
		case <-every.C:
		}
	}
}
