package bench

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"hotelbooking/booking"
	"hotelbooking/store"
	"hotelbooking/workers"
)

const (
	drained      = 5000 // bookings offered at once
	steadyFor    = 10 * time.Second
	stepTakes    = 20 * time.Millisecond
	accepting    = 256 // at once, before the measurement
	engineWithin = 5 * time.Minute
)

// enginePools are as large as the batches that a group commit is to have.
var enginePools = workers.Slots{Provider: 1024, Fraud: 512, Payment: 1024, Tracking: 512}

// engine drains bookings that are already accepted, and walks others through at a steady rate.
func engine(ctx context.Context, b *bench) error {
	b.report.note("pools %+v, per_supplier %d, the rest as by default; one log line a turn, into a file; steps answer in this process", enginePools, enginePools.Provider)
	for _, kind := range b.Databases {
		var runs []sample
		for run := range b.Runs {
			b.say("engine: %s, drain, run %d of %d", kind, run+1, b.Runs)
			s, err := b.drain(ctx, kind, b.scaled(drained))
			if err != nil {
				return err
			}
			runs = append(runs, s)
		}
		b.report.measured(labels("database", kind, "bookings", b.scaled(drained)), runs)
	}
	for _, kind := range b.Databases {
		for _, rate := range []int{50, 1000} {
			var runs []sample
			for run := range b.Runs {
				b.say("engine: %s, %d/s, run %d of %d", kind, rate, run+1, b.Runs)
				s, err := b.steady(ctx, kind, rate)
				if err != nil {
					return err
				}
				runs = append(runs, s)
			}
			b.report.measured(labels("database", kind, "offered_per_second", rate, "step_ms", stepTakes.Milliseconds()), runs)
		}
	}
	return nil
}

// part is what one engine does of the work, and how.
type part struct {
	takes  time.Duration  // how long its steps take
	works  []booking.Pool // none: all
	broker string         // where NATS is; empty: the engine is in its process alone
	stream string         // of the hints
}

// running is the engine on a real store, in this process.
type running struct {
	db      *database
	store   *store.Store
	queue   *watched
	hints   *hints // nil: without a broker
	metrics *prometheus.Registry
	workers *workers.Workers
	flow    booking.Flow
	log     *zap.Logger
	stop    func() error // ends the engine and closes the store
	closers []func() error
}

// newEngine makes an engine on db that was not started yet; close closes db with it.
func newEngine(ctx context.Context, db *database, does part) (r *running, err error) {
	r = &running{db: db, metrics: prometheus.NewRegistry(), closers: []func() error{db.close}}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.close())
		}
	}()
	file, err := db.logFile()
	if err != nil {
		return r, err
	}
	r.closers = append(r.closers, file.Close)
	encoder := zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig())
	r.log = zap.New(zapcore.NewCore(encoder, zapcore.Lock(zapcore.AddSync(file)), zap.InfoLevel))
	if r.store, err = store.Open(ctx, db.config(), r.log); err != nil {
		return r, err
	}
	closeStore := sync.OnceValue(r.store.Close)
	r.closers = append(r.closers, closeStore)
	r.flow = booking.NewFlow(outside{does.takes}.ports(), booking.DefaultLimits())
	r.queue = &watched{Store: r.store}
	cfg, queue := workers.DefaultConfig(), workers.Queue(r.queue)
	if len(does.works) > 0 {
		cfg.Works = does.works
	}
	if does.broker != "" {
		if r.hints, err = newHints(r.queue, r.flow, does, cfg.Works, r.log, func(p booking.Pool) { r.workers.Wake(p) }); err != nil {
			return r, err
		}
		r.closers = append(r.closers, r.hints.close)
		r.metrics.MustRegister(r.hints.Collectors()...)
		queue = r.hints
	}
	cfg.Pools, cfg.PerSupplier, cfg.Grace = enginePools, enginePools.Provider, time.Second
	cfg.Admission.MaxBacklog = 1 << 30
	r.workers = workers.New(r.flow, queue, cfg, workers.Deps{Log: r.log, Metrics: r.metrics, Versions: r.store, Notices: r.store, Steps: r.store})
	r.stop = sync.OnceValue(func() error {
		err := r.workers.Stop(context.Background())
		if r.hints != nil {
			r.hints.Stop(context.Background())
		}
		return errors.Join(err, closeStore())
	})
	return r, cfg.Validate()
}

