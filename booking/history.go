package booking

import (
	"strings"
	"time"
)

// SystemActor is the actor of what the service does by itself.
const SystemActor = "system"

// Whose actions the audit has: those of our own people. Customers and vendors only ask, and the history says so.
const (
	supportActor  = "support:"
	operatorActor = "operator:"
)

// SupportActor is the actor of what is done with a key of support.
func SupportActor(key string) string { return supportActor + key }

// OperatorActor is the actor of what somebody does on the server itself, by their name there.
func OperatorActor(user string) string { return operatorActor + user }

// ByStaff tells whether an actor is one of our own people.
func ByStaff(actor string) bool {
	return strings.HasPrefix(actor, supportActor) || strings.HasPrefix(actor, operatorActor)
}

// ErasedText stands in the history for what our people wrote about a booking before it was erased.
const ErasedText = "erased"

// Mandate is what the audit keeps of an action of our own people beside its line of history.
type Mandate struct {
	Role      string // what the key, or the person, was allowed to do
	RequestID string // of the HTTP request, as in its answer and in the access log; empty where there was none
	Asked     string // what was decided beside the verb, such as "amount=50.00 EUR"; carries no personal data
	Was       Status // what the customer saw before
}

// Entry is one line of a booking's history: a turn or a decision. It is written in the same transaction as the state it
// led to, never changed, and has the version that it made, so that lines are numbered without a gap.
type Entry struct {
	Version int
	At      time.Time
	Actor   string // "system", "customer", "support:<key name>", "operator:<user>", "webhook:<vendor>"
	Verb    string // "accept", "turn", or the decision's verb
	From    Place
	To      Place
	Attempt int
	Outcome Kind // empty for decisions that move nothing
	Reason  Reason
	Detail  string // for staff; carries no personal data
	Took    time.Duration
	Status  Status // what the customer saw from then on
	Calls   []Call // to outside systems, of a turn, in their order

	Happenings []Happening // what other systems are told of it; not part of the line either

	Mandate Mandate // for the audit, of an action of our own people; not part of the line, so reading it back leaves it empty
}

// Begin is the state of a booking that was just accepted, and its first line of history.
func (f Flow) Begin(ask Ask, now time.Time) (*Booking, Entry) {
	b := &Booking{Ask: ask}
	b.CreatedAt, b.UpdatedAt = now, now
	b.Version, b.Goal = 1, Confirm
	b.Facts.Price = ask.Offer.Total
	b.Facts.Deadline = now.Add(f.Limits.BookingDeadline)
	b.Facts.Money.Token = ask.PaymentToken
	b.Facts.Marks = make([]Mark, len(f.Steps))
	for i, s := range f.Steps {
		b.Facts.Marks[i] = Mark{Step: s.Name, State: MarkPending}
	}
	f.enter(b, Doing, f.Steps[0].Name, now)
	return b, Entry{Version: 1, At: now, Actor: "customer", Verb: "accept", To: b.Place, Status: b.Status(), Happenings: Happenings(nil, b)}
}
