package bookingtest

import (
	"context"
	"errors"
	"time"

	"hotelbooking/booking"
)

// Fate is what the world does with one call.
type Fate string

// The fates of a call. The zero Fate is Obeys.
const (
	Obeys        Fate = ""
	Refuses      Fate = "refuses"        // never: sold out, declined, rejected
	IsBusy       Fate = "is busy"        // not now: nothing happened
	LosesRequest Fate = "loses request"  // nothing happened, and the caller cannot know
	LosesReply   Fate = "loses reply"    // it happened, and the caller cannot know
	ActsLate     Fate = "acts late"      // the caller gives up; it happens at the next Tick
	AsksCustomer Fate = "asks customer"  // 3-D Secure, or another price
	AsksStaff    Fate = "asks for staff" // the screening is not sure
)

// World is one supplier, PSP, screening and tracker, seen by one booking. Script decides the fate of each call by the
// operation's name; nil obeys. A World is used by one goroutine at a time.
type World struct {
	Script func(operation string) Fate

	Calls []string // every operation, in order

	held, booked, gone  bool
	everBooked          int
	payments            map[string]*payment // by authorisation key
	voided              map[string]bool     // authorisation keys that may never come alive
	captures, refunds   map[string]int64    // by key
	bodies              map[string]int64    // by key: the amount it came with first
	late                []func()
	Tracked             map[string]int // by message id
	Captured, Refunded  int64
	CaptureBeforeBooked bool
	DoubleKey           bool // one key came with two amounts
}

type payment struct {
	amount   int64
	reserved bool // now or once
	open     bool
	waiting  bool // for the customer's bank
	declined bool
	captured bool
}

// NewWorld is a world in which nothing has happened.
func NewWorld(script func(string) Fate) *World {
	return &World{
		Script: script, payments: map[string]*payment{}, voided: map[string]bool{},
		captures: map[string]int64{}, refunds: map[string]int64{}, bodies: map[string]int64{}, Tracked: map[string]int{},
	}
}

// Outside is the world as the flow sees it.
func (w *World) Outside() booking.Outside {
	return booking.Outside{Hotels: hotels{w}, Screener: screener{w}, Payments: payments{w}, Tracker: tracker{w}}
}

// Tick lets everything that was late arrive.
func (w *World) Tick() {
	arriving := w.late
	w.late = nil
	for _, effect := range arriving {
		effect()
	}
}

// Late is the number of effects that are still on their way.
func (w *World) Late() int { return len(w.late) }

// Reserved tells whether a room is booked right now; Held, whether one is held.
func (w *World) Reserved() bool { return w.booked }

// Held tells whether a room is held and not booked.
func (w *World) Held() bool { return w.held && !w.booked }

// EverBooked is how many reservations were ever made.
func (w *World) EverBooked() int { return w.everBooked }

// Open is the number of authorisations that hold money, or wait for the customer's bank to.
func (w *World) Open() int {
	n := 0
	for _, p := range w.payments {
		if p.open || p.waiting {
			n++
		}
	}
	return n
}

// Captures is the number of captures that took money.
func (w *World) Captures() int { return len(w.captures) }

// Authenticate is the customer confirming, or failing to confirm, every payment that waits for it.
func (w *World) Authenticate(ok bool) {
	for key, p := range w.payments {
		if p.waiting {
			p.waiting, p.open, p.declined = false, ok && !w.voided[key], !ok
			p.reserved = p.open
		}
	}
}

// errLost is what a caller sees when nobody answers.
var errLost = errors.New("no answer")

// call runs one operation with the fate that the script gives it. effect tells whether the world refuses it by itself.
func (w *World) call(operation string, refused booking.Reason, effect func() *booking.Fault) (Fate, error) {
	w.Calls = append(w.Calls, operation)
	fate := Obeys
	if w.Script != nil {
		fate = w.Script(operation)
	}
	switch fate {
	case Refuses:
		return fate, &booking.Fault{Kind: booking.Refused, Reason: refused}
	case IsBusy:
		return fate, &booking.Fault{Kind: booking.NotDone, Reason: booking.SupplierUnavailable}
	case LosesRequest:
		return fate, errLost
	case LosesReply:
		_ = effect() // whether the world refused it by itself is lost, too
		return fate, errLost
	case ActsLate:
		w.late = append(w.late, func() { _ = effect() })
		return fate, errLost
	case Obeys, AsksCustomer, AsksStaff:
		if fault := effect(); fault != nil {
			return fate, fault
		}
		return fate, nil
	default:
		return fate, errLost
	}
}

