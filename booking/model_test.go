package booking_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
	"hotelbooking/booking/bookingtest"
)

// TestEveryBookingComesToRestWithItsPromisesKept walks random bookings through a hostile world: every call may succeed,
// be refused, find the other side busy, lose the request, lose the reply or act late, or be held back by a pause; the process
// may die before or after it; customers pay, switch cards, walk away and cancel; staff decide. MODEL_BOOKINGS sets how many, MODEL_SEED the first.
func TestEveryBookingComesToRestWithItsPromisesKept(t *testing.T) {
	t.Parallel()
	bookings, first := setting(t, "MODEL_BOOKINGS", 200_000), setting(t, "MODEL_SEED", 1)
	if testing.Short() {
		bookings /= 10
	}
	ends := map[booking.Status]int{}
	var lock sync.Mutex
	var workers sync.WaitGroup
	failed := make(chan error, 1)
	share := runtime.GOMAXPROCS(0)
	for w := range share {
		workers.Add(1)
		go func() {
			defer workers.Done()
			for seed := first + w; seed < first+bookings && len(failed) == 0; seed += share {
				status, err := walk(uint64(seed))
				if err != nil {
					select {
					case failed <- fmt.Errorf("seed %d: %w (again: MODEL_BOOKINGS=1 MODEL_SEED=%d go test -run %s ./booking)", seed, err, seed, t.Name()):
					default:
					}
					return
				}
				lock.Lock()
				ends[status]++
				lock.Unlock()
			}
		}()
	}
	workers.Wait()
	select {
	case err := <-failed:
		require.NoError(t, err)
	default:
	}
	t.Logf("%d bookings came to rest: %v", bookings, ends)
	if bookings >= 1000 {
		for _, status := range []booking.Status{booking.StatusConfirmed, booking.StatusFailed, booking.StatusCancelled} {
			require.NotZero(t, ends[status], "no booking ended %s: the walk does not reach it", status)
		}
	}
}

func setting(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err, name)
	return n
}

// walker is one booking's way through the world: a minimal engine with a database that is a variable.
type walker struct {
	random *rand.Rand
	flow   booking.Flow
	world  *bookingtest.World
	judge  *judge
	heard  audience
	saved  *booking.Booking // what the database has
	now    time.Time
	turns  int
}

// peace is the turn after which the world stops being hostile, so that every booking can come to rest.
const peace = 60

func walk(seed uint64) (booking.Status, error) {
	w := &walker{random: rand.New(rand.NewPCG(seed, 7)), now: bookingtest.Start}
	hostility := w.random.IntN(60)
	w.world = bookingtest.NewWorld(func(operation string) bookingtest.Fate { return w.fate(operation, hostility) })
	w.flow = booking.NewFlow(w.world.Outside(), booking.DefaultLimits())
	var entry booking.Entry
	w.saved, entry = w.flow.Begin(bookingtest.Ask(), w.now)
	w.judge = &judge{world: w.world}
	if err := w.judge.saw(w.saved, entry); err != nil {
		return "", err
	}
	for ; w.turns < 400; w.turns++ {
		if w.random.IntN(3) == 0 {
			w.world.Tick()
		}
		if w.saved.Place.Phase == booking.Ended && (w.turns > peace || w.random.IntN(3) > 0) && w.world.Late() == 0 {
			return w.saved.Status(), errors.Join(w.judge.atRest(w.saved), w.heard.atRest(w.saved, w.world.Captured, w.world.Refunded))
		}
		if err := w.people(); err != nil {
			return "", err
		}
		if err := w.turn(); err != nil {
			return "", err
		}
	}
	return "", fmt.Errorf("never comes to rest: %v, goal %s, after %d turns; calls %v", w.saved.Place, w.saved.Goal, w.turns, w.world.Calls)
}

func (w *walker) fate(operation string, hostility int) bookingtest.Fate {
	if w.turns > peace || w.random.IntN(100) >= hostility {
		return bookingtest.Obeys
	}
	fates := []bookingtest.Fate{bookingtest.IsBusy, bookingtest.LosesRequest, bookingtest.LosesReply, bookingtest.ActsLate}
	switch operation {
	case "hold", "authorize":
		fates = append(fates, bookingtest.Refuses, bookingtest.AsksCustomer, bookingtest.AsksCustomer)
	case "screen":
		fates = append(fates, bookingtest.Refuses, bookingtest.AsksStaff)
	case "confirm", "cancel":
		fates = append(fates, bookingtest.Refuses)
	case "find room", "find payment":
		fates = []bookingtest.Fate{bookingtest.IsBusy, bookingtest.LosesReply}
	}
	return fates[w.random.IntN(len(fates))]
}

