package main

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"hotelbooking/booking"
	"hotelbooking/store"
	"hotelbooking/tracing"
)

// vendorMetrics counts and times every call to the outside.
func vendorMetrics(registry prometheus.Registerer) func(booking.Call) {
	took := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "booking_vendor_call_seconds", Help: "Calls to outside systems; fault is empty for those that succeeded.",
		Buckets: []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120},
	}, []string{"vendor", "operation", "status", "fault"})
	registry.MustRegister(took)
	return func(c booking.Call) {
		took.WithLabelValues(c.Vendor, c.Operation, strconv.Itoa(c.Status), string(c.Fault)).Observe(c.Took.Seconds())
	}
}

// tracingMetrics shows what becomes of the spans.
func tracingMetrics(t *tracing.Tracing) []prometheus.Collector {
	count := func(name, help string, read func(tracing.Counts) int64) prometheus.Collector {
		return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, func() float64 { return float64(read(t.Counts())) })
	}
	return []prometheus.Collector{
		count("booking_trace_spans_exported_total", "Spans that the collector took.", func(c tracing.Counts) int64 { return c.Exported }),
		count("booking_trace_spans_lost_total", "Spans that it did not take.", func(c tracing.Counts) int64 { return c.Lost }),
	}
}

// storeMetrics shows the store's running totals.
func storeMetrics(s *store.Store) []prometheus.Collector {
	count := func(name, help string, read func(store.Counts) int64) prometheus.Collector {
		return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, func() float64 { return float64(read(s.Counts())) })
	}
	return []prometheus.Collector{
		count("booking_store_commits_total", "Group commits.", func(c store.Counts) int64 { return c.Commits }),
		count("booking_store_rows_total", "Bookings accepted or saved by group commits; by commits, how many share one.", func(c store.Counts) int64 { return c.Rows }),
		count("booking_store_fenced_total", "Writes refused because the lease was lost or the booking had moved.", func(c store.Counts) int64 { return c.Fenced }),
		count("booking_store_unknown_commits_total", "Commits of which the database did not say whether they happened.", func(c store.Counts) int64 { return c.Unknown }),
		count("booking_store_repeated_total", "Commits repeated because another transaction stood in their way.", func(c store.Counts) int64 { return c.Repeated }),
	}
}
