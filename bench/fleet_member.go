package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"sync"
	"time"

	"hotelbooking/booking"
)

// Member is what one process of the scenario fleet does.
type Member struct {
	DatabaseURL string   // empty: SQLite
	Dir         string   // of its log, and of SQLite's files
	Works       []string // pools; none: all
	Broker      string   // where NATS is; empty: the engine is in its process alone
	Stream      string
	CPUProfile  string // a file for the CPU profile from the start to the end; empty: none
}

// did is what a member has done since it was told to begin.
type did struct {
	Ended          int64   `json:"ended"`
	Commits        float64 `json:"commits"` // group commits of turns
	Rows           float64 `json:"rows"`
	Claims         float64 `json:"claims"`
	Hints          float64 `json:"hints"`    // that came
	Idle           float64 `json:"idle"`     // of them, for nothing
	Missed         float64 `json:"missed"`   // bookings found without one
	Messages       float64 `json:"messages"` // to and from the broker
	Allocations    float64 `json:"allocations"`
	AllocatedBytes float64 `json:"allocated_bytes"`
}

// ServeMember runs an engine whose steps answer in its process, until ctx ends. It says on out, in JSON, where it listens for
// being told to begin, and for being asked how far it is.
func ServeMember(ctx context.Context, o Member, out io.Writer) (err error) {
	does := part{broker: o.Broker, stream: o.Stream}
	for _, pool := range o.Works {
		does.works = append(does.works, booking.Pool(pool))
	}
	b := &bench{Options: Options{CPUProfile: o.CPUProfile, Log: out}}
	r, err := newEngine(ctx, &database{url: o.DatabaseURL, dir: o.Dir}, does)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	m := &hand{bench: b, running: r, stopProfile: func() {}}
	defer func() { m.stopProfile() }()
	server := &http.Server{Handler: m.routes(context.WithoutCancel(ctx)), ReadHeaderTimeout: 2 * time.Second, IdleTimeout: time.Minute}
	fmt.Fprintf(out, `{"msg":"serving","http":%q}`+"\n", listener.Addr())
	stopped := make(chan error, 1)
	release := context.AfterFunc(ctx, func() { stopped <- server.Close() })
	if err := server.Serve(listener); release() {
		return err
	}
	return <-stopped
}

// hand is a process of a fleet at work.
type hand struct {
	*running
	bench *bench

	begin       sync.Mutex // held while it begins
	stopProfile func()
	memory      runtime.MemStats
}

func (m *hand) routes(ctx context.Context) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /start", func(w http.ResponseWriter, _ *http.Request) {
		if err := m.start(ctx); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
	mux.HandleFunc("GET /ended", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, m.queue.ended.Load()) })
	mux.HandleFunc("GET /did", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(m.did()) // whoever asked may have gone
	})
	return mux
}

func (m *hand) start(ctx context.Context) (err error) {
	m.begin.Lock()
	defer m.begin.Unlock()
	runtime.GC()
	runtime.ReadMemStats(&m.memory)
	if m.stopProfile, err = m.bench.profile(); err != nil {
		return err
	}
	return m.running.start(ctx)
}

func (m *hand) did() did {
	m.begin.Lock()
	defer m.begin.Unlock()
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	counts := m.store.Counts()
	d := did{
		Ended: m.queue.ended.Load(), Commits: float64(counts.Commits), Rows: float64(counts.Rows),
		Claims: counted(m.metrics, "booking_claims_total"), Hints: counted(m.metrics, "booking_hints_fetched_total"),
		Idle: counted(m.metrics, "booking_hints_idle_total"), Missed: counted(m.metrics, "booking_hints_missed_total"),
		Allocations: float64(memory.Mallocs - m.memory.Mallocs), AllocatedBytes: float64(memory.TotalAlloc - m.memory.TotalAlloc),
	}
	if m.hints != nil {
		d.Messages = m.hints.messages()
	}
	return d
}

// plus is what two have done.
func (d did) plus(o did) did {
	return did{
		d.Ended + o.Ended, d.Commits + o.Commits, d.Rows + o.Rows, d.Claims + o.Claims, d.Hints + o.Hints, d.Idle + o.Idle,
		d.Missed + o.Missed, d.Messages + o.Messages, d.Allocations + o.Allocations, d.AllocatedBytes + o.AllocatedBytes,
	}
}
