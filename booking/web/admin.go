package web

import (
	"context"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.uber.org/zap"
)

// Check is one thing that must be well for the process to take requests.
type Check struct {
	Name  string
	Probe func(ctx context.Context) error // its error is shown to operators
}

// AdminDeps is what the admin listener shows.
type AdminDeps struct {
	Ready    []Check
	Gatherer prometheus.Gatherer
	Log      *zap.Logger
}

// probeTimeout is shorter than any orchestrator's patience.
const probeTimeout = 2 * time.Second

// NewAdmin is the listener for operators and orchestrators: /livez, /readyz, /metrics and pprof. It asks for no key, and
// belongs on an address that only they can reach.
func NewAdmin(deps AdminDeps) *http.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) {
		writeHealth(w, http.StatusOK, nil)
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		status, checks := ready(r.Context(), deps.Ready)
		writeHealth(w, status, checks)
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(deps.Gatherer, promhttp.HandlerOpts{ErrorLog: zap.NewStdLog(deps.Log.Named("metrics"))}))
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return &http.Server{
		Handler:           mux,
		ReadHeaderTimeout: 2 * time.Second,
		ReadTimeout:       5 * time.Second,
		WriteTimeout:      2 * time.Minute, // a profile takes as long as was asked for
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    headersMax,
		ErrorLog:          zap.NewStdLog(deps.Log.Named("admin")),
	}
}

// ready runs all checks, one after the other, so that the answer names everything that is wrong.
func ready(ctx context.Context, checks []Check) (int, map[string]string) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	status, results := http.StatusOK, map[string]string{}
	for _, check := range checks {
		results[check.Name] = "ok"
		if err := check.Probe(ctx); err != nil {
			status, results[check.Name] = http.StatusServiceUnavailable, err.Error()
		}
	}
	return status, results
}

func writeHealth(w http.ResponseWriter, status int, checks map[string]string) {
	body := struct {
		Status string            `json:"status"`
		Checks map[string]string `json:"checks,omitempty"`
	}{"ok", checks}
	if status != http.StatusOK {
		body.Status = "unavailable"
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.MarshalWrite(w, body, json.Deterministic(true)) // the prober may be gone
}
