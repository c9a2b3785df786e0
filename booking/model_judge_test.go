package booking_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"hotelbooking/booking"
	"hotelbooking/booking/bookingtest"
)

// judge watches one booking and its world, and knows the promises.
type judge struct {
	world  *bookingtest.World
	last   booking.Status
	saves  int
	asked  map[string]bool // acts whose outcome nobody knows, until somebody asked
	early  bool            // money was given back for a room that was still booked
	fee    booking.Money
	result booking.Result
}

// acting checks that nothing which can be asked about is repeated blindly.
func (j *judge) acting(b *booking.Booking) {
	key := act(b)
	money := b.Place.Step == booking.StepCapture || b.Place.Step == booking.StepAuthorize
	j.early = j.early || b.Place.Phase == booking.Undoing && money && b.Goal == booking.Cancel && j.world.Reserved()
	if j.asked[key] && b.Place.Phase != booking.Finding && b.Place.Step != booking.StepScreen && b.Place.Step != booking.StepTrack {
		j.asked["blind: "+key] = true
	}
}

// acted remembers what nobody knows any more: an unknown outcome, or a death before the outcome was saved.
func (j *judge) acted(b *booking.Booking, o booking.Outcome, died bool) {
	if j.asked == nil {
		j.asked = map[string]bool{}
	}
	if b.Place.Phase == booking.Finding {
		if o.Kind() != booking.KindRetry && o.Kind() != booking.KindUnknown && !died {
			delete(j.asked, "doing "+string(b.Place.Step))
			delete(j.asked, "undoing "+string(b.Place.Step))
		}
		return
	}
	if o.Kind() == booking.KindUnknown || died {
		j.asked[act(b)] = true
	}
}

func act(b *booking.Booking) string { return string(b.Place.Phase) + " " + string(b.Place.Step) }

// saw checks what holds at every instant.
func (j *judge) saw(b *booking.Booking, e booking.Entry) error {
	j.saves++
	status := b.Status()
	problems := []error{
		when(b.Version != j.saves || e.Version != j.saves, "version %d, line %d of %d saves", b.Version, e.Version, j.saves),
		when(j.world.EverBooked() > 1, "%d reservations", j.world.EverBooked()),
		when(j.world.Open() > 1, "%d open authorisations", j.world.Open()),
		when(j.world.Captures() > 1, "%d captures", j.world.Captures()),
		when(j.world.CaptureBeforeBooked, "captured before the room was booked"),
		when(j.early, "money was given back before the supplier let go"),
		when(j.world.DoubleKey, "one key carried two amounts"),
		when(!mayFollow(j.last, status), "status went from %s to %s", j.last, status),
		when(j.result != booking.Undecided && j.result != b.Result && (j.result != booking.Confirmed || b.Result != booking.Cancelled),
			"decided %s, then %s", j.result, b.Result),
		when(e.From.Phase == booking.Ended && e.To.Phase != booking.Ended && e.Actor == booking.SystemActor, "left the end by itself"),
	}
	for key := range j.asked {
		problems = append(problems, when(strings.HasPrefix(key, "blind:"), "repeated without asking: %s", key))
	}
	if j.saves%16 == 0 { // words are slow
		story := booking.Tell(b, e.At)
		problems = append(problems, when(strings.Contains(fmt.Sprint(story, e.Say()), "no words"), "no words for %v: %v", b.Place, story))
	}
	if wish := b.Facts.Cancellation; wish != nil {
		j.fee = wish.Fee
	}
	j.last, j.result = status, b.Result
	return errors.Join(problems...)
}

// atRest checks what holds once nothing is left to do.
func (j *judge) atRest(b *booking.Booking) error {
	w, price := j.world, b.Facts.Price.Minor
	left := w.Captured - w.Refunded
	problems := []error{
		when(w.Open() != 0, "%s with %d open authorisations", b.Status(), w.Open()),
		when(w.Held(), "%s with a room on hold", b.Status()),
		when(b.Facts.Money.Captured != w.Captured || b.Facts.Money.Refunded != w.Refunded,
			"books say %d captured, %d refunded; the PSP %d, %d", b.Facts.Money.Captured, b.Facts.Money.Refunded, w.Captured, w.Refunded),
		when(!b.Terminal(), "at rest as %s", b.Status()),
	}
	switch b.Status() {
	case booking.StatusConfirmed:
		problems = append(problems,
			when(!w.Reserved(), "confirmed without a room"),
			when(w.Captured != price, "confirmed with %d of %d captured", w.Captured, price),
			when(b.Facts.Money.RefundTarget != w.Refunded, "staff wanted %d back, %d was", b.Facts.Money.RefundTarget, w.Refunded),
			when(w.Tracked[string(b.ID)+":Booking Confirmed"] > 0 && b.Facts.Reservation.SupplierReference == "", "no supplier reference"))
	case booking.StatusFailed:
		problems = append(problems,
			when(w.Reserved(), "failed with a room"),
			when(left != 0, "failed with %d of the guest's money", left),
			when(b.Facts.Failure.Code == "", "failed without a code"))
	case booking.StatusCancelled:
		problems = append(problems,
			when(w.Reserved(), "cancelled with a room"),
			when(b.Facts.Money.RefundTarget == 0 && left != j.fee.Minor, "cancelled with %d kept for a fee of %d", left, j.fee.Minor),
			when(left > j.fee.Minor, "cancelled with %d kept for a fee of %d", left, j.fee.Minor))
	default:
		problems = append(problems, fmt.Errorf("rests as %s", b.Status()))
	}
	if err := errors.Join(problems...); err != nil {
		return fmt.Errorf("%w; calls %v", err, w.Calls)
	}
	return nil
}

// mayFollow is what a reader may see after what they saw: forwards only, but for a cancellation that was refused.
func mayFollow(from, to booking.Status) bool {
	if from == "" || from == to {
		return true
	}
	next := map[booking.Status][]booking.Status{
		booking.StatusPending:        {booking.StatusProcessing, booking.StatusRequiresAction, booking.StatusInReview, booking.StatusConfirmed, booking.StatusFailed, booking.StatusCancelling, booking.StatusCancelled},
		booking.StatusProcessing:     {booking.StatusRequiresAction, booking.StatusInReview, booking.StatusConfirmed, booking.StatusFailed, booking.StatusCancelling, booking.StatusCancelled},
		booking.StatusRequiresAction: {booking.StatusProcessing, booking.StatusInReview, booking.StatusConfirmed, booking.StatusFailed, booking.StatusCancelling},
		booking.StatusInReview:       {booking.StatusProcessing, booking.StatusRequiresAction, booking.StatusFailed, booking.StatusCancelling},
		booking.StatusConfirmed:      {booking.StatusCancelling, booking.StatusCancelled},
		booking.StatusCancelling:     {booking.StatusCancelled, booking.StatusConfirmed},
	}
	return slices.Contains(next[from], to)
}

func when(bad bool, format string, args ...any) error {
	if !bad {
		return nil
	}
	return fmt.Errorf(format, args...)
}
