package booking_test

import (
	"fmt"

	"hotelbooking/booking"
)

// audience keeps what other systems were told of one booking.
type audience struct {
	told     map[booking.EventType]int
	captured int64
	refunded int64
}

// hear takes what a save tells.
func (a *audience) hear(before, after *booking.Booking) error {
	if a.told == nil {
		a.told = map[booking.EventType]int{}
	}
	for _, h := range booking.Happenings(before, after) {
		a.told[h.Type]++
		switch {
		case h.Minor < 0:
			return fmt.Errorf("%s says that %d was moved", h.Type, h.Minor)
		case h.Type == booking.EventCaptured:
			a.captured += h.Minor
		case h.Type == booking.EventRefunded:
			a.refunded += h.Minor
		}
	}
	return nil
}

// atRest: whoever adds up what they were told knows what has become of the booking, and of the money.
func (a *audience) atRest(b *booking.Booking, captured, refunded int64) error {
	decided := map[booking.Status]booking.EventType{
		booking.StatusConfirmed: booking.EventConfirmed, booking.StatusFailed: booking.EventFailed, booking.StatusCancelled: booking.EventCancelled,
	}
	for status, event := range decided {
		switch told := a.told[event]; {
		case told > 1:
			return fmt.Errorf("it was said %d times that it is %s", told, status)
		case told == 0 && b.Status() == status:
			return fmt.Errorf("nobody was told that it is %s", status)
		case told == 1 && b.Status() != status && (status != booking.StatusConfirmed || b.Status() != booking.StatusCancelled):
			return fmt.Errorf("it was said that it is %s, and it is %s", status, b.Status())
		}
	}
	if a.captured != captured || a.refunded != refunded {
		return fmt.Errorf("told of %d captured and %d refunded, where it were %d and %d", a.captured, a.refunded, captured, refunded)
	}
	return nil
}
