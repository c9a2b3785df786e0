package store

import (
	"bytes"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
	"hotelbooking/booking/bookingtest"
)

func fuzzSteps() (names []booking.Name) {
	for _, step := range booking.NewFlow(booking.Outside{}, booking.DefaultLimits()).Steps {
		names = append(names, step.Name)
	}
	return names
}

// A row that somebody or something has damaged is a booking or an error; what was read is written so that it is read the same.
func FuzzStoredBooking(f *testing.F) {
	flow := booking.NewFlow(booking.Outside{}, booking.DefaultLimits())
	b, entry := flow.Begin(bookingtest.Ask(), bookingtest.Start)
	b.Facts.Hold = booking.Hold{Reference: "H-1", Total: b.Offer.Total, ExpiresAt: bookingtest.Start, Penalties: []booking.Penalty{{Fee: b.Offer.Total}}}
	b.Facts.Cancellation = &booking.Cancellation{At: bookingtest.Start, Code: booking.CancelledByCustomer, Fee: b.Offer.Total}
	b.Facts.Waiting = booking.Waiting{Who: booking.Customer, Reason: booking.PaymentDeclined, From: booking.Doing, Action: booking.Action{Type: booking.ActionThreeDS, URL: "https://bank.example"}}
	b.Facts.Money.Reference, b.Facts.Money.Authorized, b.Facts.Failure.Code = "P-1", 34600, booking.OfferSoldOut
	flow.Apply(b, booking.Next(), bookingtest.Start)
	asked, err := newBookingRow(booking.Acceptance{Booking: b, Entry: entry})
	require.NoError(f, err)
	place, err := newPlaceRow(b)
	require.NoError(f, err)
	f.Add(asked.Offer, asked.Stay, asked.Attribution, place.Terms, place.Facts, place.Money, place.Marks, int64(2), int64(1))
	f.Add("{}", "{}", "null", "{}", "{}", "{}", "", int64(0), int64(0))
	f.Add(`{"total":{"minor":9223372036854775807}}`, `{"rooms":[{}]}`, `{"a":"\u0000"}`, `{"penalties":null}`, `{"cancellation":{}}`, `{"generation":-1}`, "hold done 1 2 3 1 1;gone refused", int64(-1), int64(1<<62))
	f.Add("", "null", "[]", "{", `{"waiting":{"who":7}}`, "\xff", "hold", int64(1), int64(1))
	f.Fuzz(func(t *testing.T, offer, stay, attribution, terms, facts, money, marks string, version, at int64) {
		row := fullRow{
			Asked: bookingRow{ID: string(b.ID), Reference: b.Reference, Client: b.Client, CreatedAt: at, Offer: offer, Stay: stay, Attribution: attribution},
			Place: placeRow{Phase: "doing", Step: "hold", Goal: "confirm", Version: version, UpdatedAt: at, Terms: terms, Facts: facts, Money: money, Marks: marks},
		}
		read, err := row.booking(fuzzSteps())
		if err != nil {
			require.Nil(t, read)
			require.ErrorContains(t, err, string(b.ID), "it says which")
			return
		}
		written := rewritten(t, read)
		again, err := written.booking(fuzzSteps())
		require.NoError(t, err)
		require.Equal(t, written, rewritten(t, again))
		require.Equal(t, read.Status(), again.Status())
		require.Equal(t, read.Facts.Money, again.Facts.Money)
		require.Equal(t, read.Facts.Price, again.Facts.Price)
	})
}

// rewritten is a booking as its rows, all but the people.
func rewritten(t *testing.T, b *booking.Booking) fullRow {
	t.Helper()
	asked, err := newBookingRow(booking.Acceptance{Booking: b})
	require.NoError(t, err)
	place, err := newPlaceRow(b)
	require.NoError(t, err)
	return fullRow{asked, place}
}

func FuzzMarks(f *testing.F) {
	for _, text := range []string{"", "hold succeeded 1;screen running 1 1", "hold unknown 1 2 3 1 1", "hold unknown 1;hold running", "gone refused 9", " ;", "hold x -0", "hold x 1  1", "hold x 1e3"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		steps := fuzzSteps()
		marks, err := readMarks(text, steps)
		if err != nil {
			return
		}
		require.GreaterOrEqual(t, len(marks), len(steps))
		for i, step := range steps {
			require.Equal(t, step, marks[i].Step)
		}
		written := writeMarks(marks)
		again, err := readMarks(written, steps)
		require.NoError(t, err)
		require.Equal(t, marks[:len(steps)], again[:len(steps)])
		require.Equal(t, written, writeMarks(again))
	})
}

