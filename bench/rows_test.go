package bench

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
	"hotelbooking/store/storetest"
)

func TestMain(m *testing.M) {
	keptFree = 0
	os.Exit(storetest.Run(m))
}

// eachDatabase runs a test with a store on either database, in a schema that is dropped.
func eachDatabase(t *testing.T, test func(t *testing.T, c *crowded)) {
	t.Helper()
	for _, kind := range allDatabases {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			db := &database{kind: kind, dir: t.TempDir()}
			if kind == onPostgres {
				db.url = storetest.PostgresSchema(t)
			}
			c, err := newCrowded(t.Context(), db)
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, c.close()) })
			test(t, c)
		})
	}
}

func TestACrowdIsReadFoundAndClaimedAsWhatTheServiceMade(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, c *crowded) {
		ctx, now := t.Context(), time.Now().UTC()
		ended, err := c.walked(ctx)
		require.NoError(t, err)
		waits, err := c.accept(ctx, 0)
		require.NoError(t, err)
		made, err := c.fill(ctx, crowd{of: ended, letter: "F", from: now.Add(-48 * time.Hour), to: now.Add(-24 * time.Hour), n: 300})
		require.NoError(t, err)
		require.Equal(t, 300, made)
		made, err = c.fill(ctx, crowd{of: waits, letter: "A", from: now.Add(-2 * time.Hour), to: now.Add(-time.Hour), n: 200, erased: true})
		require.NoError(t, err)
		require.Equal(t, 200, made)

		backlog, err := c.store.Backlog(ctx)
		require.NoError(t, err)
		require.Equal(t, 201, backlog.Waiting)
		require.WithinDuration(t, now.Add(-2*time.Hour), backlog.Oldest, time.Minute)

		listed, err := c.store.List(ctx, booking.Filter{Statuses: []booking.Status{booking.StatusConfirmed}, CreatedBefore: now.Add(-20 * time.Hour), Limit: 100})
		require.NoError(t, err)
		require.Len(t, listed, 100)
		copied := listed[0]
		require.Equal(t, "RES-"+copied.Reference, copied.Facts.Reservation.SupplierReference)
		require.WithinDuration(t, now.Add(-24*time.Hour), copied.CreatedAt, time.Hour)
		found, err := c.store.ByReference(ctx, copied.Reference)
		require.NoError(t, err)
		require.Equal(t, copied.ID, found)
		lines, err := c.store.History(ctx, copied.ID)
		require.NoError(t, err)
		require.Len(t, lines, 1)

		claimed, err := c.claim(ctx, 300)
		require.NoError(t, err)
		require.Len(t, claimed, 201)
	})
}

func TestACrowdsIdentifiersAreItsOwnAndAllOver(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, c *crowded) {
		ctx, now := t.Context(), time.Now().UTC()
		waits, err := c.accept(ctx, 0)
		require.NoError(t, err)
		require.NoError(t, c.close())
		f, err := newFiller(ctx, c.db, filepath.Join(c.cfg.Dir, "booking.db"))
		require.NoError(t, err)
		f.sheet = 100
		for _, letter := range []string{"A", "B"} { // the second would be refused if it had an identifier of the first
			made, err := f.fill(ctx, crowd{of: waits, letter: letter, from: now.Add(-time.Hour), to: now, n: 250, erased: true}, time.Minute)
			require.NoError(t, err)
			require.Equal(t, 250, made)
		}
		require.NoError(t, f.close())
		require.NoError(t, c.open(ctx))
		claimed, err := c.claim(ctx, 600)
		require.NoError(t, err)
		begin := map[byte]bool{}
		for _, b := range claimed {
			begin[b.Reference[0]] = true
		}
		require.Len(t, begin, 32)
	})
}

func TestACrowdForWhichThereIsNoTimeIsSmaller(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, c *crowded) {
		ctx, now := t.Context(), time.Now().UTC()
		waits, err := c.accept(ctx, 0)
		require.NoError(t, err)
		require.NoError(t, c.close())
		f, err := newFiller(ctx, c.db, filepath.Join(c.cfg.Dir, "booking.db"))
		require.NoError(t, err)
		f.sheet = 10
		made, err := f.fill(ctx, crowd{of: waits, letter: "A", from: now.Add(-time.Hour), to: now, n: 30}, 0)
		require.NoError(t, err)
		require.Equal(t, 10, made)
		require.NoError(t, f.close())
		require.NoError(t, c.open(ctx))
	})
}

func TestTheTablesOfBookingsAreThoseWithARowForEach(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, c *crowded) {
		require.NoError(t, c.close())
		f, err := newFiller(t.Context(), c.db, filepath.Join(c.cfg.Dir, "booking.db"))
		require.NoError(t, err)
		var names []string
		for _, table := range f.tables {
			names = append(names, table.name)
		}
		require.NoError(t, f.close())
		require.NoError(t, c.open(t.Context()))
		require.Equal(t, "bookings", names[0]) // what the others refer to
		require.NotContains(t, names, "notices")
		require.True(t, slices.Contains(names, "places") && slices.Contains(names, "people") && slices.Contains(names, "history"), names)
	})
}
