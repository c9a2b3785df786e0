package booking

import (
	"context"
	"fmt"
	"time"
)

// The names of the steps, as rows store them. A name is never reused for something else.
const (
	StepHold      Name = "hold"
	StepScreen    Name = "screen"
	StepAuthorize Name = "authorize"
	StepConfirm   Name = "confirm"
	StepCapture   Name = "capture"
	StepTrack     Name = "track"
)

// FlowVersion is stored with each booking, so that a later table can tell which one it was accepted under.
const FlowVersion = 1

// Flow is the whole journey of a booking. Read Steps downwards; undo runs upwards, but for two exceptions that
// nextUndo explains.
type Flow struct {
	Steps  []Step
	Limits Limits
}

// Step is one act towards the outside, with its undo and its question.
type Step struct {
	Name  Name
	Pool  Pool // the bounded pool that runs its turns
	Do    Act
	Undo  Act  // nil: there is nothing to take back
	Find  Act  // nil: it is safe to repeat, so nobody needs to ask
	Pivot bool // before it failure unwinds; after it only forward
	Tries int  // how often it is done without result before Spent
	Spent Spent
}

// Act is the body of a Do, an Undo or a Find. b is the turn's own copy: what it writes to b.Facts is kept if its outcome
// arrives in time, else dropped. It must heed ctx; if it does not, its outcome is Unknown.
type Act func(ctx context.Context, b *Booking) Outcome

// Pool names a bounded pool of goroutines, one for each kind of outside system.
type Pool string

// The four pools.
const (
	ProviderPool Pool = "provider"
	FraudPool    Pool = "fraud"
	PaymentPool  Pool = "payment"
	TrackingPool Pool = "tracking"
)

// Pools lists them in the order of the flow.
func Pools() []Pool { return []Pool{ProviderPool, FraudPool, PaymentPool, TrackingPool} }

// Spent says what happens when a step has used up its tries.
type Spent string

// Unwind before the pivot, AskStaff where a person must decide, LetGo where nobody would miss it.
const (
	Unwind   Spent = "unwind"
	AskStaff Spent = "ask staff"
	LetGo    Spent = "let go"
)

// Outside is the world that the flow acts on.
type Outside struct {
	Hotels   Hotels
	Screener Screener
	Payments Payments
	Tracker  Tracker
}

// NewFlow is the table. This is the product; everything else serves it.
func NewFlow(o Outside, limits Limits) Flow {
	w := world{o, limits}
	return Flow{Limits: limits, Steps: []Step{
		{Name: StepHold, Pool: ProviderPool, Do: w.hold, Undo: w.release, Find: w.findHold, Tries: 5, Spent: Unwind},
		{Name: StepScreen, Pool: FraudPool, Do: w.screen, Tries: 3, Spent: AskStaff},
		{Name: StepAuthorize, Pool: PaymentPool, Do: w.authorize, Undo: w.void, Find: w.findAuthorization, Tries: 5, Spent: Unwind},
		{Name: StepConfirm, Pool: ProviderPool, Do: w.confirm, Undo: w.cancel, Find: w.findReservation, Pivot: true, Tries: 3, Spent: Unwind},
		{Name: StepCapture, Pool: PaymentPool, Do: w.capture, Undo: w.refund, Find: w.findCapture, Tries: 60, Spent: AskStaff},
		{Name: StepTrack, Pool: TrackingPool, Do: w.track, Undo: w.untrack, Tries: 300, Spent: LetGo},
	}}
}

// world binds the bodies to the ports.
type world struct {
	Outside
	limits Limits
}

// hold: the price is checked before anything else, because it is the cheapest way to fail.

func (w world) hold(ctx context.Context, b *Booking) Outcome {
	hold, err := w.Hotels.Hold(ctx, b)
	if err != nil {
		return Judge(err)
	}
	return w.weigh(b, hold)
}

func (w world) findHold(ctx context.Context, b *Booking) Outcome {
	found, err := w.Hotels.Find(ctx, b)
	switch {
	case err != nil:
		return Unanswered(err)
	case b.Goal != Confirm:
		return undone(found.State == RoomGone)
	case found.State == RoomHeld:
		return w.weigh(b, found.Hold)
	case found.State == RoomGone:
		return Reject(SupplierRejected)
	case found.State == RoomAbsent && found.Sure:
		return Again()
	default:
		return Retry(SupplierPending, 0)
	}
}

func (w world) release(ctx context.Context, b *Booking) Outcome {
	if b.Mark(StepConfirm).State == MarkUndone {
		return Next() // the cancelled reservation took its hold with it
	}
	return Judge(w.Hotels.Release(ctx, b))
}

