package sim_test

import (
	"bytes"
	"fmt"
	"sync"
	"time"

	"hotelbooking/providers/sandbox"
)

// strike is what is done to one call.
type strike int

const (
	strikeNone      strike = iota
	strikeRefuse           // it is not made
	strikeStall            // it arrives long after its caller gave up
	strikeLose             // it is made, and its answer is lost
	strikeDieBefore        // the process dies, and it is not made
	strikeDieAfter         // it is made, and the process dies
)

// hazard says what happens to calls.
type hazard interface {
	database(i *instance, luck *dice, what string) strike // a call that writes
	outside(i *instance, luck *dice, what string, body []byte) strike
	broker(i *instance, luck *dice, what string) strike // a hint is given, or answered
	outage() bool                                       // the database is away
	loses(luck *dice) bool                              // an answer to a guest gets lost
}

// nemesis is everything that goes wrong in a schedule: by chance at every call, and by events of its own.
type nemesis struct {
	world *world
	luck  *dice
	rate  float64 // of faults at calls

	mu    sync.Mutex
	quiet bool
	away  time.Time         // until then the database is away
	armed map[*instance]int // dies at its so manieth call from now
}

// poisonMark is in the body of a hold at which a process dies, always.
const poisonMark = "h-poison"

func newNemesis(rate float64) *nemesis { return &nemesis{rate: rate, armed: map[*instance]int{}} }

func (n *nemesis) database(i *instance, luck *dice, _ string) strike {
	if s := n.due(i, luck); s != strikeNone {
		return s
	}
	switch {
	case n.calm():
		return strikeNone
	case luck.happens(n.rate):
		return pick(luck, strikeRefuse, strikeRefuse, strikeLose, strikeLose, strikeStall)
	}
	return strikeNone
}

func (n *nemesis) outside(i *instance, luck *dice, what string, body []byte) strike {
	if what == "hotel/v1/holds" && bytes.Contains(body, []byte(poisonMark)) {
		return strikeDieBefore
	}
	if s := n.due(i, luck); s != strikeNone {
		return s
	}
	if !n.calm() && luck.happens(n.rate) {
		return pick(luck, strikeRefuse, strikeLose)
	}
	return strikeNone
}

func (n *nemesis) broker(i *instance, luck *dice, _ string) strike { return n.due(i, luck) }

// due counts down to a death.
func (n *nemesis) due(i *instance, luck *dice) strike {
	n.mu.Lock()
	left, armed := n.armed[i]
	if armed {
		n.armed[i] = left - 1
		if left <= 0 {
			delete(n.armed, i)
		}
	}
	n.mu.Unlock()
	if !armed || left > 0 {
		return strikeNone
	}
	return pick(luck, strikeDieBefore, strikeDieAfter)
}

func (n *nemesis) calm() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.quiet
}

func (n *nemesis) loses(luck *dice) bool { return !n.calm() && luck.happens(n.rate) }

func (n *nemesis) outage() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return time.Now().Before(n.away)
}

// rage makes so many events happen within a time, and then gives peace for ever.
func (n *nemesis) rage(events int, within time.Duration) {
	w := n.world
	n.usualFaults()
	for range events {
		if !w.pass(n.luck.between(0, 2*within/time.Duration(events))) {
			return
		}
		n.event()
	}
	n.mu.Lock()
	n.quiet, n.away = true, time.Time{}
	clear(n.armed)
	n.mu.Unlock()
	n.faults(sandbox.Faults{})
	n.sparesBroker()
	for _, s := range w.slots {
		if i := s.now.Load(); i != nil {
			i.until.Store(0)
		}
	}
	w.trace.add(w.since(), "nemesis", "is tired")
}

// event is one blow.
func (n *nemesis) event() {
	w := n.world
	if w.broker != nil && !w.fleet.calm && n.luck.happens(0.4) {
		n.strikesBroker()
		return
	}
	s := pick(n.luck, w.slots...)
	i := s.now.Load()
	say := func(format string, args ...any) { w.trace.add(w.since(), "nemesis", format, args...) }
	switch blow := n.luck.n(12); {
	case i == nil || blow <= 1:
		n.someFaults()
	case blow == 2:
		s.held = n.luck.between(0, 5*time.Second)
		i.die("killed")
	case blow <= 5:
		s.held = n.luck.between(0, 12*time.Second)
		n.mu.Lock()
		n.armed[i] = n.luck.n(12)
		n.mu.Unlock()
	case blow <= 7:
		pause := n.luck.between(500*time.Millisecond, 25*time.Second)
		say("pauses %s for %s", i.name, pause)
		w.count("pauses")
		i.until.Store(time.Now().Add(pause).UnixNano())
	case blow == 8:
		away := n.luck.between(200*time.Millisecond, 12*time.Second)
		say("takes the database away for %s", away)
		n.mu.Lock()
		n.away = time.Now().Add(away)
		n.mu.Unlock()
	case blow == 9:
		jump := n.luck.between(-30*time.Second, 30*time.Second)
		say("moves the database's clock to %s", jump)
		w.count("clock jumps")
		if back := time.Duration(w.skew.Swap(int64(jump))) - jump; back > w.back {
			w.back = back
		}
	case blow == 10:
		s.held = n.luck.between(0, time.Second)
		w.count("graceful stops")
		i.ask()
	default:
		n.usualFaults()
	}
}

// usualFaults are a few of each kind.
func (n *nemesis) usualFaults() {
	share := func() float64 { return float64(n.luck.n(100)) / 100 * n.rate }
	n.faults(sandbox.Faults{
		Refused: 2 * share(), AnswerLost: 2 * share(), Late: 2 * share(), Hang: share(), Duplicate: 4 * share(),
		LateEffectMillis: 500 + n.luck.n(40_000),
	})
}

// someFaults are many of one kind.
func (n *nemesis) someFaults() {
	share := 0.3 + float64(n.luck.n(70))/100
	n.faults(pick(n.luck,
		sandbox.Faults{Refused: share}, sandbox.Faults{AnswerLost: share}, sandbox.Faults{Hang: share},
		sandbox.Faults{Late: share, LateEffectMillis: 500 + n.luck.n(60_000)}, sandbox.Faults{Duplicate: share},
	))
}

// faults sets them for one vendor, or for all where there are none.
func (n *nemesis) faults(f sandbox.Faults) {
	all := []sandbox.System{sandbox.Hotel, sandbox.Fraud, sandbox.Payment, sandbox.Tracking}
	if (f != sandbox.Faults{}) {
		all = []sandbox.System{pick(n.luck, sandbox.Hotel, sandbox.Hotel, sandbox.Payment, sandbox.Payment, sandbox.Fraud, sandbox.Tracking)}
	}
	set := map[sandbox.System]sandbox.Faults{}
	for _, system := range all {
		set[system] = f
	}
	if err := n.world.sandbox.SetFaults(set); err != nil {
		panic(err)
	}
	n.world.trace.add(n.world.since(), "nemesis", "faults at %v: %s", all, fmt.Sprintf("%+v", f))
}
