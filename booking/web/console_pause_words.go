package web

import (
	"strings"

	"hotelbooking/booking"
)

// pauseName is what people call it.
func pauseName(what string) string {
	if supplier, ok := strings.CutPrefix(what, booking.PauseOfSupplier("")); ok {
		return "Supplier " + supplier
	}
	if endpoint, ok := strings.CutPrefix(what, booking.PauseOfWebhook("")); ok {
		return "Webhooks to " + endpoint
	}
	switch what {
	case booking.PauseIntake:
		return "Taking bookings in"
	case booking.PauseOfPool(booking.ProviderPool):
		return "All suppliers"
	case booking.PauseOfPool(booking.FraudPool):
		return "Fraud screening"
	case booking.PauseOfPool(booking.PaymentPool):
		return "Payment"
	case booking.PauseOfPool(booking.TrackingPool):
		return "Tracking"
	default:
		return what
	}
}

// pauseEffect says what will happen. It holds for every process on the same database.
func pauseEffect(what string) []string {
	const (
		underWay = "Calls that are under way end as they would."
		restart  = "It stays so, in every process and past restarts, until somebody lets it go on."
		accepted = "New bookings are still accepted, and wait. Pause taking bookings in as well if they should not."
	)
	if strings.HasPrefix(what, booking.PauseOfWebhook("")) {
		return []string{"It is told of nothing until it goes on; then of everything. Bookings do not notice.", underWay, restart}
	}
	switch what {
	case booking.PauseIntake:
		return []string{
			"New submissions, repeated ones too, are answered with 503 and Retry-After, and nothing of them is stored.",
			"Bookings that were accepted go on as they would.", restart,
		}
	case booking.PauseOfPool(booking.TrackingPool):
		return []string{"No conversion is reported until it goes on; then all are. Bookings are not held up.", underWay, restart}
	case booking.PauseOfPool(booking.FraudPool):
		return []string{
			"No booking is screened. New ones wait before anything is reserved on a card.",
			"Those that are not confirmed within the booking deadline fail, and nothing is charged.", accepted, underWay, restart,
		}
	case booking.PauseOfPool(booking.PaymentPool):
		return []string{
			"No card is reserved, charged or refunded. Bookings wait; releases and refunds wait, too.",
			"Those that are not confirmed within the booking deadline fail, and nothing is charged.", accepted,
			"Banks give up what was reserved and not charged in time: do not leave it so for days.", underWay, restart,
		}
	default:
		return []string{
			"No calls are made to it. Its bookings wait; rooms that are to be given back, and cancellations, wait, too.",
			"Those that are not confirmed within the booking deadline fail, and nothing is charged.", accepted, underWay, restart,
		}
	}
}

func resumeEffect(what string) []string {
	if what == booking.PauseIntake {
		return []string{"New submissions are taken again at once."}
	}
	if strings.HasPrefix(what, booking.PauseOfWebhook("")) {
		return []string{"What has waited is sent at once, in order for each booking. An endpoint that says again that it is gone is paused again."}
	}
	return []string{"Calls are made again. What has waited goes on within half a minute."}
}
