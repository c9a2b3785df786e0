package store_test

import (
	"testing"

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

func TestStoreIsAQueueOnPostgres(t *testing.T) {
	t.Parallel()
	storetest.Postgres(t) // skips once, not for each case
	queuetest.Run(t, func(t *testing.T) workers.Queue { return storetest.OnPostgres(t) })
}
