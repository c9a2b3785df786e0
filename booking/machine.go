package booking

import (
	"fmt"
	"time"
)

// Apply moves b by one outcome and returns the line of history that says so. It is pure: no I/O, no clock, no goroutine.
// With Decide, which speaks through it, it is the only code that moves a booking.
func (f Flow) Apply(b *Booking, o Outcome, now time.Time) Entry {
	if b.Place.Phase == Doing && (!o.instead || b.Crashed) { // who died may have tried it
		b.mark(b.Place.Step, func(m *Mark) { m.Attempts++ })
	}
	b.countDeaths(o)
	entry := Entry{
		At: now, Actor: o.actor, Verb: o.verb, From: b.Place, Attempt: b.Mark(b.Place.Step).Attempts,
		Outcome: o.kind, Reason: o.reason, Detail: o.detail,
	}
	if entry.Actor == "" {
		entry.Actor, entry.Verb = SystemActor, "turn"
	}
	switch b.Place.Phase {
	case Doing:
		f.did(b, o, now)
	case Finding:
		f.found(b, o, now)
	case Undoing:
		f.undid(b, o, now)
	case Parked:
		f.resume(b, o, now)
	case Ended:
		// Nothing but a decision moves an ended booking, and Decide puts it back on its way first.
	default:
		f.park(b, Park(Staff, Unclassified).Because(fmt.Sprintf("no phase %q", b.Place.Phase)), now)
	}
	b.Crashed = false
	b.Version++
	b.UpdatedAt = now
	entry.Version, entry.To, entry.Status = b.Version, b.Place, b.Status()
	return entry
}

// countDeaths lets the deaths of processes count only until what they died of has been survived: it is what nobody survives
// that a person has to look at, not what takes long while processes come and go. To ask and to act are two things.
func (b *Booking) countDeaths(o Outcome) {
	died, here := &b.Facts.Deaths, &b.Facts.Deaths.Acting
	if b.Place.Phase == Finding {
		here = &died.Asking
	}
	if b.Crashed {
		*here += max(0, b.Crashes-died.Acting-died.Asking) // what the claims have counted since
	}
	tried := !o.instead && o.actor == "" && o.reason != CircuitOpen
	if survived := tried && o.reason != ProcessStopped; survived {
		b.Crashes, *here = max(0, b.Crashes-*here), 0
	}
}

// did: a step was done, or tried.
func (f Flow) did(b *Booking, o Outcome, now time.Time) {
	step := f.step(b.Place.Step)
	switch o.kind {
	case KindNext:
		f.advance(b, now)
	case KindReject:
		b.mark(step.Name, func(m *Mark) {
			if !m.Doubt {
				m.State = MarkRefused
			} // else it is undone, too: a refused second attempt says nothing about the first one, which may arrive late
		})
		f.giveUp(b, o, now)
	case KindCompensate:
		if m := b.Mark(step.Name); m.Attempts == 0 && !m.Doubt {
			b.mark(step.Name, func(m *Mark) { m.State = MarkPending }) // never tried, so nothing of it is there to be undone
		}
		f.giveUp(b, o, now)
	case KindAgain, KindRetry:
		f.tryAgain(b, o, now)
	case KindUnknown:
		if step.Find == nil {
			f.tryAgain(b, o, now)
			return
		}
		f.ask(b, now)
	case KindPark:
		fallthrough
	default: // the zero Outcome, too, parks for staff
		f.park(b, o, now)
	}
}

// found: it was asked whether something happened.
func (f Flow) found(b *Booking, o Outcome, now time.Time) {
	step := f.step(b.Place.Step)
	switch {
	case o.kind == KindRetry || o.kind == KindUnknown:
		f.askAgain(b, o, now)
	case b.Goal != Confirm && o.kind == KindNext:
		f.undid(b, o, now)
	case b.Goal != Confirm && o.kind == KindAgain:
		tries, asked := b.Mark(step.Name).Tries, b.Mark(step.Name).Asked
		f.enter(b, Undoing, step.Name, now)
		b.mark(step.Name, func(m *Mark) { m.Tries = tries })
		f.undoAgain(b, Retry(step.unreachable(), 0), now)
		f.atOnce(b, asked, now)
	case b.Goal != Confirm && o.kind == KindPark:
		f.park(b, o, now)
	case b.Goal != Confirm:
		f.park(b, Park(Staff, UndoRefused).Because(o.detail), now)
	case o.kind == KindAgain:
		if b.Facts.Cancellation.pending() {
			f.giveUp(b, o, now) // it certainly did not happen, and nobody wants it any more
			return
		}
		asked := b.Mark(step.Name).Asked
		b.Place.Phase = Doing
		b.mark(step.Name, func(m *Mark) { m.State, m.Asked = MarkBegun, 0 })
		b.Facts.UnknownSince, b.Attention = time.Time{}, ""
		f.tryAgain(b, Retry(step.absence(), 0), now)
		if b.Place.Phase == Doing {
			f.atOnce(b, asked, now)
		}
	default:
		f.did(b, o, now)
	}
}

