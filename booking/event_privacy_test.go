package booking_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
	"hotelbooking/booking/bookingtest"
)

// mayLeave are the texts of a booking that its events may have. Before a line is added here: is it written by a person, or
// does it lead to one?
var mayLeave = []string{
	"Ask.ID", "Ask.Reference", "Ask.ClientReference", "Ask.Offer.Supplier", "Ask.Stay.HotelID", "Ask.Stay.HotelTimezone",
	"Ask.Stay.CheckIn", "Ask.Stay.CheckOut", "State.Attention", "State.Facts.Terms.Price.Currency", "State.Facts.Failure.Code",
	"State.Facts.Cancellation.Code", "Entry.Status",
}

// paths sets every text of a value to its own path, and everything else to something that is there.
func paths(v reflect.Value, path string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(path)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		paths(v.Elem(), path)
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(bookingtest.Start))
			return
		}
		for i := range v.NumField() {
			paths(v.Field(i), path+"."+v.Type().Field(i).Name)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		paths(v.Index(0), path)
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		paths(key, path+".key")
		paths(value, path+".value")
		v.SetMapIndex(key, value)
	case reflect.Int, reflect.Int64:
		v.SetInt(7)
	case reflect.Bool:
		v.SetBool(true)
	default:
	}
}

// texts are all texts in a JSON value.
func texts(value any) (all []string) {
	switch v := value.(type) {
	case string:
		all = append(all, v)
	case map[string]any:
		for _, inner := range v {
			all = append(all, texts(inner)...)
		}
	case []any:
		for _, inner := range v {
			all = append(all, texts(inner)...)
		}
	}
	return all
}

func TestNothingOfABookingLeavesButWhatIsListed(t *testing.T) {
	t.Parallel()
	b, entry := &booking.Booking{}, booking.Entry{}
	paths(reflect.ValueOf(&b.Ask).Elem(), "Ask")
	paths(reflect.ValueOf(&b.State).Elem(), "State")
	paths(reflect.ValueOf(&entry).Elem(), "Entry")
	entry.Happenings = nil
	for _, event := range booking.EventTypes() {
		entry.Happenings = append(entry.Happenings, booking.Happening{Type: event, Minor: 7})
	}

	events, err := booking.Events(b, entry)

	require.NoError(t, err)
	require.Len(t, events, len(booking.EventTypes()))
	left := map[string]bool{}
	for _, e := range events {
		envelope, err := e.CloudEvent("/hotelbooking")
		require.NoError(t, err)
		var said any
		require.NoError(t, json.Unmarshal(envelope, &said))
		for _, text := range texts(said) {
			for _, root := range []string{"Ask.", "State.", "Entry."} {
				if from := strings.Index(text, root); from >= 0 {
					path := strings.TrimSuffix(text[from:], fmt.Sprintf(":7:%s", e.Type)) // the event's id
					require.Contains(t, mayLeave, path, "%s has it", e.Type)
					left[path] = true
				}
			}
		}
	}
	for _, path := range mayLeave {
		require.True(t, left[path], "%s is listed, and in no event", path)
	}
}

func TestNoGuestIsInTheEventsOfARealBooking(t *testing.T) {
	t.Parallel()
	const canary = "CANARY"
	l := listen(t, map[string][]bookingtest.Fate{"screen": {bookingtest.AsksStaff}, "authorize": {bookingtest.Refuses, bookingtest.Obeys}}, func(ask *booking.Ask) {
		paths(reflect.ValueOf(&ask.Contact).Elem(), canary)
		paths(reflect.ValueOf(&ask.Stay.Rooms).Elem(), canary)
		ask.PaymentToken, ask.ReturnURL, ask.Attribution = canary, canary, map[string]string{canary: canary}
		ask.Offer.Token, ask.Stay.HotelName = canary, canary
	})
	l.until(status(booking.StatusInReview)).decide(booking.Decision{Verb: booking.VerbApprove, Actor: "support:" + canary, Reason: canary})
	l.until(status(booking.StatusRequiresAction)).decide(booking.Decision{Verb: booking.VerbPay, Actor: booking.CustomerActor, PaymentToken: canary})
	l.until(ended).decide(booking.Decision{Verb: booking.VerbNote, Actor: "support:" + canary, Reason: canary})
	l.decide(booking.Decision{Verb: booking.VerbCancel, Actor: "support:" + canary, Reason: canary})
	l.until(ended)

	require.Equal(t, booking.StatusCancelled, l.b.Status())
	require.GreaterOrEqual(t, len(l.events), 7)
	for _, e := range l.events {
		envelope, err := e.CloudEvent("/hotelbooking")
		require.NoError(t, err)
		require.NotContains(t, string(envelope), canary)
	}
	require.False(t, slices.ContainsFunc(l.events, func(e booking.Event) bool { return e.Type == booking.EventFailed }))
}
