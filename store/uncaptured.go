package store

// isUncaptured: the supplier has confirmed, and the flow still stands at the capture, forwards. So it is not what is being
// cancelled, or is about to, nor what a person has said was paid in another way, which stand elsewhere. Whether a charge whose answer was
// lost has happened nobody knows yet, and such a booking is among them until somebody does.
const isUncaptured = " AND p.step = 'capture' AND p.status = 'confirmed' AND p.goal = 'confirm'"

// look is where some of the bookings are that are wanted.
type look struct {
	sql  string
	args []any
}

// lookedMost bounds what is looked at in one place. More wait for the payment pool only while it is paused, or the other side
// is down for long; then a part of what waits is found.
const lookedMost = 20_000

const lookColumns = "SELECT id, step, goal, status, supplier, attention, failure FROM places "

// uncaptured is where bookings can be that are not paid yet, with ids between from and to: leased, waiting for the payment
// pool (of those the first due), or parked with no deadline (of those the newest). They have no index of their own, for a turn under a lease
// changes step and status: see docs/profile.md. What has ended, which is most, is in none of the three.
func (s *Store) uncaptured(from, to string) []look {
	return []look{
		{lookColumns + s.sql.by("places_leased") + " WHERE queue IS NULL AND due_at IS NOT NULL ORDER BY due_at LIMIT ?", []any{leasedMost}},
		{lookColumns + s.sql.by("places_waiting") + " WHERE queue = 'payment' AND due_at IS NOT NULL ORDER BY due_at LIMIT ?", []any{lookedMost}},
		{lookColumns + s.sql.by("places_parked") + " WHERE phase = 'parked' AND due_at IS NULL AND id >= ? AND id < ? ORDER BY id DESC LIMIT ?", []any{from, to, lookedMost}},
	}
}
