package sandbox

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// Server is a sandbox. It is an http.Handler; its own goroutines (delayed effects, notifications) end with Close.
type Server struct {
	cfg  Config
	mux  *http.ServeMux
	dice *dice

	mu      sync.Mutex // guards the next five
	books   *books
	journal *journal
	calls   int64
	flying  map[string]bool // idempotency keys of payment calls that are being answered
	hook    hook

	late   lateCalls
	outbox *outbox

	stop     context.Context // cancelled by Close
	quit     context.CancelFunc
	routines sync.WaitGroup
	closing  sync.Once
}

// New is a sandbox with what its journal file remembers. Close it.
func New(cfg Config) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("sandbox config: %w", err)
	}
	cfg = cfg.withDefaults()
	s := &Server{
		cfg:    cfg,
		dice:   newDice(cfg.Seed, cfg.Latency),
		books:  newBooks(),
		flying: map[string]bool{},
		hook:   hook{url: cfg.WebhookURL, secret: cfg.WebhookSecret, all: cfg.WebhookAll},
	}
	s.stop, s.quit = context.WithCancel(context.Background())
	journal, err := openJournal(cfg.Journal, cfg.JournalKept, s.remember)
	if err != nil {
		s.quit()
		return nil, err
	}
	s.journal = journal
	s.late.wave = newWave()
	s.outbox = newOutbox(s)
	s.routes()
	s.routines.Go(s.outbox.run)
	return s, nil
}

// remember replays one line of the journal.
func (s *Server) remember(l line) error {
	if l.Answer != nothing {
		s.calls++
	}
	for _, p := range l.Puts {
		if err := s.books.replay(p); err != nil {
			return err
		}
	}
	return nil
}

// ServeHTTP answers for all four systems and for the sandbox's own routes.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// SetWebhook says where notifications go from now on: for a receiver whose address is known only once it listens. An empty
// link sends them nowhere.
func (s *Server) SetWebhook(link, secret string) error {
	if err := linkProblem(link); err != nil {
		return fmt.Errorf("webhook url: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hook.url, s.hook.secret = link, secret
	return nil
}

// Settle lands everything that is still on its way, now: delayed effects, and what was answered with "pending".
func (s *Server) Settle() {
	s.late.land()
	s.tick(true)
}

// Reset forgets everything, faults included. A call under way may still have its effect, after it.
func (s *Server) Reset() error {
	s.late.land() // into the books that are about to go
	s.dice.clear()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.outbox.empty()
	s.books, s.calls = newBooks(), 0
	return s.journal.empty()
}

// Close stops what runs in the background, cuts calls that wait, and closes the journal. Calls made later fail.
func (s *Server) Close() error {
	var err error
	s.closing.Do(func() {
		s.late.mu.Lock() // nobody adds a routine any more
		s.quit()
		s.late.mu.Unlock()
		s.routines.Wait()
		s.mu.Lock()
		defer s.mu.Unlock()
		err = s.journal.close()
	})
	return err
}

// Serve runs a sandbox on the listener until ctx ends.
func Serve(ctx context.Context, listener net.Listener, cfg Config) error {
	s, err := New(cfg)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	return errors.Join(s.ServeOn(ctx, listener), s.Close())
}

// ServeOn answers on the listener until ctx ends; calls under way are then cut.
func (s *Server) ServeOn(ctx context.Context, listener net.Listener) error {
	server := &http.Server{
		Handler:           s,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      s.cfg.HangFor + 3*time.Minute, // a call may be slow for a minute on each side of its effect
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
	}
	stopped := make(chan error, 1)
	release := context.AfterFunc(ctx, func() { stopped <- server.Close() })
	err := server.Serve(listener)
	if release() { // Serve ended by itself
		return fmt.Errorf("serve sandbox: %w", err)
	}
	return <-stopped
}

// lateCalls are calls whose connection broke and whose effect is still to come.
type lateCalls struct {
	mu      sync.Mutex
	wave    *wave // those that land together
	pending int
}

type wave struct {
	land chan struct{} // closed: now
	done sync.WaitGroup
}

func newWave() *wave { return &wave{land: make(chan struct{})} }

// add runs effect after the delay, or when its wave lands, or never if the server stops first.
func (l *lateCalls) add(s *Server, delay time.Duration, effect func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s.stop.Err() != nil {
		return
	}
	w := l.wave
	w.done.Add(1)
	l.pending++
	s.routines.Go(func() {
		defer w.done.Done()
		timer := time.NewTimer(delay)
		defer timer.Stop()
		select {
		case <-timer.C:
			effect()
		case <-w.land:
			effect()
		case <-s.stop.Done():
		}
		l.mu.Lock()
		l.pending--
		l.mu.Unlock()
	})
}

// land brings in all that are waiting, and returns when that is done.
func (l *lateCalls) land() {
	l.mu.Lock()
	w := l.wave
	l.wave = newWave()
	l.mu.Unlock()
	close(w.land)
	w.done.Wait()
}

func (l *lateCalls) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.pending
}
