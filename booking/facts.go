package booking

import (
	"slices"
	"time"
)

// Facts is what is known beyond the place: what the outside said, the money so far, and what people asked for. Terms,
// Marks, Money and the rest are stored apart, because they change at different turns; each is one document, so a new field
// must work when absent.
type Facts struct {
	Terms        `json:"-"`
	Marks        []Mark        `json:"-"`
	Failure      Failure       `json:"failure,omitzero"`
	Verdict      Verdict       `json:"verdict,omitzero"`
	Money        Ledger        `json:"-"`
	Reservation  Reservation   `json:"reservation,omitzero"`
	Waiting      Waiting       `json:"waiting,omitzero"`
	UnknownSince time.Time     `json:"unknown_since,omitzero"`
	Deaths       Deaths        `json:"deaths,omitzero"`
	ConfirmedAt  time.Time     `json:"confirmed_at,omitzero"`
	Cancellation *Cancellation `json:"cancellation,omitzero"`
}

// Deaths says of the processes that State.Crashes counts what they died of. To survive the one says nothing of the other.
type Deaths struct {
	Acting int `json:"acting,omitzero"` // doing the step, or undoing it
	Asking int `json:"asking,omitzero"`
}

// Terms is what the room is held and sold under. It seldom changes once the room is held.
type Terms struct {
	Price       Money     `json:"price"`    // what will be, or was, charged; never more than the guest agreed to
	Deadline    time.Time `json:"deadline"` // past it nothing more is begun before the pivot
	Hold        Hold      `json:"hold,omitzero"`
	Offered     Money     `json:"offered,omitzero"` // a changed price that waits for consent
	TermsAgreed bool      `json:"terms_agreed,omitzero"`
}

// Mark is how far one step of one booking has come.
type Mark struct {
	Step      Name
	State     MarkState
	Attempts  int  // turns spent on it, ever
	Tries     int  // turns that did it without result since the step began: the budget
	Asked     int  // questions without answer since the last Do or Undo
	Doubt     bool // an attempt got no answer: whatever was said since, it may still arrive
	UndoDoubt bool // the same of its undo
}

// MarkState is one step's state, as the status endpoint shows it.
type MarkState string

// Begun and Unclear both mean that it may have happened: they are undone like Done.
const (
	MarkPending MarkState = "pending"
	MarkBegun   MarkState = "running"
	MarkUnclear MarkState = "unknown"
	MarkDone    MarkState = "succeeded"
	MarkRefused MarkState = "refused"
	MarkUndone  MarkState = "compensated"
	MarkSkipped MarkState = "skipped"
)

// Failure is why a booking failed, or is failing.
type Failure struct {
	Code    Reason `json:"code"`
	Decline string `json:"decline,omitzero"` // the PSP's decline code, where one was given
}

// Penalty is one row of a cancellation policy: from this instant on, cancelling costs so much. Rows are in order of time;
// before the first one cancelling is free.
type Penalty struct {
	From time.Time `json:"from"`
	Fee  Money     `json:"fee"`
}

// Ledger is the money so far, and what its idempotency keys are made of.
type Ledger struct {
	Token         string    `json:"token,omitzero"`      // the PSP's token of the payment method in use
	Generation    int       `json:"generation,omitzero"` // of the authorisation: another card is another one
	CaptureTry    int       `json:"capture_try,omitzero"`
	RefundTry     int       `json:"refund_try,omitzero"`
	Reference     string    `json:"reference,omitzero"` // the PSP's, of the authorisation
	Authorized    int64     `json:"authorized,omitzero"`
	Captured      int64     `json:"captured,omitzero"`
	Refunded      int64     `json:"refunded,omitzero"`
	RefundTarget  int64     `json:"refund_target,omitzero"` // what staff want refunded in all while the stay stands
	Voided        bool      `json:"voided,omitzero"`
	RefundPending bool      `json:"refund_pending,omitzero"`
	CaptureBefore time.Time `json:"capture_before,omitzero"`
	Brand         string    `json:"brand,omitzero"`
	Last4         string    `json:"last4,omitzero"`
}

