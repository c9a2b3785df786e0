package booking

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Verb is what a person, or a notification, decides about a booking.
type Verb string

// What can be decided. Support's verbs are the path segments of its API.
const (
	VerbCancel      Verb = "cancel"
	VerbPay         Verb = "payment"      // the customer came back from 3-D Secure, or brings another card
	VerbAcceptOffer Verb = "accept-offer" // the customer consents to the changed offer
	VerbRetry       Verb = "retry"
	VerbResolve     Verb = "resolve"
	VerbApprove     Verb = "approve"
	VerbReject      Verb = "reject"
	VerbRefund      Verb = "refund"
	VerbNote        Verb = "note"
	VerbReveal      Verb = "reveal" // somebody who sees personal data masked sees it plainly, once, and says why
	VerbNotify      Verb = "notify" // a vendor says that something changed: ask
	VerbErase       Verb = "erase"  // an operator makes the guests' data unreadable; the booking stays
)

// Decision is one decision and what it needs.
type Decision struct {
	Verb   Verb
	Actor  string // as in Entry.Actor
	Reason string // why, in the actor's words; required of staff by the API
	Shown  string // Digest of the preview that the actor agreed to: refuse if it would be another now; empty: none was shown

	Role      string // of staff and operators, for the audit
	RequestID string // as above

	PaymentToken      string // VerbPay: another payment method
	AcceptedTotal     Money  // VerbAcceptOffer
	ExpectedFee       *Money // VerbCancel: refuse if the fee is another by now
	WaiveFee          bool   // VerbCancel by staff
	Happened          bool   // VerbResolve: the evidence says that it happened
	SupplierReference string // VerbResolve of a confirmation that happened
	Amount            Money  // VerbRefund: zero means all that is left
}

// Errors of Decide. An *IllegalError lists what is legal.
var (
	ErrEvidenceMissing = errors.New("a confirmed reservation needs its supplier reference")
	ErrFeeChanged      = errors.New("the cancellation fee is not the expected one any more")
	ErrTotalChanged    = errors.New("the accepted total is not the one on offer")
	ErrAmountTooLarge  = errors.New("the amount is more than what is left to refund")
)

// IllegalError says that a decision is not possible where the booking stands, and which are.
type IllegalError struct {
	Verb    Verb
	Status  Status
	Allowed []Verb
}

func (e *IllegalError) Error() string {
	return fmt.Sprintf("%s is not possible while the booking is %s", e.Verb, e.Status)
}

// Allowed lists what can be decided about b where it stands. A booking that a process is working on right now (Owner is
// set) can only be cancelled or noted; the rest has to wait for the turn.
func (f Flow) Allowed(b *Booking) []Verb {
	var verbs []Verb
	parked := func(who Who) bool { return b.Place.Phase == Parked && b.Facts.Waiting.Who == who }
	add := func(legal bool, v ...Verb) {
		if legal {
			verbs = append(verbs, v...)
		}
	}
	reviewing := parked(Staff) && b.Place.Step == StepScreen
	code := b.Facts.Waiting.Action.Type
	add(b.Goal == Confirm && (b.Facts.Cancellation == nil || b.Facts.Cancellation.Refuse != "") && (b.Result == Undecided || b.Result == Confirmed), VerbCancel)
	add(parked(Customer) && (code == ActionThreeDS || code == ActionNewPaymentMethod), VerbPay)
	add(parked(Customer) && code == ActionAcceptOffer, VerbAcceptOffer)
	add(reviewing, VerbApprove, VerbReject)
	judged := reviewing && b.Facts.Waiting.Reason == FraudReview // the screening has answered: a person is to
	add(b.Owner == "" && !judged && (parked(Staff) || b.Place.Phase == Doing || b.Place.Phase == Finding || b.Place.Phase == Undoing), VerbRetry)
	add(parked(Staff) && !reviewing && f.resolvable(b), VerbResolve)
	add(b.Owner == "" && b.Goal == Confirm && b.Result == Confirmed && !b.Facts.Cancellation.pending() &&
		b.Mark(StepCapture).State == MarkDone && b.Place.Phase != Parked && b.Facts.Money.Captured > b.Facts.Money.Refunded, VerbRefund)
	return append(verbs, VerbNote, VerbReveal, VerbNotify)
}

