package workers

import (
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"hotelbooking/booking"
)

// metrics are what the engine counts. What can be looked up is not counted: see live.
type metrics struct {
	accepted, replayed prometheus.Counter
	shed               *prometheus.CounterVec // by why
	decided            *prometheus.CounterVec // by result and code
	turns              *prometheus.HistogramVec
	unknown            *prometheus.CounterVec // by step
	attention          *prometheus.CounterVec // by reason
	claims, crashed    prometheus.Counter
	claimed            *prometheus.CounterVec // by pool
	fenced, forgotten  prometheus.Counter
	leasesLost         prometheus.Counter
	abandoned, late    prometheus.Counter
	panics             prometheus.Counter
	queueErrors        prometheus.Counter
	notices            *prometheus.CounterVec // by outcome
	told, untold       prometheus.Counter
	heard, hearings    prometheus.Counter
	totals             totals // of some of them, to be read back

	all []prometheus.Collector
}

func newMetrics() *metrics {
	m := &metrics{}
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Name: "booking_" + name, Help: help})
		m.all = append(m.all, c)
		return c
	}
	counters := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "booking_" + name, Help: help}, labels)
		m.all = append(m.all, c)
		return c
	}
	m.accepted = counter("accepted_total", "Bookings stored for the first time.")
	m.replayed = counter("replayed_total", "Submissions that were answered with the booking they made before.")
	m.shed = counters("shed_total", "Submissions that were refused for now.", "why")
	m.decided = counters("decided_total", "Bookings that were confirmed, failed or cancelled, with the code the customer sees.", "result", "code")
	m.turns = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "booking_turn_seconds", Help: "How long turns took up to their outcome.",
		Buckets: []float64{.001, .005, .02, .05, .1, .2, .4, .8, 1.5, 3, 6, 12, 25, 60},
	}, []string{"step", "phase", "outcome"})
	m.all = append(m.all, m.turns)
	m.unknown = counters("unknown_outcomes_total", "Turns after which nobody could tell what had happened.", "step")
	m.attention = counters("attention_total", "Bookings that came to need a person's attention.", "reason")
	m.claims = counter("claims_total", "Claims made.")
	m.claimed = counters("claimed_total", "Bookings claimed.", "pool")
	m.crashed = counter("crashed_total", "Bookings claimed from a process that had died or lost its lease.")
	m.fenced = counter("fenced_writes_total", "Writes that were refused because the lease was somebody else's.")
	m.forgotten = counter("forgotten_total", "Bookings let go of without a word, to be claimed again when the lease has run out.")
	m.leasesLost = counter("leases_lost_total", "Leases that could not be renewed.")
	m.abandoned = counter("abandoned_turns_total", "Turns taken away from calls that ignored their deadline.")
	m.late = counter("late_results_total", "Answers of such calls, dropped.")
	m.panics = counter("panics_total", "Panics caught. Each is a defect.")
	m.queueErrors = counter("queue_errors_total", "Calls of turns to the database that failed, and were made again.")
	m.notices = counters("notices_total", "Vendors' notices looked at.", "outcome")
	m.told = counter("signals_sent_total", "Changes of bookings that other processes were told of.")
	m.untold = counter("signals_dropped_total", "Changes that they were not told of, and find at their next poll.")
	m.heard = counter("signals_heard_total", "Changes that other processes told of.")
	m.hearings = counter("signals_connects_total", "How often this process began to hear: after the first, a connection was lost or slow.")
	return m
}

// stored counts a booking that was stored for the first time.
func (m *metrics) stored() {
	m.accepted.Inc()
	m.totals.accepted.Add(1)
}

// refused counts a submission that was refused for now.
func (m *metrics) refused(why string) {
	m.shed.WithLabelValues(why).Inc()
	m.totals.shed.Add(1)
}

// turn counts a saved turn.
func (m *metrics) turn(e booking.Entry) {
	m.turns.WithLabelValues(string(e.From.Step), string(e.From.Phase), string(e.Outcome)).Observe(e.Took.Seconds())
	if e.Outcome == booking.KindUnknown {
		m.unknown.WithLabelValues(string(e.From.Step)).Inc()
		m.totals.unknown.Add(1)
	}
}