// weigh compares what the room costs now with what the guest agreed to. Up to the tolerance we bear the difference; a
// lower price is the guest's.
func (w world) weigh(b *Booking, hold Hold) Outcome {
	agreed := b.Facts.Price
	if hold.Total.Currency != agreed.Currency {
		return Compensate(CurrencyMismatch)
	}
	b.Facts.Hold = hold
	switch limit := agreed.Minor + b.Offer.Total.Percent(b.Offer.TolerancePercent).Minor; {
	case hold.Total.Minor > limit:
		b.Facts.Offered = hold.Total
		return Park(Customer, OfferPriceChanged).Asking(Action{Type: ActionAcceptOffer, Code: string(OfferPriceChanged), NewTotal: hold.Total}, w.limits.CustomerWindow)
	case hold.TermsChanged && !b.Facts.TermsAgreed:
		b.Facts.Offered = hold.Total
		return Park(Customer, OfferTermsChanged).Asking(Action{Type: ActionAcceptOffer, Code: string(OfferTermsChanged), NewTotal: hold.Total}, w.limits.CustomerWindow)
	case hold.Total.Minor < agreed.Minor:
		b.Facts.Price = hold.Total
	}
	return Next()
}

// screen: before the card is touched, so that a card tester learns nothing from the issuer.

func (w world) screen(ctx context.Context, b *Booking) Outcome {
	verdict, err := w.Screener.Screen(ctx, b)
	if err != nil {
		return Judge(err)
	}
	b.Facts.Verdict = verdict
	switch verdict.Ruling {
	case Accept:
		return Next()
	case Deny:
		return Reject(PaymentRefused)
	case Review:
		return Park(Staff, FraudReview).Within(w.limits.ReviewWindow)
	default:
		return Park(Staff, FraudReview).Within(w.limits.ReviewWindow).Because(fmt.Sprintf("the screening answered %q", verdict.Ruling))
	}
}

// authorize: money is reserved, not taken, until the room is ours.

func (w world) authorize(ctx context.Context, b *Booking) Outcome {
	p, err := w.Payments.Authorize(ctx, b)
	if err != nil {
		return Judge(err)
	}
	return w.authorized(b, p)
}

func (w world) findAuthorization(ctx context.Context, b *Booking) Outcome {
	p, err := w.Payments.Find(ctx, b)
	switch {
	case err != nil:
		return Unanswered(err)
	case b.Goal != Confirm:
		note(b, p)
		closed := p.State == PaymentVoided || p.State == PaymentCaptured || p.State == PaymentDecline
		return undone(closed && b.refundOwed().IsZero())
	case p.State == PaymentAbsent:
		return Again() // with the same key: should the lost request still arrive, it is the same authorisation
	default:
		return w.authorized(b, p)
	}
}

func (w world) authorized(b *Booking, p Payment) Outcome {
	note(b, p)
	switch p.State {
	case PaymentAuthorized:
		return Next()
	case PaymentNeedsAction:
		return Park(Customer, PaymentAuthenticationNeeded).Asking(
			Action{Type: ActionThreeDS, Code: string(PaymentAuthenticationNeeded), URL: p.ActionURL, ClientSecret: p.ClientSecret}, w.limits.CustomerWindow)
	case PaymentDecline:
		if p.HardDecline {
			return Reject(PaymentRefused) // and no word why: a thief is not told that the card is known to be stolen
		}
		b.Facts.Failure.Decline = p.Decline
		return Park(Customer, PaymentDeclined).Asking(Action{Type: ActionNewPaymentMethod, Code: p.Decline}, w.limits.CustomerWindow)
	case PaymentUnauthenticated:
		return Compensate(PaymentAuthenticationFailed)
	case PaymentVoided:
		return Reject(PaymentActionExpired)
	case PaymentAbsent, PaymentProcessing, PaymentCaptured:
		fallthrough
	default:
		return Unknown(PaymentPending)
	}
}

// void gives up what is reserved. Where a capture got no answer it looks first, and gives back what was taken after all.
// It also settles the fee of a stay that was cancelled before it was captured: the fee is captured, and the rest of the
// authorisation is released with it.
func (w world) void(ctx context.Context, b *Booking) Outcome {
	inDoubt := b.Mark(StepCapture).Doubt
	if inDoubt {
		p, err := w.Payments.Find(ctx, b)
		if err != nil {
			return Unanswered(err)
		}
		note(b, p)
	}
	if b.Facts.Money.Captured > 0 {
		return w.refund(ctx, b)
	}
	if fee := b.feeDue(); fee.Minor > 0 {
		p, err := w.Payments.Capture(ctx, b, fee)
		outcome := Judge(err)
		switch {
		case err == nil:
			note(b, p)
		case outcome.kind == KindReject && inDoubt:
			return Retry(outcome.reason, 0) // the late one came first: look again
		}
		return outcome
	}
	p, err := w.Payments.Void(ctx, b)
	if err != nil {
		return Judge(err)
	}
	note(b, p)
	return w.refund(ctx, b)
}

