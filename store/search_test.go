package store_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
	"hotelbooking/booking/bookingtest"
	"hotelbooking/store"
	"hotelbooking/store/storetest"
)

// library is a store with one booking in each of several states.
type library struct {
	*store.Store
	fresh, confirmed, failed, parked *booking.Booking
}

// idAt is an id made at that moment.
func idAt(at time.Time) booking.ID {
	ms := fmt.Sprintf("%012x", at.UnixMilli())
	return booking.ID(ms[:8] + "-" + ms[8:] + "-7000-8000-000000000000")
}

func newLibrary(t *testing.T, s *store.Store) library {
	t.Helper()
	at := func(day int, supplier string) func(*booking.Acceptance) {
		return func(a *booking.Acceptance) {
			a.Booking.CreatedAt = bookingtest.Start.AddDate(0, 0, day)
			a.Booking.ID = idAt(a.Booking.CreatedAt)
			a.Booking.Offer.Supplier = supplier
			leased(a)
		}
	}
	l := library{Store: s}
	l.fresh = accepted(t, s, 1, at(1, "x"), func(a *booking.Acceptance) { a.Booking.ClientReference = "" })
	l.confirmed = accepted(t, s, 2, at(2, "x"))
	for _, learn := range []func(*booking.Facts){
		func(f *booking.Facts) { f.Hold.Reference = "HLD-77" },
		func(f *booking.Facts) { f.Verdict.Reference = "SCR-77" },
		func(f *booking.Facts) { f.Money.Reference = "pi_77" },
		func(f *booking.Facts) { f.Reservation.SupplierReference = "SUP-77" },
	} {
		after, entry := turn(l.confirmed, booking.Next())
		learn(&after.Facts)
		require.NoError(t, s.Save(t.Context(), after, entry, booking.KeepLease))
		l.confirmed = after
	}
	l.failed = saved(t, s, accepted(t, s, 3, at(3, "y")), booking.Reject(booking.OfferSoldOut))
	l.parked = saved(t, s, accepted(t, s, 4, at(4, "y")), booking.Park(booking.Staff, booking.OutcomeUnknown))
	return l
}

func found(t *testing.T, bookings []*booking.Booking, err error) []booking.ID {
	t.Helper()
	require.NoError(t, err)
	ids := []booking.ID{}
	for _, b := range bookings {
		require.Equal(t, booking.Contact{}, b.Contact)
		ids = append(ids, b.ID)
	}
	return ids
}

func TestABookingIsFoundByEachOfItsNames(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		l := newLibrary(t, s)
		all := []booking.ID{l.parked.ID, l.failed.ID, l.confirmed.ID, l.fresh.ID}
		said := l.failed.Reference[:4] + "-" + strings.ToLower(l.failed.Reference[4:])
		for q, want := range map[string][]booking.ID{
			string(l.fresh.ID):                  {l.fresh.ID},
			strings.ToUpper(string(l.fresh.ID)): {l.fresh.ID},
			" " + said + " ":                    {l.failed.ID},
			"web-4711":                          {l.parked.ID, l.failed.ID, l.confirmed.ID},
			"key-4":                             {l.parked.ID},
			"HLD-77":                            {l.confirmed.ID},
			"SCR-77":                            {l.confirmed.ID},
			"SUP-77":                            {l.confirmed.ID},
			"pi_77":                             {l.confirmed.ID},
			"Ana@example.com":                   all,
			"nobody@example.com":                {},
			"%":                                 {},
			"' OR 1=1 --":                       {},
			"\x00\xff":                          {},
			"":                                  {},
		} {
			bookings, err := s.Search(t.Context(), q, 10)
			require.Equal(t, want, found(t, bookings, err), "%q", q)
		}
		bookings, err := s.Search(t.Context(), "ana@example.com", 2)
		require.Equal(t, all[:2], found(t, bookings, err), "the newest")
	})
}

