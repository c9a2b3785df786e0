// Package judge says which promises were broken: it compares what clients were told with what the service has and with what
// really happened outside. It knows the service as others do, by its API and its tables, and shares no code with it.
//
//	e := judge.Evidence{Stories: stories, Rows: rows, ...} // once nothing moves any more
//	for _, v := range e.Violations() {
//		fmt.Println(e.About(v))
//	}
package judge

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Violation is one broken promise.
type Violation struct {
	Invariant string
	Booking   string // its id, or its reference where the service does not know it
	What      string
}

func (v Violation) String() string { return v.Invariant + " " + v.Booking + ": " + v.What }

// Class is the column of the report in which a violation is counted.
func (v Violation) Class() string {
	switch v.Invariant {
	case "S1", "C1":
		return "lost"
	case "S2", "S3", "S4":
		return "doubled"
	case "L1", "L2", "L3", "L7":
		return "stuck"
	case "S7", "S9":
		return "non_monotone"
	default:
		return "inconsistent"
	}
}

// Classes are the columns that must be 0.
var Classes = []string{"lost", "doubled", "inconsistent", "stuck", "non_monotone"}

// checker gathers violations.
type checker struct {
	Evidence

	found []Violation
}

// Violations compares the three sources.
//
//	S1 what was acknowledged is there       S7 terminal is final              S12 nothing outside without a booking
//	S2 one key, one booking                 S8 history without gaps or repeats  L1 all decided, or with a person
//	S3 one room                             S9 versions grow, never 404         L2 nothing without a time at which it goes on
//	S4 one charge                           C1 an acknowledged cancel is kept   L3 support sees what waits for a person
//	S5 order of effects                     O1 the outcome that the tokens say  L7 no lease is left
//	S6 what the booking says is what is
func (e Evidence) Violations() []Violation {
	c := &checker{Evidence: e}
	for _, s := range e.Stories {
		c.acknowledged(s)
		c.monotone(s)
	}
	c.keys()
	for _, id := range slices.Sorted(maps.Keys(e.Rows)) {
		r := e.Rows[id]
		c.rested(r)
		c.history(r)
		c.consistent(r)
	}
	c.outside()
	c.order()
	if e.Stuck > 0 {
		c.say("L1", "-", "%d bookings still move", e.Stuck)
	}
	return c.found
}

func (c *checker) say(invariant, booking, format string, args ...any) {
	c.found = append(c.found, Violation{invariant, booking, fmt.Sprintf(format, args...)})
}

func (c *checker) unless(ok bool, invariant, booking, format string, args ...any) {
	if !ok {
		c.say(invariant, booking, format, args...)
	}
}

// acknowledged: what a client was promised.
func (c *checker) acknowledged(s *Story) {
	c.unless(s.Refused == 0, "O1", s.Key, "its submission was answered with %d", s.Refused)
	c.unless(s.Foreign == 0, "O1", s.Key, "%d answers that nobody expects", s.Foreign)
	if len(s.IDs) == 0 {
		return
	}
	id := s.IDs[0]
	for _, other := range s.IDs {
		c.unless(other == id, "S2", id, "the same key was answered with %s, too", other)
	}
	c.unless(!s.Unreplayed, "S2", id, "a repeated submission was answered as a new one")
	r := c.Rows[id]
	if r == nil {
		c.say("S1", id, "acknowledged, and not in the database")
		return
	}
	c.unless(r.Reference == s.Reference, "S1", id, "acknowledged as %s, and stored as %s", s.Reference, r.Reference)
	c.unless(r.Key == s.Key, "S2", id, "submitted under key %s, and stored under %s", s.Key, r.Key)
	final, asked := c.Final[id]
	c.unless(asked, "S9", id, "acknowledged, and not to be had any more")
	if asked {
		c.unless(final.Status == r.Status && final.Version == r.Version, "S6", id, "the API says %s %d, the database %s %d", final.Status, final.Version, r.Status, r.Version)
	}
	c.unless(!s.CancelTaken || r.Status == Cancelled || r.Status == Failed || r.Phase == "parked", "C1", id, "its cancellation was accepted, and it is %s", r.Status)
	c.outcome(s, r)
}

