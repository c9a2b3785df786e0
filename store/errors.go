package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"syscall"

	sqlite "github.com/glebarez/go-sqlite"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// errUnknownCommit: the database did not say whether the transaction was committed. An accept is decided later, by its
// key; a save can be repeated as it is.
var errUnknownCommit = errors.New("it is not known whether the commit happened")

// Deadlines say who set them.
var (
	errQueryDeadline  = errors.New("the database did not answer in time")
	errCommitDeadline = errors.New("the database did not commit in time")
)

// SQLite's primary result codes, as https://sqlite.org/rescode.html lists them.
const (
	sqliteBusy       = 5
	sqliteLocked     = 6
	sqliteTooBig     = 18
	sqliteConstraint = 19
	sqliteMismatch   = 20
)

// verdict is what an error of the database means for the batch that met it. In each case nothing was written.
type verdict int

const (
	hopeless verdict = iota + 1 // the database's trouble: everybody gets the error
	again                       // something passing stood in the way: the same batch may do
	singly                      // one of the members is to blame: each on its own
	locked                      // somebody holds the row of one of the members: each on its own, and not for long
)

func judge(err error) verdict {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		switch class := pg.Code[:min(2, len(pg.Code))]; {
		case class == "40", pg.Code == "57P01": // serialization failure, deadlock; the connection was ended, another may do
			return again
		case class == "22", class == "23", class == "54": // bad data, a constraint, a value too long for an index
			return singly
		case pg.Code == "55P03", pg.Code == "57014": // lock_timeout, statement_timeout
			return locked
		}
		return hopeless
	}
	var lite *sqlite.Error
	if errors.As(err, &lite) {
		switch lite.Code() & 0xff {
		case sqliteBusy, sqliteLocked:
			return again
		case sqliteTooBig, sqliteConstraint, sqliteMismatch:
			return singly
		}
	}
	if brokenConnection(err) {
		return again
	}
	return hopeless
}

// brokenConnection tells whether a connection ended under our hands, so that another may do: not where the database cannot
// be reached, or takes too long.
func brokenConnection(err error) bool {
	if connect := (*pgconn.ConnectError)(nil); errors.As(err, &connect) || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	for _, ended := range []error{driver.ErrBadConn, io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, syscall.ECONNRESET, syscall.EPIPE} {
		if errors.Is(err, ended) {
			return true
		}
	}
	return pgconn.SafeToRetry(err)
}

// refusedFor tells whether err is of the database, for one of these reasons, and nothing was written.
func refusedFor(err error, reasons ...verdict) bool {
	return err != nil && !errors.Is(err, errUnknownCommit) && slices.Contains(reasons, judge(err))
}

// rolledBack tells whether an error of COMMIT proves that nothing was committed. Most do not: the answer may have been
// lost on its way back.
func rolledBack(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return strings.HasPrefix(pg.Code, "40") || strings.HasPrefix(pg.Code, "23")
	}
	var lite *sqlite.Error
	if errors.As(err, &lite) { // it stays open then, until we roll it back
		return lite.Code()&0xff == sqliteConstraint || lite.Code()&0xff == sqliteBusy
	}
	return errors.Is(err, pgx.ErrTxCommitRollback)
}
