package bench

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/sourcegraph/conc/pool"
	"go.uber.org/zap"

	"hotelbooking/booking"
	"hotelbooking/store"
	"hotelbooking/workers"
)

const (
	waitingSome     = 100_000
	waitingMany     = 1_000_000
	finishedMany    = 10_000_000
	claimsMeasured  = 300
	claimedAtOnce   = 64
	acceptsMeasured = 300 // one after the other
	acceptsAtOnce   = 64
	looksMeasured   = 20 // of what does not depend on which bookings there are

	fillWithin    = 9 * time.Minute // then there are fewer finished bookings, and the report says how many
	backlogWithin = 40 * time.Minute
	idleFor       = 30 * time.Second // while the service's memory is looked at
	backlogQuery  = 2 * time.Minute  // of one query, where the service would give up after 3 s: what it costs is to be seen
)

// backlog measures what a claim and an accept cost while bookings wait and after many have ended.
func backlog(ctx context.Context, b *bench) error {
	b.report.note("%d accepts one by one, then %d at once, %d in all; then %d claims of %d, of just these, which are the longest due", acceptsMeasured, acceptsAtOnce, b.claims()*claimedAtOnce, b.claims(), claimedAtOnce)
	b.report.note("waiting and finished: rows made by SQL, each booking with its place, its people and the first line of its history; as after autovacuum on PostgreSQL, never analysed on SQLite")
	b.report.note("left_out: a claim while the supplier of all that wait is left alone, or has no free slot; steps_in_use: asked once, at the start of the service")
	b.report.note("the service: its calls hang, so the slots of its first pool are taken; resident memory has SQLite's page cache in it, up to 32 MB for the writer and 8 MB for each of 16 readers")
	for _, kind := range b.Databases {
		if err := b.backlogOn(ctx, kind); err != nil {
			return fmt.Errorf("%s: %w", kind, err)
		}
	}
	return nil
}

// claims is how many are measured at a time: enough for a 99th percentile, but for a quick look.
func (b *bench) claims() int { return min(claimsMeasured, max(30, b.scaled(claimsMeasured))) }

func (b *bench) backlogOn(ctx context.Context, kind string) (err error) {
	ctx, cancel := context.WithTimeout(ctx, backlogWithin)
	defer cancel()
	db, err := b.open(ctx, kind)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.close()) }()
	memory, err := b.resident(ctx, db)
	if err != nil {
		return err
	}
	b.report.measured(labels("database", kind, "waiting", 0, "finished", 0), []sample{memory})
	c, err := newCrowded(ctx, db)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	if err := b.crowding(ctx, c); err != nil {
		return err
	}
	if memory, err = b.resident(ctx, db); err != nil {
		b.report.note("%s: with %d waiting, and queries that may take as long as by default: %v", kind, c.waiting, err)
		if memory, err = b.resident(ctx, db, "BOOKING_DATABASE__TIMEOUT=2m"); err != nil {
			return err
		}
	}
	b.report.measured(labels("database", kind, "waiting", c.waiting, "finished", c.finished), []sample{memory})
	return nil
}

// crowding measures with ever more in the tables.
func (b *bench) crowding(ctx context.Context, c *crowded) error {
	now := time.Now().UTC().Truncate(time.Microsecond)
	ended, err := c.walked(ctx)
	if err != nil {
		return fmt.Errorf("walk one booking to its end: %w", err)
	}
	waits, err := c.accept(ctx, 0)
	if err != nil {
		return err
	}
	hour := time.Hour
	var empty usual // the medians of the first
	for _, more := range []struct {
		crowd  crowd
		counts *int
	}{
		{crowd{}, nil},
		{crowd{of: ended, letter: "F", from: now.Add(-400 * 24 * hour), to: now.Add(-3 * hour), n: b.scaled(finishedMany)}, &c.finished},
		{crowd{of: waits, letter: "A", from: now.Add(-2 * hour), to: now.Add(-hour), n: b.scaled(waitingSome), erased: true}, &c.waiting},
		{crowd{of: waits, letter: "B", from: now.Add(-hour), to: now, n: b.scaled(waitingMany) - b.scaled(waitingSome), erased: true}, &c.waiting},
	} {
		if more.crowd.n > 0 {
			b.say("backlog: %s, %d rows more", c.db.kind, more.crowd.n)
			began := time.Now()
			made, err := c.fill(ctx, more.crowd)
			if err != nil {
				return err
			}
			*more.counts += made
			b.say("backlog: %s, %d bookings made in %s", c.db.kind, made, time.Since(began).Round(time.Second))
		}
		var found []costs
		for run := range b.Runs {
			b.say("backlog: %s, %d waiting, %d finished, run %d of %d", c.db.kind, c.waiting, c.finished, run+1, b.Runs)
			one, err := c.measure(ctx, b.claims())
			if err != nil {
				return err
			}
			found = append(found, one)
		}
		var accepts, claims, rates []float64
		for _, one := range found {
			accepts, claims, rates = append(accepts, one.accept), append(claims, one.claim), append(rates, one.rate)
		}
		if empty == (usual{}) {
			empty = usual{median(accepts), median(claims), median(rates)}
		}
		var runs []sample
		for _, one := range found {
			runs = append(runs, one.sample(empty))
		}
		b.report.measured(labels("database", c.db.kind, "waiting", c.waiting, "finished", c.finished), runs)
	}
	if want := b.scaled(finishedMany); c.finished < want {
		b.report.note("%s: %d finished bookings instead of %d: there was no time or no room for more", c.db.kind, c.finished, want)
	}
	return nil
}

