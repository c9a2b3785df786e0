package web

import "hotelbooking/booking"

// relation is another booking of the same guest, and what it is to this one.
type relation struct {
	B    *booking.Booking
	Kind string
}

// What another booking of the same guest can be.
const (
	possibleDuplicate = "possible duplicate"
	earlierTry        = "earlier try"
	laterTry          = "later try"
	otherBooking      = "other booking of this guest"
)

// relations tells for each of the others what it is to b.
func relations(b *booking.Booking, others []*booking.Booking) []relation {
	all := make([]relation, len(others))
	for i, other := range others {
		all[i] = relation{B: other, Kind: relationOf(b, other)}
	}
	return all
}

func relationOf(b, other *booking.Booking) string {
	sameHotel := b.Stay.HotelID == other.Stay.HotelID && b.Offer.Supplier == other.Offer.Supplier
	sameDates := b.Stay.CheckIn == other.Stay.CheckIn && b.Stay.CheckOut == other.Stay.CheckOut
	overlap := b.Stay.CheckIn < other.Stay.CheckOut && other.Stay.CheckIn < b.Stay.CheckOut // both are YYYY-MM-DD
	switch {
	case sameHotel && sameDates && over(other) && other.ID < b.ID: // UUIDv7: by age
		return earlierTry
	case sameHotel && sameDates && over(b) && other.ID > b.ID:
		return laterTry
	case sameHotel && overlap && !over(b) && !over(other):
		return possibleDuplicate
	default:
		return otherBooking
	}
}

// over tells whether there is, or will be, no stay.
func over(b *booking.Booking) bool {
	switch b.Status() {
	case booking.StatusFailed, booking.StatusCancelled, booking.StatusCancelling:
		return true
	case booking.StatusPending, booking.StatusProcessing, booking.StatusRequiresAction, booking.StatusInReview, booking.StatusConfirmed:
		return b.Goal == booking.Fail
	default:
		return false
	}
}
