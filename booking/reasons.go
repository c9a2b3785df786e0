package booking

// Reason is a stable, lower-case word for machines: why a booking failed, waits or is being looked at. The sentence for
// people is in Explain. A reason that customers may see is never removed or renamed.
type Reason string

// Reasons a customer may see as failure.code or action.code.
const (
	OfferSoldOut                Reason = "offer_sold_out"
	OfferExpired                Reason = "offer_expired"
	OfferPriceChanged           Reason = "offer_price_changed"
	OfferTermsChanged           Reason = "offer_terms_changed"
	OfferRestricted             Reason = "offer_restricted"
	GuestDataRejected           Reason = "guest_data_rejected"
	PaymentDeclined             Reason = "payment_declined"
	PaymentAuthenticationNeeded Reason = "payment_authentication_required"
	PaymentAuthenticationFailed Reason = "payment_authentication_failed"
	PaymentActionExpired        Reason = "payment_action_expired"
	PaymentRefused              Reason = "payment_refused"
	PaymentUnavailable          Reason = "payment_unavailable"
	CurrencyMismatch            Reason = "currency_mismatch"
	SupplierUnavailable         Reason = "supplier_unavailable"
	SupplierRejected            Reason = "supplier_rejected"
	SupplierNoConfirmation      Reason = "supplier_no_confirmation"
	BookingDeadlineExceeded     Reason = "booking_deadline_exceeded"
	ReviewRejected              Reason = "review_rejected"
	ReviewExpired               Reason = "review_expired"
	CancelledByCustomer         Reason = "cancelled_by_customer"
	CancelledBySupport          Reason = "cancelled_by_support"
	CancelRefusedBySupplier     Reason = "cancel_refused_by_supplier"
)

// Reasons that only staff see: why a turn went as it did, and why a booking waits for a person.
const (
	FraudReview         Reason = "fraud_review"         // the screening asks for a person
	FraudUnavailable    Reason = "fraud_unavailable"    // nobody could screen it, so a person does
	TrackingUnavailable Reason = "tracking_unavailable" // the event was not taken
	OutcomeUnknown      Reason = "outcome_unknown"      // nobody can tell whether it happened
	SupplierPending     Reason = "supplier_pending"     // the supplier took it and has not decided
	PaymentPending      Reason = "payment_pending"      // the PSP took it and has not decided
	CaptureFailed       Reason = "capture_failed"       // a confirmed stay is not paid
	UndoStuck           Reason = "undo_stuck"           // money or a room could not be given back yet
	UndoRefused         Reason = "undo_refused"         // the other side refuses to give it back
	ProcessStopped      Reason = "process_stopped"      // the process died or lost its lease in mid-step
	TurnDeadline        Reason = "turn_deadline"        // the call outlived its hard deadline
	TurnPanicked        Reason = "turn_panicked"        // our own defect; the log has the stack
	CrashedRepeatedly   Reason = "crashed_repeatedly"   // three processes died on it
	CircuitOpen         Reason = "circuit_open"         // not asked: the other side fails too often
	Paused              Reason = "paused"               // not asked: an operator has stopped calls to it
	Unreadable          Reason = "unreadable"           // a process without the right key, or a damaged row
	Unclassified        Reason = "unclassified_outcome" // a step answered nothing; our own defect
	NotHappened         Reason = "not_happened"         // asked, and it did not happen: it is done again
	CustomerReturned    Reason = "customer_returned"    // the customer came back or a notification said so: ask
)

// UserAction tells a frontend which button to show.
type UserAction string

// What the customer can do about a failure or an action.
const (
	ActNothing          UserAction = "none"
	ActChooseOther      UserAction = "choose_other"
	ActSearchAgain      UserAction = "search_again"
	ActFixInput         UserAction = "fix_input"
	ActAcceptOrChoose   UserAction = "accept_or_choose"
	ActNewPaymentMethod UserAction = "new_payment_method"
	ActRetryPayment     UserAction = "retry_payment"
	ActRetryLater       UserAction = "retry_later"
	ActContactSupport   UserAction = "contact_support"
)

// Explanation is what a reason means to the customer.
type Explanation struct {
	Retryable  bool // submitting again (after UserAction) can succeed
	UserAction UserAction
	Message    string // a sentence that can be shown as it is
}

// Explain is the customer's view of a reason. Why fraud screening or an issuer refused is deliberately left vague: it
// would teach a thief. A reason that is for staff only reads as a fault of ours.
func Explain(r Reason) Explanation {
	switch r {
	case OfferSoldOut:
		return Explanation{true, ActChooseOther, "The room was sold while we were booking it. Nothing was charged; please choose another."}
	case OfferExpired:
		return Explanation{true, ActSearchAgain, "This offer has expired. Nothing was charged; please search again."}
	case OfferPriceChanged:
		return Explanation{true, ActAcceptOrChoose, "The price of this room has changed. Nothing was charged."}
	case OfferTermsChanged:
		return Explanation{true, ActAcceptOrChoose, "The conditions of this room have changed. Nothing was charged."}
	case OfferRestricted:
		return Explanation{false, ActChooseOther, "This room cannot be booked for these guests. Nothing was charged; please choose another."}
	case GuestDataRejected:
		return Explanation{true, ActFixInput, "The hotel's system did not accept the guests' details. Nothing was charged; please check them."}
	case PaymentDeclined:
		return Explanation{true, ActNewPaymentMethod, "The card was declined. Nothing was charged; please use another payment method."}
	case PaymentAuthenticationNeeded:
		return Explanation{true, ActRetryPayment, "Your bank asks you to confirm this payment."}
	case PaymentAuthenticationFailed:
		return Explanation{true, ActNewPaymentMethod, "Your bank could not confirm this payment. Nothing was charged."}
	case PaymentActionExpired:
		return Explanation{true, ActRetryPayment, "The payment was not confirmed in time. Nothing was charged; please book again."}
	case PaymentRefused:
		return Explanation{false, ActContactSupport, "The payment could not be accepted. Nothing was charged."}
	case PaymentUnavailable:
		return Explanation{true, ActRetryLater, "We could not reach the payment system. Nothing was charged; please try again later."}
	case CurrencyMismatch:
		return Explanation{false, ActSearchAgain, "The offer and the payment are in different currencies. Nothing was charged; please search again."}
	case SupplierUnavailable:
		return Explanation{true, ActRetryLater, "We could not reach the hotel's system. Nothing was charged; please try again later."}
	case SupplierRejected:
		return Explanation{true, ActChooseOther, "The hotel did not accept this booking. Nothing was charged; please choose another."}
	case SupplierNoConfirmation:
		return Explanation{true, ActChooseOther, "The hotel did not confirm this booking. Nothing was charged; please choose another."}
	case BookingDeadlineExceeded:
		return Explanation{true, ActSearchAgain, "The booking took too long and was stopped. Nothing was charged; please try again."}
	case ReviewRejected, ReviewExpired:
		return Explanation{false, ActContactSupport, "The booking could not be accepted. Nothing was charged."}
	case CancelledByCustomer:
		return Explanation{false, ActNothing, "You cancelled this booking."}
	case CancelledBySupport:
		return Explanation{false, ActNothing, "This booking was cancelled on request by our staff."}
	case CancelRefusedBySupplier:
		return Explanation{false, ActContactSupport, "The hotel did not accept the cancellation. The booking stands."}
	default:
		return Explanation{false, ActContactSupport, "Something went wrong on our side. Our staff can tell you more."}
	}
}
