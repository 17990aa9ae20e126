// SPDX-License-Identifier: Apache-2.0

package appendjson

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"
	"unsafe"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event/jsonscan"
)

const hexDigits = "0123456789abcdef"

// short are the escapes that have a letter.
var short = [utf8.RuneSelf]byte{'"': '"', '\\': '\\', '\b': 'b', '\f': 'f', '\n': 'n', '\r': 'r', '\t': 't'}

// String appends s as a JSON string: what is not UTF-8 as U+FFFD, and U+2028 and U+2029 escaped, as encoding/json does it.
func String(dst []byte, s string) []byte { return escapedString(dst, s, nil) }

// escapedString is String with those characters escaped, too, for which escaped, unless nil, is true.
func escapedString(dst []byte, s string, escaped func(rune) bool) []byte {
	dst = append(dst, '"')
	text := unsafe.Slice(unsafe.StringData(s), len(s)) // is only read
	start := 0                                         // of what is not copied yet
	for i := jsonscan.PlainEnd(text, 0); i < len(s); i = jsonscan.PlainEnd(text, i) {
		r, width := utf8.DecodeRuneInString(s[i:])
		invalid := r == utf8.RuneError && width == 1
		if r < utf8.RuneSelf || invalid || r == '\u2028' || r == '\u2029' || escaped != nil && escaped(r) {
			dst = appendEscape(appendPlain(dst, s[start:i], escaped), r)
			start = i + width
		}
		i += width
	}
	return append(appendPlain(dst, s[start:], escaped), '"')
}

// del is the one character that jsonscan.PlainEnd passes and that may have to be escaped nevertheless.
const del = '\x7f'

func appendPlain(dst []byte, s string, escaped func(rune) bool) []byte {
	if escaped == nil || !escaped(del) {
		return append(dst, s...)
	}
	for i := strings.IndexByte(s, del); i >= 0; i = strings.IndexByte(s, del) {
		dst = appendEscape(append(dst, s[:i]...), del)
		s = s[i+1:]
	}
	return append(dst, s...)
}

// appendEscape writes a character as a backslash and a letter or \uNNNN, twice (as UTF-16 has it) above U+FFFF.
func appendEscape(dst []byte, r rune) []byte {
	if r < utf8.RuneSelf && short[r] != 0 {
		return append(dst, '\\', short[r])
	}
	if first, second := utf16.EncodeRune(r); r > 0xffff {
		return appendEscape(appendEscape(dst, first), second)
	}
	return append(dst, '\\', 'u', hexDigits[r>>12&0xf], hexDigits[r>>8&0xf], hexDigits[r>>4&0xf], hexDigits[r&0xf])
}
