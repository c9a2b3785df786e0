package booking

import (
	"context"
	"strconv"
	"time"
)

// Hotels is a hotel supplier. Every operation is under our reference (b.Reference), which the supplier holds unique: the
// same call again has no second effect. Errors are *Fault; any other error is taken for Unclear.
type Hotels interface {
	// Hold re-checks price and availability, and holds the room where the supplier can.
	Hold(ctx context.Context, b *Booking) (Hold, error)
	// Release gives up whatever stands under our reference, and sees to it that nothing later can arrive under it.
	// Releasing what does not exist is no error.
	Release(ctx context.Context, b *Booking) error
	// Confirm books the room. A supplier that took the request without deciding it answers Unclear(SupplierPending).
	Confirm(ctx context.Context, b *Booking) (Reservation, error)
	// Cancel cancels a reservation by our reference, and like Release leaves no way for a late one to arrive.
	// Refused means that the supplier insists on the stay.
	Cancel(ctx context.Context, b *Booking) error
	// Find tells what stands under our reference. An error is no answer.
	Find(ctx context.Context, b *Booking) (Standing, error)
}

// Hold is a room at a price, checked and perhaps held.
type Hold struct {
	Reference    string    `json:"reference,omitzero"` // the supplier's; empty where it cannot hold
	Total        Money     `json:"total"`              // what the room costs now
	TermsChanged bool      `json:"terms_changed,omitzero"`
	Penalties    []Penalty `json:"penalties,omitzero"`
	ExpiresAt    time.Time `json:"expires_at,omitzero"`
}

// Reservation is a booked room.
type Reservation struct {
	SupplierReference string `json:"supplier_reference,omitzero"`
	HotelConfirmation string `json:"hotel_confirmation,omitzero"` // the hotel's own number; often comes later
}

// RoomState is what stands at the supplier under our reference.
type RoomState string

// What a supplier can answer.
const (
	RoomAbsent  RoomState = "absent"  // nothing stands there; see Standing.Sure
	RoomHeld    RoomState = "held"    // held, not booked
	RoomPending RoomState = "pending" // taken, and not decided yet
	RoomBooked  RoomState = "booked"
	RoomGone    RoomState = "gone" // released or cancelled, and nothing can arrive any more
)

// Standing is a supplier's answer to "what do you have under this reference?".
type Standing struct {
	State RoomState
	// Sure: absence is proof. A supplier that may still be working on a lost request, and would not recognise its
	// repetition, is not sure until its longest request has died.
	Sure        bool
	Hold        Hold
	Reservation Reservation
}

// Payments is a payment service provider. Operations carry an idempotency key from Booking.Key, so that the same
// call again has no second effect. Errors are *Fault; any other error is taken for Unclear.
type Payments interface {
	// Authorize reserves b.Facts.Price on b.Facts.Money.Token, to be captured later. A decline is an answer, not an error.
	Authorize(ctx context.Context, b *Booking) (Payment, error)
	// Void gives up the authorisation of the current generation, whether or not it is known to exist, and sees to it that
	// none can arrive later. Voiding what does not exist is no error; nor is finding it captured meanwhile, which the
	// answer shows.
	Void(ctx context.Context, b *Booking) (Payment, error)
	// Capture takes amount of the authorisation; the rest of it is released.
	Capture(ctx context.Context, b *Booking, amount Money) (Payment, error)
	// Refund gives amount of the captured money back.
	Refund(ctx context.Context, b *Booking, amount Money) (Payment, error)
	// Find tells where the payment of the current generation stands. An error is no answer.
	Find(ctx context.Context, b *Booking) (Payment, error)
}

// PaymentState is where one authorisation stands at the PSP.
type PaymentState string

// What a PSP can answer.
const (
	PaymentAbsent          PaymentState = "absent"
	PaymentNeedsAction     PaymentState = "needs_action"
	PaymentProcessing      PaymentState = "processing"
	PaymentAuthorized      PaymentState = "authorized"
	PaymentCaptured        PaymentState = "captured"
	PaymentVoided          PaymentState = "voided"
	PaymentDecline         PaymentState = "declined"
	PaymentUnauthenticated PaymentState = "unauthenticated" // the guest's bank could not confirm who is paying
)

// Payment is a PSP's view of one authorisation and what became of it. Amounts are minor units of the booking's price.
type Payment struct {
	State         PaymentState
	Reference     string
	Authorized    int64
	Captured      int64
	Refunded      int64
	RefundPending bool // accepted, on its way to the guest
	Decline       string
	HardDecline   bool // another try, or another of this guest's cards, is pointless: lost, stolen, fraudulent
	ActionURL     string
	ClientSecret  string
	CaptureBefore time.Time
	Brand         string
	Last4         string
}

// Screener judges whether a booking is fraud. It is safe to ask again.
type Screener interface {
	Screen(ctx context.Context, b *Booking) (Verdict, error)
}

// Ruling is the word of a screening.
type Ruling string

// Accept goes on, Review waits for a person, Deny ends the booking.
const (
	Accept Ruling = "accept"
	Review Ruling = "review"
	Deny   Ruling = "reject"
)

// Verdict is a screening's answer, for staff only.
type Verdict struct {
	Ruling    Ruling `json:"ruling"`
	Reference string `json:"reference,omitzero"`
	Score     int    `json:"score,omitzero"`  // 0 harmless to 100
	Source    string `json:"source,omitzero"` // "screening", or who decided instead
}

// Tracker takes conversion events. The same MessageID again has no second effect.
type Tracker interface {
	Track(ctx context.Context, e Conversion) error
}

// Conversion is one event for the marketing systems. It carries no personal data.
type Conversion struct {
	MessageID   string
	Event       string // "Booking Confirmed", "Booking Cancelled"
	Reference   string
	At          time.Time
	Value       Money
	HotelID     string
	CheckIn     string
	CheckOut    string
	Attribution map[string]string
}

func itoa(n int) string { return strconv.Itoa(n) }
