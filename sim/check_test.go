package sim_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"time"

	"hotelbooking/booking"
	"hotelbooking/store"
)

// ledgerRow is what really exists under one reference, as the sandbox counted it. The maxima remember what was only for a
// moment.
type ledgerRow struct {
	Holds         int    `json:"holds"`
	Active        int    `json:"active_reservations"`
	MaxActive     int    `json:"max_active_reservations"`
	Confirmed     int    `json:"ever_confirmed"`
	Open          int    `json:"open_authorizations"`
	MaxOpen       int    `json:"max_open_authorizations"`
	Captures      int    `json:"captures"`
	Refunds       int    `json:"refunds"`
	Net           string `json:"net_captured"`
	Tracked       int    `json:"tracked"`
	TrackedCancel int    `json:"tracked_cancelled"`
	KeysReused    int    `json:"keys_reused"`
}

// effect is a line of the sandbox's journal.
type effect struct {
	Reference string `json:"reference"`
	Operation string `json:"operation"`
	System    string `json:"system"`
	Effect    string `json:"effect"`
	Fault     string `json:"fault"`
}

// ask reads one of the sandbox's own pages.
func (w *world) ask(path string, into any) {
	recorder := httptest.NewRecorder()
	w.sandbox.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, path, nil)) //nolint:noctx // nothing is sent
	if err := json.Unmarshal(recorder.Body.Bytes(), into); err != nil {
		panic(err)
	}
}

// stored is every booking that the database has.
func (w *world) stored() []*booking.Booking {
	page, err := w.store.List(background, booking.Filter{Limit: 100})
	if err != nil || len(page) == 100 {
		panic("more bookings than a page has")
	}
	return page
}

// restless lists the bookings that still have something to do by themselves.
func (w *world) restless() (all []string) {
	for _, b := range w.stored() {
		if b.Place.Phase != booking.Ended && b.Place.Phase != booking.Parked {
			all = append(all, b.Reference)
		}
	}
	return all
}

// open lists the bookings that have not come to their end; those that wait for a person, too.
func (w *world) open() (all []string) {
	for _, b := range w.stored() {
		if b.Place.Phase != booking.Ended {
			all = append(all, b.Reference)
		}
	}
	return all
}

// inbox is how many notices are to be applied now.
func (w *world) inbox() int {
	notices, err := w.store.Notices(background, 100)
	if err != nil {
		w.breach("S11: the inbox cannot be read: %v", err)
	}
	return len(notices)
}

// settle waits until everything has come to rest, and breaks a promise where it does not: what needs nobody within a minute
// of peace, the rest once guests' and staff's time is up.
func (w *world) settle() {
	for _, g := range w.everybody() {
		for !g.submitted.Load() {
			w.pass(time.Second)
		}
	}
	peace := time.Now()
	patience := time.Minute + w.back
	for time.Since(peace) < patience {
		if len(w.restless()) == 0 && len(w.open()) == 0 {
			break
		}
		if time.Since(peace) > patience-5*time.Second && len(w.restless()) == 0 {
			break
		}
		w.pass(time.Second)
	}
	for _, reference := range w.restless() {
		b := w.booking(reference)
		if b.Facts.Waiting.Who == "" && b.Attention == "" && b.UpdatedAt.Before(peace) {
			w.breach("L1: %s is still %s %s a minute after the last fault", reference, b.Place.Phase, b.Place.Step)
		}
	}
	w.closing.Store(true) // from now on nobody has new wishes
	for quiet := 0; quiet < 2; {
		if len(w.open()) > 0 || w.inbox() > 0 {
			quiet = 0
			w.pass(2 * time.Second)
		} else if quiet++; quiet < 2 {
			w.sandbox.Settle() // what was on its way for longest lands, and so does what guests still wanted
			w.pass(10 * time.Second)
		}
		if time.Since(peace) < 10*time.Minute {
			continue
		}
		for _, reference := range w.open() {
			b := w.booking(reference)
			w.breach("L1: %s never ends: %s %s, attention %q", reference, b.Place.Phase, b.Place.Step, b.Attention)
		}
		return
	}
}

func (w *world) booking(reference string) *booking.Booking {
	for _, b := range w.stored() {
		if b.Reference == reference {
			return b
		}
	}
	return nil
}

