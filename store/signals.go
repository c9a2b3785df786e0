package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	signalConns  = 2                // one that tells and one that hears, beside the pools
	echoMark     = "?"              // begins what a process tells to hear it itself; nobody else is interested
	echoEvery    = 30 * time.Second // how long it may be quiet before a process makes sure that it would hear
	echoWithin   = 5 * time.Second
	deafFor      = 10 * time.Minute // then it is tried again whether something can be heard
	leaveWithin  = time.Second      // to say goodbye
	channelName  = "hotelbooking."  // and the schema, so that several services share a database
	channelBytes = 63               // of an identifier
)

// errDeaf: what we were told to hear never came.
var errDeaf = errors.New("LISTEN hears nothing of what NOTIFY tells: is a pooler in transaction mode between us and PostgreSQL? " +
	"Changes of other processes are seen at the next poll; database.listen: false saves these connections")

// Signals carries short texts between all processes on one PostgreSQL and schema, by LISTEN and NOTIFY on connections of its
// own. It is a workers.Signals.
//
// A NOTIFY inside the transaction that changes a booking would be simpler, and is not done: a transaction that notifies takes
// a lock of the whole server until it has committed, its fsync included, so that such commits go one after the other
// (PreCommit_Notify in src/backend/commands/async.c; https://www.recall.ai/blog/postgres-listen-notify-does-not-scale), and
// it fails where the queue of notifications is full. Here nothing but the notifications themselves waits for that lock.
type Signals struct {
	server *pgx.ConnConfig

	mu     sync.Mutex // guards what follows
	teller *line      // nil: not connected
	closed bool
	deaf   time.Time // when it was found out that nothing can be heard; of Hear
}

// line is a connection, and the channel that it is for.
type line struct {
	*pgx.Conn
	channel string
}

// newSignals connects to nothing yet.
func newSignals(server *pgx.ConnConfig) *Signals {
	server = server.Copy()
	server.RuntimeParams["synchronous_commit"] = "off" // it writes nothing, and the lock is held for shorter
	return &Signals{server: server}
}

// Signals is what processes on one database tell each other with; nil on SQLite, which has one, and without Config.Listen.
func (s *Store) Signals() *Signals { return s.signals }

// Tell sends texts to all processes that hear; each has less than 8000 bytes.
func (s *Signals) Tell(ctx context.Context, texts []string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errors.New("the store is closed")
	}
	if s.teller == nil {
		teller, err := s.connect(ctx)
		if err != nil {
			return err
		}
		s.teller = teller
	}
	if _, err := s.teller.Exec(ctx, `SELECT pg_notify($1, text) FROM unnest(CAST($2 AS text[])) AS text`, s.teller.channel, texts); err != nil {
		s.teller.leave()
		s.teller = nil
		return fmt.Errorf("notify: %w", err)
	}
	return nil
}

// Hear calls heard with every text that is told, until ctx ends or the connection fails; hearing once from then on none is
// missed. That something can be heard at all is made sure of first, and again while it is quiet: through some poolers LISTEN
// succeeds, and nothing ever comes.
func (s *Signals) Hear(ctx context.Context, hearing func(), heard func(text string)) error {
	if err := s.despair(ctx); err != nil {
		return err
	}
	ear, err := s.listen(ctx)
	if err != nil {
		return err
	}
	defer ear.leave()
	for first := true; ; first = false {
		switch err := s.echo(ctx, ear, heard); {
		case errors.Is(err, errDeaf) && first:
			s.mu.Lock()
			s.deaf = time.Now()
			s.mu.Unlock()
			return err
		case err != nil:
			return err
		case first:
			hearing()
		}
		for err = nil; err == nil; {
			var text string
			if text, err = ear.next(ctx, echoEvery); err == nil && !strings.HasPrefix(text, echoMark) {
				heard(text)
			}
		}
		if !errors.Is(err, errQuiet) {
			return err
		}
	}
}

// despair waits while there is no point in listening.
func (s *Signals) despair(ctx context.Context) error {
	s.mu.Lock()
	deaf := s.deaf
	s.mu.Unlock()
	if deaf.IsZero() {
		return nil
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(time.Until(deaf.Add(deafFor))):
		return nil
	}
}

// echo tells something, and hears until it comes back.
func (s *Signals) echo(ctx context.Context, ear *line, heard func(string)) error {
	own := echoMark + rand.Text()
	telling, cancel := context.WithTimeoutCause(ctx, echoWithin, errQueryDeadline)
	defer cancel()
	if err := s.Tell(telling, []string{own}); err != nil {
		return err
	}
	for until := time.Now().Add(echoWithin); ; {
		text, err := ear.next(ctx, time.Until(until))
		switch {
		case errors.Is(err, errQuiet):
			return errDeaf
		case err != nil:
			return err
		case text == own:
			return nil
		case !strings.HasPrefix(text, echoMark):
			heard(text)
		}
	}
}

var errQuiet = errors.New("nothing was told")

// next is the next text; errQuiet where none comes in time.
func (l *line) next(ctx context.Context, within time.Duration) (string, error) {
	waiting, cancel := context.WithTimeoutCause(ctx, within, errQuiet)
	defer cancel()
	told, err := l.WaitForNotification(waiting)
	switch {
	case err == nil:
		return told.Payload, nil
	case errors.Is(context.Cause(waiting), errQuiet) && !l.IsClosed():
		return "", errQuiet
	default:
		return "", fmt.Errorf("hear: %w", err)
	}
}

func (s *Signals) listen(ctx context.Context) (*line, error) {
	ear, err := s.connect(ctx)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, connectIn, errQueryDeadline)
	defer cancel()
	if _, err := ear.Exec(ctx, "LISTEN "+pgx.Identifier{ear.channel}.Sanitize()); err != nil {
		ear.leave()
		return nil, fmt.Errorf("listen: %w", err)
	}
	return ear, nil
}

// connect opens a connection and looks which channel is ours.
func (s *Signals) connect(ctx context.Context) (*line, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, connectIn, errQueryDeadline)
	defer cancel()
	conn, err := pgx.ConnectConfig(ctx, s.server.Copy())
	if err != nil {
		return nil, fmt.Errorf("connect, to tell other processes of changes: %w", err)
	}
	l := &line{Conn: conn}
	var schema string
	if err := conn.QueryRow(ctx, "SELECT COALESCE(current_schema(), '')").Scan(&schema); err != nil {
		l.leave()
		return nil, fmt.Errorf("look which schema is ours: %w", err)
	}
	l.channel = channelOf(schema)
	return l, nil
}

// channelOf is cut where an identifier ends: who shares a channel by chance hears of bookings that nobody waits for.
func channelOf(schema string) string {
	name := channelName + schema
	return strings.ToValidUTF8(name[:min(len(name), channelBytes)], "")
}

func (l *line) leave() {
	ctx, cancel := context.WithTimeout(context.Background(), leaveWithin)
	defer cancel()
	_ = l.Close(ctx) // it is of no more use, whatever that says
}

// close ends the connection that tells. The one that hears ends with its Hear.
func (s *Signals) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	if s.teller != nil {
		s.teller.leave()
		s.teller = nil
	}
}