// crowded is a store in this process, with the service's keys, and what was made by SQL in its tables.
type crowded struct {
	db                *database
	cfg               store.Config
	store             *store.Store
	flow              booking.Flow
	waiting, finished int // made by SQL
	owners            int // of leases
}

func newCrowded(ctx context.Context, db *database) (*crowded, error) {
	limits := booking.DefaultLimits()
	limits.BookingDeadline = 30 * 24 * time.Hour // nothing that waits here runs out of time
	c := &crowded{db: db, cfg: db.config(), flow: booking.NewFlow(outside{}.ports(), limits)}
	c.cfg.Dir = filepath.Join(db.dir, "data")
	c.cfg.Timeout, c.cfg.CommitTimeout = backlogQuery, backlogQuery
	key := []byte(strings.Repeat("k", 32)) // of environ, and named as the service names it
	name := sha256.Sum256(key)
	current := hex.EncodeToString(name[:4])
	c.cfg.Keys = store.Keys{Current: current, Wrap: map[string][]byte{current: key}, Index: key}
	return c, c.open(ctx)
}

func (c *crowded) open(ctx context.Context) (err error) {
	c.store, err = store.Open(ctx, c.cfg, zap.NewNop())
	return err
}

func (c *crowded) close() error {
	if c.store == nil {
		return nil // it did not open again
	}
	err := c.store.Close()
	c.store = nil
	return err
}

// fill makes bookings by SQL while the store is closed.
func (c *crowded) fill(ctx context.Context, more crowd) (made int, err error) {
	if err := c.close(); err != nil {
		return 0, err
	}
	f, err := newFiller(ctx, c.db, filepath.Join(c.cfg.Dir, "booking.db"))
	if err != nil {
		return 0, err
	}
	made, err = f.fill(ctx, more, fillWithin)
	if err = errors.Join(err, f.close()); err != nil {
		return made, err
	}
	return made, c.open(ctx)
}

// accept stores a booking that nobody holds, and that is due since so long.
func (c *crowded) accept(ctx context.Context, since time.Duration) (*booking.Booking, error) {
	asked := ask(time.Now().UTC().Truncate(time.Microsecond))
	// What an index finds a booking by is everybody's own.
	asked.ClientReference, asked.Contact.Email = "web-"+asked.Reference, rand.Text()+"@example.com"
	b, entry := c.flow.Begin(asked, asked.CreatedAt)
	b.DueAt = b.UpdatedAt.Add(-since)
	a := booking.Acceptance{Booking: b, Entry: entry, Key: asked.Reference + "-" + uuid.NewString(), Fingerprint: sha256.Sum256([]byte(b.ID))}
	_, err := c.store.Accept(ctx, a)
	return b, err
}

