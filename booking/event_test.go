package booking_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
	"hotelbooking/booking/bookingtest"
)

// listener is a journey whose events are kept, as the engine makes them.
type listener struct {
	*journey
	before *booking.Booking
	events []booking.Event
}

func listen(t *testing.T, fates map[string][]bookingtest.Fate, change ...func(*booking.Ask)) *listener {
	t.Helper()
	l := &listener{journey: start(t, fates, change...)}
	l.keep()
	return l
}

func (l *listener) keep() {
	l.Helper()
	entry := l.lines[len(l.lines)-1]
	if l.before != nil && entry.Happenings == nil {
		entry.Happenings = booking.Happenings(l.before, l.b)
	}
	events, err := booking.Events(l.b, entry)
	require.NoError(l, err)
	l.events = append(l.events, events...)
	l.before = l.b.Clone()
}

func (l *listener) until(reached func(*booking.Booking) bool) *listener {
	l.Helper()
	for range 500 {
		if reached(l.b) {
			return l
		}
		l.turn()
		l.keep()
	}
	require.Fail(l, "never reached", "at %v, %s", l.b.Place, l.b.Status())
	return l
}

func (l *listener) decide(d booking.Decision) *listener {
	l.Helper()
	l.journey.decide(d)
	l.keep()
	return l
}

// read is what an event says.
func read(t testing.TB, e booking.Event) booking.EventData {
	t.Helper()
	var data booking.EventData
	require.NoError(t, json.Unmarshal(e.Data, &data))
	return data
}

// told is all events in short: the type, what was moved, the code and the fee, where there are such.
func (l *listener) told() []string {
	l.Helper()
	var all []string
	for _, e := range l.events {
		data, words := read(l, e), []string{string(e.Type)}
		if data.Payment != nil {
			words = append(words, data.Payment.Amount.Amount)
		}
		if data.Code != "" {
			words = append(words, string(data.Code))
		}
		if data.Fee != nil {
			words = append(words, "fee "+data.Fee.Amount)
		}
		all = append(all, strings.Join(words, " "))
	}
	return all
}

// confirmed are the events of a booking that went well.
var confirmed = []string{"booking.accepted", "payment.authorized 346.00", "booking.confirmed", "payment.captured 346.00"}

func TestOtherSystemsAreToldWhatBecomesOfABooking(t *testing.T) {
	t.Parallel()
	type fates = map[string][]bookingtest.Fate
	cancel := booking.Decision{Verb: booking.VerbCancel, Actor: booking.CustomerActor}
	for name, test := range map[string]struct {
		fates fates
		then  func(*listener)
		told  []string
	}{
		"all goes well": {told: confirmed},
		"the room is sold out": {
			fates: fates{"hold": {bookingtest.Refuses}},
			told:  []string{"booking.accepted", "booking.failed offer_sold_out"},
		},
		"the room is sold after the money was reserved": {
			fates: fates{"confirm": {bookingtest.Refuses}},
			told:  []string{"booking.accepted", "payment.authorized 346.00", "payment.voided 346.00", "booking.failed offer_sold_out"},
		},
		"a declined card that nobody replaces": {
			fates: fates{"authorize": {bookingtest.Refuses}},
			told:  []string{"booking.accepted", "booking.failed payment_declined"},
		},
		"a declined card that is replaced": {
			fates: fates{"authorize": {bookingtest.Refuses, bookingtest.Obeys}},
			then: func(l *listener) {
				l.until(status(booking.StatusRequiresAction)).decide(booking.Decision{Verb: booking.VerbPay, Actor: booking.CustomerActor, PaymentToken: "pm_other"})
			},
			told: confirmed,
		},
		"a lost answer is asked about": {
			fates: fates{"authorize": {bookingtest.LosesReply, bookingtest.Obeys}, "capture": {bookingtest.LosesReply, bookingtest.Obeys}},
			told:  confirmed,
		},
		"cancelled before it was confirmed": {
			then: func(l *listener) { l.until(at(booking.Doing, booking.StepConfirm)).decide(cancel) },
			told: []string{"booking.accepted", "payment.authorized 346.00", "payment.voided 346.00", "booking.cancelled cancelled_by_customer fee 0.00"},
		},
		"cancelled for a fee, after it was paid": {
			then: func(l *listener) {
				l.until(ended)
				l.now = l.now.Add(time.Hour)
				l.decide(cancel)
			},
			told: append(confirmed[:4:4], "payment.refunded 276.80", "booking.cancelled cancelled_by_customer fee 69.20"),
		},
		"the supplier does not let go": {
			fates: fates{"cancel": {bookingtest.Refuses}},
			then:  func(l *listener) { l.until(ended).decide(cancel) },
			told:  confirmed,
		},
		"some of it is refunded, twice": {
			then: func(l *listener) {
				for range 2 {
					l.until(ended).decide(booking.Decision{Verb: booking.VerbRefund, Actor: "support:ana", Amount: booking.Money{Minor: 1000, Currency: "EUR"}})
				}
			},
			told: append(confirmed[:4:4], "payment.refunded 10.00", "payment.refunded 10.00"),
		},
		"a person is asked, and says no": {
			fates: fates{"screen": {bookingtest.AsksStaff}},
			then: func(l *listener) {
				l.until(status(booking.StatusInReview)).decide(booking.Decision{Verb: booking.VerbReject, Actor: "support:ana"})
			},
			told: []string{"booking.accepted", "booking.attention_raised fraud_review", "booking.failed review_rejected"},
		},
		"a capture that our staff vouch for": {
			fates: fates{"capture": {bookingtest.Refuses}},
			then: func(l *listener) {
				l.until(at(booking.Parked, booking.StepCapture))
				l.decide(booking.Decision{Verb: booking.VerbNote, Actor: "support:ana", Reason: "it still needs somebody, which is no news"})
				l.decide(booking.Decision{Verb: booking.VerbResolve, Actor: "support:ana", Happened: true})
			},
			told: []string{"booking.accepted", "payment.authorized 346.00", "booking.confirmed", "booking.attention_raised capture_failed", "payment.captured 346.00"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := listen(t, test.fates)
			if test.then != nil {
				test.then(l)
			}
			l.until(ended)
			require.Equal(t, test.told, l.told())
		})
	}
}

