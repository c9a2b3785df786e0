package workers

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"hotelbooking/booking"
)

// Config is how much the engine does at once, and how long it waits.
type Config struct {
	Works       []booking.Pool // the pools that this process works in; other processes work in the others
	Governed    []booking.Pool // pools that bookings get into by claims only, because the queue bounds them for all processes
	Pools       Slots          // turns at once, for each kind of outside system
	PerSupplier int            // of the provider's slots, how many one supplier may take
	Deadlines   Deadlines      // of one call; a call that outlives twice as long loses its slot
	Lease       time.Duration  // how long a dead process keeps its bookings from others
	Poll        time.Duration  // how often due bookings are looked for, give or take a quarter
	Memory      int            // bookings held in memory; what is beyond waits in the database
	SaveTimeout time.Duration  // of one call to the database
	Grace       time.Duration  // how long Stop lets running turns finish before it cancels them
	NoticeFor   time.Duration  // how long a notice about an unknown booking is kept
	Admission   Admission
	Breaker     Breaker
}

// Slots are the sizes of the pools.
type Slots struct {
	Provider int
	Fraud    int
	Payment  int
	Tracking int
}

// Deadlines are the pools' deadlines for one turn.
type Deadlines struct {
	Provider time.Duration
	Fraud    time.Duration
	Payment  time.Duration
	Tracking time.Duration
}

// Admission bounds what is accepted while the backlog is long.
type Admission struct {
	MaxBacklog int           // bookings waiting
	MaxAge     time.Duration // how long a new booking may be expected to wait
}

// Breaker says when an outside system is left alone.
type Breaker struct {
	Failures int // percent of the calls in Window that open it
	Minimum  int // calls in Window below which it stays closed
	Window   time.Duration
	Delay    time.Duration // how long it stays open before it is tried again
	Probes   int           // calls that try it, and that must succeed to close it
}

// DefaultConfig suits one process on a small machine.
func DefaultConfig() Config {
	return Config{
		Works:       booking.Pools(),
		Pools:       Slots{Provider: 64, Fraud: 32, Payment: 32, Tracking: 16},
		PerSupplier: 32,
		Deadlines:   Deadlines{Provider: 20 * time.Second, Fraud: 5 * time.Second, Payment: 15 * time.Second, Tracking: 5 * time.Second},
		Lease:       15 * time.Second,
		Poll:        time.Second,
		Memory:      5000,
		SaveTimeout: 5 * time.Second,
		Grace:       25 * time.Second,
		NoticeFor:   15 * time.Minute,
		Admission:   Admission{MaxBacklog: 20_000, MaxAge: 2 * time.Minute},
		Breaker:     Breaker{Failures: 50, Minimum: 20, Window: 10 * time.Second, Delay: 5 * time.Second, Probes: 3},
	}
}

// Validate reports all problems together.
func (c Config) Validate() error {
	var problems []error
	need := func(ok bool, format string, args ...any) {
		if !ok {
			problems = append(problems, fmt.Errorf(format, args...))
		}
	}
	for _, p := range booking.Pools() {
		need(c.slots(p) > 0, "pools.%s: %d is not a number of slots", p, c.slots(p))
		need(c.deadline(p) > 0, "deadlines.%s: %s is no time at all", p, c.deadline(p))
	}
	for _, p := range c.Works {
		need(slices.Contains(booking.Pools(), p), "works: %q is no pool", p)
	}
	for _, p := range c.Governed {
		need(slices.Contains(booking.Pools(), p), "governed: %q is no pool", p)
	}
	need(c.PerSupplier > 0, "per_supplier: %d is not a number of slots", c.PerSupplier)
	need(c.Poll > 0, "poll: %s is no interval", c.Poll)
	need(c.Lease > c.Poll, "lease: %s is not more than poll (%s)", c.Lease, c.Poll)
	need(c.Memory > 0, "memory: %d bookings is nothing", c.Memory)
	need(c.SaveTimeout > 0, "save_timeout: %s is no time at all", c.SaveTimeout)
	need(c.Grace >= 0, "grace: %s is negative", c.Grace)
	need(c.NoticeFor > 0, "notice_for: %s is no time at all", c.NoticeFor)
	need(c.Admission.MaxBacklog > 0, "admission.max_backlog: %d admits nothing", c.Admission.MaxBacklog)
	need(c.Admission.MaxAge > 0, "admission.max_age: %s admits nothing", c.Admission.MaxAge)
	need(c.Breaker.Failures > 0 && c.Breaker.Failures <= 100, "breaker.failures: %d is not a percentage", c.Breaker.Failures)
	need(c.Breaker.Minimum > 0, "breaker.minimum: %d calls prove nothing", c.Breaker.Minimum)
	need(c.Breaker.Window > 0, "breaker.window: %s is no time at all", c.Breaker.Window)
	need(c.Breaker.Delay > 0, "breaker.delay: %s is no time at all", c.Breaker.Delay)
	need(c.Breaker.Probes > 0, "breaker.probes: %d would never close it", c.Breaker.Probes)
	return errors.Join(problems...)
}

func (c Config) slots(p booking.Pool) int {
	switch p {
	case booking.ProviderPool:
		return c.Pools.Provider
	case booking.FraudPool:
		return c.Pools.Fraud
	case booking.PaymentPool:
		return c.Pools.Payment
	case booking.TrackingPool:
		return c.Pools.Tracking
	default:
		return 0
	}
}

func (c Config) deadline(p booking.Pool) time.Duration {
	switch p {
	case booking.ProviderPool:
		return c.Deadlines.Provider
	case booking.FraudPool:
		return c.Deadlines.Fraud
	case booking.PaymentPool:
		return c.Deadlines.Payment
	case booking.TrackingPool:
		return c.Deadlines.Tracking
	default:
		return 0
	}
}
