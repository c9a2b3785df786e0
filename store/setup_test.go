package store_test

import (
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
	"hotelbooking/booking/bookingtest"
	"hotelbooking/store"
	"hotelbooking/store/storetest"
)

func TestMain(m *testing.M) {
	dir := flag.String("migrate", "", "migrate the SQLite file of a directory, print what was applied, and end")
	flag.Parse()
	if *dir != "" {
		os.Exit(migrateAlone(*dir))
	}
	os.Exit(storetest.Run(m))
}

func flow() booking.Flow { return booking.NewFlow(booking.Outside{}, booking.DefaultLimits()) }

// acceptance is booking number n, due now, under a key of its own.
func acceptance(n int, change ...func(*booking.Acceptance)) booking.Acceptance {
	b, entry := flow().Begin(bookingtest.Ask(func(ask *booking.Ask) {
		ask.ID = booking.ID(fmt.Sprintf("01945e2a-7c00-7000-8000-%012x", n))
		ask.Reference = booking.NewReference([6]byte{byte(n >> 8), byte(n), 1, 2, 3, 4})
	}), time.Now())
	a := booking.Acceptance{Booking: b, Entry: entry, Key: fmt.Sprintf("key-%d", n)}
	for _, f := range change {
		f(&a)
	}
	return a
}

// leased makes the acceptance one that is held from the start.
func leased(a *booking.Acceptance) { a.Owner, a.Lease = "test.1", time.Minute }

// accepted stores booking number n.
func accepted(t testing.TB, s *store.Store, n int, change ...func(*booking.Acceptance)) *booking.Booking {
	t.Helper()
	receipt, err := s.Accept(t.Context(), acceptance(n, change...))
	require.NoError(t, err)
	require.False(t, receipt.Replayed)
	return receipt.Booking
}

// turn applies an outcome to a copy of b.
func turn(b *booking.Booking, o booking.Outcome) (*booking.Booking, booking.Entry) {
	after := b.Clone()
	return after, flow().Apply(after, o, time.Now())
}

// saved saves a turn of b, and gives it back.
func saved(t testing.TB, s *store.Store, b *booking.Booking, o booking.Outcome, change ...func(*booking.Booking)) *booking.Booking {
	t.Helper()
	after, entry := turn(b, o)
	for _, f := range change {
		f(after)
	}
	require.NoError(t, s.Save(t.Context(), after, entry, 0))
	return after
}

func get(t testing.TB, s *store.Store, id booking.ID) *booking.Booking {
	t.Helper()
	b, err := s.Get(t.Context(), id)
	require.NoError(t, err)
	return b
}