// Waiting is what a parked booking waits for.
type Waiting struct {
	Who    Who       `json:"who"`
	Reason Reason    `json:"reason"`
	From   Phase     `json:"from"` // the phase it was parked in, and goes on with
	Since  time.Time `json:"since"`
	Until  time.Time `json:"until,omitzero"` // then it unwinds, or asks again; zero: it waits for a person only
	Action Action    `json:"action,omitzero"`
}

// ActionType is what the customer is asked for.
type ActionType string

// The customer can mend a missing authentication, a declined card and a changed offer.
const (
	ActionThreeDS          ActionType = "three_ds"
	ActionNewPaymentMethod ActionType = "new_payment_method"
	ActionAcceptOffer      ActionType = "accept_offer"
)

// Action is what the customer has to do before the flow can go on.
type Action struct {
	Type         ActionType `json:"type"`
	Code         string     `json:"code,omitzero"` // the decline's code, or the reason of the change
	URL          string     `json:"url,omitzero"`
	ClientSecret string     `json:"client_secret,omitzero"` // the PSP's, for its own browser library
	NewTotal     Money      `json:"new_total,omitzero"`
}

// Cancellation is somebody's wish to cancel, with the fee as it was quoted when they asked.
type Cancellation struct {
	At     time.Time `json:"at"`
	Actor  string    `json:"actor"`
	Code   Reason    `json:"code"` // CancelledByCustomer, CancelledBySupport
	Fee    Money     `json:"fee"`
	Begun  bool      `json:"begun,omitzero"`
	Refuse Reason    `json:"refused,omitzero"` // the supplier did not let go: the stay stands
}

// pending tells whether a wish to cancel waits for the next step boundary.
func (c *Cancellation) pending() bool { return c != nil && !c.Begun && c.Refuse == "" }

// Mark is the booking's record of a step; the zero Mark where it has none.
func (b *Booking) Mark(step Name) Mark {
	for _, m := range b.Facts.Marks {
		if m.Step == step {
			return m
		}
	}
	return Mark{Step: step, State: MarkPending}
}

// ReferenceAt is what the outside calls what a step has made: a hold, a screening, a payment or a reservation. Empty where
// nothing was made yet, or nothing has a name.
func (b *Booking) ReferenceAt(step Name) string {
	switch step {
	case StepHold:
		return b.Facts.Hold.Reference
	case StepScreen:
		return b.Facts.Verdict.Reference
	case StepAuthorize:
		return b.Facts.Money.Reference
	case StepConfirm:
		return b.Facts.Reservation.SupplierReference
	default:
		return ""
	}
}

// mark changes the record of a step. Marks are copied first, because copies of a booking share them.
func (b *Booking) mark(step Name, change func(*Mark)) {
	b.Facts.Marks = slices.Clone(b.Facts.Marks)
	for i := range b.Facts.Marks {
		if b.Facts.Marks[i].Step == step {
			change(&b.Facts.Marks[i])
			return
		}
	}
}

// Clone is a copy whose State can be changed without changing the original's. Ask is shared: nobody writes to it.
func (b *Booking) Clone() *Booking {
	c := *b
	c.Facts.Marks = slices.Clone(b.Facts.Marks)
	if b.Facts.Cancellation != nil {
		wish := *b.Facts.Cancellation
		c.Facts.Cancellation = &wish
	}
	return &c
}

// Key is the idempotency key of a payment operation: a pure function of what is stored, so that a repeated call after
// a crash carries the key of the first. operation is "authorize", "capture" or "refund".
func (b *Booking) Key(operation string) string {
	m, n := b.Facts.Money, 1
	switch operation {
	case "authorize":
		n += m.Generation
	case "capture":
		n += m.CaptureTry
	case "refund":
		n += m.RefundTry
	}
	return b.Reference + ":" + operation + ":" + itoa(n)
}
