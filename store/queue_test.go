package store_test

import (
	"testing"

	"hotelbooking/store"
	"hotelbooking/store/storetest"
	"hotelbooking/workers"
	"hotelbooking/workers/queuetest"
)

func TestStoreIsAQueueOnSQLite(t *testing.T) {
	t.Parallel()
	queuetest.Run(t, func(t *testing.T) workers.Queue { return storetest.SQLite(t) })
}

func TestStoreIsAQueueOnOneSharedConnection(t *testing.T) {
	t.Parallel()
	queuetest.Run(t, func(t *testing.T) workers.Queue { return storetest.Memory(t) })
}

func TestStoreIsAQueueOnTheFewestConnections(t *testing.T) {
	t.Parallel()
	storetest.Postgres(t)
	queuetest.Run(t, func(t *testing.T) workers.Queue {
		return storetest.OnPostgres(t, func(c *store.Config) { c.MaxConns = 2 }) // one to write, one to read
	})
}

func TestStoreIsAQueueOnPostgres(t *testing.T) {
	t.Parallel()
	storetest.Postgres(t) // skips once, not for each case
	queuetest.Run(t, func(t *testing.T) workers.Queue { return storetest.OnPostgres(t) })
}