func TestAnEventSaysWhereTheBookingStoodThen(t *testing.T) {
	t.Parallel()
	l := listen(t, nil).until(ended)
	statuses := []booking.Status{}
	for _, e := range l.events {
		data := read(t, e)
		statuses = append(statuses, data.Status)
		require.Equal(t, l.b.ID, data.ID)
		require.Equal(t, e.Version, data.Version)
		require.Equal(t, "346.00", data.Price.Amount)
		require.Equal(t, "EUR", data.Price.Currency)
	}
	require.Equal(t, []booking.Status{booking.StatusPending, booking.StatusProcessing, booking.StatusConfirmed, booking.StatusConfirmed}, statuses)
}

func TestTwoEventsOfOneLineHaveNamesAndAnOrderOfTheirOwn(t *testing.T) {
	t.Parallel()
	// The cancellation finds that the money was taken after all, and gives it back in the same turn.
	l := listen(t, map[string][]bookingtest.Fate{"capture": {bookingtest.ActsLate, bookingtest.Obeys}, "find payment": {bookingtest.IsBusy, bookingtest.Obeys}})
	l.until(at(booking.Finding, booking.StepCapture))
	require.NotContains(t, l.told(), "payment.captured 346.00")
	before, after := l.b.Clone(), l.b.Clone()
	after.Facts.Money.Captured, after.Facts.Money.Refunded = 34600, 34600

	events, err := booking.Events(after, booking.Entry{Version: 12, Happenings: booking.Happenings(before, after)})

	require.NoError(t, err)
	require.Len(t, events, 2)
	require.Equal(t, string(after.ID)+":12:payment.captured", events[0].ID)
	require.Equal(t, string(after.ID)+":12:payment.refunded", events[1].ID)
	require.Equal(t, "0000000012.0", events[0].Sequence())
	require.Equal(t, "0000000012.1", events[1].Sequence())
}

func TestSequencesAsTextAreInTheOrderOfTheVersions(t *testing.T) {
	t.Parallel()
	last := ""
	for _, version := range []int{1, 2, 9, 10, 11, 99, 100, 101, 1_000_000, 2_147_483_647} {
		for part := range 3 {
			next := booking.Event{Version: version, Part: part}.Sequence()
			require.Greater(t, next, last)
			last = next
		}
	}
}