func (r *running) start(ctx context.Context) error {
	if r.hints != nil {
		r.hints.Start(ctx)
	}
	r.closers = append(r.closers, r.stop)
	return r.workers.Start(ctx)
}

func (r *running) close() error {
	var problems []error
	for _, f := range slices.Backward(r.closers) {
		problems = append(problems, f())
	}
	return errors.Join(problems...)
}

// drain measures how fast n accepted bookings come to their ends. PostgreSQL's sessions report what they did when they are
// closed, so they are, before what they did is read.
func (b *bench) drain(ctx context.Context, kind string, n int) (s sample, err error) {
	ctx, cancel := context.WithTimeout(ctx, engineWithin)
	defer cancel()
	db, err := b.accepted(ctx, kind, n)
	if err != nil {
		return nil, fmt.Errorf("accept bookings to drain: %w", err)
	}
	r, err := newEngine(ctx, db, part{})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	before, err := r.db.counters(ctx)
	if err != nil {
		return nil, err
	}
	runtime.GC()
	var memory, memoryAfter runtime.MemStats
	runtime.ReadMemStats(&memory)
	stopProfile, err := b.profile()
	if err != nil {
		return nil, err
	}
	defer stopProfile()
	counts, cpu, began := r.store.Counts(), ownCPU(), time.Now()
	done := r.queue.expect(n)
	if err := r.start(ctx); err != nil {
		return nil, err
	}
	select {
	case <-done:
	case <-ctx.Done():
		return nil, fmt.Errorf("%d of %d bookings ended: %w", r.queue.ended.Load(), n, context.Cause(ctx))
	}
	took := time.Since(began).Seconds()
	cpu = ownCPU() - cpu
	stopProfile()
	runtime.ReadMemStats(&memoryAfter)
	after := r.store.Counts()
	if err := r.stop(); err != nil {
		return nil, err
	}
	used, err := r.db.counters(ctx)
	if err != nil {
		return nil, err
	}
	used = used.minus(before)
	each := func(total float64) float64 { return total / float64(n) }
	commits := float64(after.Commits - counts.Commits)
	if kind == onPostgres {
		commits = used.commits
	}
	s.add("bookings_per_second", float64(n)/took)
	s.add("cpu_seconds_per_1000", 1000*each(cpu+used.cpu))
	s.add("own_cpu_seconds_per_1000", 1000*each(cpu))
	s.add("commits_per_booking", each(commits))
	s.add("rows_per_booking", each(float64(after.Rows-counts.Rows)))
	s.add("rows_per_commit", float64(after.Rows-counts.Rows)/float64(after.Commits-counts.Commits))
	s.add("wal_bytes_per_booking", each(used.wal))
	s.add("wal_syncs_per_booking", each(used.syncs))
	s.add("allocations_per_booking", each(float64(memoryAfter.Mallocs-memory.Mallocs)))
	s.add("allocated_bytes_per_booking", each(float64(memoryAfter.TotalAlloc-memory.TotalAlloc)))
	return s, nil
}

// profile begins the CPU profile, if one is wanted, and returns what ends it. Each drain's takes the place of the last.
func (b *bench) profile() (stop func(), err error) {
	if b.CPUProfile == "" {
		return func() {}, nil
	}
	file, err := os.Create(b.CPUProfile)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(file); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return sync.OnceFunc(func() {
		pprof.StopCPUProfile()
		if err := file.Close(); err != nil {
			b.say("the CPU profile is not whole: %v", err)
		}
	}), nil
}

