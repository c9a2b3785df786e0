package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"hotelbooking/store/storetest"
	"hotelbooking/store/storetest/pgserver"
)

// commit is a transaction that names bookings.
type commit struct {
	bookings []string
	began    int
	asked    int // PostgreSQL: when the commit was asked for
	done     int // SQLite: when it was on disk, or never; PostgreSQL: when its answer came
}

const never = 0

// name notes the bookings that data has the ids of, written out or, as in PostgreSQL's protocol, as numbers.
func (c *commit) name(data []byte) {
	for _, text := range bookingID.FindAll(data, -1) {
		c.add(string(text))
	}
	// A UUID in an array has its length before it. Its variant is what no text has, or "payment" would be taken for one.
	for rest := data; ; rest = rest[1:] {
		i := bytes.Index(rest, []byte{0, 0, 0, 16})
		if i < 0 || len(rest) < i+20 {
			return
		}
		if rest = rest[i:]; rest[10]>>4 == 7 && rest[12]>>6 == 2 {
			c.add(uuid.UUID(rest[4:20]).String())
		}
	}
}

func (c *commit) add(id string) {
	if !slices.Contains(c.bookings, id) {
		c.bookings = append(c.bookings, id)
	}
}

// sqliteCommits reads the write-ahead log as it is written: a header of 24 bytes and a page, again and again, until a header
// says that the transaction ends here (https://sqlite.org/fileformat2.html#wal_file_format). An fsync covers the transactions
// that were complete when it began. A page names also the neighbours of what was changed, so that a crowd is judged
// less exactly than a booking that is alone.
func sqliteCommits(events []event) []commit {
	const headerSize = 24
	var complete []commit
	var open *commit
	ends := false
	covers := map[*systemCall]int{} // by fsync: how many were complete when it began
	for at, e := range events {
		switch inWAL := strings.HasSuffix(e.file, "booking.db-wal"); {
		case !inWAL:
		case e.syncs() && !e.over:
			covers[e.systemCall] = len(complete)
		case e.syncs() && e.result == 0:
			for i := range complete[:covers[e.systemCall]] {
				if complete[i].done == never {
					complete[i].done = at
				}
			}
		case e.writes() && !e.over && open == nil:
			open = &commit{began: at}
		case e.writes() && e.over && len(e.data) == headerSize:
			ends = binary.BigEndian.Uint32(e.data[4:]) != 0 // the pages of the database after the commit
		case e.writes() && e.over:
			open.name(e.data)
			if ends {
				complete, open, ends = append(complete, *open), nil, false
			}
		}
	}
	return complete
}

// commitsHeard are those that the service was told of.
func commitsHeard(events []event) []commit {
	return conversations(events, func(e event) bool { return e.writes() && !e.over }, func(e event) bool { return e.reads() && e.over })
}

// commitsSaid are the same as PostgreSQL's processes see them.
func commitsSaid(events []event) []commit {
	return conversations(events, func(e event) bool { return e.reads() && e.over }, func(e event) bool { return e.writes() && !e.over })
}

// conversations with PostgreSQL: from "begin" to "commit" and its answer, on each connection. It returns those that name a
// booking.
func conversations(events []event, asks, answers func(event) bool) (commits []commit) {
	open := map[string]*commit{} // by connection
	said := map[string][]byte{}
	for at, e := range events {
		c := open[e.file]
		switch {
		case !strings.HasPrefix(e.file, "UNIX"):
		case asks(e) && query(e.data, "begin"):
			open[e.file], said[e.file] = &commit{began: at}, nil
		case c != nil && asks(e):
			said[e.file] = append(said[e.file], e.data...)
			if query(e.data, "commit") {
				c.asked = at
			}
		case c != nil && c.asked > 0 && answers(e) && bytes.Contains(e.data, []byte("COMMIT\x00")):
			c.done = at
			if c.name(said[e.file]); len(c.bookings) > 0 {
				commits = append(commits, *c)
			}
			delete(open, e.file)
		}
	}
	return commits
}

// notOnDisk are the commits that were answered too early. On disk is one that was asked for before a write of the write-ahead
// log began, by whichever process, that a sync covered before the answer: one process writes for all that wait.
func notOnDisk(commits []commit, events []event) []commit {
	type flush struct{ wrote, synced int } // when the last write that it covers began, and when it was done
	var flushes []flush
	began := map[*systemCall]int{}
	written := map[string]int{}     // by file: when its last write that is over began
	covers := map[*systemCall]int{} // by sync: when the last write that was over before it began
	for at, e := range events {
		switch {
		case !strings.Contains(e.file, "/pg_wal/"):
		case e.writes() && !e.over:
			began[e.systemCall] = at
		case e.writes():
			written[e.file] = began[e.systemCall]
		case e.syncs() && !e.over:
			covers[e.systemCall] = written[e.file]
		case e.syncs() && e.result == 0:
			flushes = append(flushes, flush{covers[e.systemCall], at})
		}
	}
	return slices.DeleteFunc(slices.Clone(commits), func(c commit) bool {
		return slices.ContainsFunc(flushes, func(f flush) bool { return f.wrote > c.asked && f.synced < c.done })
	})
}

// query recognises a message of PostgreSQL's simple protocol: Q, a length of four bytes, the text.
func query(message []byte, word string) bool {
	return len(message) > 5 && message[0] == 'Q' && bytes.HasPrefix(message[5:], []byte(word))
}

// stracedPostgres starts a PostgreSQL that keeps what it commits, and tells where its trace is once it has been stopped.
func stracedPostgres(t *testing.T) (server *pgserver.Server, trace string) {
	t.Helper()
	bin, err := pgserver.Find(t.Context())
	if errors.Is(err, pgserver.ErrNotFound) {
		storetest.Postgres(t) // skips, counts and, in CI, fails
	}
	require.NoError(t, err)
	dir, err := os.MkdirTemp("/tmp", "booking-straced-") // that of another user, who runs the server
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	require.NoError(t, os.Chmod(dir, 0o777))
	trace = filepath.Join(dir, "trace")
	for name, strace := range map[string][]string{"initdb": nil, "postgres": straced(t, trace)} {
		command := append(strace, filepath.Join(bin, name))
		script := fmt.Sprintf("#!/bin/sh\nexec '%s' \"$@\"\n", strings.Join(command, "' '"))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(script), 0o755))
		require.NoError(t, os.Chmod(filepath.Join(dir, name), 0o755))
	}
	server, err = pgserver.Start(t.Context(), pgserver.Options{Bin: dir, Durable: true})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	return server, trace
}
