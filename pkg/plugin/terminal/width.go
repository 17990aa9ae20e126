// SPDX-License-Identifier: Apache-2.0

package terminal

import (
	"strings"

	"github.com/mattn/go-runewidth"
)

// emojiVariation asks for the emoji form of the character before it. Terminals do not agree on whether that makes a
// narrow character wide.
const emojiVariation = "\ufe0f"

// cells measures with ambiguous characters narrow, as terminals draw them outside of legacy East Asian encodings; it is
// never changed.
func cells() *runewidth.Condition { return &runewidth.Condition{} }

// Width is the number of cells that a sanitised text takes, at most: an emoji whose width terminals do not agree on
// counts as wide.
func Width(s string) int {
	if cleanPrefix(s) == len(s) { // nearly every text
		return len(s)
	}
	return cells().StringWidth(s) + strings.Count(s, emojiVariation)
}

// Truncate cuts a sanitised text to at most width cells; tail ("…") takes the place of what was cut off.
func Truncate(s string, width int, tail string) string {
	if width <= 0 {
		return ""
	}
	if len(s) <= width || Width(s) <= width { // no character takes more cells than bytes
		return s
	}
	if Width(tail) > width {
		tail = ""
	}
	return cells().Truncate(s, width, tail)
}

// Split cuts a sanitised text after at most width cells (one character at least); rest is what is left.
func Split(s string, width int) (head, rest string) {
	if len(s) <= width || Width(s) <= width {
		return s, ""
	}
	head = cells().Truncate(s, max(width, 2), "")
	return head, s[len(head):]
}

// Pad fills a sanitised text up to width cells with blanks on the right.
func Pad(s string, width int) string {
	return s + strings.Repeat(" ", max(0, width-Width(s)))
}