// outcome: what the magic tokens say. Who should be confirmed may fail for want of an answer, which gaveUp counts.
func (c *checker) outcome(s *Story, r *Row) {
	switch {
	case r.Phase == "parked":
		c.unless(r.Attention != "capture_failed" || s.Kind.Parks == r.Attention, "O1", r.ID, "it was to be charged, and nobody could")
	case s.CancelSent && (r.Status == Cancelled || r.Status == Failed):
	case s.Kind.Want == r.Status && r.Status == Failed:
		code := c.Final[r.ID].Failure.Code
		c.unless(s.Kind.Code == code || gaveUp[code], "O1", r.ID, "it was to fail for %s, and failed for %s", s.Kind.Code, code)
	case s.Kind.Want == r.Status:
	case s.Kind.Want == Confirmed && r.Status == Failed:
		code := c.Final[r.ID].Failure.Code
		c.unless(gaveUp[code], "O1", r.ID, "it was to be confirmed, and failed for %s", code)
	default:
		c.say("O1", r.ID, "it was to be %s (%s), and is %s", s.Kind.Want, s.Kind.Name, r.Status)
	}
}

// gaveUp are the reasons for which a booking that could succeed may fail: somebody could not be reached for too long.
var gaveUp = map[string]bool{
	"supplier_unavailable": true, "payment_unavailable": true, "supplier_no_confirmation": true, "review_expired": true,
	"booking_deadline_exceeded": true, "payment_action_expired": true,
}

// monotone: what a client saw, in its order.
func (c *checker) monotone(s *Story) {
	if len(s.IDs) == 0 {
		return
	}
	id := s.IDs[0]
	c.unless(s.Missing == 0, "S9", id, "404 after the 202, %d times", s.Missing)
	all := slices.Clone(s.Seen)
	if final, ok := c.Final[id]; ok {
		all = append(all, final.Seen())
	}
	for i := 1; i < len(all); i++ {
		before, now := all[i-1], all[i]
		c.unless(now.Version >= before.Version, "S9", id, "version %d was followed by %d", before.Version, now.Version)
		c.unless(now.Version > before.Version || now.Status == before.Status, "S9", id, "version %d is %s and %s", now.Version, before.Status, now.Status)
		c.unless(!before.Terminal || now.Status == before.Status || s.CancelSent && before.Status == Confirmed, "S7", id, "it was %s, and became %s", before.Status, now.Status)
	}
}

// keys: no two bookings under one key.
func (c *checker) keys() {
	of := map[string]string{}
	for _, id := range slices.Sorted(maps.Keys(c.Rows)) {
		key := c.Rows[id].Key
		if other, taken := of[key]; taken && key != "" {
			c.say("S2", id, "%s has the same key", other)
		}
		of[key] = id
	}
}

// rested: nothing is left to do, or it is a person's.
func (c *checker) rested(r *Row) {
	c.unless(r.Owner == "", "L7", r.ID, "%s holds it", r.Owner)
	switch r.Phase {
	case "ended":
		c.unless(Terminal(r.Status), "L1", r.ID, "ended, and %s", r.Status)
	case "parked":
		c.unless(mayPark[r.Attention], "O1", r.ID, "it waits for a person because of %q", r.Attention)
		c.unless(c.Desk[r.ID], "L3", r.ID, "it waits for a person (%s), and support does not see it", r.Attention)
	default:
		c.unless(r.Due, "L2", r.ID, "%s %s, and nobody will ever look at it", r.Phase, r.Step)
		c.say("L1", r.ID, "still %s %s", r.Phase, r.Step)
	}
}

// mayPark are the reasons for which a person is needed where the outside misbehaves and processes die. No other is to be expected.
var mayPark = map[string]bool{"capture_failed": true, "crashed_repeatedly": true}

func Terminal(status string) bool {
	return status == Confirmed || status == Failed || status == Cancelled
}

// history: every turn is there once, and leads from where the one before led to.
func (c *checker) history(r *Row) {
	done := map[string]bool{}
	wished, status := false, ""
	for i, l := range r.Lines {
		if l.Version != i+1 {
			c.say("S8", r.ID, "after version %d of the history comes %d", i, l.Version)
			return
		}
		if i > 0 {
			before := r.Lines[i-1]
			c.unless(l.FromPhase == "" || before.ToPhase == l.FromPhase && before.ToStep == l.FromStep, "S8", r.ID,
				"version %d leaves %s %s, and the one before led to %s %s", l.Version, l.FromPhase, l.FromStep, before.ToPhase, before.ToStep)
		}
		wished = wished || l.Verb == "cancel"
		c.unless(!Terminal(status) || l.Status == status || wished && status == Confirmed, "S7", r.ID, "version %d makes %s of %s", l.Version, l.Status, status)
		status = l.Status
		if once := l.FromPhase + " " + l.FromStep; l.Outcome == "next" && l.FromPhase == "doing" {
			c.unless(!done[once], "S8", r.ID, "%s succeeded twice", once)
			done[once] = true
		}
	}
	if len(r.Lines) == 0 {
		c.say("S8", r.ID, "no history")
		return
	}
	last := r.Lines[len(r.Lines)-1]
	c.unless(last.Version == r.Version && last.Status == r.Status && last.ToPhase == r.Phase && last.ToStep == r.Step, "S8", r.ID,
		"it is %d %s %s %s, and its history ends with %d %s %s %s", r.Version, r.Status, r.Phase, r.Step, last.Version, last.Status, last.ToPhase, last.ToStep)
}