// walked is a booking that came to its end in the engine.
func (c *crowded) walked(ctx context.Context) (*booking.Booking, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	cfg := workers.DefaultConfig()
	cfg.Grace = time.Second
	queue := &watched{Store: c.store}
	done := queue.expect(1)
	engine := workers.New(c.flow, queue, cfg, workers.Deps{Metrics: prometheus.NewRegistry()})
	b, err := c.accept(ctx, 0)
	if err != nil {
		return nil, err
	}
	if err := engine.Start(ctx); err != nil {
		return nil, err
	}
	select {
	case <-done:
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	return b, errors.Join(err, engine.Stop(context.WithoutCancel(ctx)))
}

// usual is what the tables' size must not matter for: milliseconds of one, and accepts a second of many at once.
type usual struct{ accept, claim, rate float64 }

// costs is what one run found.
type costs struct {
	usual
	acceptP99, claimP99 float64
	leftOut             float64
	backlog, steps      float64
}

func (f costs) sample(empty usual) (s sample) {
	s.add("accept_p50_ms", f.accept)
	s.add("accept_p99_ms", f.acceptP99)
	s.add("accept_p50_ratio", f.accept/empty.accept)
	s.add("accepts_per_second", f.rate)
	s.add("accepts_per_second_ratio", f.rate/empty.rate)
	s.add("claim_p50_ms", f.claim)
	s.add("claim_p99_ms", f.claimP99)
	s.add("claim_p50_ratio", f.claim/empty.claim)
	s.add("left_out_p50_ms", f.leftOut)
	s.add("backlog_p50_ms", f.backlog)
	s.add("steps_in_use_p50_ms", f.steps)
	return s
}

// measure looks at everything once with what is in the tables. All that it accepts it claims, for longer than the scenario takes.
func (c *crowded) measure(ctx context.Context, claims int) (costs, error) {
	const longDue = 24 * time.Hour // longer than anything of a crowd
	var f costs
	if _, err := c.accept(ctx, longDue); err != nil { // the statements are prepared
		return f, err
	}
	taken, err := timed(acceptsMeasured, func() error {
		_, err := c.accept(ctx, longDue)
		return err
	})
	if err != nil {
		return f, err
	}
	f.accept, f.acceptP99 = milliseconds(percentile(taken, 50)), milliseconds(percentile(taken, 99))

	n := claims * claimedAtOnce
	tasks, began := pool.New().WithErrors().WithFirstError().WithMaxGoroutines(acceptsAtOnce), time.Now()
	for range n {
		tasks.Go(func() error {
			_, err := c.accept(ctx, longDue)
			return err
		})
	}
	if err := tasks.Wait(); err != nil {
		return f, err
	}
	f.rate = float64(n) / time.Since(began).Seconds()

	if taken, err = timed(looksMeasured, func() error {
		_, err := c.store.Backlog(ctx)
		return err
	}); err != nil {
		return f, err
	}
	f.backlog = milliseconds(percentile(taken, 50))
	if taken, err = timed(3, func() error {
		_, err := c.store.StepsInUse(ctx)
		return err
	}); err != nil {
		return f, err
	}
	f.steps = milliseconds(percentile(taken, 50))
	return f, c.measureClaims(ctx, claims, &f)
}

func (c *crowded) measureClaims(ctx context.Context, claims int, f *costs) error {
	if _, err := c.claim(ctx, acceptsMeasured+1); err != nil { // of those accepted one by one
		return err
	}
	taken, err := timed(claims, func() error {
		claimed, err := c.claim(ctx, claimedAtOnce)
		if err == nil && (len(claimed) != claimedAtOnce || slices.ContainsFunc(claimed, unreadable)) {
			return fmt.Errorf("a claim brought %d bookings, not %d that can be read", len(claimed), claimedAtOnce)
		}
		return err
	})
	if err != nil {
		return err
	}
	f.claim, f.claimP99 = milliseconds(percentile(taken, 50)), milliseconds(percentile(taken, 99))
	if taken, err = timed(3, func() error {
		claimed, err := c.claim(ctx, claimedAtOnce, "sandbox")
		if err == nil && len(claimed) > 0 {
			return fmt.Errorf("a claim brought %d bookings of a supplier that was to be left out", len(claimed))
		}
		return err
	}); err != nil {
		return err
	}
	f.leftOut = milliseconds(percentile(taken, 50))
	return nil
}

func (c *crowded) claim(ctx context.Context, limit int, except ...string) ([]*booking.Booking, error) {
	c.owners++
	return c.store.Claim(ctx, booking.Claim{
		Pool: c.flow.Steps[0].Pool, Limit: limit, Except: except, Owner: fmt.Sprintf("bench.%d", c.owners), Process: "bench", Lease: backlogWithin,
	})
}

func unreadable(b *booking.Booking) bool { return b.Contact.Email == "" }

// timed is how long each of n calls took, sorted.
func timed(n int, call func() error) ([]time.Duration, error) {
	taken := make([]time.Duration, n)
	for i := range taken {
		began := time.Now()
		if err := call(); err != nil {
			return nil, err
		}
		taken[i] = time.Since(began)
	}
	slices.Sort(taken)
	return taken, nil
}
