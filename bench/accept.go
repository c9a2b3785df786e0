package bench

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"
)

const (
	acceptFor  = 6 * time.Second // at each number of connections
	acceptMost = 1_000_000       // submissions in that time, so that it is bounded in both
	warmUp     = time.Second     // before the first that counts

	acceptBacklog = 20_000                 // bookings that wait before the busy engine is asked to accept more
	busyTakes     = 200 * time.Millisecond // each call to the outside; with the default pools all of them fill at the same pace
	busySettle    = 3 * time.Second        // until bookings have reached the last pool
	busyLook      = 250 * time.Millisecond // between two looks at the pools
)

var (
	acceptConnections = []int{1, 64, 256}
	busyConnections   = []int{64, 256}

	busyEngines = []struct {
		name  string
		takes time.Duration // each call to the outside
	}{{"busy", busyTakes}, {"flat_out", 0}}
)

// accept measures submissions over HTTP: with an idle engine, with every pool busy, and beside a bare server.
//
// A busy engine needs an outside that answers, and here that takes from the same cores what it would not in production.
// Having the outside in the service's process would hide that: the service's own cost could not be told from it. So the
// sandbox is a process of its own, and there are two busy engines. "busy" is what a service looks like behind real systems:
// every slot of every pool is taken by a call that takes its time, and a backlog waits. "flat_out" has a sandbox that answers
// at once, so that engine, sandbox, database and driver fight for the cores; it is the worst that can be had on one machine.
func accept(ctx context.Context, b *bench) error {
	b.report.note(stalledNote, stalledLatency)
	b.report.note("busy: %d bookings wait, every call outside takes %s, provider slots all for one supplier; flat_out: the same with no time", b.scaled(acceptBacklog), busyTakes)
	for _, kind := range b.Databases {
		idle, bare := make([][]sample, len(acceptConnections)), make([][]sample, len(acceptConnections))
		busy := make([][][]sample, len(busyEngines))
		for i := range busy {
			busy[i] = make([][]sample, len(busyConnections))
		}
		for run := range b.Runs {
			b.say("accept: %s, run %d of %d", kind, run+1, b.Runs)
			perSecond := map[int]float64{} // of the bare server, then of the idle engine, by connections
			if err := b.acceptBare(ctx, kind, perSecond, bare); err != nil {
				return err
			}
			if err := b.acceptIdle(ctx, kind, perSecond, idle); err != nil {
				return err
			}
			for i, engine := range busyEngines {
				if err := b.acceptBusy(ctx, kind, engine.takes, perSecond, busy[i]); err != nil {
					return err
				}
			}
		}
		for i, n := range acceptConnections {
			b.report.measured(labels("database", kind, "server", "bare", "connections", n), bare[i])
		}
		for i, n := range acceptConnections {
			b.report.measured(labels("database", kind, "engine", "idle", "connections", n), idle[i])
		}
		for k, engine := range busyEngines {
			for i, n := range busyConnections {
				b.report.measured(labels("database", kind, "engine", engine.name, "connections", n), busy[k][i])
			}
		}
	}
	return nil
}

// submit sends submissions for a while. Anything but 202 is an error.
func (s *site) submit(ctx context.Context, connections int, lasting time.Duration) (loaded, error) {
	seen, err := closedLoop{
		base: s.server.base, connections: connections, requests: acceptMost, lasting: lasting,
		prepare: newSubmissions(s.server.bookings, "sim_ok").prepare,
	}.run(ctx)
	return seen, errors.Join(err, seen.only(http.StatusAccepted))
}

func (b *bench) acceptBare(ctx context.Context, kind string, perSecond map[int]float64, into [][]sample) (err error) {
	at, err := b.newBareSite(ctx, kind, 0)
	if err != nil {
		return err
	}
	defer at.closing(&err)
	return b.acceptAtEach(ctx, at, into, func(s *sample, connections int, seen loaded) { perSecond[connections] = seen.perSecond() })
}

// acceptIdle compares with what perSecond has of the bare server, and leaves its own there.
func (b *bench) acceptIdle(ctx context.Context, kind string, perSecond map[int]float64, into [][]sample) (err error) {
	at, err := b.newStalledSite(ctx, kind)
	if err != nil {
		return err
	}
	defer at.closing(&err)
	return b.acceptAtEach(ctx, at, into, func(s *sample, connections int, seen loaded) {
		s.add("of_bare_percent", 100*seen.perSecond()/perSecond[connections])
		perSecond[connections] = seen.perSecond()
	})
}

