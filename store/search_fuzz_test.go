package store_test

import (
	"encoding/hex"
	"math/rand/v2"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
	"hotelbooking/store"
	"hotelbooking/store/storetest"
)

// Whatever people look for, in whatever bytes, the databases answer: with the bookings that carry it, or with none. An error
// would be a database out of order, and the caller would be asked to come again for ever.
func FuzzIdentifiers(f *testing.F) {
	for _, text := range []string{
		"web-4711", "ana@example.com", "' OR '1'='1", "%", "_", "\x00", "web\x00-4711", "\xff", "01945e2a-7c00-7000-8000-000000000001", "{01945e2a-7c00-7000-8000-000000000001}",
		"1818G1801Y", "\\", "\u202e", "京都", ";DROP TABLE bookings", "$1", "?", "@name",
	} {
		f.Add(text, "evt_1")
		f.Add("web-4711", text)
	}
	for _, long := range []int{1 << 12, 1 << 16} { // more than an index can hold; and a digest is as good as new
		random := rand.NewChaCha8([32]byte{1})
		event := make([]byte, long)
		_, _ = random.Read(event)
		f.Add("web-4711", hex.EncodeToString(event))
	}
	stores := map[string]*store.Store{"sqlite": storetest.SQLite(f)}
	if url, _ := storetest.PostgresURL(); url != "" {
		stores["postgres"] = storetest.OnPostgres(f)
	}
	for _, s := range stores {
		accepted(f, s, 1)
	}
	f.Fuzz(func(t *testing.T, text, event string) {
		for name, s := range stores {
			ctx := t.Context()
			found, err := s.Search(ctx, text, 10)
			require.NoError(t, err, name)
			if len(found) > 0 && utf8.ValidString(text) {
				require.LessOrEqual(t, len(found), 1, name)
			}
			_, err = s.ByClientReference(ctx, "web", text)
			require.NoError(t, err, name)
			_, err = s.List(ctx, booking.Filter{
				Statuses: []booking.Status{booking.Status(text)}, Attention: booking.Reason(text), Supplier: text, Failure: booking.Reason(text), Limit: 10,
			})
			require.NoError(t, err, name)
			_, err = s.List(ctx, booking.Filter{After: booking.ID(text), CreatedAfter: time.Unix(int64(len(text)), 0), Limit: 10})
			require.NoError(t, err, name)
			for _, err := range []error{
				failure(s.Get(ctx, booking.ID(text))), failure(s.Glance(ctx, booking.ID(text))), failure(s.ByReference(ctx, text)), failure(s.IdempotencyKey(ctx, booking.ID(text))),
			} {
				if err != nil {
					require.ErrorIs(t, err, booking.ErrNotFound, name)
				}
			}
			n := booking.Notice{Vendor: "sandbox", EventID: event, Reference: text, Verb: booking.VerbNotify, Kind: text, At: time.Now()}
			_, err = s.ReceiveNotice(ctx, n)
			require.NoError(t, err, name)
			fresh, err := s.ReceiveNotice(ctx, n)
			require.NoError(t, err, name)
			require.False(t, fresh, name)
			require.NoError(t, s.SettleNotice(ctx, n, 0), name)
		}
	})
}

func failure[T any](_ T, err error) error { return err }
