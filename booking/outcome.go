package booking

import "time"

// Kind is what an outcome says.
type Kind string

// The vocabulary in which steps, people, notifications and clocks speak to the flow.
const (
	KindNext       Kind = "next"       // it happened (or, undoing, it is undone)
	KindAgain      Kind = "again"      // it did not happen: do it
	KindRetry      Kind = "retry"      // it did not happen and may later; or, finding, there was no answer
	KindReject     Kind = "reject"     // it did not happen and never will
	KindCompensate Kind = "compensate" // whatever happened, take it back
	KindUnknown    Kind = "unknown"    // nobody can tell: ask
	KindPark       Kind = "park"       // a person has to do something first
)

// Who says for whom a parked booking waits.
type Who string

// A booking waits for its customer or for staff.
const (
	Customer Who = "customer"
	Staff    Who = "staff"
)

// Outcome is what a step, a person or a clock says. Only the constructors make one; the zero Outcome parks the booking
// for staff, so that an answer nobody thought of never counts as success.
type Outcome struct {
	kind   Kind
	reason Reason
	after  time.Duration
	who    Who
	action *Action
	within time.Duration
	detail string
	actor  string
	verb   string
	// instead: said before the step was tried, so no attempt was made
	instead bool
}

// Next says that it happened.
func Next() Outcome { return Outcome{kind: KindNext} }

// Again says that it certainly did not happen, and is to be done.
func Again() Outcome { return Outcome{kind: KindAgain, reason: NotHappened} }

// Retry says that it did not happen and may later, not before after (0: the flow's own back-off).
func Retry(r Reason, after time.Duration) Outcome {
	return Outcome{kind: KindRetry, reason: r, after: after}
}

// HeldBack says that nobody was asked, because an operator has paused that, and when to look again. It is no attempt.
func HeldBack(after time.Duration) Outcome {
	return Outcome{kind: KindRetry, reason: Paused, after: after, instead: true}
}

// Reject says that it did not happen and never will as asked.
func Reject(r Reason) Outcome { return Outcome{kind: KindReject, reason: r} }

// Compensate asks to take everything back, this step included.
func Compensate(r Reason) Outcome { return Outcome{kind: KindCompensate, reason: r} }

// Unknown says that nobody can tell whether it happened.
func Unknown(r Reason) Outcome { return Outcome{kind: KindUnknown, reason: r} }

// Park says that the booking waits for a person.
func Park(who Who, r Reason) Outcome { return Outcome{kind: KindPark, who: who, reason: r} }

// Asking adds what the customer is asked to do, and for how long the booking waits for it.
func (o Outcome) Asking(a Action, within time.Duration) Outcome {
	o.action, o.within = &a, within
	return o
}

// Within bounds how long a parked booking waits.
func (o Outcome) Within(d time.Duration) Outcome {
	o.within = d
	return o
}

// Because adds a sentence for staff and logs. It must carry no personal data.
func (o Outcome) Because(detail string) Outcome {
	o.detail = detail
	return o
}

// By names who decided it, and the verb of the decision: By("support:ana", "approve").
func (o Outcome) By(actor, verb string) Outcome {
	o.actor, o.verb = actor, verb
	return o
}

// Kind is what the outcome says; empty where a step answered nothing.
func (o Outcome) Kind() Kind { return o.kind }

// Reason is the outcome's word for machines.
func (o Outcome) Reason() Reason { return o.reason }

// Detail is the sentence for staff.
func (o Outcome) Detail() string { return o.detail }
