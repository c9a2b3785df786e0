package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/sourcegraph/conc/pool"

	"hotelbooking/booking"
)

const (
	fleetDrained = 20_000 // bookings offered at once: four processes are through with the engine scenario's in a second
	fleetSize    = 4
	endedPoll    = 10 * time.Millisecond
)

// arrangement is a way to divide the work between processes.
type arrangement struct {
	name   string
	hinted bool             // the engine is jetstream
	works  [][]booking.Pool // of each process; nil: all pools
}

// arrangements begins with what the others are compared with.
func arrangements() []arrangement {
	alike := make([][]booking.Pool, fleetSize)
	divided := make([][]booking.Pool, 0, fleetSize)
	for _, pool := range booking.Pools() {
		divided = append(divided, []booking.Pool{pool})
	}
	return []arrangement{
		{name: "one_process", works: alike[:1]},
		{name: "in_process", works: alike},
		{name: "jetstream", hinted: true, works: alike},
		{name: "jetstream_by_pool", hinted: true, works: divided},
	}
}

// fleet drains bookings that are already accepted, in processes of their own. All arrangements are measured in turn, in each
// run, because only within one can rates be compared.
func fleet(ctx context.Context, b *bench) error {
	b.report.note("bookings already accepted, with their hints; PostgreSQL and, for jetstream, a NATS server of one node, on this machine; pools of each process %+v; steps answer in the process", enginePools)
	all := arrangements()
	runs := make([][]sample, len(all))
	n := b.scaled(fleetDrained)
	for run := range b.Runs {
		var alone float64
		for i, a := range all {
			b.say("fleet: %s, %d processes, run %d of %d", a.name, len(a.works), run+1, b.Runs)
			s, rate, err := b.drainTogether(ctx, a, n, alone)
			if err != nil {
				return fmt.Errorf("%s: %w", a.name, err)
			}
			if i == 0 {
				alone = rate
			}
			runs[i] = append(runs[i], s)
		}
	}
	for i, a := range all {
		b.report.measured(labels("arrangement", a.name, "processes", len(a.works), "bookings", n), runs[i])
	}
	return nil
}

// crew is the processes of a fleet.
type crew []*process

// drainTogether measures how fast a fleet brings n accepted bookings to their ends. alone is the rate of one process in the
// same run; 0: it is this.
func (b *bench) drainTogether(ctx context.Context, a arrangement, n int, alone float64) (s sample, rate float64, err error) {
	ctx, cancel := context.WithTimeout(ctx, engineWithin)
	defer cancel()
	var db *database
	var does part
	if a.hinted {
		db, does, err = b.hinted(ctx, n)
	} else {
		db, err = b.accepted(ctx, onPostgres, n)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("accept bookings to drain: %w", err)
	}
	var c crew
	defer func() { err = errors.Join(err, c.stop(), db.close()) }()
	for i, works := range a.works {
		p, err := b.memberProcess(ctx, db, does, works, fmt.Sprintf("member-%d", i+1))
		if err != nil {
			return nil, 0, err
		}
		c = append(c, p)
	}
	before, err := db.counters(ctx)
	if err != nil {
		return nil, 0, err
	}
	cpu, broker, err := c.cpu()
	if err != nil {
		return nil, 0, err
	}
	began := time.Now()
	if err := c.start(ctx); err != nil {
		return nil, 0, err
	}
	if err := c.allEnded(ctx, n); err != nil {
		return nil, 0, err
	}
	rate = float64(n) / time.Since(began).Seconds()
	cpuAfter, brokerAfter, err := c.cpu()
	if err != nil {
		return nil, 0, err
	}
	d, err := c.did(ctx)
	if err = errors.Join(err, c.stop()); err != nil { // PostgreSQL's sessions report what they did when they are closed
		return nil, 0, err
	}
	c = nil
	used, err := db.counters(ctx)
	if err != nil {
		return nil, 0, err
	}
	used, cpu, broker = used.minus(before), cpuAfter-cpu, brokerAfter-broker
	if alone == 0 {
		alone = rate
	}
	each := func(total float64) float64 { return total / float64(n) }
	s.add("bookings_per_second", rate)
	s.add("of_one_process", rate/alone)
	s.add("cpu_seconds_per_1000", 1000*each(cpu+used.cpu+broker))
	s.add("members_cpu_seconds_per_1000", 1000*each(cpu))
	s.add("database_cpu_seconds_per_1000", 1000*each(used.cpu))
	s.add("broker_cpu_seconds_per_1000", 1000*each(broker))
	s.add("commits_per_booking", each(used.commits))
	s.add("rows_per_commit", d.Rows/max(1, d.Commits))
	s.add("claims_per_booking", each(d.Claims))
	s.add("wal_bytes_per_booking", each(used.wal))
	s.add("wal_syncs_per_booking", each(used.syncs))
	s.add("hints_per_booking", each(d.Hints))
	s.add("idle_hints_per_booking", each(d.Idle))
	s.add("found_without_hint_per_booking", each(d.Missed))
	s.add("broker_messages_per_booking", each(d.Messages))
	s.add("allocations_per_booking", each(d.Allocations))
	s.add("allocated_bytes_per_booking", each(d.AllocatedBytes))
	return s, rate, nil
}

