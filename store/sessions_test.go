package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
	"hotelbooking/store"
	"hotelbooking/store/storetest"
)

// session lasts for so long, from now on.
func session(digest byte, lasts time.Duration) booking.Session {
	now := time.Now().UTC().Truncate(time.Microsecond)
	return booking.Session{
		Digest: [32]byte{digest, 0, 0xff}, Name: "ana", Role: "agent", Key: "0a1b", Begun: now, Ends: now.Add(lasts),
	}
}

func TestASessionCountsInEveryProcessUntilItIsClosed(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]func(testing.TB) store.Config{
		"sqlite": storetest.SQLiteConfig, "postgres": storetest.PostgresConfig,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := config(t)
			one, other := storetest.Open(t, cfg), storetest.Open(t, cfg)
			want, another := session(1, time.Hour), session(2, time.Hour)
			another.Name, another.Key = "an identity provider's", ""
			require.NoError(t, one.OpenSession(t.Context(), want))
			require.NoError(t, one.OpenSession(t.Context(), another))
			for _, s := range []booking.Session{want, another} {
				got, err := other.Session(t.Context(), s.Digest)
				require.NoError(t, err)
				require.Equal(t, s, got)
			}

			require.NoError(t, other.CloseSession(t.Context(), want.Digest))
			_, err := one.Session(t.Context(), want.Digest)
			require.ErrorIs(t, err, booking.ErrNotFound)
			_, err = one.Session(t.Context(), another.Digest)
			require.NoError(t, err, "nobody else is signed out")
			require.NoError(t, one.CloseSession(t.Context(), want.Digest), "it has ended")
		})
	}
}

func TestASessionThatHasEndedIsNotFoundAndIsForgotten(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		over := session(1, -time.Minute)
		require.NoError(t, s.OpenSession(t.Context(), over))
		_, err := s.Session(t.Context(), over.Digest)
		require.ErrorIs(t, err, booking.ErrNotFound)

		require.NoError(t, s.OpenSession(t.Context(), session(2, time.Hour)))
		require.NoError(t, s.OpenSession(t.Context(), session(3, time.Hour)))
		rows, err := s.Lines(t.Context(), "SELECT CAST(COUNT(*) AS TEXT) FROM sessions")
		require.NoError(t, err)
		require.Equal(t, []string{"2"}, rows)
	})
}

func TestTwoTokensNeverShareASession(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		require.NoError(t, s.OpenSession(t.Context(), session(1, time.Hour)))
		theirs := session(1, time.Hour)
		theirs.Name = "eve"
		require.Error(t, s.OpenSession(t.Context(), theirs))
		got, err := s.Session(t.Context(), theirs.Digest)
		require.NoError(t, err)
		require.Equal(t, "ana", got.Name)
	})
}
