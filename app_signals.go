package main

import (
	"hotelbooking/store"
	"hotelbooking/workers"
	"hotelbooking/workers/jetstream"
)

var (
	_ workers.Signals = (*store.Signals)(nil)
	_ workers.Signals = (*jetstream.Signals)(nil)
)

// signals is what this process tells others with, and hears them: the broker where they share one, else PostgreSQL. nil where
// there are no others, as on SQLite, or where they are left to their polls.
func (a *App) signals() workers.Signals {
	if a.cfg.Engine == jetStream && a.cfg.NATS.URL != "" {
		return jetstream.NewSignals(a.hints.Conn(), a.cfg.NATS.Stream)
	}
	if s := a.store.Signals(); s != nil {
		return s
	}
	return nil
}

// listens tells whether processes are to tell one another of changes by way of the database: where no broker carries it.
func (c Config) listens() bool {
	return c.Database.Listen && (c.Engine != jetStream || c.NATS.URL == "")
}