// memberProcess starts a process of a fleet, which does nothing until it is told to.
func (b *bench) memberProcess(ctx context.Context, db *database, does part, works []booking.Pool, name string) (*process, error) {
	dir := filepath.Join(db.dir, name)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	command := []string{"bench", "member", "--dir", dir, "--database-url", db.url, "--broker", does.broker, "--stream", does.stream}
	for _, pool := range works {
		command = append(command, "--works", string(pool))
	}
	if b.CPUProfile != "" {
		command = append(command, "--cpu-profile", b.CPUProfile+"."+name)
	}
	p, err := b.run(db.dir, name, command)
	if err != nil {
		return nil, err
	}
	var said struct{ HTTP string }
	if err := p.until(ctx, func() bool { return p.says("serving", &said) }); err != nil {
		return nil, errors.Join(fmt.Errorf("a process of the fleet does not come up: %w", err), p.stop())
	}
	p.base = "http://" + said.HTTP
	return p, nil
}

// start lets all begin at once.
func (c crew) start(ctx context.Context) error {
	tasks := pool.New().WithErrors()
	for _, p := range c {
		tasks.Go(func() error {
			req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.base+"/start", http.NoBody)
			if err != nil {
				return err
			}
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				return err
			}
			defer res.Body.Close()
			if res.StatusCode != http.StatusOK {
				why, _ := io.ReadAll(res.Body)
				return fmt.Errorf("a process of the fleet does not begin: %s", why)
			}
			return nil
		})
	}
	return tasks.Wait()
}

// allEnded waits until n bookings have ended, in whichever processes.
func (c crew) allEnded(ctx context.Context, n int) error {
	for {
		var ended int
		for _, p := range c {
			body, err := get(ctx, p.base+"/ended")
			if err != nil {
				return fmt.Errorf("ask how many bookings have ended: %w", err)
			}
			here, err := strconv.Atoi(strings.TrimSpace(string(body)))
			if err != nil {
				return err
			}
			ended += here
		}
		if ended >= n {
			return nil
		}
		select {
		case <-time.After(endedPoll):
		case <-ctx.Done():
			return fmt.Errorf("%d of %d bookings ended: %w", ended, n, context.Cause(ctx))
		}
	}
}

// did is what all have done.
func (c crew) did(ctx context.Context) (all did, err error) {
	for _, p := range c {
		body, err := get(ctx, p.base+"/did")
		if err != nil {
			return all, err
		}
		var one did
		if err := json.Unmarshal(body, &one); err != nil {
			return all, err
		}
		all = all.plus(one)
	}
	return all, nil
}

// cpu is what the processes have used, and the private broker, in seconds.
func (c crew) cpu() (members, broker float64, err error) {
	for _, p := range c {
		used, err := processCPU(p.cmd.Process.Pid)
		if err != nil {
			return 0, 0, err
		}
		members += used
	}
	broker, err = childrenCPU(brokerName)
	return members, broker, err
}

func (c crew) stop() error {
	tasks := pool.New().WithErrors()
	for _, p := range c {
		tasks.Go(p.stop)
	}
	return tasks.Wait()
}
