// Package booking is what a hotel booking is and how it moves: the table of steps (flow.go), the machine that applies
// their outcomes (machine.go), and the ports through which they reach the outside world (ports.go). It imports the
// standard library only, reads no clock and starts no goroutine; Flow.Apply and Flow.Decide are the only code that moves
// a booking.
package booking

import "time"

// ID is a booking's UUIDv7. Knowing it authorises nothing.
type ID string

// Booking is one guest's booking: what was asked, and where it stands.
type Booking struct {
	Ask   // written once, at acceptance
	State // rewritten by each turn and each decision
}

// Ask is what was submitted and accepted.
type Ask struct {
	ID              ID
	Reference       string // short, for the phone, and our reference at suppliers: see NewReference
	Client          string // name of the API key that submitted it
	ClientReference string // the caller's own name for it, free text
	CreatedAt       time.Time
	Offer           Offer
	Stay            Stay
	Contact         Contact
	PaymentToken    string            // the PSP's token of the first payment method
	ReturnURL       string            // where the guest's bank sends the guest back to; empty: nowhere
	Attribution     map[string]string // click and campaign ids for the conversion event
	Trace           string            // W3C traceparent of its acceptance: all that is done for it joins that trace; empty: not traced
}

// Offer is what the guest accepted: one supplier's room at a price.
type Offer struct {
	Supplier         string    `json:"supplier"`
	Token            string    `json:"token"` // the supplier's own, opaque
	Total            Money     `json:"total"`
	TolerancePercent int       `json:"tolerance_percent"` // the price may rise by so much without asking; the guest still pays Total
	ExpiresAt        time.Time `json:"expires_at,omitzero"`
}

// Stay is where and when, in the hotel's own calendar.
type Stay struct {
	HotelID       string `json:"hotel_id"`
	HotelName     string `json:"hotel_name"`
	HotelTimezone string `json:"hotel_timezone"` // IANA name
	CheckIn       string `json:"check_in"`       // YYYY-MM-DD
	CheckOut      string `json:"check_out"`      // YYYY-MM-DD
	Rooms         []Room `json:"rooms"`
}

// Room is one room and who sleeps in it.
type Room struct {
	Adults          int     `json:"adults"`
	ChildAges       []int   `json:"child_ages,omitempty"`
	Guests          []Guest `json:"guests,omitempty"`           // personal
	SpecialRequests string  `json:"special_requests,omitempty"` // personal: people write their illnesses here
}

// Guest is a person who stays. Personal.
type Guest struct {
	GivenName  string `json:"given_name"`
	FamilyName string `json:"family_name"`
	Lead       bool   `json:"lead"`
}

// Contact is the person who booked. Personal.
type Contact struct {
	GivenName  string `json:"given_name"`
	FamilyName string `json:"family_name"`
	Email      string `json:"email"`
	Phone      string `json:"phone"`    // E.164
	Country    string `json:"country"`  // ISO 3166-1 alpha-2
	Language   string `json:"language"` // BCP 47
}

// State is where a booking stands. Its small fields are columns of the narrow row; Facts is the rest.
type State struct {
	Version   int // 1 when accepted; each saved turn or decision adds one, and one Entry
	UpdatedAt time.Time
	Place     Place
	Goal      Goal
	Result    Result
	DueAt     time.Time // when somebody must look at it next; zero: never
	Crashes   int       // claims in a row that found their predecessor dead, at this step
	Attention Reason    // why staff should look at it; empty: no need
	Facts     Facts

	// Owner and Crashed belong to the turn, not to the story: who holds the lease, and whether it was taken over from a
	// process that died. The store sets them when it hands a booking out.
	Owner   string
	Crashed bool
}

// Place is where in the flow a booking stands.
type Place struct {
	Phase Phase
	Step  Name // empty once ended
}

// Name is a step's name as stored in rows; see the constants in flow.go.
type Name string

// Phase is what is being done about a step. Like all the words below it is stored as it is.
type Phase string

// The five phases. With the step they are the whole state space of the machine.
const (
	Doing   Phase = "doing"
	Finding Phase = "finding" // whether it happened is being asked, forwards or backwards
	Undoing Phase = "undoing"
	Parked  Phase = "parked" // a person has to do something first
	Ended   Phase = "ended"
)

// Goal is where the flow is heading.
type Goal string

// Forward is to confirm; the others give back what was taken.
const (
	Confirm  Goal = "confirm"
	Fail     Goal = "fail"      // unwind to failed
	Cancel   Goal = "cancel"    // unwind to cancelled, less the fee
	GiveBack Goal = "give_back" // refund some of the money; the stay stands
)

// Result is what has been decided, once it is. It never changes but from confirmed to cancelled.
type Result string

// A booking is decided when the supplier confirmed, or when nothing remains of it.
const (
	Undecided Result = ""
	Confirmed Result = "confirmed"
	Failed    Result = "failed"
	Cancelled Result = "cancelled"
)
