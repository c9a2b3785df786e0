package sim_test

import (
	"flag"
	"fmt"
	"os"
	"strings"

	"testing"
	"testing/cryptotest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

var (
	first   = flag.Uint64("first", 1, "the first seed")
	seeds   = flag.Int("seeds", 20, "how many schedules, with seeds that follow each other")
	pairs   = flag.Bool("pairs", false, "die at every pair of points, not only at each")
	only    = flag.String("class", "", "die only in this class of endings")
	tracing = flag.Bool("story", false, "write the story of each schedule to a file")
)

// ran is what came of a simulation.
type ran struct {
	sum      string // of its trace
	breaches []string
	seen     map[string]int
	guests   int
	took     time.Duration // in the world
	trace    *trace
}

// schedule runs one schedule: three instances, a dozen guests, a dozen blows.
func schedule(t *testing.T, seed uint64, keep bool) (r ran) {
	t.Helper()
	cryptotest.SetGlobalRandom(t, seed)
	synctest.Test(t, func(t *testing.T) {
		tr := newTrace(keep)
		n := newNemesis(0.03)
		w := newWorld(t, seed, 3, engineConfig(), n, tr)
		n.world, n.luck = w, w.luck.of("nemesis")
		w.begin()
		w.actors.Go(staff{w, w.luck.of("staff"), n.calm}.work)
		for k := range 12 {
			w.arrive(k)
		}
		n.rage(12, 25*time.Second)
		w.settle()
		w.stop()
		w.check()
		w.end()
		r = ran{sum: tr.sum(), breaches: w.breaches, seen: w.seen, guests: len(w.guests), took: w.since(), trace: tr}
	})
	return r
}

// arrive lets the k-th guest come at some time.
func (w *world) arrive(k int) {
	all := scripts()
	key := fmt.Sprintf("guest-%d", k)
	g := &guest{world: w, luck: w.luck.of(key), script: all[0], key: key}
	g.arrives = g.luck.between(0, 15*time.Second)
	if g.luck.happens(0.7) {
		g.script = pick(g.luck, all...)
	}
	if g.luck.happens(0.25) {
		g.cancels = g.luck.between(time.Millisecond, 30*time.Second)
	}
	if g.luck.happens(0.1) {
		g.patience = 1 + g.luck.n(2)
	}
	if k == 0 && g.luck.happens(0.2) {
		g.script, g.cancels = all[0], 0
		g.hotel = poisonMark
	}
	w.mu.Lock()
	w.guests = append(w.guests, g)
	w.mu.Unlock()
	w.actors.Go(g.live)
}

// TestSchedule runs schedules one after the other, each of which must keep every promise.
func TestSchedule(t *testing.T) {
	seen, hours := map[string]int{}, time.Duration(0)
	began := time.Now()
	for seed := *first; seed < *first+uint64(*seeds); seed++ {
		r := schedule(t, seed, *tracing)
		if *tracing {
			path, err := r.trace.save(fmt.Sprint(seed))
			require.NoError(t, err)
			t.Logf("seed %d: hash %s, %s, %s", seed, r.sum, r.took, path)
		}
		for _, b := range r.breaches {
			t.Errorf("seed %d: %s", seed, b)
		}
		if len(r.breaches) > 0 {
			t.Errorf("again, with its story: GOMAXPROCS=1 go test ./sim -run '^TestSchedule$' -first %d -seeds 1 -story", seed)
		}
		for what, n := range r.seen {
			seen[what] += n
		}
		hours += r.took
	}
	t.Logf("%d schedules from seed %d, %.1f simulated hours in %s: %v", *seeds, *first, hours.Hours(), time.Since(began).Round(time.Millisecond), seen)
}

// TestSameSeedSameStory needs a process to itself: one thread of Go code at a time.
func TestSameSeedSameStory(t *testing.T) {
	//runtime.GOMAXPROCS(1)
	for seed := *first; seed < *first+30; seed++ {
		one, two := schedule(t, seed, true), schedule(t, seed, true)
		if one.sum != two.sum {
			for i := range min(len(one.trace.lines), len(two.trace.lines)) {
				if one.trace.lines[i] != two.trace.lines[i] {
					t.Logf("seed %d line %d:\n%s\n%s\n%s", seed, i, strings.Join(one.trace.lines[max(0, i-4):i], "\n"), strings.Join(one.trace.lines[i:i+12], "\n"), strings.Join(two.trace.lines[i:i+12], "\n"))
					break
				}
			}
		}
		require.Equal(t, one.sum, two.sum, "seed %d", seed)
	}
	_ = os.Args
}
