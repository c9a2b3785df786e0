package sandbox

// counts is what really exists, and ever existed, under one reference of ours. It counts effects, not calls: a repeated
// call that changed nothing counts nothing. The maxima remember a transient double that was undone since.
type counts struct {
	Holds         int `json:"holds"`               // rooms held now, neither booked nor given back
	HoldsPlaced   int `json:"holds_placed"`        // ever
	Released      int `json:"released"`            // holds given back or expired, and bookings dropped by a release
	Active        int `json:"active_reservations"` // booked now
	MaxActive     int `json:"max_active_reservations"`
	Confirmed     int `json:"ever_confirmed"`
	Cancelled     int `json:"cancelled"` // booked once, and cancelled since
	Open          int `json:"open_authorizations"`
	MaxOpen       int `json:"max_open_authorizations"`
	Authorized    int `json:"ever_authorized"`
	Captures      int `json:"captures"`
	MaxCaptures   int `json:"max_captures"`
	Voids         int `json:"voids"` // open authorisations that were given back
	Refunds       int `json:"refunds"`
	Tracked       int `json:"tracked"`           // distinct message ids of "Booking Confirmed"
	TrackedCancel int `json:"tracked_cancelled"` // distinct message ids of "Booking Cancelled"
	KeysReused    int `json:"keys_reused"`       // calls refused because their key or reference came with another body

	Currency string `json:"currency"`
}

// row is the counts of a reference and its money in minor units.
type row struct {
	counts

	Captured int64 `json:"captured_minor"`
	Refunded int64 `json:"refunded_minor"`
	Penalty  int64 `json:"penalty_minor"` // charged by the supplier for a cancellation
}

func (r *row) hold(currency string) {
	r.Holds++
	r.HoldsPlaced++
	r.Currency = currency
}

func (r *row) giveBackHold() {
	r.Holds--
	r.Released++
}

// endHold is a hold that became a booking, or was sold to somebody else.
func (r *row) endHold() { r.Holds-- }

func (r *row) book(currency string) {
	r.Active++
	r.Confirmed++
	r.MaxActive = max(r.MaxActive, r.Active)
	r.Currency = currency
}

func (r *row) dropBooking() {
	r.Active--
	r.Released++
}

func (r *row) cancel(penalty int64) {
	r.Active--
	r.Cancelled++
	r.Penalty += penalty
}

func (r *row) authorize(currency string) {
	r.Open++
	r.Authorized++
	r.MaxOpen = max(r.MaxOpen, r.Open)
	r.Currency = currency
}

func (r *row) void() {
	r.Open--
	r.Voids++
}

// loseAuthorization is one that expired, or that the issuer took back.
func (r *row) loseAuthorization() { r.Open-- }

func (r *row) capture(minor int64) {
	r.Open--
	r.Captures++
	r.MaxCaptures = max(r.MaxCaptures, r.Captures)
	r.Captured += minor
}

func (r *row) refund(minor int64) {
	r.Refunds++
	r.Refunded += minor
}

// ledgerRow is a row as GET /_ledger shows it: money as decimals.
type ledgerRow struct {
	counts

	Captured string `json:"captured"`
	Refunded string `json:"refunded"`
	Net      string `json:"net_captured"`
	Penalty  string `json:"penalty"`
}

func (r *row) view() ledgerRow {
	return ledgerRow{
		counts:   r.counts,
		Captured: inMoney(r.Captured, r.Currency).Amount,
		Refunded: inMoney(r.Refunded, r.Currency).Amount,
		Net:      inMoney(r.Captured-r.Refunded, r.Currency).Amount,
		Penalty:  inMoney(r.Penalty, r.Currency).Amount,
	}
}

type ledgerView struct {
	References map[string]ledgerRow `json:"references"`
	Calls      int64                `json:"calls"`           // received, by all four systems
	Pending    int                  `json:"pending_effects"` // delayed calls that have not landed yet
}
