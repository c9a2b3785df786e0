// Package sandbox is the adapter for the sandbox's hotel supplier. It can hold rooms, recognises a repeated call by our
// reference, and keeps a released or cancelled reference closed for good, so that asking it is always proof.
package sandbox

import (
	"context"
	"net/http"
	"net/url"

	"hotelbooking/booking"
	"hotelbooking/providers"
)

// Hotels is booking.Hotels.
type Hotels struct{ caller *providers.Caller }

// New checks cfg; it dials nothing.
func New(cfg providers.Config) (*Hotels, error) {
	caller, err := providers.NewCaller(cfg, providers.Vendor{
		Name: "sandbox hotel", Down: booking.SupplierUnavailable, Code: providers.CodeAt("error", "code"), Nothing: []string{"service_unavailable"},
	})
	if err != nil {
		return nil, err
	}
	return &Hotels{caller}, nil
}

// Hold holds the room at today's price, whatever that is: weighing it is the flow's business.
func (h *Hotels) Hold(ctx context.Context, b *booking.Booking) (booking.Hold, error) {
	const operation = "hold"
	var answer reservation
	_, err := h.caller.Do(ctx, providers.Request{
		Operation: operation, Method: http.MethodPost, Path: "/hotel/v1/holds", Body: holdBody(b), Correlation: string(b.ID),
		Refusals: map[string]booking.Reason{
			"sold_out":              booking.OfferSoldOut,
			"offer_expired":         booking.OfferExpired,
			"occupancy_not_allowed": booking.OfferRestricted,
			"guest_data_rejected":   booking.GuestDataRejected,
			"reference_released":    booking.SupplierRejected,
			"invalid_request":       booking.SupplierRejected,
		},
	}, &answer)
	if err != nil {
		return booking.Hold{}, err
	}
	if fault := h.check(operation, b, answer); fault != nil {
		return booking.Hold{}, fault
	}
	hold, ok := answer.hold()
	switch {
	case !ok || answer.Status != "held":
		return booking.Hold{}, h.caller.Unclear(operation, "the answer is no hold")
	case hold.Total.Currency != b.Facts.Price.Currency:
		// Asked again by Find, the supplier may say the same; then the flow takes its word for it.
		return booking.Hold{}, h.caller.Unclear(operation, "the answer is in another currency")
	}
	return hold, nil
}

// Release gives back whatever stands under our reference.
func (h *Hotels) Release(ctx context.Context, b *booking.Booking) error {
	const operation = "release"
	var answer reservation
	_, err := h.caller.Do(ctx, providers.Request{
		Operation: operation, Method: http.MethodPost, Path: "/hotel/v1/holds/release", Body: named{b.Reference},
		Correlation: string(b.ID), Refusals: map[string]booking.Reason{"invalid_request": booking.UndoRefused},
	}, &answer)
	if err != nil {
		return err
	}
	if fault := h.check(operation, b, answer); fault != nil {
		return fault
	}
	if !answer.gone() {
		return h.caller.Unclear(operation, "the answer is not that it is gone")
	}
	return nil
}

// Confirm books the held room.
func (h *Hotels) Confirm(ctx context.Context, b *booking.Booking) (booking.Reservation, error) {
	const operation = "confirm"
	var answer reservation
	_, err := h.caller.Do(ctx, providers.Request{
		Operation: operation, Method: http.MethodPost, Path: "/hotel/v1/bookings", Body: confirmBody(b), Correlation: string(b.ID),
		Refusals: map[string]booking.Reason{
			"sold_out":            booking.OfferSoldOut,
			"offer_expired":       booking.OfferExpired,
			"hold_expired":        booking.OfferExpired,
			"hold_not_found":      booking.OfferExpired,
			"price_mismatch":      booking.OfferPriceChanged,
			"guest_data_rejected": booking.GuestDataRejected,
			"booking_rejected":    booking.SupplierRejected,
			"reference_released":  booking.SupplierNoConfirmation,
			"invalid_request":     booking.SupplierRejected,
		},
	}, &answer)
	if err != nil {
		return booking.Reservation{}, err
	}
	if fault := h.check(operation, b, answer); fault != nil {
		return booking.Reservation{}, fault
	}
	booked := booking.Reservation{SupplierReference: answer.SupplierReference, HotelConfirmation: answer.HotelConfirmation}
	total, ok := answer.Total.parse()
	switch {
	case answer.Status == "pending":
		fault := h.caller.Unclear(operation, "the supplier has not decided yet")
		fault.Reason = booking.SupplierPending
		return booking.Reservation{}, fault
	case answer.Status != "confirmed" || booked.SupplierReference == "":
		return booking.Reservation{}, h.caller.Unclear(operation, "the answer is no confirmation")
	case !ok || total != b.Facts.Hold.Total:
		return booking.Reservation{}, h.caller.Unclear(operation, "the answer is at another price than the hold")
	}
	return booked, nil
}

