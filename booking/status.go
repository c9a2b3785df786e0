package booking

// Status is what the customer sees: a projection of where the booking stands, never stored apart from it.
type Status string

// The eight statuses. For a reader they never move backwards, but for a cancellation that the supplier refused.
const (
	StatusPending        Status = "pending"
	StatusProcessing     Status = "processing"
	StatusRequiresAction Status = "requires_action"
	StatusInReview       Status = "in_review"
	StatusConfirmed      Status = "confirmed"
	StatusFailed         Status = "failed"
	StatusCancelling     Status = "cancelling"
	StatusCancelled      Status = "cancelled"
)

// Statuses lists them, in the order in which a booking may pass them.
func Statuses() []Status {
	return []Status{
		StatusPending, StatusProcessing, StatusRequiresAction, StatusInReview, StatusConfirmed, StatusFailed, StatusCancelling, StatusCancelled,
	}
}

// Status is what the customer sees.
func (b *Booking) Status() Status {
	switch wish := b.Facts.Cancellation; {
	case b.Result == Failed:
		return StatusFailed
	case b.Result == Cancelled:
		return StatusCancelled
	case b.Goal == Cancel || wish.pending():
		return StatusCancelling
	case b.Result == Confirmed:
		return StatusConfirmed
	case b.Place.Phase == Parked && b.Facts.Waiting.Who == Customer:
		return StatusRequiresAction
	case b.Place.Phase == Parked && b.Place.Step == StepScreen:
		return StatusInReview
	case b.Mark(StepHold).Attempts == 0 && b.Goal == Confirm:
		return StatusPending
	default:
		return StatusProcessing
	}
}

// Terminal tells whether this request is decided: there is nothing more to poll for.
func (b *Booking) Terminal() bool { return b.Status().Terminal() }

// Terminal tells whether a request with this status is decided.
func (s Status) Terminal() bool {
	switch s {
	case StatusConfirmed, StatusFailed, StatusCancelled:
		return true
	case StatusPending, StatusProcessing, StatusRequiresAction, StatusInReview, StatusCancelling:
		return false
	default:
		return false
	}
}

// Stage is what is being done right now, for a progress bar.
type Stage string

// The stages in the order in which a booking passes them.
const (
	StageCheckingPrice   Stage = "checking_price"
	StageCheckingPayment Stage = "checking_payment"
	StageConfirming      Stage = "confirming_with_hotel"
	StageCompleting      Stage = "completing"
	StageGivingBack      Stage = "giving_back"
	StageWaiting         Stage = "waiting_for_customer"
	StageReview          Stage = "in_review"
	StageDone            Stage = "done"
)

// Stage is what is being done right now.
func (b *Booking) Stage() Stage {
	switch status := b.Status(); {
	case b.Place.Phase == Ended || status == StatusFailed || status == StatusCancelled:
		return StageDone
	case status == StatusRequiresAction:
		return StageWaiting
	case status == StatusInReview:
		return StageReview
	case b.Goal != Confirm:
		return StageGivingBack
	}
	switch b.Place.Step {
	case StepHold:
		return StageCheckingPrice
	case StepScreen, StepAuthorize:
		return StageCheckingPayment
	case StepConfirm:
		return StageConfirming
	default:
		return StageCompleting
	}
}

// PaymentStatus is the money's own state, apart from the booking's.
type PaymentStatus string

// Where the money is.
const (
	PaymentNone              PaymentStatus = "none"
	PaymentAuthorizing       PaymentStatus = "authorizing"
	PaymentRequiresAction    PaymentStatus = "requires_action"
	PaymentStatusAuthorized  PaymentStatus = "authorized"
	PaymentCapturing         PaymentStatus = "capturing"
	PaymentStatusCaptured    PaymentStatus = "captured"
	PaymentVoiding           PaymentStatus = "voiding"
	PaymentStatusVoided      PaymentStatus = "voided"
	PaymentRefundPending     PaymentStatus = "refund_pending"
	PaymentPartiallyRefunded PaymentStatus = "partially_refunded"
	PaymentRefunded          PaymentStatus = "refunded"
	PaymentFailed            PaymentStatus = "failed"
	PaymentUnknown           PaymentStatus = "unknown"
)

// PaymentStatus is where the money is.
func (b *Booking) PaymentStatus() PaymentStatus {
	m, auth, capture := b.Facts.Money, b.Mark(StepAuthorize), b.Mark(StepCapture)
	switch {
	case m.RefundPending, m.Captured > 0 && b.refundOwed().Minor > 0:
		return PaymentRefundPending
	case m.Refunded > 0 && m.Refunded >= m.Captured:
		return PaymentRefunded
	case m.Refunded > 0:
		return PaymentPartiallyRefunded
	case m.Captured > 0:
		return PaymentStatusCaptured
	case auth.State == MarkUndone && m.Authorized == 0 && b.Facts.Failure.Decline != "":
		return PaymentFailed
	case auth.State == MarkUndone || m.Voided:
		return PaymentStatusVoided
	case b.Goal == Confirm && b.Place.Phase == Parked && b.Place.Step == StepAuthorize && b.Facts.Waiting.Who == Customer:
		return PaymentRequiresAction
	case b.Goal != Confirm && auth.State.remains():
		return PaymentVoiding
	case auth.State == MarkUnclear || capture.State == MarkUnclear:
		return PaymentUnknown
	case capture.State == MarkRefused:
		return PaymentFailed
	case capture.State == MarkBegun:
		return PaymentCapturing
	case capture.State == MarkDone:
		return PaymentStatusCaptured // by the word of our staff
	case auth.State == MarkDone:
		return PaymentStatusAuthorized
	case auth.State == MarkRefused:
		return PaymentFailed
	case auth.State == MarkBegun:
		return PaymentAuthorizing
	default:
		return PaymentNone
	}
}

// Action is what the customer is asked to do, if anything. Its deadline is Facts.Waiting.Until.
func (b *Booking) Action() (Action, bool) {
	if b.Status() != StatusRequiresAction {
		return Action{}, false
	}
	return b.Facts.Waiting.Action, true
}
