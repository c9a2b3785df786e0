package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	crypto "crypto/rand"

	"hotelbooking/chaos/client"
	"hotelbooking/chaos/judge"
)

const (
	tellEvery = 2 * time.Second
	cancelled = 1. / 12 // the share of bookings that their clients cancel at a random moment
)

// load is clients that come at a rate. Each books once, and follows its booking to the end.
type load struct {
	client client.Client
	name   string // no two runs share keys
	want   int
	quit   chan struct{} // closed: no new bookings, and nobody waits for the others
	work   sync.WaitGroup

	mu       sync.Mutex // guards the rest, to which each client adds its own
	stories  []*judge.Story
	left     int // clients that have gone home
	accepted []time.Time
	ended    []time.Time
}

// offer sends so many clients, so many a second, and tells how they fare.
func offer(c client.Client, bookings int, rate float64, t *teller) *load {
	l := &load{client: c, name: strings.ToLower(crypto.Text()[:8]), want: bookings, quit: make(chan struct{})}
	l.work.Go(func() {
		next := time.NewTicker(time.Duration(float64(time.Second) / rate))
		defer next.Stop()
		for n := range bookings {
			select {
			case <-l.quit:
				return
			case <-next.C:
				l.work.Go(func() { l.book(n) })
			}
		}
	})
	l.work.Go(func() { l.tell(t) })
	return l
}

// book is one client's whole story.
func (l *load) book(n int) {
	s := &judge.Story{Key: fmt.Sprintf("%s-%d", l.name, n), Kind: judge.Pick(judge.Kinds(), rand.New(rand.NewPCG(0, uint64(n))))}
	if l.client.Submit(l.quit, s, s.Kind.Body(s.Key)) {
		s.Acked = time.Now()
		l.note(func() { l.accepted = append(l.accepted, s.Acked) })
		if rand.Float64() < cancelled {
			<-time.After(rand.N(time.Second))
			l.client.Cancel(l.quit, s)
		}
		if l.client.Follow(l.quit, s, s.Secret) { // as a page does that knows nothing but this booking
			l.note(func() { l.ended = append(l.ended, s.Decided) })
		}
	}
	l.note(func() { l.stories, l.left = append(l.stories, s), l.left+1 })
}

func (l *load) note(what func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	what()
}

// tell says how far it is, until all clients have left.
func (l *load) tell(t *teller) {
	for every := time.NewTicker(tellEvery); ; {
		select {
		case <-l.quit:
			return
		case <-every.C:
		}
		accepted, ended, left := l.counts()
		t.say("  accepted %d, ended %d", accepted, ended)
		if left == l.want {
			return
		}
	}
}

func (l *load) counts() (accepted, ended, left int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.accepted), len(l.ended), l.left
}

// reach waits until so many were accepted, or all clients have left: they may have failed.
func (l *load) reach(ctx context.Context, enough int) error {
	return eventually(ctx, func() bool {
		accepted, _, left := l.counts()
		return accepted >= enough || left == l.want
	})
}

// leave waits until all clients have left; when ctx ends, they are sent home.
func (l *load) leave(ctx context.Context) error {
	err := eventually(ctx, func() bool {
		_, _, left := l.counts()
		return left == l.want
	})
	close(l.quit)
	l.work.Wait()
	return err
}

// eventually waits until something is so.
func eventually(ctx context.Context, so func() bool) error {
	for !so() {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(pollEvery):
		}
	}
	return nil
}
