// SPDX-License-Identifier: Apache-2.0

package sigma

import (
	"unicode"
	"unicode/utf8"
)

// appendLower appends text in lower case: rune by rune, so that ? stands for one character before and after, and with bytes that
// are not UTF-8 as they are. Values of rules and of records go through it alike.
func appendLower[T string | []byte](dst []byte, text T) []byte {
	for i := 0; i < len(text); {
		b := text[i]
		if b < utf8.RuneSelf {
			if 'A' <= b && b <= 'Z' {
				b += 'a' - 'A'
			}
			dst = append(dst, b)
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(string(text[i:min(len(text), i+utf8.UTFMax)]))
		if r == utf8.RuneError && size == 1 {
			dst = append(dst, b)
		} else {
			dst = utf8.AppendRune(dst, unicode.ToLower(r))
		}
		i += size
	}
	return dst
}
