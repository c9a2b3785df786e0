package web

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// line is a text of one line: normalised, trimmed, without control characters.
func (f *findings) line(pointer, in string) string {
	out := tidy(in)
	if strings.ContainsFunc(out, invisible) {
		f.add(pointer, "invalid_format", "It must not have control characters.")
	}
	return out
}

// text may have several lines.
func (f *findings) text(pointer, in string) string {
	out := tidy(in)
	if strings.ContainsFunc(out, func(r rune) bool { return r != '\n' && r != '\r' && r != '\t' && invisible(r) }) {
		f.add(pointer, "invalid_format", "It must not have control characters but line breaks.")
	}
	return out
}

// name is a person's name in any script: letters, marks, spaces and the punctuation that names have.
func (f *findings) name(pointer, in string) string {
	out := tidy(in)
	switch {
	case out == "" && in != "":
		f.add(pointer, "too_short", "It must have at least 1 character.")
	case strings.ContainsFunc(out, func(r rune) bool { return !nameRune(r) }):
		f.add(pointer, "invalid_format", "Names have letters, spaces, hyphens, apostrophes and full stops; no symbols, angle brackets or control characters.")
	case out != "" && !strings.ContainsFunc(out, unicode.IsLetter):
		f.add(pointer, "invalid_format", "A name has at least one letter.")
	}
	return out
}

func tidy(s string) string { return strings.TrimSpace(norm.NFC.String(s)) }

func nameRune(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsMark(r) || unicode.Is(unicode.Nd, r) || unicode.Is(unicode.Zs, r) || joiner(r) ||
		strings.ContainsRune("'’‘ʼʻ`´.,-‐‑–·・/()&", r)
}

// invisible: control characters, half of a surrogate pair, private use, and the marks that turn the direction of writing,
// with which one text can be made to look like another.
func invisible(r rune) bool {
	return unicode.In(r, unicode.Cc, unicode.Cs, unicode.Co, unicode.Cf, unicode.Zl, unicode.Zp) && !joiner(r)
}

// joiner: Persian and the scripts of India cannot be written without them.
func joiner(r rune) bool { return r == '\u200c' || r == '\u200d' }