// steady measures how long bookings take from their acceptance to their ends at a rate that leaves the engine idle time.
func (b *bench) steady(ctx context.Context, kind string, rate int) (s sample, err error) {
	ctx, cancel := context.WithTimeout(ctx, engineWithin)
	defer cancel()
	db, err := b.open(ctx, kind)
	if err != nil {
		return nil, err
	}
	r, err := newEngine(ctx, db, part{takes: stepTakes})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	if err := r.start(ctx); err != nil {
		return nil, err
	}
	n := max(rate, int(float64(rate)*steadyFor.Seconds()*b.Scale))
	done := r.queue.expect(n)
	counts, cpu, began := r.store.Counts(), ownCPU(), time.Now()
	var submitting sync.WaitGroup
	var refused atomic.Int64
	for i := range n {
		select {
		case <-time.After(time.Until(began.Add(time.Duration(i) * time.Second / time.Duration(rate)))):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
		submitting.Go(func() {
			asked := ask(time.Now().UTC())
			if _, err := r.workers.Submit(ctx, asked, rand.Text(), sha256.Sum256(nil)); err != nil {
				refused.Add(1)
			}
		})
	}
	submitting.Wait()
	if refused.Load() > 0 {
		return nil, fmt.Errorf("%d of %d bookings were refused", refused.Load(), n)
	}
	select {
	case <-done:
	case <-ctx.Done():
		return nil, fmt.Errorf("%d of %d bookings ended: %w", r.queue.ended.Load(), n, context.Cause(ctx))
	}
	cpu = ownCPU() - cpu
	after := r.store.Counts()
	took := r.queue.latencies()
	s.add("ideal_ms", float64(len(r.flow.Steps))*float64(stepTakes.Milliseconds()))
	s.add("p50_ms", milliseconds(percentile(took, 50)))
	s.add("p99_ms", milliseconds(percentile(took, 99)))
	s.add("max_ms", milliseconds(took[len(took)-1]))
	s.add("commits_per_booking", float64(after.Commits-counts.Commits)/float64(n))
	s.add("own_cpu_seconds_per_1000", 1000*cpu/float64(n))
	return s, nil
}

// watched is the store, with an eye on which bookings have come to their ends.
type watched struct {
	*store.Store
	ended atomic.Int64

	mu       sync.Mutex
	took     []time.Duration // from acceptance to the end
	expected int
	done     chan struct{} // closed when as many as expected have ended
}

// expect is a channel that is closed once n bookings have ended.
func (w *watched) expect(n int) <-chan struct{} {
	w.expected, w.done = n, make(chan struct{})
	w.took = make([]time.Duration, 0, n)
	return w.done
}

func (w *watched) Save(ctx context.Context, b *booking.Booking, e booking.Entry, lease time.Duration) error {
	err := w.Store.Save(ctx, b, e, lease)
	if err == nil && b.Place.Phase == booking.Ended {
		w.ended.Add(1)
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.took = append(w.took, time.Since(b.CreatedAt)); len(w.took) == w.expected {
			close(w.done)
		}
	}
	return err
}

func (w *watched) latencies() []time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Sorted(slices.Values(w.took))
}

// percentile is the value below which p percent of the sorted ones lie.
func percentile(sorted []time.Duration, p int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(len(sorted)-1, len(sorted)*p/100)]
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// ask is a submission as frontends send them, with an identity of its own.
func ask(now time.Time) booking.Ask {
	id := uuid.Must(uuid.NewV7())
	var six [6]byte
	_, _ = rand.Read(six[:]) // never fails
	arrival := now.AddDate(0, 3, 0)
	return booking.Ask{
		ID: booking.ID(id.String()), Reference: booking.NewReference(six), Client: "bench", ClientReference: "web-" + id.String()[24:], CreatedAt: now,
		Offer: booking.Offer{Supplier: "sandbox", Token: "sim_ok", Total: booking.Money{Minor: 34600, Currency: "EUR"}},
		Stay: booking.Stay{
			HotelID: "h-1", HotelName: "Hotel Sol", HotelTimezone: "Europe/Madrid",
			CheckIn: arrival.Format(time.DateOnly), CheckOut: arrival.AddDate(0, 0, 3).Format(time.DateOnly),
			Rooms: []booking.Room{{Adults: 2, Guests: []booking.Guest{{GivenName: "Ana", FamilyName: "Núñez", Lead: true}}}},
		},
		Contact: booking.Contact{
			GivenName: "Ana", FamilyName: "Núñez", Email: "ana@example.com", Phone: "+34600000000", Country: "ES", Language: "es",
		},
		PaymentToken: "pm_card_visa", Attribution: map[string]string{"click_id": "abc"},
	}
}
