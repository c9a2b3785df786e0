package web

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// limiter is a token bucket for each caller, in two generations: when the young one is full the old one is forgotten. So
// the table is bounded, and who floods it with names gains no more than a full bucket.
type limiter struct {
	rate  rate.Limit
	burst int
	size  int

	mu         sync.Mutex // guards both generations
	young, old map[string]*rate.Limiter
}

// newLimiter allows perSecond requests of each caller, and burst at once. perSecond 0 allows everything.
func newLimiter(perSecond float64, burst, size int) *limiter {
	if perSecond <= 0 {
		return nil
	}
	return &limiter{rate: rate.Limit(perSecond), burst: max(1, burst), size: size, young: map[string]*rate.Limiter{}}
}

// allow takes a token of name; where there is none it says how long until there is.
func (l *limiter) allow(name string, now time.Time) (time.Duration, bool) {
	if l == nil {
		return 0, true
	}
	bucket := l.bucket(name)
	if bucket.AllowN(now, 1) {
		return 0, true
	}
	return time.Duration(float64(time.Second) / float64(l.rate)), false
}

func (l *limiter) bucket(name string) *rate.Limiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	if b, ok := l.young[name]; ok {
		return b
	}
	if len(l.young) >= l.size {
		l.young, l.old = map[string]*rate.Limiter{}, l.young
	}
	b, ok := l.old[name]
	if !ok {
		b = rate.NewLimiter(l.rate, l.burst)
	}
	l.young[name] = b
	return b
}