// consistent: what the booking says is what exists outside.
func (c *checker) consistent(r *Row) {
	l := c.Ledger[r.Reference]
	c.unless(l.MaxActive <= 1 && l.Confirmed <= 1, "S3", r.ID, "%d rooms at once, %d ever", l.MaxActive, l.Confirmed)
	c.unless(l.Captures <= 1 && l.MaxCaptures <= 1 && l.MaxOpen <= 1, "S4", r.ID, "%d captures, %d authorisations at once", l.MaxCaptures, l.MaxOpen)
	c.unless(l.KeysReused == 0, "S4", r.ID, "a key or reference was used for another body, %d times", l.KeysReused)
	net := minor(l.Captured) - minor(l.Refunded)
	c.unless(net >= 0 && net <= price && (l.Currency == "" || l.Currency == currency), "S4", r.ID, "%d %s are kept of %d", net, l.Currency, price)
	if r.Phase == "parked" {
		return // what remains open is what a person is to look at
	}
	switch r.Status {
	case Confirmed:
		c.unless(l.Active == 1 && l.Confirmed == 1 && l.Holds == 0, "S6", r.ID, "confirmed, with %d rooms and %d holds", l.Active, l.Holds)
		c.unless(net == price && l.Open == 0, "S6", r.ID, "confirmed, with %d charged and %d authorisations open", net, l.Open)
		c.unless(l.Tracked == 1, "S6", r.ID, "confirmed, and tracked %d times", l.Tracked)
	case Failed, Cancelled:
		fee := minor(c.Fees[r.ID])
		c.unless(l.Active == 0 && l.Holds == 0, "S6", r.ID, "%s, with %d rooms and %d holds", r.Status, l.Active, l.Holds)
		c.unless(net == fee && l.Open == 0, "S6", r.ID, "%s for a fee of %d, with %d charged and %d authorisations open", r.Status, fee, net, l.Open)
	}
}

// outside: nothing exists there that the service does not know.
func (c *checker) outside() {
	known := map[string]bool{}
	for _, r := range c.Rows {
		known[r.Reference] = true
	}
	for _, reference := range slices.Sorted(maps.Keys(c.Ledger)) {
		c.unless(known[reference], "S12", reference, "it exists outside, and there is no booking")
	}
}

// order: what happened outside, in the order in which it happened there.
func (c *checker) order() {
	type past struct{ authorized, booked, gone, paidBack bool }
	pasts, bodies := map[string]*past{}, map[string]string{}
	for _, e := range c.Journal {
		if e.Reference == "" {
			continue
		}
		p := pasts[e.Reference]
		if p == nil {
			p = &past{}
			pasts[e.Reference] = p
		}
		if e.Key != "" && e.Body != "" {
			name := e.Operation + " " + e.Key
			c.unless(bodies[name] == "" || bodies[name] == e.Body, "S4", e.Reference, "%s came with two bodies", name)
			bodies[name] = e.Body
		}
		for _, effect := range e.Did() {
			switch effect {
			case "authorized":
				c.unless(!p.paidBack, "S5", e.Reference, "authorised after the money was given back")
				p.authorized = true
			case "held":
				c.unless(!p.gone, "S5", e.Reference, "held after the room was given back")
			case "booked":
				c.unless(p.authorized, "S5", e.Reference, "booked before the money was reserved")
				c.unless(!p.gone, "S5", e.Reference, "booked after the room was given back")
				p.booked = true
			case "captured":
				c.unless(p.booked, "S5", e.Reference, "charged before the room was booked")
				c.unless(!p.paidBack, "S5", e.Reference, "charged after the money was given back")
			case "released", "booking_dropped", "cancelled":
				p.gone = true
			case "tombstone":
				p.gone, p.paidBack = p.gone || e.System == "hotel", p.paidBack || e.System == "payment"
			case "voided", "refunded", "voided_before_action":
				p.paidBack = true
			}
		}
	}
}

// minor is "346.00" in cents.
func minor(amount string) int {
	n, _ := strconv.Atoi(strings.ReplaceAll(amount, ".", "")) // nothing is none
	return n
}
