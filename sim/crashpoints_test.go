package sim_test

import (
	"flag"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/cryptotest"
	"testing/synctest"
	"time"

	"hotelbooking/booking"
	"hotelbooking/workers"
	"hotelbooking/workers/jetstream"
)

// crashes kills the process at chosen points. Every call that writes to the database, every call to the outside, and every
// hint that is given or answered, has two: before it is made, and after it, when its answer is lost.
type crashes struct {
	mu     sync.Mutex
	points int   // met since the last death
	at     []int // where to die next, counted from the last death
}

// next arms it. Nobody dies at a negative point.
func (c *crashes) next(at ...int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.points, c.at = 0, at
}

// met is how many points were passed since it was armed or somebody died, and whether all deaths have happened.
func (c *crashes) met() (points int, done bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.points, len(c.at) == 0
}

func (c *crashes) strike() strike {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range []strike{strikeDieBefore, strikeDieAfter} {
		if len(c.at) > 0 && c.points == c.at[0] {
			c.points, c.at = 0, c.at[1:]
			return s
		}
		c.points++
	}
	return strikeNone
}

func (c *crashes) database(*instance, *dice, string) strike        { return c.strike() }
func (c *crashes) outside(*instance, *dice, string, []byte) strike { return c.strike() }
func (c *crashes) broker(*instance, *dice, string) strike          { return c.strike() }
func (c *crashes) outage() bool                                    { return false }
func (c *crashes) loses(*dice) bool                                { return false }

// class is a kind of ending, each with its own points to die at.
type class struct {
	script
	cancels string // as soon as they see this status
}

// classes are the scripts in which nothing takes long.
func classes() (all []class) {
	for _, s := range scripts() {
		if slices.Contains([]string{
			"works", "sold out", "sold out at the last moment", "refused as fraud", "declined, brings another card", "stolen card",
			"authenticates and closes the tab", "accepts the new price", "books behind an error",
		}, s.name) {
			all = append(all, class{script: s})
		}
		if s.name == "costs a fee to cancel" {
			s.sure = "cancelled"
			all = append(all, class{s, "confirmed"})
			s.name = "is cancelled at once"
			all = append(all, class{s, "pending"})
		}
	}
	return all
}

// quickly is an engine whose dead are found soon.
func quickly() workers.Config {
	c := engineConfig()
	c.Lease, c.Poll = 2*time.Second, 500*time.Millisecond
	return c
}

var (
	pairs = flag.Bool("pairs", false, "die at every pair of points, not only at each")
	only  = flag.String("class", "", "die only in this class of endings")
)

// alone is one process that does everything, each step of it because of a hint.
func alone() fleet {
	f, hints := alike(1), jetstream.DefaultConfig()
	hints.Suppliers, hints.AckWait, hints.Backstop = []string{"sandbox"}, quickly().Lease+passedOn, time.Second
	hints.Limits = jetstream.Limits{booking.ProviderPool: 2, booking.FraudPool: 1, booking.PaymentPool: 2, booking.TrackingPool: 1}
	f.hints, f.sweep = &hints, time.Second
	return f
}

// TestEveryCrashPoint kills the process at every point of every class, once, and with -pairs at every pair of them. Without
// -engine the first class, which has all steps, goes over a broker, and the others, which have them as well, do not.
func TestEveryCrashPoint(t *testing.T) {
	began, all := time.Now(), newTally()
	run := func(c class, engine string, f fleet) {
		points, breaches := exhaust(t, c, f, *pairs, all)
		t.Logf("%s, %s: %d points", engine, c.name, points)
		for _, b := range breaches {
			t.Errorf("%s, %s", engine, b)
			all.Breaches = append(all.Breaches, engine+", "+b)
		}
	}
	for n, c := range classes() {
		if *only != "" && c.name != *only || raced && c.cancels == "" {
			continue
		}
		if *engine == jetStream || *engine == "" && n == 0 {
			run(c, jetStream, alone())
		} else {
			run(c, inProcess, alike(1))
		}
	}
	t.Logf("%s, in %s", all, time.Since(began).Round(time.Millisecond))
	all.save(t)
}

// exhaust runs a class without a death, with a death at each of its points, and with a second one at each point after that.
func exhaust(t *testing.T, c class, f fleet, pairs bool, all *tally) (points int, breaches []string) {
	t.Helper()
	cryptotest.SetGlobalRandom(t, 1)
	synctest.Test(t, func(t *testing.T) {
		deaths := &crashes{}
		w := newWorld(t, newLuck(1), f, quickly(), deaths, newTrace(*story))
		w.begin()
		w.pass(time.Second)
		once := func(at ...int) (left int, done bool) {
			all.Crashes++
			deaths.next(at...)
			w.live(c, all.Crashes, fmt.Sprintf("%s, dies at %v", c.name, at))
			return deaths.met()
		}
		points, _ = once()
		for i := range points {
			after, _ := once(i)
			for j := 0; pairs && j < after; j++ {
				if len(w.breaches) > 5 {
					break
				}
				once(i, j)
			}
		}
		w.stop()
		w.end()
		all.Simulated += w.since()
		breaches = w.breaches
		if *story && len(w.breaches) > 0 {
			path, err := w.trace.save("crash-points")
			t.Log(path, err)
		}
	})
	return points, breaches
}

// live is one guest's whole life, and the comparison afterwards.
func (w *world) live(c class, run int, name string) {
	g := &guest{world: w, luck: w.luck.of(name), script: c.script, key: fmt.Sprintf("run-%d", run)}
	w.trace.add(w.since(), "", "--- %s", name)
	before := len(w.breaches)
	if !g.submit() {
		return
	}
	ended, pause := false, 200*time.Millisecond
	for range 1000 {
		w.pass(g.luck.about(pause))
		pause = min(2*pause, 800*time.Millisecond)
		now, ok := g.poll()
		if !ok {
			continue
		}
		if now.Status == "requires_action" {
			g.act(now)
		}
		g.cancelled = g.cancelled || now.Status == "cancelling" || now.Status == "cancelled" // the answer may have been lost
		if (now.Status == c.cancels || c.cancels == "pending") && !g.cancelled {
			g.cancel()
			continue
		}
		if !now.Terminal || c.cancels != "" && !g.cancelled {
			continue
		}
		if b, err := w.store.Get(background, booking.ID(g.acked.ID)); err == nil && b.Place.Phase == booking.Ended {
			ended = true
			break
		}
	}
	if !ended {
		w.breach("L1: it never ends")
	}
	if last := g.seen[len(g.seen)-1]; last.Status != c.sure {
		w.breach("S6: it is %s instead of %s", last.Status, c.sure)
	}
	var ledger struct {
		References map[string]ledgerRow `json:"references"`
	}
	w.ask("/_ledger?reference="+g.acked.Reference, &ledger)
	var journal struct {
		Entries []effect `json:"entries"`
	}
	w.ask("/_journal?reference="+g.acked.Reference, &journal)
	w.checkGuest(g)
	w.checkBooking(booking.ID(g.acked.ID), ledger.References[g.acked.Reference], journal.Entries)
	for i := before; i < len(w.breaches); i++ {
		w.breaches[i] = name + ": " + w.breaches[i]
	}
}