// acceptAtEach measures at each number of connections, one after the other.
func (b *bench) acceptAtEach(ctx context.Context, at *site, into [][]sample, more func(s *sample, connections int, seen loaded)) error {
	if _, err := at.submit(ctx, 64, b.lasting(warmUp)); err != nil {
		return err
	}
	for i, n := range acceptConnections {
		before, err := at.used(ctx)
		if err != nil {
			return err
		}
		seen, err := at.submit(ctx, n, b.lasting(acceptFor))
		if err != nil {
			return err
		}
		after, err := at.used(ctx)
		if err != nil {
			return err
		}
		var s sample
		seen.add(&s, "accepts_per_second")
		more(&s, n, seen)
		after.minus(before).add(&s, float64(len(seen.latencies)))
		into[i] = append(into[i], s)
	}
	return nil
}

// acceptBusy measures while the engine works on a backlog, and compares with what perSecond has of an idle one.
func (b *bench) acceptBusy(ctx context.Context, kind string, takes time.Duration, perSecond map[int]float64, into [][]sample) (err error) {
	at, err := b.newSite(ctx, kind, 0, "BOOKING_WORKERS__PER_SUPPLIER=64")
	if err != nil {
		return err
	}
	defer at.closing(&err)
	if err := at.everySystem(ctx, takes); err != nil {
		return err
	}
	if _, err := at.submitted(ctx, b.scaled(acceptBacklog)); err != nil {
		return err
	}
	if err := pause(ctx, busySettle); err != nil {
		return err
	}
	for i, n := range busyConnections {
		pools := lookAt(ctx, at)
		seen, err := at.submit(ctx, n, b.lasting(acceptFor))
		if err = errors.Join(err, pools.stop()); err != nil {
			return err
		}
		var s sample
		seen.add(&s, "accepts_per_second")
		s.add("of_idle_percent", 100*seen.perSecond()/perSecond[n])
		pools.add(&s)
		into[i] = append(into[i], s)
	}
	return nil
}

// look is what the service says of its pools while something else is measured.
type look struct {
	began    time.Time
	quit     context.CancelFunc
	looking  sync.WaitGroup
	at       *site
	usage    [3]float64 // CPU seconds of service, sandbox and driver when it began, then of the time in between
	turns    float64    // likewise
	looks    float64
	busy     map[string]float64 // sum of the shares of slots taken, by pool; written by the goroutine
	took     time.Duration
	problems error
}

var poolNames = []string{"provider", "fraud", "payment", "tracking"}

func lookAt(ctx context.Context, at *site) *look {
	ctx, quit := context.WithCancel(ctx)
	l := &look{quit: quit, at: at, busy: map[string]float64{}}
	l.turns, l.usage, l.problems = l.now(ctx)
	l.began = time.Now()
	l.looking.Go(func() {
		for pause(ctx, busyLook) == nil {
			body, err := get(ctx, at.server.admin+"/metrics")
			if err != nil {
				continue // it is over, or stop will say
			}
			for _, pool := range poolNames {
				label := `pool="` + pool + `"`
				l.busy[pool] += metric(body, "booking_pool_in_use", label) / metric(body, "booking_pool_size", label)
			}
			l.looks++
		}
	})
	return l
}

func (l *look) now(ctx context.Context) (turns float64, usage [3]float64, err error) {
	body, err := get(ctx, l.at.server.admin+"/metrics")
	service, serviceErr := processCPU(l.at.server.cmd.Process.Pid)
	sandbox, sandboxErr := processCPU(l.at.sandbox.cmd.Process.Pid)
	return metric(body, "booking_turn_seconds_count"), [3]float64{service, sandbox, ownCPU()}, errors.Join(err, serviceErr, sandboxErr)
}

func (l *look) stop() error {
	l.took = time.Since(l.began)
	turns, usage, err := l.now(context.Background()) // get has its own time
	l.quit()
	l.looking.Wait()
	l.turns = turns - l.turns
	for i := range usage {
		l.usage[i] = usage[i] - l.usage[i]
	}
	if l.looks == 0 {
		err = errors.Join(err, errors.New("the service says nothing about its pools"))
	}
	return errors.Join(l.problems, err)
}

func (l *look) add(s *sample) {
	s.add("turns_per_second", l.turns/l.took.Seconds())
	for _, pool := range poolNames {
		s.add(pool+"_busy_percent", 100*l.busy[pool]/l.looks)
	}
	for i, name := range []string{"service", "sandbox", "driver"} {
		s.add(name+"_cores", l.usage[i]/l.took.Seconds())
	}
}
