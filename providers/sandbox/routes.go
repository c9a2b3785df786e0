package sandbox

import "net/http"

// routes is everything that can be asked. The first four groups are the outside systems, called by the service; the rest
// is for customers' browsers and for tests.
func (s *Server) routes() {
	s.mux = http.NewServeMux()
	handle := func(pattern string, h http.HandlerFunc) { s.mux.HandleFunc(pattern, h) }

	handle("POST /hotel/v1/holds", s.endpoint(Hotel, "hold", readHold))
	handle("POST /hotel/v1/holds/release", s.endpoint(Hotel, "release", readRelease))
	handle("POST /hotel/v1/bookings", s.endpoint(Hotel, "confirm", readConfirm))
	handle("POST /hotel/v1/bookings/cancel", s.endpoint(Hotel, "cancel", readCancel))
	handle("GET /hotel/v1/reservations/{reference}", s.endpoint(Hotel, "retrieve", readRetrieve))
	handle("GET /hotel/v1/reservations/{reference}/cancellation", s.endpoint(Hotel, "cancel_quote", readCancelQuote))

	handle("POST /fraud/v1/screenings", s.endpoint(Fraud, "screen", readScreen))
	handle("GET /fraud/v1/screenings/{reference}", s.endpoint(Fraud, "retrieve", readScreening))

	handle("POST /payment/v1/authorizations", s.endpoint(Payment, "authorize", s.readAuthorize))
	handle("POST /payment/v1/captures", s.endpoint(Payment, "capture", readCapture))
	handle("POST /payment/v1/voids", s.endpoint(Payment, "void", readVoid))
	handle("POST /payment/v1/refunds", s.endpoint(Payment, "refund", readRefund))
	handle("GET /payment/v1/payments", s.endpoint(Payment, "retrieve", readPayments))

	handle("POST /tracking/v1/track", s.endpoint(Tracking, "track", readTrack))

	// The bank's page: a customer's browser, sent there by the "url" of an authorisation that requires action.
	handle("GET /payment/3ds/{id}", s.showBank)
	handle("POST /payment/3ds/{id}", s.decideBank("complete"))
	handle("POST /payment/3ds/{id}/complete", s.decideBank("complete"))
	handle("POST /payment/3ds/{id}/fail", s.decideBank("fail"))

	// A person at the fraud provider who looked again.
	handle("POST /fraud/_decide/{reference}", s.decideFraud)

	handle("GET /_ledger", s.showLedger)
	handle("GET /_journal", s.showJournal)
	handle("GET /_faults", s.showFaults)
	handle("PUT /_faults", s.putFaults)
	handle("DELETE /_faults", s.deleteFaults)
	handle("POST /_settle", s.settle)
	handle("POST /_reset", s.reset)
	handle("GET /_health", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
}