// What was sealed is opened with its own key for its own booking, and with nothing else; damaged bytes are an error.
func FuzzSealedPeople(f *testing.F) {
	f.Add("Ana", "ana@example.com", "no nuts", []byte{}, []byte{}, 0)
	f.Add("\xffNúñez", " ANA@example.com ", "\x00", []byte{1, 2, 3}, bytes.Repeat([]byte{7}, 60), 13)
	f.Add("", "", "", []byte{}, bytes.Repeat([]byte{0}, 12), -1)
	keys := Keys{Current: "k", Wrap: map[string][]byte{"k": bytes.Repeat([]byte{1}, 32)}, Index: bytes.Repeat([]byte{2}, 32)}
	f.Fuzz(func(t *testing.T, name, email, request string, dataKey, sealed []byte, at int) {
		b := &booking.Booking{Ask: bookingtest.Ask(func(a *booking.Ask) {
			a.Contact.GivenName, a.Contact.Email, a.Stay.Rooms[0].SpecialRequests = name, email, request
		})}
		row, err := keys.seal(b)
		require.NoError(t, err)
		for _, open := range []string{name, email, request} {
			require.False(t, len(open) > 8 && bytes.Contains(row.Sealed, []byte(open)))
		}
		opened, err := keys.open(row)
		require.NoError(t, err)
		require.Equal(t, string([]rune(name)), opened.Contact.GivenName) // as JSON mends what is no UTF-8
		require.Equal(t, string([]rune(request)), opened.Rooms[0].SpecialRequests)
		require.Equal(t, keys.emailIndex(email), row.EmailIndex)

		refused := func(change func(*peopleRow)) {
			other := peopleRow{ID: row.ID, KeyID: row.KeyID, DataKey: bytes.Clone(row.DataKey), Sealed: bytes.Clone(row.Sealed)}
			change(&other)
			_, err := keys.open(other)
			require.Error(t, err)
		}
		refused(func(r *peopleRow) { r.ID = "01945e2a-7c00-7000-8000-000000000002" })
		refused(func(r *peopleRow) { r.KeyID = "other" })
		refused(func(r *peopleRow) { r.Sealed = sealed })
		refused(func(r *peopleRow) { r.DataKey = append([]byte{}, dataKey...) })
		refused(func(r *peopleRow) { r.Sealed[abs(at)%len(r.Sealed)] ^= 1 })
		refused(func(r *peopleRow) { r.DataKey[abs(at)%len(r.DataKey)] ^= 1 })
		refused(func(r *peopleRow) { r.Sealed = r.Sealed[:abs(at)%len(r.Sealed)] })
	})
}

func abs(n int) int { return max(n, -(n + 1)) }

// A line of history is fit for every database whatever a vendor put into it, and reads the same for ever.
func FuzzHistoryLine(f *testing.F) {
	f.Add("support:ana", "note", "guest_data_rejected", "called the hotel", int64(1_800_000_000_000_000), int64(1500), 3)
	f.Add("webhook:\x00", "turn", "\xff", strings.Repeat("京", 1000), int64(-1), int64(-1), -1)
	f.Fuzz(func(t *testing.T, actor, verb, reason, detail string, at, took int64, version int) {
		e := booking.Entry{
			Version: version, At: moment(at), Actor: actor, Verb: verb, Reason: booking.Reason(reason), Detail: detail,
			Took: time.Duration(took % (1 << 40)), From: booking.Place{Phase: booking.Doing, Step: booking.StepHold}, Outcome: booking.KindNext,
		}
		row := newHistoryRow(e, "a.1")
		for _, text := range []string{row.Actor, row.Reason, row.Detail} {
			require.True(t, utf8.ValidString(text) && !strings.Contains(text, "\x00"))
		}
		require.LessOrEqual(t, len(row.Detail), detailLimit)
		require.LessOrEqual(t, max(len(row.Actor), len(row.Reason)), textLimit)
		read := row.entry(nil)
		require.Equal(t, row, newHistoryRow(read, "a.1"), "read and written again")
		require.Equal(t, e.Version, read.Version)
		require.True(t, e.At.Equal(read.At))
		require.NotPanics(t, func() { _ = read.Say() })
	})
}
