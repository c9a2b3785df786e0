package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

const (
	tooManyConnections = "53300" // SQLSTATE: for the server, the database or our role

	crowdedFor  = 10 * time.Second // a pool makes do with what it has, before it asks for more again
	crowdedWait = time.Minute      // for a connection, where the caller's own patience is longer
	crowdedPoll = 50 * time.Millisecond
)

// sharing is the connector of a pool on a server that may have too few connections for all processes. A pool that is refused
// one makes do with those that it has for a while: whoever wants another waits for one of these. A pool that has none waits
// for others to give some back, or the first process to come would keep the second from ever becoming ready.
type sharing struct {
	driver.Connector

	pool       *sql.DB
	conns      int               // at most
	connecting atomic.Int64      // callers of Connect
	connected  atomic.Int64      // connections that there are
	spare      chan *stdlib.Conn // closed by the pool while somebody waited for a new one
}

// shared is a connection of such a pool.
type shared struct {
	*stdlib.Conn

	of *sharing
}

func sharingPool(server *pgx.ConnConfig, conns int) *sql.DB {
	s := &sharing{Connector: stdlib.GetConnector(*server), conns: conns, spare: make(chan *stdlib.Conn, conns)}
	s.pool = sql.OpenDB(s)
	s.grow()
	return s.pool
}

// Connect waits where PostgreSQL has no connection to spare.
func (s *sharing) Connect(ctx context.Context) (driver.Conn, error) {
	s.connecting.Add(1)
	defer s.connecting.Add(-1)
	patience, cancel := context.WithTimeout(ctx, crowdedWait)
	defer cancel()
	for {
		select {
		case conn := <-s.spare:
			return &shared{conn, s}, nil
		default:
		}
		conn, err := s.Connector.Connect(ctx)
		if postgres, ok := conn.(*stdlib.Conn); err == nil && ok {
			s.connected.Add(1)
			return &shared{postgres, s}, nil
		}
		if !crowded(err) {
			return conn, err
		}
		s.makeDo()
		if s.pool.Stats().Idle > 0 { // one came back while we asked: sql.DB asks itself again, and takes it
			return nil, fmt.Errorf("%w: %w", driver.ErrBadConn, err)
		}
		select {
		case conn := <-s.spare:
			return &shared{conn, s}, nil
		case <-time.After(crowdedPoll + rand.N(4*crowdedPoll)):
		case <-patience.Done():
			return nil, err // and not patience's: this one says what is wrong
		}
	}
}

// makeDo lets the pool be no larger than it is, for a while. While some still wait in Connect the pool finds itself too
// large, and closes what is given back to it: see shared.Close.
func (s *sharing) makeDo() {
	s.pool.SetMaxOpenConns(max(1, int(s.connected.Load()))) // not the pool's own count, which has those that are still to be opened
	time.AfterFunc(crowdedFor, s.grow)
}

func (s *sharing) grow() {
	s.pool.SetMaxOpenConns(s.conns)
	s.pool.SetMaxIdleConns(s.conns)
}

// Close ends what nobody came for. The pool calls it when it is closed itself.
func (s *sharing) Close() error {
	for {
		select {
		case conn := <-s.spare:
			s.connected.Add(-1)
			_ = conn.Close() // nobody used it
		default:
			return nil
		}
	}
}

// Close gives the connection to who waits for one, where that is possible.
func (c *shared) Close() error {
	conn := c.Conn.Conn()
	if c.of.connecting.Load() > 0 && !conn.IsClosed() && conn.PgConn().TxStatus() == 'I' {
		select {
		case c.of.spare <- c.Conn:
			return nil
		default:
		}
	}
	c.of.connected.Add(-1)
	return c.Conn.Close()
}

// crowded tells whether PostgreSQL had no connection to spare.
func crowded(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == tooManyConnections
}
