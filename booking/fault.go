package booking

import (
	"errors"
	"fmt"
	"time"
)

// FaultKind is the answer to the only question that an adapter answers about a failed call: did it happen?
type FaultKind string

// The three answers. There is no fourth: whatever nobody classified is Unclear.
const (
	Refused FaultKind = "refused"  // it did not happen and never will as asked
	NotDone FaultKind = "not_done" // it did not happen; it may later
	Unclear FaultKind = "unclear"  // nobody can tell
)

// Fault is the error of every port. Err is for logs and staff; it carries no personal data and no secrets.
type Fault struct {
	Kind   FaultKind
	Reason Reason
	After  time.Duration // the other side asked to be left alone for so long; 0: it did not say
	Err    error
}

func (f *Fault) Error() string {
	if f.Err == nil {
		return fmt.Sprintf("%s: %s", f.Kind, f.Reason)
	}
	return fmt.Sprintf("%s: %s: %v", f.Kind, f.Reason, f.Err)
}

func (f *Fault) Unwrap() error { return f.Err }

// Judge turns the error of a Do or an Undo into an outcome. nil is Next; an error that is not a Fault is Unclear: taking
// it for a failure is how rooms are booked twice.
func Judge(err error) Outcome {
	if err == nil {
		return Next()
	}
	var fault *Fault
	if !errors.As(err, &fault) {
		return Unknown(OutcomeUnknown).Because(err.Error())
	}
	switch fault.Kind {
	case Refused:
		return Reject(fault.Reason).Because(fault.detail())
	case NotDone:
		return Retry(fault.Reason, fault.After).Because(fault.detail())
	case Unclear:
		return Unknown(fault.Reason).Because(fault.detail())
	default:
		return Unknown(OutcomeUnknown).Because(fault.detail())
	}
}

// Unanswered turns the error of a Find into an outcome. Being refused an answer is not an answer, so nothing but
// asking again can come of it.
func Unanswered(err error) Outcome {
	var fault *Fault
	if errors.As(err, &fault) {
		return Retry(fault.Reason, fault.After).Because(fault.detail())
	}
	return Retry(OutcomeUnknown, 0).Because(err.Error())
}

func (f *Fault) detail() string {
	if f.Err == nil {
		return ""
	}
	return f.Err.Error()
}