func TestClientsFindTheirOwn(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		l := newLibrary(t, s)
		bookings, err := s.ByClientReference(t.Context(), "web", "web-4711")
		require.Equal(t, []booking.ID{l.parked.ID, l.failed.ID, l.confirmed.ID}, found(t, bookings, err))
		bookings, err = s.ByClientReference(t.Context(), "another client", "web-4711")
		require.Empty(t, found(t, bookings, err))
		bookings, err = s.ByClientReference(t.Context(), "web", "")
		require.Empty(t, found(t, bookings, err), "no name is not a name")

		id, err := s.ByReference(t.Context(), l.failed.Reference)
		require.NoError(t, err)
		require.Equal(t, l.failed.ID, id)
		_, err = s.ByReference(t.Context(), "NOSUCHREF0")
		require.ErrorIs(t, err, booking.ErrNotFound)

		key, err := s.IdempotencyKey(t.Context(), l.parked.ID)
		require.NoError(t, err)
		require.Equal(t, "key-4", key)
		_, err = s.IdempotencyKey(t.Context(), "no-such-booking")
		require.ErrorIs(t, err, booking.ErrNotFound)

		versions, err := s.Versions(t.Context(), []booking.ID{l.fresh.ID, l.failed.ID, "no-such-booking"})
		require.NoError(t, err)
		require.Equal(t, map[booking.ID]int{l.fresh.ID: 1, l.failed.ID: 2}, versions)
		versions, err = s.Versions(t.Context(), nil)
		require.NoError(t, err)
		require.Empty(t, versions)
	})
}

func TestSupportListsWhatItAsksFor(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		l := newLibrary(t, s)
		all := []booking.ID{l.parked.ID, l.failed.ID, l.confirmed.ID, l.fresh.ID}
		day := func(n int) time.Time { return bookingtest.Start.AddDate(0, 0, n) }
		for name, c := range map[string]struct {
			filter booking.Filter
			want   []booking.ID
		}{
			"everything":          {booking.Filter{Limit: 10}, all},
			"a page":              {booking.Filter{Limit: 2}, all[:2]},
			"the next page":       {booking.Filter{Limit: 2, After: l.failed.ID}, all[2:]},
			"by status":           {booking.Filter{Limit: 10, Statuses: []booking.Status{booking.StatusFailed, booking.StatusConfirmed}}, all[1:3]},
			"what needs a look":   {booking.Filter{Limit: 10, NeedsLook: true}, all[:1]},
			"why it needs one":    {booking.Filter{Limit: 10, Attention: booking.OutcomeUnknown}, all[:1]},
			"another reason":      {booking.Filter{Limit: 10, Attention: booking.FraudReview}, []booking.ID{}},
			"by supplier":         {booking.Filter{Limit: 10, Supplier: "y"}, all[:2]},
			"by failure":          {booking.Filter{Limit: 10, Failure: booking.OfferSoldOut}, all[1:2]},
			"created after":       {booking.Filter{Limit: 10, CreatedAfter: day(2)}, all[:2]},
			"created before":      {booking.Filter{Limit: 10, CreatedBefore: day(2)}, all[3:]},
			"several at once":     {booking.Filter{Limit: 10, Supplier: "y", CreatedAfter: day(3)}, all[:1]},
			"no limit is one row": {booking.Filter{}, all[:1]},
		} {
			bookings, err := s.List(t.Context(), c.filter)
			require.Equal(t, c.want, found(t, bookings, err), name)
		}
	})
}

func TestStepsInUseAreThoseOfWhatHasNotEnded(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		steps, err := s.StepsInUse(t.Context())
		require.NoError(t, err)
		require.Empty(t, steps)
		l := newLibrary(t, s)
		saved(t, s, accepted(t, s, 5, leased), booking.Next())
		require.NoError(t, s.Exec(t.Context(), "UPDATE places SET step = 'of-an-older-table' WHERE id = ?", string(l.parked.ID)))
		steps, err = s.StepsInUse(t.Context())
		require.NoError(t, err)
		require.ElementsMatch(t, []booking.Name{booking.StepHold, booking.StepScreen, booking.StepCapture, "of-an-older-table"}, steps)
	})
}

func TestAttentionIsDatedFromWhenItBegan(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		since := func(id booking.ID) string {
			lines, err := s.Lines(t.Context(), "SELECT CAST(attention_since AS TEXT) FROM places WHERE id = ? AND attention_since IS NOT NULL", string(id))
			require.NoError(t, err)
			return strings.Join(lines, "")
		}
		b := saved(t, s, accepted(t, s, 1, leased), booking.Park(booking.Staff, booking.OutcomeUnknown))
		began := since(b.ID)
		require.NotEmpty(t, began)
		_, err := s.Decide(t.Context(), b.ID, note)
		require.NoError(t, err)
		require.Equal(t, began, since(b.ID))
		_, err = s.Decide(t.Context(), b.ID, func(b *booking.Booking) (booking.Entry, error) {
			return flow().Decide(b, booking.Decision{Verb: booking.VerbRetry, Actor: "support:ana"}, time.Now())
		})
		require.NoError(t, err)
		require.Empty(t, since(b.ID))
	})
}
