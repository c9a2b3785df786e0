package booking_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotelbooking/booking"
	"hotelbooking/booking/bookingtest"
)

// A reference that is read is the one that was written, and one mistyped character is never another guest's booking.
func FuzzParseReference(f *testing.F) {
	for _, s := range []string{booking.NewReference([6]byte{1, 2, 3, 4, 5, 6}), "oil-oil oil", " 0000000000 ", "ZZZZZZZZZZ", "", "ſſſſſſſſſſ", "1818G1801\u0130"} {
		f.Add(s, byte(3), byte(7))
	}
	f.Fuzz(func(t *testing.T, s string, at, other byte) {
		reference, err := booking.ParseReference(s)
		if err != nil {
			require.Empty(t, reference)
			return
		}
		require.Len(t, reference, 10)
		require.Empty(t, strings.Trim(reference, letters))
		for _, spoken := range []string{reference, strings.ToLower(reference), " " + reference[:5] + "-" + reference[5:] + " "} {
			again, err := booking.ParseReference(spoken)
			require.NoError(t, err)
			require.Equal(t, reference, again)
		}
		mistyped := []byte(reference)
		wrong := letters[int(other)%len(letters)]
		was := mistyped[int(at)%len(mistyped)]
		mistyped[int(at)%len(mistyped)] = wrong
		if was == wrong || was == '0' && wrong == 'Z' || was == 'Z' && wrong == '0' {
			return
		}
		_, err = booking.ParseReference(string(mistyped))
		require.Error(t, err, "%s for %s", mistyped, reference)
	})
}

const letters = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

func FuzzNewReference(f *testing.F) {
	f.Add([]byte{1, 2, 3, 4, 5, 6})
	f.Add([]byte{255, 255, 255, 255, 255, 255})
	f.Fuzz(func(t *testing.T, random []byte) {
		var six [6]byte
		copy(six[:], random)
		reference := booking.NewReference(six)
		again, err := booking.ParseReference(reference)
		require.NoError(t, err)
		require.Equal(t, reference, again)
	})
}

// An amount that is read is written the same, but for zeros in front; and nothing but digits and one point is an amount.
func FuzzParseMoney(f *testing.F) {
	for _, s := range [][2]string{
		{"346.00", "EUR"}, {"346", "JPY"}, {"1.250", "KWD"}, {"0.0001", "CLF"}, {"9223372036854775.807", "BHD"}, {"-1.00", "EUR"},
		{"1e3", "JPY"}, {"٣٤٦", "JPY"}, {".50", "EUR"}, {"5.", "JPY"}, {"", ""}, {"0x10", "JPY"}, {"1_0.00", "EUR"},
	} {
		f.Add(s[0], s[1])
	}
	f.Fuzz(func(t *testing.T, amount, currency string) {
		money, err := booking.ParseMoney(amount, currency)
		if err != nil {
			require.Zero(t, money)
			return
		}
		require.Empty(t, strings.Trim(amount, "0123456789."))
		require.GreaterOrEqual(t, money.Minor, int64(0))
		trimmed := strings.TrimLeft(amount, "0")
		if trimmed == "" || trimmed[0] == '.' {
			trimmed = "0" + trimmed
		}
		require.Equal(t, trimmed, money.Decimal())
		require.LessOrEqual(t, money.Percent(100).Minor, money.Minor)
		again, err := booking.ParseMoney(money.Decimal(), currency)
		require.NoError(t, err)
		require.Equal(t, money, again)
	})
}

// Whatever steps, people and clocks say, and in whatever order, the flow stays a flow: each word is one line of history that
// leads to where the booking stands, what was refused changed nothing, what goes on is due, and a decided booking stays so.
func FuzzFlow(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0, 0, 0})                         // to the end
	f.Add([]byte{0, 0, 0, 0, 12, 1, 0, 0, 0, 0})            // cancelled after the pivot
	f.Add([]byte{5, 1, 0, 8, 14, 0, 9, 13, 0, 0, 0, 0})     // doubt, a review, an offer
	f.Add([]byte{0, 0, 10, 15, 0, 0, 3, 0, 6, 0, 11, 0, 0}) // 3-D Secure, and refusals
	f.Add([]byte{0, 0, 0, 0, 0, 0, 18, 3, 16, 0, 12, 3, 3}) // a refund, and a supplier that insists
	f.Fuzz(func(t *testing.T, words []byte) {
		flow, now := booking.NewFlow(booking.Outside{}, booking.DefaultLimits()), bookingtest.Start
		b, entry := flow.Begin(bookingtest.Ask(), now)
		require.Equal(t, 1, entry.Version)
		for _, word := range words[:min(len(words), 64)] {
			now = now.Add(time.Duration(word%16) * time.Minute / 4)
			before := b.Clone()
			entry, spoken := say(flow, b, word, now)
			if !spoken {
				require.Equal(t, before, b, "what is refused changes nothing")
				continue
			}
			sound(t, before, b, entry)
		}
	})
}

