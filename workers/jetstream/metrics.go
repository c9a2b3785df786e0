package jetstream

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	said, lost, fetched, idle, found, failures, swept prometheus.Counter
	answers                                           *prometheus.CounterVec
}

func newMetrics() *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: "booking", Name: name, Help: help})
	}
	return &metrics{
		said:     counter("hints_said_total", "Hints that were given to the broker."),
		lost:     counter("hints_lost_total", "Hints that could not be said, or that the broker did not confirm. The sweep finds their bookings."),
		fetched:  counter("hints_fetched_total", "Hints that came."),
		idle:     counter("hints_idle_total", "Hints that came for nothing: the booking was not due, or somebody had it."),
		found:    counter("hints_missed_total", "Bookings that were found due without a hint."),
		failures: counter("hints_failures_total", "Requests for hints that failed."),
		swept:    counter("hints_swept_total", "Hints that the sweep said again."),
		answers: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "booking", Name: "hint_answers_total", Help: "What hints were answered: ack, nak, in progress, term, or lost.",
		}, []string{"answer"}),
	}
}

// Collectors are what the queue counts.
func (q *Queue) Collectors() []prometheus.Collector {
	m := q.metrics
	return []prometheus.Collector{m.said, m.lost, m.fetched, m.idle, m.found, m.failures, m.swept, m.answers}
}
