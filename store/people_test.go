package store_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"hotelbooking/booking"
	"hotelbooking/store"
	"hotelbooking/store/storetest"
)

// personal gives an acceptance words that must be nowhere but sealed.
func personal(a *booking.Acceptance) {
	b := a.Booking
	b.Contact = booking.Contact{
		GivenName: "Canaryana", FamilyName: "Canaryez", Email: "canary@example.com", Phone: "+34canary", Country: "ES", Language: "es",
	}
	b.Stay.Rooms = []booking.Room{{
		Adults: 1, ChildAges: []int{7}, SpecialRequests: "a canary's cage",
		Guests: []booking.Guest{{GivenName: "Canaryana", FamilyName: "Canaryez", Lead: true}},
	}}
}

func TestPersonalDataIsReadableOnlyWithItsKey(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		b := accepted(t, s, 1, personal)
		contact, rooms, err := s.People(t.Context(), b.ID)
		require.NoError(t, err)
		require.Equal(t, b.Contact, contact)
		require.Equal(t, b.Stay.Rooms, rooms)

		_, err = s.Claim(t.Context(), booking.Claim{Pool: booking.ProviderPool, Limit: 1, Owner: "a.1", Lease: time.Minute})
		require.NoError(t, err)
		for _, table := range []string{"bookings", "places", "people", "history"} {
			lines, err := s.Everything(t.Context(), table)
			require.NoError(t, err)
			require.NotEmpty(t, lines)
			require.NotContains(t, strings.ToLower(strings.Join(lines, "\n")), "canary", table)
		}
		_, _, err = s.People(t.Context(), "no-such-booking")
		require.ErrorIs(t, err, booking.ErrNotFound)
	})
}

func TestNoFileOfSQLiteHoldsPersonalData(t *testing.T) {
	t.Parallel()
	cfg := storetest.SQLiteConfig(t)
	s := storetest.Open(t, cfg)
	accepted(t, s, 1, personal)
	files, err := filepath.Glob(filepath.Join(cfg.Dir, "*"))
	require.NoError(t, err)
	size := 0
	for _, file := range files {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		require.NotContains(t, strings.ToLower(string(content)), "canary", file)
		size += len(content)
	}
	require.Greater(t, size, 4096)
}

func TestErasureLosesThePeopleAndNothingElse(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		b := accepted(t, s, 1, personal)
		found, err := s.Search(t.Context(), "Canary@example.com ", 10)
		require.NoError(t, err)
		require.Len(t, found, 1)

		for range 2 {
			_, err = s.Erase(t.Context(), b.ID, erasure)
			require.NoError(t, err)
		}
		_, err = s.Erase(t.Context(), "no-such-booking", erasure)
		require.ErrorIs(t, err, booking.ErrNotFound)

		contact, rooms, err := s.People(t.Context(), b.ID)
		require.NoError(t, err)
		require.Equal(t, booking.Contact{}, contact)
		require.Empty(t, rooms)
		found, err = s.Search(t.Context(), "canary@example.com", 10)
		require.NoError(t, err)
		require.Empty(t, found)

		claimed, err := s.Claim(t.Context(), booking.Claim{Pool: booking.ProviderPool, Limit: 1, Owner: "a.1", Lease: time.Minute})
		require.NoError(t, err)
		require.Len(t, claimed, 1)
		require.Equal(t, []booking.Room{{Adults: 1, ChildAges: []int{7}}}, claimed[0].Stay.Rooms, "how many they are is no secret")
		saved(t, s, claimed[0], booking.Next())
		history, err := s.History(t.Context(), b.ID)
		require.NoError(t, err)
		require.Len(t, history, 4, "with two lines that say who erased it")
	})
}

func TestOldKeysReadWhatTheySealed(t *testing.T) {
	t.Parallel()
	cfg := storetest.SQLiteConfig(t)
	before := storetest.Open(t, cfg)
	first := accepted(t, before, 1, personal)

	rotated := cfg
	rotated.Keys.Current = "new"
	rotated.Keys.Wrap = map[string][]byte{"new": bytes.Repeat([]byte{9}, 32), "test": cfg.Keys.Wrap["test"]}
	after := storetest.Open(t, rotated)
	second := accepted(t, after, 2, personal)
	for _, id := range []booking.ID{first.ID, second.ID} {
		contact, _, err := after.People(t.Context(), id)
		require.NoError(t, err)
		require.Equal(t, first.Contact, contact)
	}
	_, _, err := before.People(t.Context(), second.ID)
	require.ErrorContains(t, err, `key "new"`)
}

