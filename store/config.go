package store

import (
	"cmp"
	"errors"
	"fmt"
	"time"
)

// Config says where bookings are kept and how hard. The zero Config but for Keys and Dir is the embedded default.
type Config struct {
	URL string // postgres://...; empty: SQLite, at booking.db in Dir
	Dir string // of the SQLite file; ":memory:": none, for tests, gone with Close

	Keys Keys // for personal data

	MaxConns      int           // PostgreSQL connections, half of them to write, or SQLite readers; 0: 16. At least 2
	Listen        bool          // on PostgreSQL: tell other processes of changes, and hear theirs, on two connections more
	Flushers      int           // commits under way at once on PostgreSQL, 1 to 4; 0: 3. SQLite has always 1
	Timeout       time.Duration // of one query; 0: 3 s
	CommitTimeout time.Duration // of one group commit, whatever its callers' own deadlines are; 0: 10 s
	BacklogCap    int           // how far Backlog counts; 0: 100,000

	// Subscribers are told of events: see outbox.go. All processes on the database have the same ones, or whoever has fewer
	// keeps what it does from the others. None: nothing is written for any.
	Subscribers []string
	Told        func() // is called after a commit that has something to tell; must not block. nil: nobody

	Now func() time.Time // SQLite's clock, by which leases are judged; nil: time.Now. PostgreSQL has its own

	// UnsafeDurability starts even where the database may lose what it has acknowledged, as any does in ":memory:". For
	// tests only.
	UnsafeDurability bool
}

// Keys protect personal data at rest.
type Keys struct {
	Current string            // id of the key in Wrap that new bookings are sealed under
	Wrap    map[string][]byte // key-encryption keys by id, 32 bytes each; old ones stay, to read with
	Index   []byte            // of the e-mail index, at least 32 bytes; with another one old bookings are not found by e-mail
}

// Validate reports all problems together.
func (c Config) Validate() error {
	var problems []error
	if c.URL == "" && c.Dir == "" {
		problems = append(problems, errors.New("store: neither a database URL nor a data directory is set"))
	}
	if c.MaxConns < 0 || c.MaxConns == 1 || c.Flushers < 0 || c.Flushers > 4 {
		problems = append(problems, errors.New("store: MaxConns is at least 2, Flushers 1 to 4"))
	}
	if c.Timeout < 0 || c.CommitTimeout < 0 || c.BacklogCap < 0 {
		problems = append(problems, errors.New("store: Timeout, CommitTimeout and BacklogCap cannot be negative"))
	}
	return errors.Join(append(problems, c.Keys.validate())...)
}

func (k Keys) validate() error {
	var problems []error
	if _, ok := k.Wrap[k.Current]; !ok {
		problems = append(problems, fmt.Errorf("store: the current key %q is not among the keys", k.Current))
	}
	for id, key := range k.Wrap {
		if len(key) != 32 {
			problems = append(problems, fmt.Errorf("store: key %q has %d bytes, not 32", id, len(key)))
		}
	}
	if len(k.Index) < 32 {
		problems = append(problems, fmt.Errorf("store: the key of the e-mail index has %d bytes, not at least 32", len(k.Index)))
	}
	return errors.Join(problems...)
}

func (c Config) withDefaults() Config {
	c.MaxConns = cmp.Or(c.MaxConns, 16)
	c.Flushers = cmp.Or(c.Flushers, 3)
	c.Timeout = cmp.Or(c.Timeout, 3*time.Second)
	c.CommitTimeout = cmp.Or(c.CommitTimeout, 10*time.Second)
	c.BacklogCap = cmp.Or(c.BacklogCap, 100_000)
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}
