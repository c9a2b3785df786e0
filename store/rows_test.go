package store

import (
	"maps"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"hotelbooking/booking"
)

func TestABookingSurvivesItsRows(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := anyBooking(t)
		asked, err := newBookingRow(booking.Acceptance{Booking: want})
		require.NoError(t, err)
		place, err := newPlaceRow(want)
		require.NoError(t, err)
		if place.Owner = want.Owner; !want.DueAt.IsZero() {
			due := want.DueAt.UnixMicro()
			place.DueAt = &due
		}
		require.NotContains(t, asked.Stay, canary)

		people, err := testKeys().seal(want)
		require.NoError(t, err)
		got, err := (&Store{cfg: Config{Keys: testKeys()}, steps: theSteps}).whole(&wholeRow{fullRow{asked, place}, people})
		require.NoError(t, err)
		require.Equal(t, want, got)

		require.Len(t, asked.values(), len(bookingsIn))
		require.Len(t, place.values("", "", "", "", afterwards{}), len(placesIn))
		require.Len(t, people.values(), len(peopleIn))
	})
}

func TestALineOfHistorySurvivesItsRow(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := booking.Entry{
			Version: rapid.IntRange(1, 1<<40).Draw(t, "version"), At: anyTime(t), Actor: anyWord(t), Verb: anyWord(t),
			From: anyPlace(t), To: anyPlace(t), Attempt: rapid.IntRange(0, 1000).Draw(t, "attempt"),
			Outcome: booking.Kind(anyWord(t)), Reason: booking.Reason(anyWord(t)), Detail: anyWord(t),
			Took: time.Duration(rapid.Int64Range(0, 1<<40).Draw(t, "took")) * time.Microsecond, Status: booking.Status(anyWord(t)),
			Calls: rapid.SliceOfN(rapid.Custom(anyCall), 0, callsMost).Draw(t, "calls"),
		}
		if len(want.Calls) == 0 {
			want.Calls = nil
		}
		row := newHistoryRow(want, "a.1")
		require.Equal(t, want, row.entry(writeCalls(want.Calls)))
		require.Len(t, row.values("", lineTexts{}), len(linesIn))
	})
}

func TestWhatOthersSentUsFitsIntoAColumn(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes"))
		got := clean(s, 20)
		require.LessOrEqual(t, len(got), 20)
		require.NotContains(t, got, "\x00")
		require.Equal(t, []rune(got), []rune(string([]rune(got))), "no broken characters")
	})
	require.Equal(t, "Núñez", clean("Núñez", 7))
	require.Equal(t, "N", clean("Núñez", 2), "no half of a character")
}

// canary is in every personal field.
const canary = "CANARY"

func testKeys() Keys {
	return Keys{Current: "a", Wrap: map[string][]byte{"a": make([]byte, 32)}, Index: make([]byte, 32)}
}

func anyWord(t *rapid.T) string { return rapid.StringMatching(`[a-zñ_]{0,12}`).Draw(t, "word") }

func anyTime(t *rapid.T) time.Time {
	return time.UnixMicro(rapid.Int64Range(0, 4e15).Draw(t, "micros")).UTC()
}

// maybe is v, or the zero value.
func maybe[T any](t *rapid.T, v T) T {
	if rapid.Bool().Draw(t, "set") {
		return v
	}
	var none T
	return none
}

func anyPlace(t *rapid.T) booking.Place {
	return booking.Place{
		Phase: rapid.SampledFrom([]booking.Phase{booking.Doing, booking.Finding, booking.Undoing, booking.Parked, booking.Ended}).Draw(t, "phase"),
		Step:  booking.Name(anyWord(t)),
	}
}

func anyMoney(t *rapid.T) booking.Money {
	return booking.Money{Minor: rapid.Int64().Draw(t, "minor"), Currency: anyWord(t)}
}

func anyRoom(t *rapid.T) booking.Room {
	return booking.Room{
		Adults: rapid.IntRange(0, 9).Draw(t, "adults"), ChildAges: maybe(t, []int{3, 17}),
		Guests:          maybe(t, []booking.Guest{{GivenName: canary, FamilyName: canary + anyWord(t), Lead: true}}),
		SpecialRequests: maybe(t, canary),
	}
}

