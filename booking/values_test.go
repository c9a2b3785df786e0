package booking_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"hotelbooking/booking"
)

func TestMoneyReadsWhatItWrites(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := booking.Money{Minor: rapid.Int64Range(0, 1e12).Draw(t, "minor"), Currency: rapid.SampledFrom([]string{"EUR", "JPY", "KWD", "CLF"}).Draw(t, "currency")}
		back, err := booking.ParseMoney(m.Decimal(), m.Currency)
		require.NoError(t, err)
		require.Equal(t, m, back)
	})
}

func TestMoneyRefusesWhatIsNotAnAmountOfItsCurrency(t *testing.T) {
	t.Parallel()
	for _, bad := range [][2]string{
		{"", "EUR"}, {"346", "EUR"}, {"346.0", "EUR"}, {"346.000", "EUR"}, {"-1.00", "EUR"}, {"+1.00", "EUR"}, {"1e3", "JPY"}, {"1.0", "JPY"},
		{".50", "EUR"}, {"1,00", "EUR"}, {" 1.00", "EUR"}, {"1.", "JPY"}, {"99999999999999999999.00", "EUR"}, {"٣.00", "EUR"},
	} {
		_, err := booking.ParseMoney(bad[0], bad[1])
		require.Error(t, err, "%q %s", bad[0], bad[1])
	}
}

func TestPercentNeverRoundsUp(t *testing.T) {
	t.Parallel()
	require.Equal(t, int64(6919), booking.Money{Minor: 34599, Currency: "EUR"}.Percent(20).Minor)
	require.Equal(t, int64(0), booking.Money{Minor: 3, Currency: "JPY"}.Percent(33).Minor)
}

func TestReferenceSurvivesTheTelephoneAndCatchesSlips(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var random [6]byte
		copy(random[:], rapid.SliceOfN(rapid.Byte(), 6, 6).Draw(t, "random"))
		reference := booking.NewReference(random)
		require.Regexp(t, `^[A-Z0-9]{10}$`, reference)
		said := reference[:3] + "-" + reference[3:6] + " " + reference[6:]
		back, err := booking.ParseReference(said)
		require.NoError(t, err)
		require.Equal(t, reference, back)
		i := rapid.IntRange(0, 8).Draw(t, "slip")
		if reference[i] != reference[i+1] && !sameResidue(reference[i], reference[i+1]) {
			swapped := []byte(reference)
			swapped[i], swapped[i+1] = swapped[i+1], swapped[i]
			if i < 8 {
				_, err = booking.ParseReference(string(swapped))
				require.Error(t, err, "%s taken for %s", swapped, reference)
			}
		}
	})
}

// sameResidue: 0 and Z are one modulo 31, the only slip that the check character cannot see.
func sameResidue(a, b byte) bool { return a == '0' && b == 'Z' || a == 'Z' && b == '0' }

func TestEveryReasonACustomerSeesHasItsOwnWords(t *testing.T) {
	t.Parallel()
	fault := booking.Explain("no such reason").Message
	for _, reason := range []booking.Reason{
		booking.OfferSoldOut, booking.OfferExpired, booking.OfferPriceChanged, booking.OfferTermsChanged, booking.OfferRestricted, booking.GuestDataRejected,
		booking.PaymentDeclined, booking.PaymentAuthenticationNeeded, booking.PaymentAuthenticationFailed, booking.PaymentActionExpired, booking.PaymentRefused,
		booking.PaymentUnavailable, booking.CurrencyMismatch, booking.SupplierUnavailable, booking.SupplierRejected, booking.SupplierNoConfirmation,
		booking.BookingDeadlineExceeded, booking.ReviewRejected, booking.ReviewExpired, booking.CancelledByCustomer, booking.CancelledBySupport, booking.CancelRefusedBySupplier,
	} {
		require.NotEqual(t, fault, booking.Explain(reason).Message, reason)
	}
}
