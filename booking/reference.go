package booking

import (
	"fmt"
	"strings"
)

// crockford is Crockford's base 32: no I, L, O or U, so that a reference survives the telephone.
const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

const referenceLength = 10

// NewReference makes a reference of at least six random bytes: nine characters and a check character, which catches a
// mistyped character or two swapped neighbours. It fits every supplier's reference field: 3-20 of [A-Z0-9].
func NewReference(random [6]byte) string {
	var bits uint64
	for _, b := range random {
		bits = bits<<8 | uint64(b)
	}
	text := make([]byte, referenceLength-1)
	for i := range text {
		text[i] = crockford[bits&31]
		bits >>= 5
	}
	return string(text) + string(checkCharacter(string(text)))
}

// ParseReference reads a reference as people say and write it: lower case, spaces, dashes, O for 0, I and L for 1.
func ParseReference(s string) (string, error) {
	clean := strings.NewReplacer("-", "", " ", "", "O", "0", "I", "1", "L", "1").Replace(strings.ToUpper(strings.TrimSpace(s)))
	if len(clean) != referenceLength {
		return "", fmt.Errorf("a reference has %d characters, not %d", referenceLength, len(clean))
	}
	for _, r := range clean {
		if !strings.ContainsRune(crockford, r) {
			return "", fmt.Errorf("a reference has no %q", r)
		}
	}
	if body := clean[:referenceLength-1]; checkCharacter(body) != clean[referenceLength-1] {
		return "", fmt.Errorf("%s is mistyped: its check character does not fit", clean)
	}
	return clean, nil
}

// checkCharacter is a weighted sum modulo 31, the largest prime that leaves one character: with weights below it, no
// single wrong character (but 0 for Z) and no swap of neighbours keeps the sum.
func checkCharacter(body string) byte {
	sum := 0
	for i, r := range body {
		sum += (i + 2) * strings.IndexRune(crockford, r)
	}
	return crockford[sum%31]
}
