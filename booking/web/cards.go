package web

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// holdsCard tells whether text holds what looks like a payment card number: 13 to 19 digits, possibly in groups, that begin
// as card numbers do and pass the Luhn check. Groups are divided by spaces or dashes; or, where they are as long as those
// printed on cards, by whatever people write between them. UUIDs, digests, click ids and telephone numbers are spared: one
// in ten runs of digits passes Luhn by chance, and a guest in Germany must be able to leave a number.
func holdsCard(text string) bool {
	if len(text) < cardDigitsMin {
		return false
	}
	text = plainDigits(text)
	if !strings.ContainsAny(text, "23456") {
		return false
	}
	for start := 0; start < len(text); {
		if !isDigit(text[start]) {
			start++
			continue
		}
		end := groupEnd(text, start)
		if cardBeginsAt(text, start) {
			return true
		}
		start = end
	}
	return false
}

const (
	cardDigitsMin = 13
	cardDigitsMax = 19
	dividersMax   = 3 // between two groups of digits: "4111 - 1111"
)

// cardBeginsAt tries the group of digits at start alone and together with the groups that follow it.
func cardBeginsAt(text string, start int) bool {
	if text[start] < '2' || text[start] > '6' || strings.HasPrefix(text[start:], "20") { // 20.. is a year, and no issuer's
		return false
	}
	var digits [cardDigitsMax]byte
	n, asPrinted, rareDivider := 0, true, false
	for at := start; ; {
		end := groupEnd(text, at)
		if n+end-at > cardDigitsMax {
			return false
		}
		asPrinted = asPrinted && (end-at == 4 || n > 0 && end-at <= 7) // 4 4 4 4, 4 6 5, 4 4 4 4 3
		if rareDivider && !asPrinted {
			return false
		}
		n += copy(digits[n:], text[at:end])
		if n >= cardDigitsMin && luhn(digits[:n]) && !isPhone(text, start, n) && !isIdentifier(text, start, groupEnd(text, start)) {
			return true
		}
		at = end
		for at < len(text) && at-end < dividersMax && isDivider(text[at]) {
			rareDivider = rareDivider || text[at] != ' ' && text[at] != '-'
			at++
		}
		if at == end || at == len(text) || !isDigit(text[at]) {
			return false
		}
	}
}

func luhn(digits []byte) bool {
	sum := 0
	for i := range digits {
		d := int(digits[len(digits)-1-i] - '0')
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}

// isPhone: a plus sign makes it E.164, which has at most 15 digits; but no telephone number of 14 digits or more begins
// with 3, where American Express and Diners Club live.
func isPhone(text string, start, n int) bool {
	return start > 0 && text[start-1] == '+' && n <= 15 && (text[start] != '3' || n == 13)
}

// isIdentifier: the digits are part of a UUID, or of a hexadecimal word such as a digest or a trace id.
func isIdentifier(text string, start, end int) bool {
	from, to := start, end
	for from > 0 && (isHex(text[from-1]) || text[from-1] == '-') {
		from--
	}
	for to < len(text) && (isHex(text[to]) || text[to] == '-') {
		to++
	}
	token := text[from:to]
	for part := range strings.SplitSeq(token, "-") {
		if len(part) >= 16 && hexLetters(part) >= 3 && strings.Contains(part, text[start:end]) {
			return true
		}
	}
	return insideUUID(token, start-from)
}

// insideUUID: what is at that place of token belongs to a UUID, alone or with more before and after it, as in order-UUID-2.
func insideUUID(token string, at int) bool {
	const length = 36
	for i := max(0, at-length+1); i <= at && i+length <= len(token); i++ {
		word, alone := token[i:i+length], (i == 0 || token[i-1] == '-') && (i+length == len(token) || token[i+length] == '-')
		if alone && word[8] == '-' && word[13] == '-' && word[18] == '-' && word[23] == '-' && strings.Count(word, "-") == 4 && hexLetters(word) > 0 {
			return true
		}
	}
	return false
}

// plainDigits maps the digits and dividers of other keyboards to ASCII: a card number typed in full width, or in Arabic,
// is one too.
func plainDigits(text string) string {
	for _, r := range text {
		if r >= utf8.RuneSelf && plainDigit(r) != r { // rare, and only then is a copy needed
			return strings.Map(plainDigit, text)
		}
	}
	return text
}

func plainDigit(r rune) rune {
	switch {
	case r < utf8.RuneSelf:
		return r
	case unicode.Is(unicode.Nd, r):
		return '0' + digitValue(r)
	case r == '\u00a0' || r == '\u3000' || r == '\u2007' || r == '\u202f':
		return ' '
	case r >= '\u2010' && r <= '\u2015' || r == '\u2212' || r == '－':
		return '-'
	default:
		return r
	}
}

// digitValue: Unicode keeps the ten digits of each script together, from zero to nine.
func digitValue(r rune) rune {
	for _, row := range unicode.Nd.R16 {
		if rune(row.Lo) <= r && r <= rune(row.Hi) {
			return (r - rune(row.Lo)) % 10
		}
	}
	for _, row := range unicode.Nd.R32 {
		if rune(row.Lo) <= r && r <= rune(row.Hi) {
			return (r - rune(row.Lo)) % 10
		}
	}
	return 0
}

func isDivider(c byte) bool { return strings.IndexByte(" -./_,|\t\r\n", c) >= 0 }

func groupEnd(text string, at int) int {
	for at < len(text) && isDigit(text[at]) {
		at++
	}
	return at
}

func hexLetters(word string) int {
	n := 0
	for i := range len(word) {
		if isHex(word[i]) && !isDigit(word[i]) {
			n++
		}
	}
	return n
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isHex(c byte) bool { return isDigit(c) || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F' }
