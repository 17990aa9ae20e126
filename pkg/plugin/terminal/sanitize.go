// SPDX-License-Identifier: Apache-2.0

package terminal

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxMarks is how many combining characters may follow one another: enough for every script in use (Unicode's
// stream-safe format allows 30, real text needs 3), too few to paint over the lines above and below.
const maxMarks = 4

// Sanitize returns s with everything escaped that could control a terminal, hide text or reorder it: what Unsafe names,
// invalid UTF-8 (\xNN), and combining characters that have nothing to combine with or come in heaps. The result is valid
// UTF-8 on one line, at most four times as long; a text without such characters comes back as it is, backslashes included.
func Sanitize(s string) string {
	end := cleanPrefix(s)
	if end == len(s) {
		return s
	}
	var out strings.Builder
	out.Grow(len(s) + 16)
	out.WriteString(s[:end])
	marks := 0
	if end == 0 {
		marks = maxMarks // a mark at the start would combine with what is left of the text
	}
	for i := end; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			out.WriteString(`\x`)
			out.WriteString(hexByte(s[i]))
			marks = 0
		case Unsafe(r):
			out.WriteString(escape(r))
			marks = 0
		case unicode.Is(unicode.M, r) && marks >= maxMarks:
			out.WriteString(escape(r))
		case unicode.Is(unicode.M, r):
			out.WriteRune(r)
			marks++
		default:
			out.WriteRune(r)
			marks = 0
		}
		i += size
	}
	return out.String()
}

// SanitizeASCII is Sanitize for a terminal that shows nothing but ASCII: to others, bytes above 127 may be controls.
func SanitizeASCII(s string) string {
	clean := Sanitize(s)
	if strings.IndexFunc(clean, func(r rune) bool { return r > unicode.MaxASCII }) < 0 {
		return clean
	}
	var out strings.Builder
	for _, r := range clean {
		if r > unicode.MaxASCII {
			out.WriteString(escape(r))
		} else {
			out.WriteRune(r)
		}
	}
	return out.String()
}

// Unsafe says whether a character must not reach a terminal: it is not printable by Go's rules (controls, formats such
// as bidirectional marks and joiners, separators and blanks other than the ASCII blank, private and unassigned
// characters), or it is shown as nothing at all (fillers, variation selectors), so that two texts look the same.
func Unsafe(r rune) bool {
	if ' ' <= r && r <= '~' {
		return false
	}
	return !strconv.IsPrint(r) || r == brailleBlank ||
		unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// brailleBlank is a printable symbol with no dots.
const brailleBlank = '\u2800'

// cleanPrefix is the length of the part of s that is plain ASCII, which is the whole of nearly every text.
func cleanPrefix(s string) int {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return i
		}
	}
	return len(s)
}

// escape writes a character as Go does, never as itself.
func escape(r rune) string {
	quoted := strconv.QuoteRuneToASCII(r)
	return quoted[1 : len(quoted)-1]
}

func hexByte(b byte) string {
	const digits = "0123456789abcdef"
	return string([]byte{digits[b>>4], digits[b&15]})
}
