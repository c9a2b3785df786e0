package sim_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// trace is everything that happened, in its order. Two runs with the same seed have the same hash. What happened at one
// instant has no order: which of two goroutines runs first is not in the seed, and must not matter.
type trace struct {
	mu      sync.Mutex
	hash    hash.Hash
	at      time.Duration
	instant []string
	keep    bool
	lines   []string
}

func newTrace(keep bool) *trace { return &trace{hash: sha256.New(), keep: keep} }

// add notes what who did.
func (t *trace) add(at time.Duration, who, format string, args ...any) {
	line := fmt.Sprintf("%13s %-10s ", at, who) + fmt.Sprintf(format, args...)
	t.mu.Lock()
	defer t.mu.Unlock()
	if at != t.at {
		t.flush()
		t.at = at
	}
	t.instant = append(t.instant, line)
	if t.keep {
		t.lines = append(t.lines, line)
	}
}

// flush ends an instant.
func (t *trace) flush() {
	slices.Sort(t.instant)
	for _, line := range t.instant {
		_, _ = t.hash.Write([]byte(line + "\n"))
	}
	t.instant = t.instant[:0]
}

// aside notes what helps to understand, and may differ between two runs.
func (t *trace) aside(at time.Duration, text string) {
	if !t.keep {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lines = append(t.lines, fmt.Sprintf("%13s            %s", at, text))
}

// sum is the hash so far.
func (t *trace) sum() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.flush()
	return hex.EncodeToString(t.hash.Sum(nil))[:16]
}

// save writes the story to a file, and says where.
func (t *trace) save(name string) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	path := filepath.Join(os.TempDir(), "sim-"+name+".trace")
	return path, os.WriteFile(path, []byte(strings.Join(t.lines, "\n")+"\n"), 0o600)
}

// dice are the luck of one actor, or of one call.
type dice struct {
	mu   sync.Mutex
	rand *rand.Rand
}

// luck makes dice: the same ones for the same seed, name and how many were made of that name before. So what one actor draws
// does not depend on who else draws at the same instant.
type luck struct {
	seed uint64

	mu   sync.Mutex
	made map[string]uint64
}

func newLuck(seed uint64) *luck { return &luck{seed: seed, made: map[string]uint64{}} }

func (l *luck) of(name ...string) *dice {
	whole := strings.Join(name, " ")
	l.mu.Lock()
	l.made[whole]++
	count := l.made[whole]
	l.mu.Unlock()
	h := fnv.New64a()
	_, _ = h.Write([]byte(whole))
	return &dice{rand: rand.New(rand.NewPCG(l.seed^h.Sum64(), count))}
}

// n is a number below n.
func (d *dice) n(n int) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.rand.IntN(n)
}

// happens is true with this probability.
func (d *dice) happens(share float64) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.rand.Float64() < share
}

// between is a duration from least to most.
func (d *dice) between(least, most time.Duration) time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	return least + time.Duration(d.rand.Int64N(int64(most-least)+1))
}

// about is a duration to which less than a millisecond was added, so that no two goroutines wake at one instant: which of
// them would go first is not in the seed.
func (d *dice) about(of time.Duration) time.Duration { return of + d.between(1, time.Millisecond) }

// Read makes ids.
func (d *dice) Read(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := range p {
		p[i] = byte(d.rand.Uint32())
	}
	return len(p), nil
}

// pick is one of several.
func pick[T any](d *dice, of ...T) T { return of[d.n(len(of))] }
