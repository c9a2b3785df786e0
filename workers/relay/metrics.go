package relay

import (
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"hotelbooking/booking"
)

// metrics are what the relay counts. How far behind a subscriber is comes from the database, and is the same for all
// processes on it.
type metrics struct {
	taken, failures *prometheus.CounterVec
	delay           *prometheus.HistogramVec
	waiting, lag    *prometheus.GaugeVec
}

func newMetrics() *metrics {
	const prefix = "booking_events_"
	subscriber := []string{"subscriber"}
	return &metrics{
		taken: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: prefix + "taken_total", Help: "Events that a subscriber has taken, those told twice counted twice.",
		}, []string{"subscriber", "type"}),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: prefix + "failures_total", Help: "What failed: claim, settle and figures are the database's, take is the subscriber's.",
		}, []string{"subscriber", "what"}),
		delay: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: prefix + "delay_seconds", Help: "From a change until a subscriber had its event.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10, 30, 60, 300, 3600},
		}, subscriber),
		waiting: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: prefix + "waiting", Help: "Changes that a subscriber was not told of, at most ten thousand."}, subscriber),
		lag:     prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: prefix + "lag_seconds", Help: "How long ago the first change was that a subscriber was not told of."}, subscriber),
	}
}

func (m *metrics) register(r prometheus.Registerer) error {
	if r == nil {
		return nil
	}
	for _, c := range []prometheus.Collector{m.taken, m.failures, m.delay, m.waiting, m.lag} {
		if err := r.Register(c); err != nil {
			return fmt.Errorf("register the relay's metrics: %w", err)
		}
	}
	return nil
}

func (m *metrics) told(subscriber string, events []booking.Event) {
	for _, e := range events {
		m.taken.WithLabelValues(subscriber, string(e.Type)).Inc()
		m.delay.WithLabelValues(subscriber).Observe(time.Since(e.At).Seconds())
	}
}

func (m *metrics) failed(subscriber, what string) {
	m.failures.WithLabelValues(subscriber, what).Inc()
}

func (m *metrics) behind(subscriber string, f booking.EventFigures) {
	m.waiting.WithLabelValues(subscriber).Set(float64(f.Waiting))
	m.lag.WithLabelValues(subscriber).Set(f.Lag.Seconds())
}
