package jetstream

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"hotelbooking/booking"
)

// Config is how hints are kept and handed out.
type Config struct {
	Stream    string        // its name; its subjects are <Stream>.<pool>, and <Stream>.provider.<supplier>
	Replicas  int           // servers that keep each hint: 1, 3 or 5
	Suppliers []string      // those that have a lane of their own; bookings of others are found by polls
	Limits    Limits        // how many turns the fleet has under way in a pool
	AckWait   time.Duration // how long a hint is left to a process that is silent about it: not less than a lease
	Backstop  time.Duration // how often a pool without hints is looked for in the database all the same
	Memory    bool          // hints are not written to the broker's disk: they are lost with it, which the sweep mends
}

// Limits bound what the whole fleet does at once in a pool, per lane. 0 is no limit: then bookings go on from pool to pool in
// a process's memory, and only its own slots bound them.
type Limits map[booking.Pool]int

// Of is the limit of a pool.
func (l Limits) Of(p booking.Pool) int { return l[p] }

// DefaultConfig suits one broker and leases of 15 s.
func DefaultConfig() Config {
	return Config{Stream: "look", Replicas: 1, AckWait: 30 * time.Second, Backstop: 2 * time.Second}
}

// Validate reports all problems together.
func (c Config) Validate() error {
	var problems []error
	need := func(ok bool, format string, args ...any) {
		if !ok {
			problems = append(problems, fmt.Errorf(format, args...))
		}
	}
	need(c.Stream == token(c.Stream), "stream: %q is no name: letters, digits, - and _", c.Stream)
	need(slices.Contains([]int{1, 3, 5}, c.Replicas), "replicas: %d: a stream has 1, 3 or 5", c.Replicas)
	need(c.AckWait > 0, "ack_wait: %s is no time at all", c.AckWait)
	need(c.Backstop > 0, "backstop: %s is no interval", c.Backstop)
	for pool, n := range c.Limits {
		need(slices.Contains(booking.Pools(), pool), "limits: %q is no pool", pool)
		need(n >= 0, "limits.%s: %d is not a number of turns", pool, n)
	}
	return errors.Join(problems...)
}
