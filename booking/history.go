package booking

import "time"

// SystemActor is the actor of what the service does by itself.
const SystemActor = "system"

// Entry is one line of a booking's history: a turn or a decision. It is written in the same transaction as the state it
// led to, never changed, and has the version that it made, so that lines are numbered without a gap.
type Entry struct {
	Version int
	At      time.Time
	Actor   string // "system", "customer", "support:<key name>", "webhook:<vendor>"
	Verb    string // "accept", "turn", or the decision's verb
	From    Place
	To      Place
	Attempt int
	Outcome Kind // empty for decisions that move nothing
	Reason  Reason
	Detail  string // for staff; carries no personal data
	Took    time.Duration
	Status  Status // what the customer saw from then on
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
	return b, Entry{Version: 1, At: now, Actor: "customer", Verb: "accept", To: b.Place, Status: b.Status()}
}