func anyBooking(t *rapid.T) *booking.Booking {
	b := &booking.Booking{
		Ask: booking.Ask{
			ID: booking.ID(anyWord(t)), Reference: anyWord(t), Client: anyWord(t), ClientReference: anyWord(t), CreatedAt: anyTime(t),
			Offer: booking.Offer{
				Supplier: anyWord(t), Token: anyWord(t), Total: anyMoney(t), TolerancePercent: rapid.IntRange(0, 100).Draw(t, "percent"),
				ExpiresAt: maybe(t, anyTime(t)),
			},
			Stay: booking.Stay{
				HotelID: anyWord(t), HotelName: anyWord(t), HotelTimezone: anyWord(t), CheckIn: anyWord(t), CheckOut: anyWord(t),
				Rooms: maybe(t, []booking.Room{anyRoom(t), anyRoom(t)}),
			},
			Contact:      booking.Contact{GivenName: canary + anyWord(t), Email: canary + anyWord(t), Phone: canary, Country: anyWord(t)},
			PaymentToken: anyWord(t), ReturnURL: anyWord(t), Trace: anyWord(t), Attribution: maybe(t, map[string]string{anyWord(t): anyWord(t)}),
		},
		State: booking.State{
			Version: rapid.IntRange(1, 1<<40).Draw(t, "version"), UpdatedAt: anyTime(t), Place: anyPlace(t),
			Goal: booking.Goal(anyWord(t)), Result: booking.Result(anyWord(t)), DueAt: maybe(t, anyTime(t)),
			Crashes: rapid.IntRange(0, 9).Draw(t, "crashes"), Attention: booking.Reason(anyWord(t)), Owner: anyWord(t),
			Crashed: rapid.Bool().Draw(t, "crashed"),
		},
	}
	b.Facts = booking.Facts{
		Marks: anyMarks(t),
		Terms: booking.Terms{
			Price: anyMoney(t), Deadline: anyTime(t), Offered: maybe(t, booking.Money{Minor: 5, Currency: anyWord(t)}), TermsAgreed: rapid.Bool().Draw(t, "agreed"),
			Hold: maybe(t, booking.Hold{
				Reference: anyWord(t), Total: anyMoney(t), ExpiresAt: anyTime(t), Penalties: []booking.Penalty{{From: anyTime(t), Fee: anyMoney(t)}},
			}),
		},
		Failure:     maybe(t, booking.Failure{Code: booking.Reason(anyWord(t)), Decline: anyWord(t)}),
		Money:       booking.Ledger{Token: anyWord(t), Reference: anyWord(t), Captured: rapid.Int64().Draw(t, "captured"), CaptureBefore: maybe(t, anyTime(t))},
		Reservation: maybe(t, booking.Reservation{SupplierReference: anyWord(t)}),
		Waiting:     maybe(t, booking.Waiting{Who: booking.Staff, Since: anyTime(t), Until: maybe(t, anyTime(t))}),
		ConfirmedAt: maybe(t, anyTime(t)), Cancellation: maybe(t, &booking.Cancellation{At: anyTime(t), Actor: anyWord(t), Fee: anyMoney(t)}),
	}
	return b
}

// theSteps are the flow's; a mark of another one is of an older table.
var theSteps = []booking.Name{"one", "two", "three"}

func anyMarks(t *rapid.T) []booking.Mark {
	marks := make([]booking.Mark, len(theSteps), len(theSteps)+1)
	few := func(name string) int { return rapid.IntRange(0, 3).Draw(t, name) }
	for i, step := range theSteps {
		marks[i] = booking.Mark{
			Step: step, State: rapid.SampledFrom([]booking.MarkState{booking.MarkPending, booking.MarkBegun, booking.MarkDone}).Draw(t, "state"),
			Attempts: few("attempts"), Tries: few("tries"), Asked: few("asked"), Doubt: rapid.Bool().Draw(t, "doubt"), UndoDoubt: rapid.Bool().Draw(t, "undo doubt"),
		}
	}
	if rapid.Bool().Draw(t, "older") {
		marks = append(marks, booking.Mark{Step: "older", State: booking.MarkUndone, Attempts: 1})
	}
	return marks
}

func TestAMarkThatCannotBeReadIsAnError(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"hold", "hold ", "hold succeeded x", "hold succeeded 1;", ";"} {
		_, err := readMarks(text, theSteps)
		require.Error(t, err, text)
	}
}

func TestEqualAddressesHaveOneIndex(t *testing.T) {
	t.Parallel()
	k := testKeys()
	want := k.emailIndex("núñez@example.com")
	for _, same := range []string{" NÚÑEZ@Example.com\n", "nu\u0301n\u0303ez@example.com"} {
		require.Equal(t, want, k.emailIndex(same))
	}
	require.NotEqual(t, want, k.emailIndex("nunez@example.com"))
	other := maps.Clone(k.Wrap)
	require.NotEqual(t, want, Keys{Wrap: other, Index: []byte("another key of thirty-two bytes!")}.emailIndex("núñez@example.com"))
	require.Nil(t, k.emailIndex("  "))
}