// atOnce: what was asked about is done again without a wait, where it was waited while asking, or for the first time. Later
// on it is not: while a call of ours is still under way there, a vendor refuses to begin another and says at once that nothing
// happened yet, and all tries would be used up within seconds.
func (f Flow) atOnce(b *Booking, asked int, now time.Time) {
	if asked > 0 || b.Mark(b.Place.Step).Tries == 1 {
		b.DueAt = now
	}
}

// undid: something was taken back, or tried to be.
func (f Flow) undid(b *Booking, o Outcome, now time.Time) {
	step := f.step(b.Place.Step)
	switch {
	case o.kind == KindNext && b.Goal == GiveBack:
		b.Goal = Confirm
		f.goOn(b, now)
	case o.kind == KindNext:
		b.mark(step.Name, func(m *Mark) { m.State = MarkUndone })
		f.unwind(b, now)
	case o.kind == KindReject && step.Pivot && b.Result == Confirmed && !b.Mark(step.Name).UndoDoubt:
		f.stand(b, now)
	case o.kind == KindUnknown && step.Find != nil:
		f.ask(b, now)
	case o.kind == KindAgain || o.kind == KindRetry || o.kind == KindUnknown:
		f.undoAgain(b, o, now)
	case o.kind == KindReject || o.kind == KindCompensate:
		f.park(b, Park(Staff, UndoRefused).Because(o.detail), now)
	default:
		f.park(b, o, now)
	}
}

// stand: the supplier insists on the stay, so it stands, and so does the charge.
func (f Flow) stand(b *Booking, now time.Time) {
	b.Facts.Cancellation.Refuse, b.Goal = CancelRefusedBySupplier, Confirm
	b.mark(b.Place.Step, func(m *Mark) { m.State = MarkDone })
	f.goOn(b, now)
}

// resume: a parked booking was decided about, or its time ran out.
func (f Flow) resume(b *Booking, o Outcome, now time.Time) {
	wait := b.Facts.Waiting
	if o.kind == KindPark || o.kind == KindRetry || o.kind == "" {
		return // nothing was decided
	}
	if !b.Facts.Deadline.IsZero() {
		b.Facts.Deadline = b.Facts.Deadline.Add(now.Sub(wait.Since)) // the wait was not ours
	}
	b.Facts.Waiting.Who = ""
	b.Attention, b.Crashes, b.Facts.Deaths = "", 0, Deaths{}
	b.Place.Phase = wait.From
	b.DueAt = now
	b.mark(b.Place.Step, func(m *Mark) { m.Tries, m.Asked = 0, 0 })
	switch {
	case o.kind == KindAgain && (wait.From == Doing || wait.Who == Customer):
		b.Place.Phase, b.Facts.UnknownSince = Doing, time.Time{}
		b.mark(b.Place.Step, func(m *Mark) { m.State = MarkBegun })
	case o.kind == KindAgain:
		b.Facts.UnknownSince = now // staff want it asked, or undone, with all patience again
	case o.kind == KindUnknown && wait.From == Finding: // its time ran out: ask once more
	case wait.From == Finding:
		f.found(b, o, now)
	case wait.From == Undoing:
		f.undid(b, o, now)
	default:
		f.did(b, o, now)
	}
}

// advance: the step is done.
func (f Flow) advance(b *Booking, now time.Time) {
	step := f.step(b.Place.Step)
	b.mark(step.Name, func(m *Mark) { m.State = MarkDone })
	if step.Pivot {
		b.Result, b.Facts.ConfirmedAt = Confirmed, now
	}
	b.Facts.Failure = Failure{}
	f.goOn(b, now)
}

// goOn enters the next step that is still to be done; or, if somebody wants to cancel, turns round.
func (f Flow) goOn(b *Booking, now time.Time) {
	f.settled(b)
	if b.Facts.Cancellation.pending() {
		f.turnRound(b, Cancel, now)
		return
	}
	for _, s := range f.Steps {
		if state := b.Mark(s.Name).State; state != MarkDone && state != MarkSkipped {
			f.enter(b, Doing, s.Name, now)
			return
		}
	}
	f.end(b)
}

