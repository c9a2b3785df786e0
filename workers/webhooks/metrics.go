package webhooks

import (
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"hotelbooking/booking"
)

// metrics are what the sender counts. What waits in the database is the same for all processes on it.
type metrics struct {
	outcomes                     *prometheus.CounterVec // by endpoint and outcome
	took                         *prometheus.HistogramVec
	due, dead, lag, open, paused *prometheus.GaugeVec // by endpoint
}

func newMetrics() *metrics {
	gauge := func(name, help string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "booking_webhook_" + name, Help: help}, []string{"endpoint"})
	}
	return &metrics{
		outcomes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "booking_webhook_deliveries_total", Help: "Tries of deliveries by their outcome: delivered, due (to be sent again) or dead; and dead ones without a try.",
		}, []string{"endpoint", "outcome"}),
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "booking_webhook_seconds", Help: "How long endpoints took to answer, or not to.",
			Buckets: []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}, []string{"endpoint"}),
		due:    gauge("due", "Deliveries that wait, at most ten thousand."),
		dead:   gauge("dead", "Dead letters, at most ten thousand."),
		lag:    gauge("lag_seconds", "How long the first delivery that waits has waited."),
		open:   gauge("endpoint_failing", "1: this process tries the endpoint less, because it takes nothing."),
		paused: gauge("endpoint_paused", "1: nothing is sent to the endpoint until somebody lets it go on."),
	}
}

func (m *metrics) tried(endpoint string, outcome booking.DeliveryState, took time.Duration) {
	m.outcomes.WithLabelValues(endpoint, string(outcome)).Inc()
	m.took.WithLabelValues(endpoint).Observe(took.Seconds())
}

func (s *Sender) register(r prometheus.Registerer) error {
	if r == nil {
		return nil
	}
	for _, c := range []prometheus.Collector{s.metrics.outcomes, s.metrics.took, s.metrics.due, s.metrics.dead, s.metrics.lag, s.metrics.open, s.metrics.paused} {
		if err := r.Register(c); err != nil {
			return fmt.Errorf("register the webhooks' metrics: %w", err)
		}
	}
	for _, e := range s.endpoints { // so that there is a zero to be seen
		for _, outcome := range booking.DeliveryStates() {
			s.metrics.outcomes.WithLabelValues(e.Name, string(outcome))
		}
	}
	return nil
}