// resolvable: a person's evidence can stand for the outside's answer where nothing but the fact itself is missing.
func (f Flow) resolvable(b *Booking) bool {
	return b.Facts.Waiting.From == Undoing || b.Goal != Confirm || b.Place.Step == StepConfirm || b.Place.Step == StepCapture
}

// Decide applies a person's or a vendor's decision. It changes nothing where it returns an error.
func (f Flow) Decide(b *Booking, d Decision, now time.Time) (Entry, error) {
	before := b.Clone()
	if d.Shown != "" {
		if foreseen, err := f.Preview(b, d, now); err != nil {
			return Entry{}, err
		} else if foreseen.Digest != d.Shown {
			return Entry{}, ErrPreviewChanged
		}
	}
	entry, err := f.decide(b, d, now)
	if err != nil {
		return entry, err
	}
	entry.Happenings = Happenings(before, b)
	if ByStaff(d.Actor) {
		entry.Mandate = Mandate{Role: d.Role, RequestID: d.RequestID, Asked: d.asked(), Was: before.Status()}
	}
	return entry, nil
}

// asked is what the decision says beside its verb and reason, where it says something.
func (d Decision) asked() string {
	var said []string
	say := func(is bool, format string, args ...any) {
		if is {
			said = append(said, fmt.Sprintf(format, args...))
		}
	}
	say(!d.Amount.IsZero(), "amount=%s", d.Amount)
	say(d.Verb == VerbRefund && d.Amount.IsZero(), "amount=all")
	say(d.WaiveFee, "waive_fee")
	say(d.ExpectedFee != nil, "expected_fee=%s", d.ExpectedFee)
	say(d.AcceptedTotal != Money{}, "accepted_total=%s", d.AcceptedTotal)
	say(d.PaymentToken != "", "payment_token")
	say(d.Verb == VerbResolve, "happened=%t", d.Happened)
	say(d.SupplierReference != "", "supplier_reference=%s", d.SupplierReference)
	return strings.Join(said, " ")
}

func (f Flow) decide(b *Booking, d Decision, now time.Time) (Entry, error) {
	if allowed := f.Allowed(b); d.Verb != VerbErase && !slices.Contains(allowed, d.Verb) {
		return Entry{}, &IllegalError{Verb: d.Verb, Status: b.Status(), Allowed: allowed}
	}
	by := func(o Outcome) Entry { return f.Apply(b, o.Because(d.Reason).By(d.Actor, string(d.Verb)), now) }
	switch d.Verb {
	case VerbCancel:
		return f.wish(b, d, now)
	case VerbPay:
		return f.pay(b, d, now)
	case VerbAcceptOffer:
		if d.AcceptedTotal != b.Facts.Offered {
			return Entry{}, ErrTotalChanged
		}
		b.Facts.Price, b.Facts.TermsAgreed = b.Facts.Offered, true
		return by(Next()), nil
	case VerbApprove:
		b.Facts.Verdict.Ruling, b.Facts.Verdict.Source = Accept, d.Actor
		return by(Next()), nil
	case VerbReject:
		b.Facts.Verdict.Ruling, b.Facts.Verdict.Source = Deny, d.Actor
		return by(Reject(ReviewRejected)), nil
	case VerbResolve:
		if d.Happened && b.Goal == Confirm && b.Place.Step == StepConfirm && d.SupplierReference == "" {
			return Entry{}, ErrEvidenceMissing
		}
		return by(f.evidence(b, d)), nil
	case VerbRetry:
		if b.Place.Phase == Parked {
			return by(f.retry(b)), nil
		}
		b.DueAt = now
		return f.note(b, d, now), nil
	case VerbRefund:
		return f.refund(b, d, now)
	case VerbNotify:
		if b.Place.Phase == Parked && b.Facts.Waiting.Action.Type == ActionThreeDS {
			return by(Unknown(CustomerReturned)), nil
		}
		return f.note(b, d, now), nil
	case VerbNote, VerbReveal:
		return f.note(b, d, now), nil
	case VerbErase:
		return f.erase(b, d, now)
	default:
		return Entry{}, &IllegalError{Verb: d.Verb, Status: b.Status(), Allowed: f.Allowed(b)}
	}
}

