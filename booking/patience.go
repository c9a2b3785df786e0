package booking

import (
	"hash/fnv"
	"strconv"
	"time"
)

// Limits are how long the flow waits for whom. See config.yaml for the meaning of each to an operator.
type Limits struct {
	BookingDeadline time.Duration // from acceptance to the pivot, waits for people not counted
	CustomerWindow  time.Duration // for the customer to act; never past the offer or the hold
	ReviewWindow    time.Duration // for staff to decide a review; never past the offer or the hold
	UnknownFor      time.Duration // how long an unknown outcome is asked about before a person is
	AttentionAfter  time.Duration // how long it may stay unknown before staff can see it
	BackoffBase     time.Duration // first retry within this, doubling
	BackoffCap      time.Duration // longest wait before the pivot, and between questions
	UndoCap         time.Duration // longest wait between attempts to capture, give back or track
}

// DefaultLimits suit suppliers that answer within a minute.
func DefaultLimits() Limits {
	return Limits{
		BookingDeadline: 10 * time.Minute, CustomerWindow: 15 * time.Minute, ReviewWindow: 4 * time.Hour,
		UnknownFor: 30 * time.Minute, AttentionAfter: 30 * time.Second,
		BackoffBase: 500 * time.Millisecond, BackoffCap: 20 * time.Second, UndoCap: 5 * time.Minute,
	}
}

const (
	maxCrashes  = 3 // processes that may die on one step before a person looks
	stuckAfter  = 5 // attempts to take something back, or to capture, before staff can see it
	recheckIdle = 5 * time.Minute
)

// ask goes to find out whether it happened, now.
func (f Flow) ask(b *Booking, now time.Time) {
	step := b.Place.Step
	b.Place.Phase = Finding
	b.DueAt = now
	if b.Facts.UnknownSince.IsZero() {
		b.Facts.UnknownSince = now
	}
	b.mark(step, func(m *Mark) {
		m.Asked = 0
		if b.Goal == Confirm {
			m.State, m.Doubt = MarkUnclear, true
		} else {
			m.UndoDoubt = true
		}
	})
}

// askAgain: there was no answer. Before the pivot that can be taken back by our reference; from the pivot on a person is
// asked in the end, and backwards it is asked for ever.
func (f Flow) askAgain(b *Booking, o Outcome, now time.Time) {
	step := f.step(b.Place.Step)
	paused := o.reason == Paused // nobody was asked: it counts for nothing, but its time goes on
	if !paused {
		b.mark(step.Name, func(m *Mark) { m.Asked++ })
	}
	unknownFor := now.Sub(b.Facts.UnknownSince)
	if unknownFor >= f.Limits.AttentionAfter {
		b.Attention = OutcomeUnknown
	}
	if b.Goal == Confirm && f.beforePivot(step.Name) && (unknownFor >= f.Limits.UnknownFor || now.After(b.Facts.Deadline)) {
		f.giveUp(b, Compensate(step.absence()), now)
		return
	}
	if paused {
		b.DueAt = now.Add(o.after)
		return
	}
	if b.Goal == Confirm && unknownFor >= f.Limits.UnknownFor {
		f.park(b, Park(Staff, OutcomeUnknown).Within(recheckIdle).Because(o.detail), now)
		return
	}
	b.DueAt = now.Add(f.wait(b, o, b.Mark(step.Name).Asked, f.Limits.BackoffCap))
}

// tryAgain: it did not happen yet.
func (f Flow) tryAgain(b *Booking, o Outcome, now time.Time) {
	if o.reason == Paused { // nobody was asked, so it was not tried
		b.DueAt = now.Add(o.after)
		return
	}
	step := f.step(b.Place.Step)
	b.mark(step.Name, func(m *Mark) { m.Tries++ })
	tries := b.Mark(step.Name).Tries
	if b.Result == Confirmed && tries >= stuckAfter && step.Spent == AskStaff {
		b.Attention = CaptureFailed
	}
	if tries < step.Tries {
		longest := f.Limits.BackoffCap
		if b.Result == Confirmed {
			longest = f.Limits.UndoCap
		}
		b.DueAt = now.Add(f.wait(b, o, tries, longest))
		return
	}
	if o.reason == CircuitOpen {
		o.reason = step.unreachable() // why we did not ask is no answer to the customer
	}
	if step.Spent == AskStaff && f.beforePivot(step.Name) {
		f.park(b, Park(Staff, o.reason).Within(f.Limits.ReviewWindow).Because(o.detail), now)
		return
	}
	f.giveUp(b, o, now)
}

// undoAgain: it is not given back yet. It is tried for ever; only tracking is let go.
func (f Flow) undoAgain(b *Booking, o Outcome, now time.Time) {
	if o.reason == Paused {
		b.DueAt = now.Add(o.after)
		return
	}
	step := f.step(b.Place.Step)
	b.mark(step.Name, func(m *Mark) { m.Tries++ })
	tries := b.Mark(step.Name).Tries
	if step.Spent == LetGo && tries >= step.Tries {
		b.mark(step.Name, func(m *Mark) { m.State = MarkSkipped })
		f.unwind(b, now)
		return
	}
	if tries >= stuckAfter && step.Spent != LetGo {
		b.Attention = UndoStuck
	}
	b.DueAt = now.Add(f.wait(b, o, tries, f.Limits.UndoCap))
}

