package web

import (
	"context"
	"sync"
	"time"
)

// pausesCached is what the banner of every page may be behind by.
const pausesCached = 5 * time.Second

// pauseBanner is what every page of the console says is paused. Pages share what was read a few seconds ago.
type pauseBanner struct {
	mu    sync.Mutex
	names []string
	until time.Time
}

// paused names what is paused. A page does not fail for its banner: while the database does not answer it stays as it was.
func (b *pauseBanner) paused(ctx context.Context, now time.Time, controls Controls) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if now.Before(b.until) {
		return b.names
	}
	b.until = now.Add(pausesCached)
	if list, err := controls.Pauses(ctx); err == nil {
		b.names = nil
		for _, p := range list {
			b.names = append(b.names, pauseName(p.What))
		}
	}
	return b.names
}

func (b *pauseBanner) forget() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.until = time.Time{}
}
