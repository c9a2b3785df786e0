package booking

// Hint says that a booking may be due in a pool, as of a version. It may be wrong, late, doubled or lost: the row decides.
type Hint struct {
	ID       ID
	Version  int
	Pool     Pool
	Supplier string // whose lane it is, in the provider pool
	Trace    string // the booking's W3C traceparent; empty: not traced, or not known
}