// Cancel cancels by our reference. What the supplier charges for it is between them and us.
func (h *Hotels) Cancel(ctx context.Context, b *booking.Booking) error {
	const operation = "cancel"
	var answer reservation
	_, err := h.caller.Do(ctx, providers.Request{
		Operation: operation, Method: http.MethodPost, Path: "/hotel/v1/bookings/cancel", Body: named{b.Reference},
		Correlation: string(b.ID),
		Refusals: map[string]booking.Reason{
			"cancellation_refused": booking.CancelRefusedBySupplier,
			"invalid_request":      booking.UndoRefused,
		},
	}, &answer)
	if err != nil {
		return err
	}
	if fault := h.check(operation, b, answer); fault != nil {
		return fault
	}
	switch {
	case answer.gone():
		return nil
	case answer.Status == "cancelling":
		// Taken, and not done yet. Repeating it has no second effect, and its answer tells when it is done.
		fault := h.caller.Unclear(operation, "the supplier is still cancelling")
		fault.Kind, fault.Reason = booking.NotDone, booking.SupplierPending
		return fault
	default:
		return h.caller.Unclear(operation, "the answer is not that it is cancelled")
	}
}

// Find asks what stands under our reference.
func (h *Hotels) Find(ctx context.Context, b *booking.Booking) (booking.Standing, error) {
	const operation = "find"
	var answer reservation
	_, err := h.caller.Do(ctx, providers.Request{
		Operation: operation, Method: http.MethodGet, Path: "/hotel/v1/reservations/" + url.PathEscape(b.Reference),
		Correlation: string(b.ID), Harmless: true,
		Refusals: map[string]booking.Reason{"reference_unknown": booking.NotHappened},
	}, &answer)
	if providers.SaidNo(err) {
		return booking.Standing{State: booking.RoomAbsent, Sure: true}, nil // should the lost request still arrive, it is recognised
	}
	if err != nil {
		return booking.Standing{}, err
	}
	if fault := h.check(operation, b, answer); fault != nil {
		return booking.Standing{}, fault
	}
	hold, ok := answer.hold()
	if !ok && !answer.gone() {
		return booking.Standing{}, h.caller.Unclear(operation, "the answer has no price")
	}
	switch answer.Status {
	case "held":
		return booking.Standing{State: booking.RoomHeld, Sure: true, Hold: hold}, nil
	case "expired", "sold_out":
		return booking.Standing{State: booking.RoomAbsent, Sure: true}, nil
	case "pending", "cancelling":
		return booking.Standing{State: booking.RoomPending, Hold: hold}, nil
	case "released", "cancelled":
		return booking.Standing{State: booking.RoomGone, Sure: true}, nil
	case "confirmed":
		if answer.SupplierReference == "" {
			return booking.Standing{}, h.caller.Unclear(operation, "the answer has no supplier reference")
		}
		return booking.Standing{State: booking.RoomBooked, Sure: true, Hold: hold, Reservation: booking.Reservation{
			SupplierReference: answer.SupplierReference, HotelConfirmation: answer.HotelConfirmation,
		}}, nil
	default:
		return booking.Standing{}, h.caller.Unclear(operation, "the answer has a status that we do not know")
	}
}

// check sees that the answer is about this booking.
func (h *Hotels) check(operation string, b *booking.Booking, answer reservation) *booking.Fault {
	if answer.Reference != b.Reference {
		return h.caller.Unclear(operation, "the answer is about another reference")
	}
	return nil
}