// moved counts what a turn or a decision decided for the customer. It tells whether it decided anything.
func (m *metrics) moved(before, after *booking.Booking) bool {
	if before.Result == after.Result {
		return false
	}
	code := booking.Reason("")
	switch after.Result {
	case booking.Failed:
		code = after.Facts.Failure.Code
	case booking.Cancelled:
		if wish := after.Facts.Cancellation; wish != nil {
			code = wish.Code
		}
	case booking.Confirmed, booking.Undecided:
	}
	m.decided.WithLabelValues(string(after.Result), string(code)).Inc()
	m.totals.decided(after.Result, code)
	return true
}

// live collects what is looked up at each scrape.
type live struct{ *Workers }

// gauge describes one of them.
func gauge(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("booking_"+name, help, labels, nil)
}

type gauges struct {
	inUse, size, ready, left, breaker, held, watched, backlog, oldest, wait, progress, paused, hearing *prometheus.Desc
}

func newGauges() gauges {
	return gauges{
		inUse:    gauge("pool_in_use", "Slots taken.", "pool"),
		size:     gauge("pool_size", "Slots there are.", "pool"),
		ready:    gauge("pool_ready", "Bookings that wait in memory for a slot.", "pool"),
		left:     gauge("pool_left_behind", "Calls that ignored their deadline and still run.", "pool"),
		breaker:  gauge("breaker_state", "0 closed, 1 half-open, 2 open: nobody is asked.", "system"),
		held:     gauge("held", "Bookings in memory, with their leases."),
		watched:  gauge("watched", "Bookings that readers wait for."),
		backlog:  gauge("backlog", "Bookings that are due and wait, here and in the database."),
		oldest:   gauge("backlog_oldest_seconds", "How long the first of those in the database has waited."),
		wait:     gauge("backlog_wait_seconds", "How long a new booking is expected to wait; 0 while there is no telling."),
		progress: gauge("loop_success_timestamp_seconds", "When the loop last ended a good round.", "loop"),
		paused:   gauge("paused", "1 for each thing that an operator has paused.", "what"),
		hearing:  gauge("signals_hearing", "1 while changes of other processes are heard of; 0: they are seen at the next poll."),
	}
}

// Describe sends nothing: what is collected depends on what runs.
func (live) Describe(chan<- *prometheus.Desc) {}

// Collect sends all gauges.
func (w live) Collect(out chan<- prometheus.Metric) {
	g := w.gauges
	send := func(d *prometheus.Desc, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	for _, p := range w.pools {
		s := p.stats()
		send(g.inUse, float64(s.running), string(p.name))
		send(g.size, float64(p.size), string(p.name))
		send(g.ready, float64(s.ready), string(p.name))
		send(g.left, float64(s.left), string(p.name))
		for _, b := range s.breakers {
			send(g.breaker, float64(b.state()), b.system)
		}
	}
	send(g.held, float64(w.ledger.count()))
	send(g.watched, float64(w.hub.count()))
	send(g.backlog, float64(w.admission.backlog()))
	send(g.oldest, time.Duration(w.admission.oldest.Load()).Seconds())
	send(g.wait, time.Duration(w.admission.wait.Load()).Seconds())
	for what := range w.paused.now() {
		send(g.paused, 1, what)
	}
	if w.deps.Signals != nil {
		hearing := 0.
		if w.hears.Load() {
			hearing = 1
		}
		send(g.hearing, hearing)
	}
	for _, l := range w.loops {
		if last := l.last.Load(); last != 0 {
			send(g.progress, float64(last)/1e9, l.name)
		}
	}
}

// register makes all metrics known.
func (w *Workers) register(r prometheus.Registerer) error {
	if r == nil {
		return nil
	}
	for _, c := range append(w.metrics.all, live{w}) {
		if err := r.Register(c); err != nil {
			return fmt.Errorf("register the engine's metrics: %w", err)
		}
	}
	return nil
}
