package booking

import (
	"slices"
	"time"
)

// Facts is what is known beyond the place: what the outside said, the money so far, and what people asked for. It is
// stored as one JSON document, so a new field must work when absent.
type Facts struct {
	Marks        []Mark        `json:"marks"`
	Price        Money         `json:"price"`    // what will be, or was, charged; never more than the guest agreed to
	Deadline     time.Time     `json:"deadline"` // past it nothing more is begun before the pivot
	Failure      Failure       `json:"failure,omitzero"`
	Hold         Hold          `json:"hold,omitzero"`
	Offered      Money         `json:"offered,omitzero"` // a changed price that waits for consent
	TermsAgreed  bool          `json:"terms_agreed,omitempty"`
	Verdict      Verdict       `json:"verdict,omitzero"`
	Money        Ledger        `json:"money,omitzero"`
	Reservation  Reservation   `json:"reservation,omitzero"`
	Waiting      Waiting       `json:"waiting,omitzero"`
	UnknownSince time.Time     `json:"unknown_since,omitzero"`
	DiedAt       Phase         `json:"died_at,omitempty"` // what was being done when a process last died on it, while Crashes counts
	ConfirmedAt  time.Time     `json:"confirmed_at,omitzero"`
	Cancellation *Cancellation `json:"cancellation,omitempty"`
}

// Mark is how far one step of one booking has come.
type Mark struct {
	Step      Name      `json:"step"`
	State     MarkState `json:"state"`
	Attempts  int       `json:"attempts,omitempty"`   // turns spent on it, ever
	Tries     int       `json:"tries,omitempty"`      // turns that did it without result since the step began: the budget
	Asked     int       `json:"asked,omitempty"`      // questions without answer since the last Do or Undo
	Doubt     bool      `json:"doubt,omitempty"`      // an attempt got no answer: whatever was said since, it may still arrive
	UndoDoubt bool      `json:"undo_doubt,omitempty"` // the same of its undo
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
	Decline string `json:"decline,omitempty"` // the PSP's decline code, where one was given
}

// Penalty is one row of a cancellation policy: from this instant on, cancelling costs so much. Rows are in order of time;
// before the first one cancelling is free.
type Penalty struct {
	From time.Time `json:"from"`
	Fee  Money     `json:"fee"`
}

// Ledger is the money so far, and what its idempotency keys are made of.
type Ledger struct {
	Token         string    `json:"token,omitempty"`      // the PSP's token of the payment method in use
	Generation    int       `json:"generation,omitempty"` // of the authorisation: another card is another one
	CaptureTry    int       `json:"capture_try,omitempty"`
	RefundTry     int       `json:"refund_try,omitempty"`
	Reference     string    `json:"reference,omitempty"` // the PSP's, of the authorisation
	Authorized    int64     `json:"authorized,omitempty"`
	Captured      int64     `json:"captured,omitempty"`
	Refunded      int64     `json:"refunded,omitempty"`
	RefundTarget  int64     `json:"refund_target,omitempty"` // what staff want refunded in all while the stay stands
	Voided        bool      `json:"voided,omitempty"`
	RefundPending bool      `json:"refund_pending,omitempty"`
	CaptureBefore time.Time `json:"capture_before,omitzero"`
	Brand         string    `json:"brand,omitempty"`
	Last4         string    `json:"last4,omitempty"`
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
	Code         string     `json:"code,omitempty"` // the decline's code, or the reason of the change
	URL          string     `json:"url,omitempty"`
	ClientSecret string     `json:"client_secret,omitempty"` // the PSP's, for its own browser library
	NewTotal     Money      `json:"new_total,omitzero"`
}

// Cancellation is somebody's wish to cancel, with the fee as it was quoted when they asked.
type Cancellation struct {
	At     time.Time `json:"at"`
	Actor  string    `json:"actor"`
	Code   Reason    `json:"code"` // CancelledByCustomer, CancelledBySupport
	Fee    Money     `json:"fee"`
	Begun  bool      `json:"begun,omitempty"`
	Refuse Reason    `json:"refused,omitempty"` // the supplier did not let go: the stay stands
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