// say applies one outcome, or one decision; false where it was refused.
func say(flow booking.Flow, b *booking.Booking, word byte, now time.Time) (booking.Entry, bool) {
	window := time.Duration(word) * time.Minute
	outcomes := []booking.Outcome{
		booking.Next(), booking.Again(), booking.Retry(booking.SupplierUnavailable, window), booking.Reject(booking.OfferSoldOut),
		booking.Compensate(booking.OfferExpired), booking.Unknown(booking.OutcomeUnknown), booking.Park(booking.Staff, booking.OutcomeUnknown),
		{}, booking.Park(booking.Staff, booking.FraudReview).Within(window + time.Minute),
		booking.Park(booking.Customer, booking.OfferPriceChanged).Asking(booking.Action{Type: booking.ActionAcceptOffer, NewTotal: b.Facts.Price}, window+time.Minute),
		booking.Park(booking.Customer, booking.PaymentDeclined).Asking(booking.Action{Type: booking.ActionThreeDS}, window+time.Minute),
		booking.Park(booking.Customer, booking.PaymentDeclined).Asking(booking.Action{Type: booking.ActionNewPaymentMethod}, window+time.Minute),
	}
	price := b.Facts.Price
	decisions := []booking.Decision{
		{Verb: booking.VerbCancel, Actor: booking.CustomerActor}, {Verb: booking.VerbAcceptOffer, AcceptedTotal: b.Facts.Offered},
		{Verb: booking.VerbApprove}, {Verb: booking.VerbPay, PaymentToken: "pm_other"}, {Verb: booking.VerbRetry},
		{Verb: booking.VerbResolve, Happened: word >= 128, SupplierReference: "S-1"}, {Verb: booking.VerbRefund, Amount: price.Of(price.Minor / 2)},
		{Verb: booking.VerbReject}, {Verb: booking.VerbNotify}, {Verb: booking.VerbNote}, {Verb: booking.VerbCancel, WaiveFee: true}, {Verb: booking.VerbPay}, {},
	}
	choice := int(word) % (len(outcomes) + len(decisions))
	if choice < len(outcomes) {
		outcome := outcomes[choice]
		if choice >= 9 && (b.Goal != booking.Confirm || b.Result != booking.Undecided) {
			outcome = booking.Unknown(booking.OutcomeUnknown) // no step asks the customer on the way back
		}
		if said, instead := flow.Before(b, now); instead {
			outcome = said
		}
		if b.Place == (booking.Place{Phase: booking.Doing, Step: booking.StepCapture}) && outcome.Kind() == booking.KindNext {
			b.Facts.Money.Captured = b.Facts.Price.Minor // as the step's own body does
		}
		return flow.Apply(b, outcome, now), true
	}
	d := decisions[choice-len(outcomes)]
	if d.Actor == "" {
		d.Actor = "support:ana"
	}
	entry, err := flow.Decide(b, d, now)
	return entry, err == nil
}

func sound(t *testing.T, before, b *booking.Booking, e booking.Entry) {
	t.Helper()
	require.Equal(t, before.Version+1, b.Version)
	require.Equal(t, b.Version, e.Version)
	require.Equal(t, b.Place, e.To)
	require.Equal(t, b.Status(), e.Status)
	require.NotEmpty(t, e.Actor)
	require.NotEmpty(t, e.Say())
	require.Equal(t, before.Ask, b.Ask, "what was asked stands")
	switch b.Place.Phase {
	case booking.Ended:
		require.Empty(t, b.Place.Step)
		require.True(t, b.DueAt.IsZero())
		require.NotEqual(t, booking.Undecided, b.Result)
	case booking.Parked:
		require.NotEmpty(t, b.Facts.Waiting.Who)
	case booking.Doing, booking.Finding, booking.Undoing:
		require.False(t, b.DueAt.IsZero(), "nobody would look at it again")
	default:
		t.Fatalf("no phase %q", b.Place.Phase)
	}
	if before.Result != b.Result && before.Result != booking.Undecided {
		require.Equal(t, [2]booking.Result{booking.Confirmed, booking.Cancelled}, [2]booking.Result{before.Result, b.Result})
	}
	require.Len(t, b.Facts.Marks, 6)
	require.LessOrEqual(t, b.Facts.Money.Refunded, b.Facts.Money.Captured)
	story := booking.Tell(b, b.UpdatedAt)
	require.NotEmpty(t, story.Happened)
	require.NotEmpty(t, story.Next)
	require.NotEmpty(t, story.Charged)
}