// wish records that somebody wants to cancel. It is followed at the next step boundary; a booking at rest turns at once.
func (f Flow) wish(b *Booking, d Decision, now time.Time) (Entry, error) {
	quote := b.CancelQuote(now)
	if d.ExpectedFee != nil && *d.ExpectedFee != quote.Fee {
		return Entry{}, ErrFeeChanged
	}
	wish := &Cancellation{At: now, Actor: d.Actor, Code: CancelledBySupport, Fee: quote.Fee}
	if d.Actor == CustomerActor {
		wish.Code = CancelledByCustomer
	}
	if d.WaiveFee {
		wish.Fee = quote.Fee.Of(0)
	}
	b.Facts.Cancellation = wish
	from := b.Place
	if b.Place.Phase == Ended {
		f.turnRound(b, Cancel, now)
	} else {
		b.DueAt = now
	}
	return f.note(b, d, now).leaving(from), nil
}

func (f Flow) pay(b *Booking, d Decision, now time.Time) (Entry, error) {
	wants := b.Facts.Waiting.Action.Type
	switch {
	case wants == ActionThreeDS && d.PaymentToken == "":
		return f.Apply(b, Unknown(CustomerReturned).By(d.Actor, string(d.Verb)), now), nil
	case wants == ActionNewPaymentMethod && d.PaymentToken != "":
		b.Facts.Money.Token = d.PaymentToken
		b.Facts.Money.Generation++
		b.Facts.Failure = Failure{}
		return f.Apply(b, Again().By(d.Actor, string(d.Verb)), now), nil
	default:
		return Entry{}, fmt.Errorf("the booking waits for %s: %w", wants, ErrWrongAction)
	}
}

// ErrWrongAction: a token was sent where the bank's confirmation is awaited, or the other way round.
var ErrWrongAction = errors.New("that is not what the booking waits for")

// evidence is what a person found out.
func (f Flow) evidence(b *Booking, d Decision) Outcome {
	switch {
	case d.Happened:
		if d.SupplierReference != "" && b.Goal == Confirm {
			b.Facts.Reservation.SupplierReference = d.SupplierReference
		}
		return Next()
	case b.Goal == GiveBack:
		b.Facts.Money.RefundTarget = b.Facts.Money.Refunded
		return Next()
	case b.Goal == Confirm && b.Place.Step == StepConfirm:
		return Reject(SupplierNoConfirmation)
	default:
		return f.retry(b)
	}
}

// retry goes on where the booking was parked. What was refused gets a new key, because the other side repeats its refusal
// to the old one; what is unclear is asked about first.
func (f Flow) retry(b *Booking) Outcome {
	step := f.step(b.Place.Step)
	if b.Place.Step == StepCapture && b.Mark(StepCapture).State == MarkRefused {
		b.Facts.Money.CaptureTry++
		return Again()
	}
	if b.Facts.Waiting.From == Doing && step.Find != nil {
		return Unknown(b.Facts.Waiting.Reason)
	}
	return Again()
}

func (f Flow) refund(b *Booking, d Decision, now time.Time) (Entry, error) {
	m := &b.Facts.Money
	left := b.Facts.Price.Of(m.Captured - m.Refunded)
	amount := d.Amount
	if amount.IsZero() {
		amount = left
	}
	if amount.Currency != left.Currency || amount.Minor > left.Minor || amount.Minor <= 0 {
		return Entry{}, fmt.Errorf("%s of %s: %w", amount, left, ErrAmountTooLarge)
	}
	m.RefundTarget = m.Refunded + amount.Minor
	m.RefundTry++
	b.Goal = GiveBack
	from := b.Place
	f.enter(b, Undoing, StepCapture, now)
	return f.note(b, d, now).leaving(from), nil
}

// CustomerActor is the actor of what the customer does.
const CustomerActor = "customer"

// erase is not among what is Allowed: it is not decided over HTTP. Before the end the guests' names are still needed, to book
// the room or to cancel it.
func (f Flow) erase(b *Booking, d Decision, now time.Time) (Entry, error) {
	if b.Place.Phase != Ended {
		return Entry{}, &IllegalError{Verb: d.Verb, Status: b.Status(), Allowed: f.Allowed(b)}
	}
	return f.note(b, d, now), nil
}

// note writes a line of history about a decision that is not an outcome of a step.
func (f Flow) note(b *Booking, d Decision, now time.Time) Entry {
	b.Version++
	b.UpdatedAt = now
	return Entry{
		Version: b.Version, At: now, Actor: d.Actor, Verb: string(d.Verb), From: b.Place, To: b.Place,
		Detail: d.Reason, Status: b.Status(),
	}
}

// leaving is the line of a decision that moved the booking from another place.
func (e Entry) leaving(from Place) Entry {
	e.From = from
	return e
}