// giveUp: the step failed for good. Before the pivot that unwinds; after it a person decides, unless nobody would miss the
// step, or somebody wants to cancel anyway.
func (f Flow) giveUp(b *Booking, o Outcome, now time.Time) {
	step := f.step(b.Place.Step)
	switch {
	case b.Facts.Cancellation.pending():
		f.turnRound(b, Cancel, now)
	case b.Result != Confirmed:
		if o.reason != PaymentDeclined {
			b.Facts.Failure.Decline = ""
		}
		b.Facts.Failure.Code = o.reason
		f.turnRound(b, Fail, now)
	case step.Spent == LetGo:
		b.mark(step.Name, func(m *Mark) { m.State = MarkSkipped })
		f.goOn(b, now)
	default:
		f.park(b, Park(Staff, CaptureFailed).Because(string(o.reason)+" "+o.detail), now)
	}
}

// turnRound heads backwards.
func (f Flow) turnRound(b *Booking, goal Goal, now time.Time) {
	f.settled(b)
	b.Goal = goal
	if goal == Cancel {
		b.Facts.Cancellation.Begun = true
		if b.Result != Confirmed {
			b.Facts.Cancellation.Fee = b.Facts.Price.Of(0) // there was no stay to cancel
		}
		b.Facts.Money.RefundTry++
		if b.Facts.Money.Captured == 0 {
			b.Facts.Money.CaptureTry++ // a fee is another amount, so it needs another key
		}
	}
	f.unwind(b, now)
}

// unwind undoes what is left to undo, or decides the booking when nothing is. Tracking comes last, and is not waited for.
func (f Flow) unwind(b *Booking, now time.Time) {
	step, left := f.nextUndo(b)
	if !left || step.Pool == TrackingPool {
		if b.Goal == Fail {
			b.Result = Failed
		} else {
			b.Result = Cancelled
		}
	}
	if !left {
		f.end(b)
		return
	}
	f.enter(b, Undoing, step.Name, now)
}

// nextUndo is the step to undo next. Undo runs upwards, with two exceptions: the pivot is undone first, because no money is
// given back for a stay that the supplier may insist on; and tracking last, because it must hold nobody up.
func (f Flow) nextUndo(b *Booking) (Step, bool) {
	var next, last Step
	for i := len(f.Steps) - 1; i >= 0; i-- {
		s := f.Steps[i]
		if s.Undo == nil || !b.Mark(s.Name).State.remains() {
			continue
		}
		switch {
		case s.Pivot:
			return s, true
		case s.Pool == TrackingPool:
			last = s
		case next.Undo == nil:
			next = s
		}
	}
	if next.Undo == nil {
		next = last
	}
	return next, next.Undo != nil
}

// remains tells whether something of the step may exist outside.
func (s MarkState) remains() bool { return s == MarkBegun || s == MarkUnclear || s == MarkDone }

// enter begins a phase of a step. Doing it means that from now on it may have happened.
func (f Flow) enter(b *Booking, phase Phase, step Name, now time.Time) {
	b.Place = Place{phase, step}
	b.DueAt, b.Crashes, b.Facts.Deaths = now, 0, Deaths{}
	b.mark(step, func(m *Mark) {
		m.Tries, m.Asked = 0, 0
		if phase == Doing {
			m.State = MarkBegun
		}
	})
}

// end: nothing is left to do.
func (f Flow) end(b *Booking) {
	f.settled(b)
	b.Place = Place{Phase: Ended}
	b.DueAt, b.Crashes, b.Facts.Deaths = time.Time{}, 0, Deaths{}
}

// settled forgets what was open about the step before.
func (f Flow) settled(b *Booking) {
	b.Facts.Waiting, b.Facts.UnknownSince, b.Attention = Waiting{}, time.Time{}, ""
}

// step is the table's row of a name. A name that the table does not have stops the start, so it cannot get here.
func (f Flow) step(name Name) Step {
	for _, s := range f.Steps {
		if s.Name == name {
			return s
		}
	}
	return Step{Name: name, Spent: AskStaff}
}

// Step is the table's row of a name, and whether there is one.
func (f Flow) Step(name Name) (Step, bool) {
	s := f.step(name)
	return s, s.Do != nil
}
