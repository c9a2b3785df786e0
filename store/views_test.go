package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
	"hotelbooking/booking/bookingtest"
	"hotelbooking/store"
	"hotelbooking/store/storetest"
)

// named makes the acceptance one of a guest, by a name that a client gave it.
func named(client, reference, email string) func(*booking.Acceptance) {
	return func(a *booking.Acceptance) {
		a.Booking.Client, a.Booking.ClientReference, a.Booking.Contact.Email = client, reference, email
	}
}

func TestRelatedAreTheOthersOfTheSameGuest(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		b := accepted(t, s, 3, named("web", "trip-1", "ana@example.com"))
		sameName := accepted(t, s, 1, named("web", "trip-1", "bo@example.com"))
		sameGuest := accepted(t, s, 2, named("app", "trip-2", "ANA@example.com"))
		both := accepted(t, s, 4, named("web", "trip-1", "ana@example.com"))
		accepted(t, s, 5, named("app", "trip-1", "cy@example.com")) // another client's name
		nobody := accepted(t, s, 6, named("web", "", ""))
		accepted(t, s, 7, named("web", "", ""))

		bookings, err := s.Related(t.Context(), b.ID, 10)
		require.Equal(t, []booking.ID{both.ID, sameGuest.ID, sameName.ID}, found(t, bookings, err))
		bookings, err = s.Related(t.Context(), b.ID, 2)
		require.Equal(t, []booking.ID{both.ID, sameGuest.ID}, found(t, bookings, err), "the newest")
		bookings, err = s.Related(t.Context(), both.ID, 1)
		require.Equal(t, []booking.ID{b.ID}, found(t, bookings, err), "itself takes nobody's place")
		bookings, err = s.Related(t.Context(), b.ID, 0)
		require.Empty(t, found(t, bookings, err))
		bookings, err = s.Related(t.Context(), nobody.ID, 10)
		require.Empty(t, found(t, bookings, err), "no name, and no address, is nothing in common")
		for _, none := range []booking.ID{"no-such-booking", "01945e2a-7c00-7000-8000-0000000000ff", ""} {
			bookings, err = s.Related(t.Context(), none, 10)
			require.Empty(t, found(t, bookings, err))
		}

		_, err = s.Erase(t.Context(), b.ID, erasure)
		require.NoError(t, err)
		bookings, err = s.Related(t.Context(), b.ID, 10)
		require.Equal(t, []booking.ID{both.ID, sameName.ID}, found(t, bookings, err), "whose guest it was nobody knows any more")
	})
}

func TestACountIsOfWhatAListWouldShowAndEndsAtItsBound(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		l := newLibrary(t, s)
		day := func(n int) time.Time { return bookingtest.Start.AddDate(0, 0, n) }
		for name, c := range map[string]struct {
			filter booking.Filter
			most   int
			want   int
		}{
			"everything":             {booking.Filter{}, 10, 4},
			"a limit is of no page":  {booking.Filter{Limit: 1}, 10, 4},
			"the bound":              {booking.Filter{}, 3, 3},
			"a bound of nothing":     {booking.Filter{}, 0, 0},
			"after one":              {booking.Filter{After: l.failed.ID}, 10, 2},
			"statuses":               {booking.Filter{Statuses: []booking.Status{booking.StatusFailed, booking.StatusConfirmed}}, 10, 2},
			"a supplier":             {booking.Filter{Supplier: "y"}, 10, 2},
			"a failure":              {booking.Filter{Failure: booking.OfferSoldOut}, 10, 1},
			"a failure since":        {booking.Filter{Failure: booking.OfferSoldOut, CreatedAfter: day(2)}, 10, 1},
			"a failure not since":    {booking.Filter{Failure: booking.OfferSoldOut, CreatedAfter: day(3)}, 10, 0},
			"a failure of before":    {booking.Filter{Failure: booking.OfferSoldOut, CreatedAfter: day(4)}, 10, 0},
			"statuses since":         {booking.Filter{Statuses: []booking.Status{booking.StatusFailed, booking.StatusProcessing}, CreatedAfter: day(3)}, 10, 1},
			"of a supplier since":    {booking.Filter{Supplier: "y", Statuses: []booking.Status{booking.StatusFailed}, CreatedAfter: day(2)}, 10, 1},
			"a look needed since":    {booking.Filter{NeedsLook: true, Supplier: "y", CreatedAfter: day(3)}, 10, 1},
			"a failure of long ago":  {booking.Filter{Failure: booking.OfferSoldOut, CreatedBefore: day(2)}, 10, 0},
			"what needs a look":      {booking.Filter{NeedsLook: true}, 10, 1},
			"an attention":           {booking.Filter{Attention: booking.OutcomeUnknown}, 10, 1},
			"no such attention":      {booking.Filter{Attention: booking.FraudReview}, 10, 0},
			"not paid yet":           {booking.Filter{Uncaptured: true}, 10, 1},
			"what cannot be a value": {booking.Filter{Supplier: "\x00"}, 10, 0},
			"what cannot be an id":   {booking.Filter{After: "\x00", Supplier: "y"}, 10, 0},
		} {
			count, err := s.Count(t.Context(), c.filter, c.most)
			require.NoError(t, err, name)
			require.Equal(t, c.want, count, name)
		}
	})
}

func TestAttentionsAreCountedByReasonUpToTheirBound(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		counts, err := s.Attentions(t.Context(), 10)
		require.NoError(t, err)
		require.Empty(t, counts)

		park := func(n int, reason booking.Reason, since time.Time) {
			b := saved(t, s, accepted(t, s, n, leased), booking.Park(booking.Staff, reason))
			require.NoError(t, s.Exec(t.Context(), "UPDATE places SET attention_since = ? WHERE id = ?", since.UnixMicro(), string(b.ID)))
		}
		at := bookingtest.Start
		park(1, booking.OutcomeUnknown, at.Add(2*time.Hour))
		park(2, booking.OutcomeUnknown, at.Add(time.Hour))
		park(3, booking.OutcomeUnknown, at)
		park(4, booking.FraudReview, at.Add(3*time.Hour))
		saved(t, s, accepted(t, s, 5, leased), booking.Reject(booking.OfferSoldOut))

		counts, err = s.Attentions(t.Context(), 10)
		require.NoError(t, err)
		require.Equal(t, []booking.AttentionCount{
			{Reason: booking.FraudReview, Count: 1, Oldest: at.Add(3 * time.Hour)},
			{Reason: booking.OutcomeUnknown, Count: 3, Oldest: at},
		}, counts)
		counts, err = s.Attentions(t.Context(), 2)
		require.NoError(t, err)
		require.Equal(t, booking.AttentionCount{Reason: booking.OutcomeUnknown, Count: 2, Oldest: at.Add(time.Hour)}, counts[1])
	})
}