// turn is what the engine does: before, act, apply, save; with a death anywhere in it.
func (w *walker) turn() error {
	if w.saved.DueAt.IsZero() {
		return nil
	}
	if w.saved.DueAt.After(w.now) {
		w.now = w.saved.DueAt.Add(time.Millisecond)
	}
	b := w.saved.Clone()
	outcome, instead := w.flow.Before(b, w.now)
	if !instead {
		if b.Place.Phase == booking.Ended {
			return nil
		}
		if w.turns <= peace && w.random.IntN(12) == 0 { // paused: nobody is asked
			wait := time.Duration(2+w.random.IntN(29)) * time.Second
			return w.save(b, w.flow.Apply(b, booking.HeldBack(wait), w.now))
		}
		dies := w.turns <= peace && w.random.IntN(12) == 0
		if dies && w.random.IntN(2) == 0 {
			w.die()
			return nil
		}
		w.judge.acting(b)
		outcome = w.act(b)
		w.judge.acted(b, outcome, dies)
		w.now = w.now.Add(time.Duration(w.random.IntN(2000)) * time.Millisecond)
		if dies {
			w.die()
			return nil
		}
		if err := w.meanwhile(b); err != nil {
			return err
		}
	}
	return w.save(b, w.flow.Apply(b, outcome, w.now))
}

// meanwhile is a customer who cancels while the turn is under way: the row moves under the turn, which then carries the wish
// over and applies its outcome to that.
func (w *walker) meanwhile(b *booking.Booking) error {
	if w.turns > peace || w.random.IntN(40) > 0 {
		return nil
	}
	row := w.saved.Clone()
	entry, err := w.flow.Decide(row, booking.Decision{Verb: booking.VerbCancel, Actor: booking.CustomerActor}, w.now)
	if err != nil || row.Place != w.saved.Place {
		return nil
	}
	b.Facts.Cancellation, b.Version = row.Facts.Cancellation, row.Version
	return w.save(row, entry)
}

// die forgets what was not saved. The next turn finds a lease that nobody renewed.
func (w *walker) die() {
	w.saved.Crashed = true
	w.saved.Crashes++
	w.now = w.now.Add(15 * time.Second)
}

func (w *walker) act(b *booking.Booking) booking.Outcome {
	step, _ := w.flow.Step(b.Place.Step)
	switch b.Place.Phase {
	case booking.Doing:
		return step.Do(context.Background(), b)
	case booking.Finding:
		return step.Find(context.Background(), b)
	default:
		return step.Undo(context.Background(), b)
	}
}

func (w *walker) save(b *booking.Booking, entry booking.Entry) error {
	if b.Place.Phase != booking.Ended && b.Place.Phase != booking.Parked && b.DueAt.IsZero() {
		return fmt.Errorf("%v waits for nobody", b.Place)
	}
	heard := w.heard.hear(w.saved, b)
	w.saved = b
	return errors.Join(heard, w.judge.saw(b, entry))
}

// people are the customer and staff, who act at any time, late, or not at all.
func (w *walker) people() error {
	b := w.saved.Clone()
	var d booking.Decision
	wait, parked := b.Facts.Waiting, b.Place.Phase == booking.Parked
	impatient := w.turns > peace || w.random.IntN(4) > 0
	switch {
	case w.random.IntN(40) == 0 && w.turns < peace:
		d = booking.Decision{Verb: booking.VerbCancel, Actor: booking.CustomerActor}
	case parked && wait.Who == booking.Customer && w.random.IntN(4) > 0:
		d = w.customer(b)
	case parked && wait.Who == booking.Staff && impatient:
		d = w.staff(b)
	case b.Place.Phase == booking.Ended && b.Result == booking.Confirmed && w.random.IntN(8) == 0 && w.turns < peace:
		d = booking.Decision{Verb: booking.VerbRefund, Actor: "support:ana", Amount: b.Facts.Price.Of(1 + w.random.Int64N(b.Facts.Price.Minor))}
	default:
		return nil
	}
	entry, err := w.flow.Decide(b, d, w.now)
	if err != nil {
		return nil // not legal where the booking stands: nothing has changed
	}
	return w.save(b, entry)
}

func (w *walker) customer(b *booking.Booking) booking.Decision {
	d := booking.Decision{Verb: booking.VerbPay, Actor: booking.CustomerActor}
	switch b.Facts.Waiting.Action.Type {
	case booking.ActionThreeDS:
		if w.random.IntN(4) > 0 {
			w.world.Authenticate(w.random.IntN(4) > 0)
		}
	case booking.ActionNewPaymentMethod:
		d.PaymentToken = "pm_another"
	case booking.ActionAcceptOffer:
		d.Verb, d.AcceptedTotal = booking.VerbAcceptOffer, b.Facts.Offered
	}
	return d
}

func (w *walker) staff(b *booking.Booking) booking.Decision {
	d := booking.Decision{Verb: booking.VerbRetry, Actor: "support:ana", Reason: "called the hotel"}
	switch {
	case b.Place.Step == booking.StepScreen && w.random.IntN(2) == 0:
		d.Verb = booking.VerbApprove
	case b.Place.Step == booking.StepScreen:
		d.Verb = booking.VerbReject
	case b.Place.Step == booking.StepConfirm && b.Goal == booking.Confirm && w.world.Late() == 0 && w.random.IntN(2) == 0:
		d.Verb, d.Happened, d.SupplierReference = booking.VerbResolve, w.world.Reserved(), "S-"+b.Reference
	}
	return d
}