// check compares what guests were told, what the database holds and what really happened. Everything is at rest.
func (w *world) check() {
	var ledger struct {
		References map[string]ledgerRow `json:"references"`
	}
	w.ask("/_ledger", &ledger)
	var journal struct {
		Entries []effect `json:"entries"`
	}
	w.ask("/_journal", &journal)
	of := map[string][]effect{}
	for _, e := range journal.Entries {
		of[e.Reference] = append(of[e.Reference], e)
		if e.Fault != "" {
			w.count("sandbox " + e.Fault)
		}
	}
	known := map[string]bool{}
	for _, b := range w.stored() {
		known[b.Reference] = true
		w.checkBooking(b.ID, ledger.References[b.Reference], of[b.Reference])
		if deaths := w.deaths[b.Reference]; deaths > 3 {
			w.breach("L5: %s killed %d processes", b.Reference, deaths)
		}
	}
	for reference := range ledger.References {
		if !known[reference] {
			w.breach("S12: the ledger knows %s, and the database does not", reference)
		}
	}
	for _, g := range w.everybody() {
		if g.acked.ID != "" && !known[g.acked.Reference] {
			w.breach("S1: %s was told of %s, which is lost", g.key, g.acked.Reference)
		}
		w.checkGuest(g)
	}
	if audit, err := w.store.Auditor().Verify(background, "", func(f store.Finding) { w.breach("S14: %+v", f) }); err != nil {
		w.breach("S14: the audit cannot be read: %v", err)
	} else {
		w.seen["audited actions"] += int(audit.Actions)
	}
	if n := w.inbox(); n > 0 {
		w.breach("S11: %d notices were never applied", n)
	}
	w.seen["fenced writes"] += int(w.store.Counts().Fenced)
}

// checkBooking compares one booking with its history and with what really happened.
func (w *world) checkBooking(id booking.ID, l ledgerRow, effects []effect) {
	b, err := w.store.Get(background, id)
	if err != nil {
		w.breach("S1: %s cannot be read: %v", id, err)
		return
	}
	lines, err := w.store.History(background, id)
	if err != nil || len(lines) == 0 {
		w.breach("S8: the history of %s cannot be read: %v", b.Reference, err)
		return
	}
	w.checkHistory(b, lines)
	w.checkLedger(b, l)
	w.checkOrder(b.Reference, effects)
	w.checkRepeats(b.Reference, lines, effects)
	w.checkNotices(b.Reference, lines)
}

// checkGuest: what a guest was told is so.
func (w *world) checkGuest(g *guest) {
	if g.acked.ID == "" {
		return
	}
	b, err := w.store.Get(background, booking.ID(g.acked.ID))
	if err != nil {
		w.breach("S1: %s, of which %s was told, cannot be read: %v", g.acked.Reference, g.key, err)
		return
	}
	last := g.seen[len(g.seen)-1]
	if last.Terminal && last.Status != string(b.Status()) && last.Version == b.Version {
		w.breach("S9: %s was told that %s is %s, and it is %s", g.key, b.Reference, last.Status, b.Status())
	}
	if slices.Contains(g.never, string(b.Result)) {
		w.breach("S6: %s, who %s, is %s", g.key, g.name, b.Result)
	}
	if wish := b.Facts.Cancellation; wish != nil && !wish.Begun && wish.Refuse == "" && b.Result != booking.Failed && b.Place.Phase == booking.Ended {
		w.breach("S6: the wish of %s to cancel %s was never followed", g.key, b.Reference)
	}
	if g.cancelled && b.Result == booking.Confirmed && b.Facts.Cancellation == nil {
		w.breach("S6: the wish of %s to cancel %s is lost", g.key, b.Reference)
	}
}

// checkHistory: versions without a gap, each line begins where the one before ended, and what can happen once happened once.
func (w *world) checkHistory(b *booking.Booking, lines []booking.Entry) {
	once := map[string]int{}
	final := booking.Status("")
	for n, e := range lines {
		if e.Version != n+1 {
			w.breach("S8: line %d of %s has version %d", n+1, b.Reference, e.Version)
		}
		if n > 0 && e.From != lines[n-1].To && e.Actor == booking.SystemActor {
			w.breach("S8: %s stood at %s %s, and its next line begins at %s %s", b.Reference, lines[n-1].To.Phase, lines[n-1].To.Step, e.From.Phase, e.From.Step)
		}
		if e.Outcome == booking.KindNext && e.From.Phase == booking.Doing {
			once["did "+string(e.From.Step)]++
		}
		if e.Outcome == booking.KindNext && e.From.Phase == booking.Undoing {
			once["undid "+string(e.From.Step)]++
		}
		if e.Verb == "accept" || e.Verb == "cancel" {
			once[e.Verb]++
		}
		switch {
		case final == booking.StatusFailed, final == booking.StatusCancelled:
			if e.Status != final {
				w.breach("S7: %s was %s, and then %s", b.Reference, final, e.Status)
			}
		case final == booking.StatusConfirmed && !slices.Contains([]booking.Status{booking.StatusConfirmed, booking.StatusCancelling, booking.StatusCancelled}, e.Status):
			w.breach("S7: %s was confirmed, and then %s", b.Reference, e.Status)
		}
		if e.Status.Terminal() {
			final = e.Status
		}
	}
	for what, times := range once {
		if times > 1 {
			w.breach("S8: %s: %q is in the history %d times", b.Reference, what, times)
		}
	}
	if last := lines[len(lines)-1]; last.Version != b.Version || last.To != b.Place || last.Status != b.Status() {
		w.breach("S8: %s is %s %s at version %d, and its history ends with %s %s at version %d",
			b.Reference, b.Place.Phase, b.Place.Step, b.Version, last.To.Phase, last.To.Step, last.Version)
	}
	if b.Owner != "" {
		w.breach("L2: %s is at rest, and still leased by %s", b.Reference, b.Owner)
	}
}

