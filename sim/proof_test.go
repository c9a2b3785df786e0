package sim_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sourcegraph/conc/pool"
	"github.com/stretchr/testify/require"
)

var (
	proof     = flag.Bool("proof", false, "run the proof, in as many processes as there are processors")
	schedules = flag.Int("schedules", 2000, "of the proof")
)

const (
	chunk      = 100 // schedules of one process: half of them with each engine
	killWithin = 200 // schedules in which a mutant must be noticed
)

// The three parts of the proof are what `make sim` runs. Simulations run in processes of their own, as many at once as there
// are processors, because each wants one thread.

func TestProofSchedules(t *testing.T) {
	needsProof(t)
	var jobs []job
	for from := 0; from < *schedules; from += chunk {
		jobs = append(jobs, func(ctx context.Context) (*tally, error) {
			return simulate(ctx, t.TempDir(), os.Args[0], "^TestSchedule$", "-first", strconv.FormatUint(*first+uint64(from), 10), "-seeds", strconv.Itoa(min(chunk, *schedules-from)), "-engine", *engine)
		})
	}
	all := together(t, jobs)
	whats := []string{"fenced writes", "expired leases", "unknown commits", "writes after a pause", "calls after a pause", "sandbox late_effect", "sandbox hang", "clock jumps", "cancellations", "replays"}
	if *engine != inProcess {
		whats = append(whats, "hints", "found without a hint", "broker away", "streams purged", "streams deleted", "consumers deleted", "faults at the broker")
	}
	for _, what := range whats {
		if all.Seen[what] == 0 {
			t.Errorf("no schedule had any %s: these schedules prove nothing about them", what)
		}
	}
	t.Logf("seeds %d to %d: %s", *first, *first+uint64(*schedules)-1, all)
	t.Logf("%d of %d schedules broke a promise; with 0 the 95 %% upper bound is %.2g", len(all.Breaches), all.Schedules, 3/float64(max(all.Schedules, 1)))
}

// TestProofCrashPoints dies at every point and at every pair of points of every class of endings, in process; over a broker at
// every point, and at every pair of the class that has all steps.
func TestProofCrashPoints(t *testing.T) {
	needsProof(t)
	var jobs []job
	run := func(c class, engine string, args ...string) {
		jobs = append(jobs, func(ctx context.Context) (*tally, error) {
			return simulate(ctx, t.TempDir(), os.Args[0], "^TestEveryCrashPoint$", append(args, "-class", c.name, "-engine", engine)...)
		})
	}
	run(classes()[0], jetStream, "-pairs") // the longest first, so that they do not run alone in the end
	for _, c := range slices.Backward(classes()) {
		run(c, inProcess, "-pairs")
	}
	for _, c := range classes()[1:] {
		run(c, jetStream)
	}
	t.Logf("%s", together(t, jobs))
}

// TestProofMutants: each defect that is put into the code is noticed.
func TestProofMutants(t *testing.T) {
	needsProof(t)
	var mu sync.Mutex
	found := map[string]string{}
	var jobs []job
	for _, m := range mutants() {
		jobs = append(jobs, func(ctx context.Context) (*tally, error) {
			how, err := m.hunt(ctx, t.TempDir())
			mu.Lock()
			defer mu.Unlock()
			found[m.name] = how
			return newTally(), err
		})
	}
	together(t, jobs)
	noticed := 0
	for _, m := range mutants() {
		t.Logf("%-50s %s", m.name, found[m.name])
		if found[m.name] == "" {
			t.Errorf("nobody noticed the mutant %q in %d schedules", m.name, killWithin)
			continue
		}
		noticed++
	}
	t.Logf("%d of %d mutants noticed", noticed, len(mutants()))
}

func needsProof(t *testing.T) {
	t.Helper()
	if !*proof {
		t.Skip("a long one: run `make sim`")
	}
}

// job is a part of a proof, in a process of its own.
type job func(ctx context.Context) (*tally, error)

// together runs jobs, and reports the promises that were broken.
func together(t *testing.T, jobs []job) *tally {
	t.Helper()
	began, all := time.Now(), newTally()
	var mu sync.Mutex
	running := pool.New().WithMaxGoroutines(runtime.NumCPU()).WithContext(t.Context())
	for _, job := range jobs {
		running.Go(func(ctx context.Context) error {
			part, err := job(ctx)
			mu.Lock()
			defer mu.Unlock()
			all.add(part)
			for _, b := range part.Breaches {
				t.Error(b) // at once: a long proof is not waited for
			}
			return err
		})
	}
	require.NoError(t, running.Wait())
	t.Logf("%d processes, %d at once, %s", len(jobs), runtime.NumCPU(), time.Since(began).Round(time.Second))
	return all
}

// simulate runs a test of a binary in a process of its own. A promise that is broken is no error, but in the tally.
func simulate(ctx context.Context, dir, binary, test string, args ...string) (*tally, error) {
	part := newTally()
	file := filepath.Join(dir, "report.json")
	run := exec.CommandContext(ctx, binary, append([]string{"-test.run", test, "-test.timeout", "20m", "-report", file}, args...)...)
	run.Env = append(os.Environ(), "GOMAXPROCS=1", "GOGC=400")
	var said bytes.Buffer
	run.Stdout, run.Stderr = &said, &said
	failed := run.Run()
	text, err := os.ReadFile(file)
	if err != nil {
		return part, fmt.Errorf("%s %v: %w: %s", test, args, failed, last(said.String(), 4000))
	}
	return part, json.Unmarshal(text, part)
}

var brokenAt = regexp.MustCompile(`seed (\d+): (.*)`)

// hunt says after how many schedules a mutant was noticed, and by what; nothing if it was not.
func (m mutant) hunt(ctx context.Context, dir string) (how string, err error) {
	binary, err := m.build(ctx, dir)
	if err != nil {
		return "", err
	}
	part, err := simulate(ctx, dir, binary, "^TestSchedule$", "-first", "1", "-seeds", strconv.Itoa(killWithin), "-engine", m.engine, "-until-caught")
	if err != nil || len(part.Breaches) == 0 {
		return "", err
	}
	if err := os.Remove(binary); err != nil { // they are large
		return "", err
	}
	broken := brokenAt.FindStringSubmatch(part.Breaches[0])
	return fmt.Sprintf("noticed after %4d: %s", part.Schedules, broken[2]), nil
}

func last(text string, n int) string { return strings.TrimSpace(text[max(0, len(text)-n):]) }
