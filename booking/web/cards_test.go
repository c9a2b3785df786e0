package web

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// testCards are the test numbers that card schemes and payment providers publish.
var testCards = []string{
	"4111111111111111", "4242424242424242", "5555555555554444", "2223003122003222", "378282246310005", "371449635398431",
	"30569309025904", "38520000023237", "6011111111111117", "3530111333300000", "6200000000000005", "4222222222222", "6304000000000000",
	"6759649826438453", "4000056655665556", "5105105105105100",
}

func TestCardNumbersAreFoundHoweverTheyAreWritten(t *testing.T) {
	t.Parallel()
	grouped := func(card, divider string) string {
		var groups []string
		for len(card) > 4 {
			groups, card = append(groups, card[:4]), card[4:]
		}
		return strings.Join(append(groups, card), divider)
	}
	for _, card := range testCards {
		for _, written := range []string{
			card, grouped(card, " "), grouped(card, "-"), grouped(card, " - "), grouped(card, "\u00a0"), grouped(card, "–"),
			grouped(card, "."), grouped(card, "/"), grouped(card, "_"), grouped(card, "\n"), grouped(card, "\r\n"), grouped(card, ", "),
			strings.Map(func(r rune) rune { return r - '0' + '٠' }, card), strings.Map(func(r rune) rune { return r - '0' + '०' }, card),
			"my card is " + card + ", thanks", "pm_" + card, "card" + card, card + "x", grouped(card, " ") + " 123", card + " 12/29",
			"tel. 600 000 000, card " + card, strings.Map(func(r rune) rune { return r - '0' + '０' }, card),
		} {
			require.True(t, holdsCard(written), "%q", written)
		}
	}
	require.True(t, holdsCard("3782 822463 10005"))
	require.True(t, holdsCard("+378282246310005"), "no telephone number has 15 digits and begins with 37")
	require.True(t, holdsCard("+4111111111111111"), "no telephone number has 16 digits")
}

func TestWhatPeopleReallySendIsNotTakenForACard(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 100_000 {
		instant := strconv.FormatInt(1_700_000_000_000+random.Int64N(200_000_000_000), 10) // in milliseconds
		require.False(t, holdsCard(instant), instant)
		if i%10 > 0 {
			continue
		}
		uid := uuid.UUID{}
		for j := range uid {
			uid[j] = byte(random.Uint32())
		}
		digest := sha256.Sum256(uid[:])
		for _, text := range []string{
			uid.String(),
			strings.ToUpper(uid.String()),
			hex.EncodeToString(digest[:]),
			hex.EncodeToString(uid[:]),
			fmt.Sprintf("+49%011d", 15_000_000_000+random.Int64N(3e9)), // a mobile telephone in Germany
			fmt.Sprintf("+%d %03d %04d %04d", 20+i%70, i%1000, i%10000, 1234),
			fmt.Sprintf("GA1.2.%09d.%010d", 200_000_000+random.Int64N(400_000_000), 1_700_000_000+random.Int64N(99_999_999)),
			fmt.Sprintf("%09d.%010d", 200_000_000+random.Int64N(400_000_000), 1_700_000_000+random.Int64N(99_999_999)),
			fmt.Sprintf("%d.%d.%d.%d, %d.%d.%d.%d", 20+i%230, i%256, i%199, i%77, 30+i%200, i%256, i%101, i%251), // X-Forwarded-For
			fmt.Sprintf("31.12.2027 %02d:%02d:%02d.%03d", i%24, i%60, i%59, i%1000),
		} {
			require.False(t, holdsCard(text), "%q", text)
		}
	}
	for _, text := range []string{"", "2027-03-01", "2027-03-01 2027-03-04", "346.00", "4111 1111", "41111111111111112222333344445555", "Ana Núñez",
		"2001:4860:4111:1111:1111:1111:8888:8844"} {
		require.False(t, holdsCard(text), "%q", text)
	}
}

func BenchmarkHoldsCard(b *testing.B) {
	text := strings.Repeat(`"given_name":"Ana","family_name":"Núñez","check_in":"2027-03-01",`, 12)
	for b.Loop() {
		holdsCard(text)
	}
}
