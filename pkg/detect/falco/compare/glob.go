// SPDX-License-Identifier: Apache-2.0

package compare

import "strings"

// glob is a pattern as fnmatch(3) reads it without flags: * and ? match any byte, / and a leading point too, […] one of a set, and a
// backslash takes the next byte as it is. Texts are bytes. Matching takes at most the product of both lengths.
type glob struct {
	parts []globPart
	fold  bool
}

// globPart matches one byte, or with any none or more.
type globPart struct {
	any, one bool
	set      *[256]bool
	byte     byte
}

// newGlob reads a pattern; all texts are one. A set without an end is a plain bracket, as in glibc.
func newGlob(pattern string, fold bool) *glob {
	g := &glob{fold: fold}
	for at := 0; at < len(pattern); at++ {
		part := globPart{byte: pattern[at]}
		switch pattern[at] {
		case '*':
			part = globPart{any: true}
			if n := len(g.parts); n > 0 && g.parts[n-1].any {
				continue
			}
		case '?':
			part = globPart{one: true}
		case '\\':
			if at+1 == len(pattern) { // fnmatch finds nothing then
				part = globPart{set: new([256]bool)}
				break
			}
			at++
			part.byte = pattern[at]
		case '[':
			if set, length := globSet(pattern[at:], fold); length > 0 {
				part = globPart{set: set}
				at += length - 1
			}
		}
		if fold {
			part.byte = lowerByte(part.byte)
		}
		g.parts = append(g.parts, part)
	}
	return g
}

// globClasses are the names between [: and :].
var globClasses = map[string]func(c byte) bool{
	"digit": isDigit,
	"alpha": isAlpha,
	"alnum": func(c byte) bool { return isDigit(c) || isAlpha(c) },
	"upper": func(c byte) bool { return 'A' <= c && c <= 'Z' },
	"lower": func(c byte) bool { return 'a' <= c && c <= 'z' },
	"space": func(c byte) bool { return c == ' ' || '\t' <= c && c <= '\r' },
	"blank": func(c byte) bool { return c == ' ' || c == '\t' },
	"punct": func(c byte) bool { return '!' <= c && c <= '~' && !isDigit(c) && !isAlpha(c) },
	"print": func(c byte) bool { return ' ' <= c && c <= '~' },
	"graph": func(c byte) bool { return '!' <= c && c <= '~' },
	"cntrl": func(c byte) bool { return c < ' ' || c == 0x7f },
	"xdigit": func(c byte) bool {
		c = lowerByte(c)
		return isDigit(c) || 'a' <= c && c <= 'f'
	},
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isAlpha(c byte) bool { return 'a' <= lowerByte(c) && lowerByte(c) <= 'z' }

// globSet reads a set and says how long it is, 0 if it has no end.
func globSet(pattern string, fold bool) (*[256]bool, int) {
	set, at, denied := new([256]bool), 1, false
	if at < len(pattern) && (pattern[at] == '!' || pattern[at] == '^') {
		denied = true
		at++
	}
	for first := at; at < len(pattern) && (pattern[at] != ']' || at == first); {
		if name, after, ok := globClass(pattern, at); ok {
			for c := range 256 {
				set[c] = set[c] || name(byte(c))
			}
			at = after
			continue
		}
		low, next := globByte(pattern, at)
		high := low
		if next+1 < len(pattern) && pattern[next] == '-' && pattern[next+1] != ']' {
			high, next = globByte(pattern, next+1)
		}
		for c := int(low); c <= int(high); c++ {
			set[c] = true
		}
		at = next
	}
	if at >= len(pattern) {
		return nil, 0
	}
	for c := range 256 {
		if fold && set[c] {
			set[lowerByte(byte(c))] = true
		}
	}
	if denied {
		for c := range set {
			set[c] = !set[c]
		}
	}
	return set, at + 1
}

// globClass reads [:name:].
func globClass(pattern string, at int) (has func(byte) bool, after int, ok bool) {
	if !strings.HasPrefix(pattern[at:], "[:") {
		return nil, 0, false
	}
	name, _, closed := strings.Cut(pattern[at+2:], ":]")
	has, known := globClasses[name]
	return has, at + 2 + len(name) + 2, closed && known
}

// globByte is the byte at a place of a set, after a backslash if there is one.
func globByte(pattern string, at int) (c byte, next int) {
	if pattern[at] == '\\' && at+1 < len(pattern) {
		at++
	}
	return pattern[at], at + 1
}

func (p *globPart) matches(c byte) bool {
	switch {
	case p.one:
		return true
	case p.set != nil:
		return p.set[c]
	}
	return p.byte == c
}

// match goes back to the last star only: what an earlier one took does not matter.
func (g *glob) match(text string) bool {
	part, at, star, from := 0, 0, -1, 0
	for at < len(text) {
		c := text[at]
		if g.fold {
			c = lowerByte(c)
		}
		switch {
		case part < len(g.parts) && g.parts[part].any:
			star, from = part, at
			part++
		case part < len(g.parts) && g.parts[part].matches(c):
			part++
			at++
		case star >= 0:
			from++
			part, at = star+1, from
		default:
			return false
		}
	}
	for part < len(g.parts) && g.parts[part].any {
		part++
	}
	return part == len(g.parts)
}
