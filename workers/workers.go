// Package workers is the engine: it walks accepted bookings through the flow in bounded pools of goroutines, and owns all
// of them. New binds it to a flow and a queue; Start begins, Submit and Decide feed it, Stop drains it.
//
// A booking is leased by this process from Submit or a claim until it comes to rest, and goes from pool to pool in memory.
// After each turn it is saved before the next one begins, so that whatever dies, nothing but time is lost. Read turn.go
// first, then settle.go, claim.go and stop.go.
package workers

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"

	"hotelbooking/booking"
)

// Deps is what the engine needs beside its queue. The zero value of each works.
type Deps struct {
	Log      *zap.Logger
	Metrics  prometheus.Registerer
	Boot     string       // random for each start of the process: the first half of every lease's owner; empty: made from Random
	Random   io.Reader    // of ids, references and pauses; nil is crypto/rand
	Notices  Notices      // nil: no vendor sends any
	Versions Versions     // nil: only changes of this process are watched
	Steps    Steps        // nil: the stored steps are not checked at the start
	Pauses   Pauses       // nil: nothing can be paused
	Signals  Signals      // nil: what other processes do is seen at the next poll
	Tracer   trace.Tracer // nil: nothing is traced
}

// Workers is the engine. Its methods may be called from any goroutine.
type Workers struct {
	flow    booking.Flow
	queue   Queue
	cfg     Config
	deps    Deps
	boot    string
	log     *zap.Logger
	turned  *zap.Logger // of the one line of a turn: always the same line of code, so it names none
	random  *shared
	metrics *metrics
	gauges  gauges

	pools     []*pool
	ledger    *ledger
	claimer   *claimer
	admission *admission
	paused    paused
	hub       *hub
	news      *news       // for other processes
	due       *heardDue   // from other processes
	hears     atomic.Bool // them
	past      past        // samples of what was done, for the console
	loops     []*loop
	noticed   chan struct{}

	started, stopping atomic.Bool
	submissions       tally                   // calls of Submit under way
	turns             tally                   // turns that are not settled yet
	claiming, keeping sync.WaitGroup          // goroutines: those that begin work, and those that keep it
	stopClaiming      context.CancelCauseFunc // set by Start
	stopWorking       context.CancelCauseFunc // set by Start
	stopKeeping       context.CancelCauseFunc // set by Start
	ended             chan struct{}           // closed when Stop gives up: nobody insists any more
}

// New makes an engine that does nothing until Start. cfg must be valid.
func New(flow booking.Flow, queue Queue, cfg Config, deps Deps) *Workers {
	w := &Workers{
		flow: flow, queue: queue, cfg: cfg, deps: deps, boot: deps.Boot, log: deps.Log, random: &shared{from: deps.Random},
		metrics: newMetrics(), gauges: newGauges(),
		ledger: newLedger(cfg.Memory), claimer: newClaimer(), hub: newHub(),
		admission: &admission{cfg: cfg.Admission, whole: len(cfg.Works) == len(booking.Pools())},
		noticed:   make(chan struct{}, 1), ended: make(chan struct{}),
	}
	if w.log == nil {
		w.log = zap.NewNop()
	}
	w.paused.moved = make(chan struct{}, 1)
	w.news, w.due = newNews(w.metrics.untold), newHeardDue()
	if deps.Signals != nil {
		w.queue = telling{queue, w.news, flow}
	}
	w.turned = w.log.WithOptions(zap.WithCaller(false))
	for _, name := range booking.Pools() {
		w.admission.small += cfg.slots(name)
		if !slices.Contains(cfg.Works, name) {
			continue
		}
		w.pools = append(w.pools, newPool(name, flow.Steps[0], cfg, &w.paused, func() { w.claimer.want(name) }))
	}
	w.loops = []*loop{
		{name: "claim", every: cfg.Poll, wake: w.claimer.wake, round: w.claimDue, vital: true, steady: true},
		{name: "renew", every: cfg.Lease / 15, round: w.renew, vital: true, steady: true},
		{name: "admission", every: cfg.Poll, round: w.sample},
		{name: "figures", every: figuresEvery, round: w.keepFigures},
	}
	if deps.Notices != nil {
		w.loops = append(w.loops, &loop{name: "notices", every: cfg.Poll, wake: w.noticed, round: w.applyNotices})
	}
	if deps.Versions != nil {
		w.loops = append(w.loops, &loop{name: "watch", every: cfg.Poll / 2, wake: w.hub.missed, round: w.watch})
	}
	if deps.Pauses != nil {
		w.loops = append(w.loops, &loop{name: "pauses", every: cfg.Poll, wake: w.paused.moved, round: w.seePauses})
	}
	w.loops = append(w.loops, w.signalLoops()...)
	return w
}