func TestAProcessWithOtherKeysIsRefused(t *testing.T) {
	t.Parallel()
	cfg := storetest.SQLiteConfig(t)
	accepted(t, storetest.Open(t, cfg), 1)
	cfg.Keys.Current, cfg.Keys.Wrap = "other", map[string][]byte{"other": bytes.Repeat([]byte{9}, 32)}
	_, err := store.Open(t.Context(), cfg, zap.NewNop())
	require.ErrorContains(t, err, "sealed with key test")
	require.ErrorContains(t, err, "secrets.people_key")
}

func TestARowThatCannotBeReadStopsNobodyElses(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		bad, good := accepted(t, s, 1), accepted(t, s, 2)
		require.NoError(t, s.Exec(t.Context(), "UPDATE people SET key_id = 'lost' WHERE id = ?", string(bad.ID)))
		claimed, err := s.Claim(t.Context(), booking.Claim{Pool: booking.ProviderPool, Limit: 5, Owner: "a.1", Lease: time.Minute})
		require.NoError(t, err)
		require.Len(t, claimed, 1)
		require.Equal(t, good.ID, claimed[0].ID)
		looked, err := s.List(t.Context(), booking.Filter{Attention: booking.Unreadable, Limit: 5})
		require.NoError(t, err)
		require.Len(t, looked, 1)
		require.Equal(t, bad.ID, looked[0].ID)
		require.Empty(t, looked[0].Owner, "another process, with the key, may claim it")
	})
}

func TestAStepOfAnotherVersionIsLeftToThatVersion(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		other, mine := accepted(t, s, 1), accepted(t, s, 2)
		require.NoError(t, s.Exec(t.Context(), "UPDATE places SET step = 'insure' WHERE id = ?", string(other.ID)))
		claim := booking.Claim{Pool: booking.ProviderPool, Limit: 5, Owner: "a.1", Lease: time.Minute}
		claimed, err := s.Claim(t.Context(), claim)
		require.NoError(t, err)
		require.Len(t, claimed, 1)
		require.Equal(t, mine.ID, claimed[0].ID)
		aside := get(t, s, other.ID)
		require.Equal(t, booking.Unreadable, aside.Attention)
		require.Empty(t, aside.Owner)
		require.Equal(t, booking.Place{Phase: booking.Doing, Step: "insure"}, aside.Place, "nothing was done, and it may go on")
		require.Equal(t, 1, aside.Version)

		claim.Owner = "a.2"
		claimed, err = s.Claim(t.Context(), claim)
		require.NoError(t, err)
		require.Empty(t, claimed, "not again at once")
	})
}

func TestSealedDataCannotBeSwappedBetweenBookings(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		mine, theirs := accepted(t, s, 1, personal), accepted(t, s, 2, personal)
		require.NoError(t, s.Exec(t.Context(), `
UPDATE people SET data_key = (SELECT data_key FROM people WHERE id = ?), sealed = (SELECT sealed FROM people WHERE id = ?)
WHERE id = ?`, string(theirs.ID), string(theirs.ID), string(mine.ID)))
		_, _, err := s.People(t.Context(), mine.ID)
		require.ErrorContains(t, err, "unwrap")
	})
}

func TestABadConfigurationIsReportedWhole(t *testing.T) {
	t.Parallel()
	err := store.Config{
		MaxConns: 1, Flushers: 9, Timeout: -1,
		Keys: store.Keys{Current: "gone", Wrap: map[string][]byte{"short": {1}}, Index: []byte{1}},
	}.Validate()
	for _, problem := range []string{"URL", "MaxConns", "Timeout", `"gone"`, `"short" has 1 bytes`, "e-mail index"} {
		require.ErrorContains(t, err, problem)
	}
	require.NoError(t, store.Config{Dir: "data", Keys: storetest.Keys()}.Validate())
}