// checkLedger: one room, one charge, or nothing at all.
func (w *world) checkLedger(b *booking.Booking, l ledgerRow) {
	if l.MaxActive > 1 || l.Confirmed > 1 {
		w.breach("S3: %s had %d rooms booked, %d at once", b.Reference, l.Confirmed, l.MaxActive)
	}
	if l.Captures > 1 || l.MaxOpen > 1 {
		w.breach("S4: %s was charged %d times, and had %d authorisations at once", b.Reference, l.Captures, l.MaxOpen)
	}
	if l.KeysReused > 0 {
		w.breach("S4: %s: %d calls carried the key or the reference of another one", b.Reference, l.KeysReused)
	}
	if b.Place.Phase != booking.Ended {
		return // L1 has said so
	}
	price := b.Facts.Price.Decimal()
	none := b.Facts.Price.Of(0).Decimal()
	if l.Net == "" {
		l.Net = none
	}
	switch b.Result {
	case booking.Confirmed:
		if l.Active != 1 || l.Net != price || l.Open != 0 {
			w.breach("S6: %s is confirmed, with %d rooms, %s of %s charged, %d authorisations open", b.Reference, l.Active, l.Net, price, l.Open)
		}
		if l.Tracked != 1 && b.Mark(booking.StepTrack).State == booking.MarkDone {
			w.breach("S6: %s is tracked %d times", b.Reference, l.Tracked)
		}
	case booking.Failed, booking.Cancelled:
		fee := none
		if b.Result == booking.Cancelled && b.Facts.Cancellation != nil {
			fee = b.Facts.Cancellation.Fee.Decimal()
		}
		if l.Active != 0 || l.Holds != 0 || l.Open != 0 || l.Net != fee {
			w.breach("S6: %s is %s, with %d rooms, %d holds, %d authorisations open, %s charged instead of %s", b.Reference, b.Result, l.Active, l.Holds, l.Open, l.Net, fee)
		}
	case booking.Undecided:
		w.breach("S6: %s has ended undecided", b.Reference)
	}
}

// checkOrder: no room before its money is reserved, no charge before the room is booked, and nothing new once something was
// given back.
func (w *world) checkOrder(reference string, effects []effect) {
	var authorized, booked, backwards bool
	for _, e := range effects {
		switch e.Effect {
		case "authorized":
			authorized = true
			if backwards {
				w.breach("S5: %s was authorised after something was given back", reference)
			}
		case "booked":
			booked = true
			if !authorized {
				w.breach("S5: %s was booked before it was authorised", reference)
			}
			if backwards {
				w.breach("S5: %s was booked after something was given back", reference)
			}
		case "captured":
			if !booked {
				w.breach("S5: %s was charged before it was booked", reference)
			}
		case "released", "booking_dropped", "cancelled", "voided", "refunded":
			backwards = true
		}
	}
}

// checkNotices: each notification that was taken is in the history.
func (w *world) checkNotices(reference string, lines []booking.Entry) {
	w.mu.Lock()
	taken, applied := w.notices[reference], 0
	w.mu.Unlock()
	for _, e := range lines {
		if e.Verb == string(booking.VerbNotify) {
			applied++
		}
	}
	if applied < taken {
		w.breach("S11: %d notifications about %s were taken, and %d applied", taken, reference, applied)
	}
}

// checkRepeats: what can be asked about is never repeated blindly. Each call that did something has its line of history,
// written by who made it or, where they died, by who asked about it next; so there are no more calls than lines.
func (w *world) checkRepeats(reference string, lines []booking.Entry, effects []effect) {
	calls := map[booking.Name]int{}
	for _, e := range effects {
		if e.Fault == "duplicate_delivery" {
			continue // the network's doing
		}
		switch e.System + " " + e.Operation {
		case "hotel hold":
			calls[booking.StepHold]++
		case "hotel confirm":
			calls[booking.StepConfirm]++
		case "payment authorize":
			calls[booking.StepAuthorize]++
		}
	}
	for _, e := range lines {
		if e.From.Phase == booking.Doing {
			calls[e.From.Step]--
		}
	}
	for step, n := range calls {
		if n > 0 {
			w.breach("S5: %s: %d calls of %s have no line in the history: they were repeated blindly", reference, n, step)
		}
	}
}