// Start checks that the table knows every step that a stored booking stands at, looks what is paused, and begins to work. ctx
// bounds the check and the look only.
func (w *Workers) Start(ctx context.Context) error {
	if w.started.Load() || w.stopping.Load() {
		return errors.New("an engine starts once")
	}
	if err := w.checkSteps(ctx); err != nil {
		return err
	}
	if w.deps.Pauses != nil {
		if err := w.look(ctx); err != nil { // before the first turn: what is paused must not be called once
			return err
		}
	}
	if w.boot == "" {
		random := make([]byte, 8)
		if _, err := io.ReadFull(w.random, random); err != nil {
			return fmt.Errorf("name this process: %w", err)
		}
		w.boot = fmt.Sprintf("%x", random)
	}
	if err := w.register(w.deps.Metrics); err != nil {
		return err
	}
	background := context.WithoutCancel(ctx)
	var claiming, working, keeping context.Context
	claiming, w.stopClaiming = context.WithCancelCause(background)
	working, w.stopWorking = context.WithCancelCause(background)
	keeping, w.stopKeeping = context.WithCancelCause(background)
	for _, p := range w.pools {
		w.claiming.Go(func() {
			p.dispatch(claiming, func() { w.turns.add() }, func(t *turn) { w.run(working, t) })
		})
	}
	for _, l := range w.loops {
		l.last.Store(time.Now().UnixNano())
		pauses := mathrand.New(mathrand.NewPCG(w.random.Uint64(), w.random.Uint64()))
		switch l.name {
		case "renew", "watch", "tell", "hear": // to the very end: what still runs is kept, and readers still learn of it
			w.keeping.Go(func() { l.run(keeping, pauses, w.log) })
		default:
			w.claiming.Go(func() { l.run(claiming, pauses, w.log) })
		}
	}
	w.started.Store(true)
	return nil
}

// checkSteps: a stored name that the table does not know stops the start, not a turn at three in the morning.
func (w *Workers) checkSteps(ctx context.Context) error {
	if w.deps.Steps == nil {
		return nil
	}
	stored, err := w.deps.Steps.StepsInUse(ctx)
	if err != nil {
		return fmt.Errorf("look which steps bookings stand at: %w", err)
	}
	var problems []error
	for _, name := range stored {
		if _, ok := w.flow.Step(name); !ok && name != "" {
			problems = append(problems, fmt.Errorf("bookings stand at the step %q, which this version does not have: start one that has it, or move them", name))
		}
	}
	return errors.Join(problems...)
}

// now is the moment of a turn or a decision, as exact as it is stored.
func (w *Workers) now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// record tells everybody who wants to know that a turn was saved.
func (w *Workers) record(t *turn, before, after *booking.Booking, e booking.Entry) {
	t.traceSaved(e)
	w.metrics.turn(e)
	if w.metrics.moved(before, after); atRest(after) && !atRest(before) {
		w.admission.decided.Add(1)
	}
	w.told(t, before, after, e)
	w.hub.tell(after.ID)
}

// atRest: nothing of this booking waits for us.
func atRest(b *booking.Booking) bool {
	return b.Result != booking.Undecided || b.Place.Phase == booking.Parked
}

// shared is a source of randomness for several goroutines.
type shared struct {
	mu   sync.Mutex
	from io.Reader // nil is crypto/rand
}

func (s *shared) Read(p []byte) (int, error) {
	if s.from == nil {
		return rand.Read(p)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.from.Read(p)
}

// Uint64 is a seed.
func (s *shared) Uint64() uint64 {
	var b [8]byte
	if _, err := io.ReadFull(s, b[:]); err != nil { // what only spreads pauses need not fail
		return uint64(time.Now().UnixNano())
	}
	return binary.LittleEndian.Uint64(b[:])
}
