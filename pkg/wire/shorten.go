// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"fmt"
	"reflect"
	"slices"
	"unicode/utf8"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// maxText is how many bytes of JSON a text in a frame of its own may take.
const maxText = 4096

// ellipsis says that a text was cut.
const ellipsis = "…"

// quotedLength is the length of s as JSON, without the quotes.
func quotedLength(s string) (length int) {
	for i := 0; i < len(s); {
		n, width := quotedRune(s[i:])
		length += n
		i += width
	}
	return length
}

// quotedRune is the length of s's first character as encoding/json writes it, and how many bytes of s it takes.
func quotedRune(s string) (length, width int) {
	r, width := utf8.DecodeRuneInString(s)
	switch {
	case r == utf8.RuneError && width == 1, r == '\u2028', r == '\u2029':
		return len(`\uffff`), width
	case r == '"', r == '\\', r == '\b', r == '\f', r == '\n', r == '\r', r == '\t':
		return 2, width
	case r < ' ':
		return len(`\uffff`), width
	}
	return width, width
}

// shorten cuts s to at most room bytes of JSON at a character's border, the ellipsis that says so included. It says whether
// it had to.
func shorten(s *string, room int) bool {
	size, end := 0, 0
	for i := 0; i < len(*s); {
		n, width := quotedRune((*s)[i:])
		if size += n; size > room {
			*s = (*s)[:end] + ellipsis
			return true
		}
		i += width
		if size+len(ellipsis) <= room {
			end = i
		}
	}
	return false
}

// fitHello is h with its texts, and where that is not enough its list of hooks, shortened to room bytes of JSON. Hooks that
// are as they were asked for go first: of what was refused or degraded as much is said as there is room for.
func fitHello(h event.Hello, room int) event.Hello {
	fits := func() bool { return len(mustJSON(h)) <= room }
	h.Hooks = slices.Clone(h.Hooks)
	for i := range h.Hooks {
		h.Hooks[i].Notes = slices.Clone(h.Hooks[i].Notes)
	}
	for text := maxText; text >= 64 && !fits(); text /= 2 {
		shorten(&h.Build, text)
		shorten(&h.Kernel, text)
		for i := range h.Hooks {
			eachText(reflect.ValueOf(&h.Hooks[i]), func(s *string) { shorten(s, text) })
		}
	}
	all := len(h.Hooks)
	for step := max(1, all/64); len(h.Hooks) > 1 && !fits(); {
		h.Hooks = withoutHooks(h.Hooks, step+1)
		h.Hooks = append(h.Hooks, event.Hook{Name: ellipsis, Refused: fmt.Sprintf("no room to say what became of %d hooks", all-len(h.Hooks))})
	}
	return h
}

// withoutHooks drops the last n hooks, those first of which there is nothing to tell; the note about what was dropped before
// is one of them.
func withoutHooks(hooks []event.Hook, n int) []event.Hook {
	left := slices.DeleteFunc(hooks, func(h event.Hook) bool { return h.Name == ellipsis })
	n -= len(hooks) - len(left)
	for i := len(left) - 1; i >= 0 && n > 0; i-- {
		if left[i].Refused == "" && len(left[i].Notes) == 0 {
			left = slices.Delete(left, i, i+1)
			n--
		}
	}
	return left[:len(left)-min(n, len(left))]
}
