package workers_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
)

// calling makes the body of a step tell of one call before it acts.
func calling(p *parts, name booking.Name, call booking.Call) {
	step := p.step(name)
	do := step.Do
	step.Do = func(ctx context.Context, b *booking.Booking) booking.Outcome {
		booking.Called(ctx, call)
		return do(ctx, b)
	}
}

func TestTheLineOfATurnHasTheCallsItMade(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hold := booking.Call{Vendor: "hotel", Operation: "hold", RequestID: "r-1", Status: 201, Took: time.Second}
		pay := booking.Call{Vendor: "psp", Operation: "authorize", RequestID: "r-2", Key: "k-2", Fault: booking.Unclear}
		again := booking.Call{Vendor: "psp", Operation: "find", RequestID: "r-3", Status: 200}
		r := start(t, func(p *parts) {
			calling(p, booking.StepHold, hold)
			calling(p, booking.StepAuthorize, again)
			calling(p, booking.StepAuthorize, pay)
		})
		id := r.submit()
		r.ended(id)
		require.Equal(t, []booking.Call{hold}, r.turns(id, booking.Doing, booking.StepHold)[0].Calls)
		require.Equal(t, []booking.Call{pay, again}, r.turns(id, booking.Doing, booking.StepAuthorize)[0].Calls, "in their order")
		require.Empty(t, r.turns(id, booking.Doing, booking.StepScreen)[0].Calls, "each turn has its own")
	})
}

func TestATurnThatIsTakenAwayKeepsTheCallsThatHadEnded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		first := booking.Call{Vendor: "hotel", Operation: "hold", RequestID: "r-1", Status: 503}
		release := make(chan struct{})
		r := start(t, func(p *parts) {
			p.cfg.Deadlines.Provider = 2 * time.Second
			do := p.step(booking.StepHold).Do
			p.step(booking.StepHold).Do = func(ctx context.Context, b *booking.Booking) booking.Outcome {
				booking.Called(ctx, first)
				<-release // and not ctx
				booking.Called(ctx, booking.Call{Vendor: "hotel", Operation: "hold", RequestID: "too late"})
				return do(ctx, b)
			}
		})
		id := r.submit()
		pass(5 * time.Second)
		close(release)
		r.ended(id)
		turn := r.turns(id, booking.Doing, booking.StepHold)[0]
		require.Equal(t, booking.TurnDeadline, turn.Reason)
		require.Equal(t, []booking.Call{first}, turn.Calls)
	})
}