type hotels struct{ w *World }

func (h hotels) Hold(_ context.Context, b *booking.Booking) (booking.Hold, error) {
	fate, err := h.w.call("hold", booking.OfferSoldOut, func() *booking.Fault {
		if h.w.gone {
			return &booking.Fault{Kind: booking.Refused, Reason: booking.SupplierRejected}
		}
		h.w.held = true
		return nil
	})
	if err != nil {
		return booking.Hold{}, err
	}
	hold := h.hold(b)
	if fate == AsksCustomer {
		hold.Total.Minor += hold.Total.Minor / 3
	}
	return hold, nil
}

// hold can be cancelled for nothing in the first seconds, and then costs a fifth.
func (h hotels) hold(b *booking.Booking) booking.Hold {
	return booking.Hold{
		Reference: "H-" + b.Reference, Total: b.Facts.Price,
		Penalties: []booking.Penalty{{From: b.CreatedAt.Add(20 * time.Second), Fee: b.Facts.Price.Percent(20)}},
	}
}

func (h hotels) Release(_ context.Context, _ *booking.Booking) error {
	_, err := h.w.call("release", booking.SupplierRejected, func() *booking.Fault {
		h.w.held, h.w.gone = false, true
		return nil
	})
	return err
}

func (h hotels) Confirm(_ context.Context, b *booking.Booking) (booking.Reservation, error) {
	_, err := h.w.call("confirm", booking.OfferSoldOut, func() *booking.Fault {
		switch {
		case h.w.gone:
			return &booking.Fault{Kind: booking.Refused, Reason: booking.SupplierRejected}
		case !h.w.booked:
			h.w.booked, h.w.everBooked = true, h.w.everBooked+1
		}
		return nil
	})
	return booking.Reservation{SupplierReference: "S-" + b.Reference}, err
}

func (h hotels) Cancel(_ context.Context, _ *booking.Booking) error {
	_, err := h.w.call("cancel", booking.CancelRefusedBySupplier, func() *booking.Fault {
		h.w.booked, h.w.held, h.w.gone = false, false, true
		return nil
	})
	return err
}

func (h hotels) Find(_ context.Context, b *booking.Booking) (booking.Standing, error) {
	if _, err := h.w.call("find room", booking.SupplierUnavailable, func() *booking.Fault { return nil }); err != nil {
		return booking.Standing{}, err
	}
	switch {
	case h.w.booked:
		return booking.Standing{State: booking.RoomBooked, Hold: h.hold(b), Reservation: booking.Reservation{SupplierReference: "S-" + b.Reference}}, nil
	case h.w.gone:
		return booking.Standing{State: booking.RoomGone}, nil
	case h.w.held:
		return booking.Standing{State: booking.RoomHeld, Sure: true, Hold: h.hold(b)}, nil
	default:
		return booking.Standing{State: booking.RoomAbsent, Sure: true}, nil
	}
}

type screener struct{ w *World }

func (s screener) Screen(context.Context, *booking.Booking) (booking.Verdict, error) {
	fate, err := s.w.call("screen", booking.PaymentRefused, func() *booking.Fault { return nil })
	var fault *booking.Fault
	switch {
	case errors.As(err, &fault) && fault.Kind == booking.Refused:
		return booking.Verdict{Ruling: booking.Deny}, nil
	case fate == AsksStaff:
		return booking.Verdict{Ruling: booking.Review}, nil
	}
	return booking.Verdict{Ruling: booking.Accept}, err
}

type tracker struct{ w *World }

func (t tracker) Track(_ context.Context, e booking.Conversion) error {
	_, err := t.w.call("track", booking.TrackingUnavailable, func() *booking.Fault {
		t.w.Tracked[e.MessageID]++
		return nil
	})
	return err
}
