package web

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A card number is found however it is grouped and whatever stands around it, and nothing is found where no card number can
// be. The judge is a simple one: it looks at digits only.
func FuzzCards(f *testing.F) {
	for divider := range byte(18) {
		f.Add("411111111111111", divider, "my card: ", " thanks")
	}
	f.Add("37828224631000", byte(1), `{"note":"`, `"}`)
	f.Add("5555555555554444", byte(2), "", "")
	f.Add("622202000000000000", byte(3), "nº", "日本")
	f.Add("4111", byte(4), "+49 ", "2027-01-01")
	f.Add("30569309025904", byte(0), "01945e2a-7c00-7000-8000-000000000001", "/")
	f.Fuzz(func(t *testing.T, seed string, divider byte, before, after string) {
		card, ok := cardOf(seed)
		if ok && apart(before, after) {
			text := before + " " + grouped(card, divider) + " " + after
			require.True(t, holdsCard(text), "%q holds %s", text, card)
		}
		for _, text := range []string{seed, before, after, before + seed + after} {
			if holdsCard(text) {
				require.True(t, couldHoldCard(text), "there is no card number in %q", text)
			}
		}
	})
}

// cardOf makes a card number of the digits of seed: 13 to 19 of them, the first from 3 to 6, the last one Luhn's.
func cardOf(seed string) (string, bool) {
	var digits []byte
	for i := range len(seed) {
		if seed[i] >= '0' && seed[i] <= '9' && len(digits) < 18 {
			digits = append(digits, seed[i])
		}
	}
	if len(digits) < 12 || digits[0] < '3' || digits[0] > '6' {
		return "", false
	}
	for check := byte('0'); check <= '9'; check++ {
		if passesLuhn(string(digits) + string(check)) {
			return string(digits) + string(check), true
		}
	}
	return "", false
}

// passesLuhn is the textbook's: from the right, each second digit twice.
func passesLuhn(digits string) bool {
	sum, twice := 0, false
	for i := len(digits) - 1; i >= 0; i-- {
		d := int(digits[i] - '0')
		if twice {
			d = d*2/10 + d*2%10
		}
		sum, twice = sum+d, !twice
	}
	return sum%10 == 0
}

// grouped writes a card number as people do, on keyboards of three kinds.
func grouped(card string, divider byte) string {
	between := []string{"", " ", "-", " - ", "\u00a0", "–"}[int(divider)%6]
	var groups []string
	for ; len(card) > 4; card = card[4:] {
		groups = append(groups, card[:4])
	}
	zero := []rune{'0', '０', '٠'}[int(divider)/6%3]
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return zero + r - '0'
		}
		return r
	}, strings.Join(append(groups, card), between))
}

// apart: what stands around could not be taken for a part of the number, nor the number for a part of it: a telephone's plus
// sign, a group of digits before, or letters and dashes as in a digest.
func apart(before, after string) bool {
	return !strings.ContainsFunc(before+after, func(r rune) bool {
		return plainDigit(r) >= '0' && plainDigit(r) <= '9' || r == '+'
	})
}

// couldHoldCard tells whether text has 13 digits, in all scripts, with dividers between them at most, of which some stretch
// begins with 2 to 6 and passes Luhn.
func couldHoldCard(text string) bool {
	var runs []string
	var run []byte
	for _, r := range text {
		switch r = plainDigit(r); {
		case r >= '0' && r <= '9':
			run = append(run, byte(r))
		case strings.ContainsRune(" -./_,|\t\r\n", r):
		default:
			runs, run = append(runs, string(run)), nil
		}
	}
	for _, digits := range append(runs, string(run)) {
		for from := range digits {
			for to := from + 13; to <= min(len(digits), from+19); to++ {
				if digits[from] >= '2' && digits[from] <= '6' && passesLuhn(digits[from:to]) {
					return true
				}
			}
		}
	}
	return false
}
