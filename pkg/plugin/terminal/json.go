// SPDX-License-Identifier: Apache-2.0

package terminal

import (
	"bytes"
	"fmt"
	"unicode/utf16"
)

// EscapeJSON escapes what Unsafe names in JSON, line feeds apart, where it can only be inside of strings. The value stays the
// same. The result may be text itself.
func EscapeJSON(text []byte) []byte {
	unsafe := func(r rune) bool { return r != '\n' && Unsafe(r) }
	if !bytes.ContainsFunc(text, unsafe) {
		return text
	}
	var out bytes.Buffer
	for _, r := range string(text) {
		if unsafe(r) {
			out.WriteString(JSONEscape(r))
		} else {
			out.WriteRune(r)
		}
	}
	return out.Bytes()
}

// JSONEscape is \uNNNN, twice (as UTF-16 has it) above U+FFFF.
func JSONEscape(r rune) string {
	if first, second := utf16.EncodeRune(r); r > 0xffff {
		return fmt.Sprintf(`\u%04x\u%04x`, first, second)
	}
	return fmt.Sprintf(`\u%04x`, r)
}