// confirm is the pivot: the first act that cannot be taken back for nothing.

func (w world) confirm(ctx context.Context, b *Booking) Outcome {
	reservation, err := w.Hotels.Confirm(ctx, b)
	if err != nil {
		return Judge(err)
	}
	b.Facts.Reservation = reservation
	return Next()
}

func (w world) findReservation(ctx context.Context, b *Booking) Outcome {
	found, err := w.Hotels.Find(ctx, b)
	switch {
	case err != nil:
		return Unanswered(err)
	case b.Goal != Confirm:
		return undone(found.State == RoomGone)
	case found.State == RoomBooked && found.Hold.Total != (Money{}) && found.Hold.Total != b.Facts.Hold.Total:
		return Park(Staff, OutcomeUnknown).Because(fmt.Sprintf("the supplier booked it as %s at %s, and held it at %s",
			found.Reservation.SupplierReference, found.Hold.Total, b.Facts.Hold.Total)) // nobody is charged for a room that costs something else
	case found.State == RoomBooked:
		b.Facts.Reservation = found.Reservation
		return Next()
	case found.State == RoomPending:
		return Retry(SupplierPending, 0)
	case found.State == RoomGone:
		return Reject(SupplierNoConfirmation)
	case found.Sure:
		return Again()
	default:
		return Retry(OutcomeUnknown, 0)
	}
}

func (w world) cancel(ctx context.Context, b *Booking) Outcome {
	return Judge(w.Hotels.Cancel(ctx, b))
}

// capture: only forward from here; a stay is never cancelled because a capture hiccuped.

func (w world) capture(ctx context.Context, b *Booking) Outcome {
	p, err := w.Payments.Capture(ctx, b, b.Facts.Price)
	if err != nil {
		return Judge(err)
	}
	note(b, p)
	return Next()
}

func (w world) findCapture(ctx context.Context, b *Booking) Outcome {
	p, err := w.Payments.Find(ctx, b)
	if err != nil {
		return Unanswered(err)
	}
	note(b, p)
	switch {
	case b.Goal != Confirm:
		return undone(b.refundOwed().Minor == 0)
	case p.State == PaymentCaptured:
		return Next()
	case p.State == PaymentVoided || p.State == PaymentDecline:
		return Reject(CaptureFailed)
	default:
		return Again()
	}
}

// refund gives back what was captured, less the fee; or what staff decided.
func (w world) refund(ctx context.Context, b *Booking) Outcome {
	owed := b.refundOwed()
	if owed.Minor == 0 {
		return Next()
	}
	p, err := w.Payments.Refund(ctx, b, owed)
	if err != nil {
		return Judge(err)
	}
	note(b, p)
	return Next()
}

// track: told last, and never in anybody's way.

func (w world) track(ctx context.Context, b *Booking) Outcome {
	return Judge(w.Tracker.Track(ctx, conversion(b, "Booking Confirmed", b.Facts.ConfirmedAt)))
}

func (w world) untrack(ctx context.Context, b *Booking) Outcome {
	return Judge(w.Tracker.Track(ctx, conversion(b, "Booking Cancelled", b.UpdatedAt)))
}

// conversion builds the event. Its message id is made of what is stored, so that a repeated one is recognised.
func conversion(b *Booking, event string, at time.Time) Conversion {
	return Conversion{
		MessageID: string(b.ID) + ":" + event, Event: event, Reference: b.Reference, At: at, Value: b.Facts.Price,
		HotelID: b.Stay.HotelID, CheckIn: b.Stay.CheckIn, CheckOut: b.Stay.CheckOut, Attribution: b.Attribution,
	}
}

// undone is the answer of a Find that goes backwards. Absence is no proof there: a request that was given up on may still
// arrive. Only the other side's own "gone for good" is; else it is undone again, which is safe by our reference.
func undone(gone bool) Outcome {
	if gone {
		return Next()
	}
	return Again()
}

// note keeps what the PSP says of the money.
func note(b *Booking, p Payment) {
	m := &b.Facts.Money
	if p.Reference != "" {
		m.Reference = p.Reference
	}
	if p.Last4 != "" {
		m.Brand, m.Last4 = p.Brand, p.Last4
	}
	if !p.CaptureBefore.IsZero() {
		m.CaptureBefore = p.CaptureBefore
	}
	if p.Authorized > 0 || p.State != PaymentVoided { // of what they released some say that it is nothing, and people ask what it was
		m.Authorized = p.Authorized
	}
	m.Captured, m.Refunded = p.Captured, p.Refunded
	m.RefundPending = p.RefundPending
	m.Voided = p.State == PaymentVoided
}
