package booking

import "time"

// Glance is as much of a booking as tells whose it is, whether there is news for who has some version of it, and how soon
// there may be.
type Glance struct {
	ID        ID
	Client    string
	Version   int
	Status    Status
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Glance is what a look at the booking shows.
func (b *Booking) Glance() Glance {
	return Glance{ID: b.ID, Client: b.Client, Version: b.Version, Status: b.Status(), CreatedAt: b.CreatedAt, UpdatedAt: b.UpdatedAt}
}