// park waits for a person. A customer is never given longer than the offer or the hold lives, and being asked the same
// thing again does not give them more time.
func (f Flow) park(b *Booking, o Outcome, now time.Time) {
	who, reason := o.who, o.reason
	if who == "" {
		who, reason = Staff, Unclassified
	}
	wait := Waiting{Who: who, Reason: reason, From: b.Place.Phase, Since: now}
	if o.action != nil {
		wait.Action = *o.action
	}
	if o.within > 0 {
		wait.Until = now.Add(o.within)
		if b.Result != Confirmed {
			wait.Until = earliest(wait.Until, b.Offer.ExpiresAt, b.Facts.Hold.ExpiresAt)
		}
		if before := b.Facts.Waiting; before.Reason == reason && before.Action.Type == wait.Action.Type && who == Customer {
			wait.Until = earliest(wait.Until, before.Until)
		}
	}
	if who == Staff {
		b.Attention = reason
	}
	b.Facts.Waiting = wait
	b.Place.Phase = Parked
	b.DueAt = wait.Until
}

// Before says what a turn has to do instead of acting, if anything: a process died on it, somebody wants to cancel, a
// deadline has passed.
func (f Flow) Before(b *Booking, now time.Time) (Outcome, bool) {
	if b.Crashed && b.Crashes < maxCrashes && (b.Place.Phase == Doing || b.Place.Phase == Undoing) {
		return Unknown(ProcessStopped), true
	}
	o, decided := f.interruption(b, now)
	o.instead = true
	return o, decided
}

func (f Flow) interruption(b *Booking, now time.Time) (Outcome, bool) {
	step := f.step(b.Place.Step)
	switch {
	case b.Place.Phase == Ended:
		return Outcome{}, false
	case b.Place.Phase == Parked:
		return f.timeUp(b), true
	case b.Crashes >= maxCrashes:
		return Park(Staff, CrashedRepeatedly), true
	case b.Facts.Cancellation.pending() && f.mayTurn(b):
		return Compensate(b.Facts.Cancellation.Code), true
	case b.Place.Phase != Doing || b.Goal != Confirm || b.Result == Confirmed:
		return Outcome{}, false
	case now.After(b.Facts.Deadline):
		return Compensate(BookingDeadlineExceeded), true
	case step.Name == StepHold && expired(b.Offer.ExpiresAt, now):
		return Compensate(OfferExpired), true
	case step.Name != StepHold && expired(b.Facts.Hold.ExpiresAt, now):
		return Compensate(OfferExpired), true
	}
	return Outcome{}, false
}

// timeUp is what becomes of a parked booking that is due: it was cancelled, or nobody acted in time.
func (f Flow) timeUp(b *Booking) Outcome {
	wait := b.Facts.Waiting
	switch {
	case b.Facts.Cancellation.pending() && f.mayTurn(b):
		return Compensate(b.Facts.Cancellation.Code)
	case wait.From != Doing && wait.From != Finding:
		return Again()
	case wait.Who == Customer && wait.Reason == PaymentAuthenticationNeeded:
		return Compensate(PaymentActionExpired)
	case wait.Who == Customer:
		return Compensate(wait.Reason)
	case b.Place.Step == StepScreen:
		return Compensate(ReviewExpired)
	default:
		return Unknown(wait.Reason)
	}
}

// TurnsRound tells that b would follow a wish to cancel if it had a turn now.
func (f Flow) TurnsRound(b *Booking, now time.Time) bool {
	if !b.Facts.Cancellation.pending() {
		return false
	}
	o, decided := f.Before(b, now)
	return decided && o.kind == KindCompensate
}

// mayTurn tells whether a wish to cancel can be followed at this place: nothing irrevocable is in the air.
func (f Flow) mayTurn(b *Booking) bool {
	if b.Goal != Confirm {
		return false
	}
	phase := b.Place.Phase
	if phase == Parked {
		phase = b.Facts.Waiting.From
	}
	return phase == Doing || phase == Finding && f.beforePivot(b.Place.Step)
}

// unreachable is the reason a customer, or staff, are given when the step's system could not be asked.
func (s Step) unreachable() Reason {
	switch s.Pool {
	case PaymentPool:
		return PaymentUnavailable
	case FraudPool:
		return FraudUnavailable
	case TrackingPool:
		return TrackingUnavailable
	case ProviderPool:
		return SupplierUnavailable
	default:
		return SupplierUnavailable
	}
}

// absence is the reason a customer is given when the step turned out never to have happened.
func (s Step) absence() Reason {
	switch {
	case s.Pivot:
		return SupplierNoConfirmation
	case s.Pool == PaymentPool:
		return PaymentUnavailable
	default:
		return SupplierUnavailable
	}
}

func (f Flow) beforePivot(step Name) bool {
	for _, s := range f.Steps {
		if s.Pivot {
			return false
		}
		if s.Name == step {
			return true
		}
	}
	return false
}

// wait is the pause before attempt n+1: exponential with full jitter, and at least what the other side asked for. The
// jitter comes from the booking's id, so that the machine stays pure and two bookings still never march in step.
func (f Flow) wait(b *Booking, o Outcome, n int, longest time.Duration) time.Duration {
	span := f.Limits.BackoffBase
	for i := 1; i < n && span < longest; i++ {
		span *= 2
	}
	span = min(span, longest)
	h := fnv.New64a()
	_, _ = h.Write([]byte(string(b.ID) + string(b.Place.Step) + strconv.Itoa(b.Version)))
	jittered := time.Duration(h.Sum64() % uint64(max(span, 1)))
	return max(jittered, o.after)
}

func expired(t, now time.Time) bool { return !t.IsZero() && now.After(t) }

// earliest of t and those of the others that are set.
func earliest(t time.Time, others ...time.Time) time.Time {
	for _, o := range others {
		if !o.IsZero() && o.Before(t) {
			t = o
		}
	}
	return t
}
