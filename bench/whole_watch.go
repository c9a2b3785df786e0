package bench

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	endsWithin = 2 * time.Minute // after the last submission
	watchEvery = 500 * time.Millisecond
)

// watcher reads again and again how far the bookings have come.
type watcher struct {
	admins []string
	quit   context.CancelFunc
	under  sync.WaitGroup

	mu   sync.Mutex // guards the rest, which the watching goroutine writes
	seen []progress
}

// watch watches the processes of a service until it is stopped.
func watch(ctx context.Context, admins []string) *watcher {
	ctx, quit := context.WithCancel(ctx)
	w := &watcher{admins: admins, quit: quit}
	w.under.Go(func() {
		for tick := time.NewTicker(watchEvery); ctx.Err() == nil; {
			if p, err := readProgress(ctx, admins); err == nil { // a busy service may be asked again
				w.mu.Lock()
				w.seen = append(w.seen, p)
				w.mu.Unlock()
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				tick.Stop()
			}
		}
	})
	return w
}

func (w *watcher) stop() {
	w.quit()
	w.under.Wait()
}

// until waits until n bookings have ended, and all others that the service has accepted, and says when that was seen.
func (w *watcher) until(ctx context.Context, n int) (time.Time, error) {
	for deadline := time.Now().Add(endsWithin); ; {
		last := w.last()
		switch {
		case last.ended >= max(float64(n), last.accepted):
			return last.at, nil
		case time.Now().After(deadline):
			return last.at, fmt.Errorf("%.0f of %d bookings ended within %s", last.ended, n, endsWithin)
		}
		select {
		case <-time.After(watchEvery):
		case <-ctx.Done():
			return last.at, context.Cause(ctx)
		}
	}
}

func (w *watcher) last() progress {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.seen) == 0 {
		return progress{}
	}
	return w.seen[len(w.seen)-1]
}

// reached is about when n bookings had ended, between two looks at a steady pace.
func (w *watcher) reached(n float64) time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	var before progress
	for _, p := range w.seen {
		if p.ended >= n {
			share := (n - before.ended) / max(1, p.ended-before.ended)
			if before.at.IsZero() {
				return p.at
			}
			return before.at.Add(time.Duration(share * float64(p.at.Sub(before.at))))
		}
		before = p
	}
	return before.at
}

// between is what was seen first after each of two moments.
func (w *watcher) between(from, to time.Time) (first, last progress) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range w.seen {
		if first.at.IsZero() && !p.at.Before(from) {
			first = p
		}
		if last = p; !p.at.Before(to) {
			break
		}
	}
	return first, last
}

// rate is how many bookings a second ended.
func (w *watcher) rate(from, to time.Time) float64 {
	first, last := w.between(from, to)
	if seconds := last.at.Sub(first.at).Seconds(); seconds > 0 {
		return (last.ended - first.ended) / seconds
	}
	return 0
}

// progress is how far the bookings of a service have come since it started.
type progress struct {
	at        time.Time
	accepted  float64
	confirmed float64
	ended     float64 // captured and tracked
}

// readProgress asks the metrics of a service's processes.
func readProgress(ctx context.Context, admins []string) (progress, error) {
	var all progress
	for _, admin := range admins {
		body, err := get(ctx, admin+"/metrics")
		if err != nil {
			return progress{}, fmt.Errorf("read the service's metrics: %w", err)
		}
		all.accepted += metric(body, "booking_accepted_total")
		all.confirmed += metric(body, "booking_decided_total", `result="confirmed"`)
		all.ended += metric(body, "booking_turn_seconds_count", `step="track"`, `phase="doing"`, `outcome="next"`)
	}
	all.at = time.Now()
	return all, nil
}

// metric is the sum of a metric's series that have all these labels.
func metric(exposition []byte, name string, having ...string) float64 {
	var sum float64
	for lines := bufio.NewScanner(bytes.NewReader(exposition)); lines.Scan(); {
		line := lines.Text()
		if rest, ok := strings.CutPrefix(line, name); !ok || rest == "" || rest[0] != '{' && rest[0] != ' ' {
			continue
		}
		if slices.ContainsFunc(having, func(label string) bool { return !strings.Contains(line, label) }) {
			continue
		}
		value, _ := strconv.ParseFloat(line[strings.LastIndexByte(line, ' ')+1:], 64) // what Prometheus could not read, either, is 0
		sum += value
	}
	return sum
}
