// SPDX-License-Identifier: Apache-2.0

package condition

import (
	"fmt"
	"strings"
)

// escapes of quoted texts; \xHH and the quotes are not among them. A backslash before a blank is one that old rule files have
// forgotten to double: the blank is lost, as in Falco.
var escapes = map[byte]byte{'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t', '\\': '\\', '/': '/', ' ': '\\'}

// quoted reads a quoted text at the current place.
func (p *parser) quoted() string {
	start, quote := p.at, p.text[p.at]
	p.at++
	var value strings.Builder
	for {
		switch c := p.peek(); {
		case p.at >= len(p.text):
			p.failAt(start, "the quoted text has no end: a %c is missing", quote)
			return ""
		case c == quote:
			p.at++
			return value.String()
		case c == '\\':
			c, ok := p.escaped(quote)
			if !ok {
				return ""
			}
			value.WriteByte(c)
		case c == 0:
			p.fail("a value can't hold a NUL byte")
			return ""
		default:
			value.WriteByte(c)
			p.at++
		}
	}
}

// escaped reads an escape sequence.
func (p *parser) escaped(quote byte) (byte, bool) {
	start := p.at
	p.at++
	c := p.peek()
	if p.at >= len(p.text) {
		p.failAt(start, "the quoted text has no end: a %c is missing", quote)
		return 0, false
	}
	p.at++
	if c == quote {
		return c, true
	}
	if plain, ok := escapes[c]; ok {
		return plain, true
	}
	if c == 'x' && p.at+2 <= len(p.text) {
		high, low := hexDigit(p.text[p.at]), hexDigit(p.text[p.at+1])
		if high >= 0 && low >= 0 {
			p.at += 2
			if high|low == 0 {
				p.failAt(start, "a value can't hold a NUL byte")
				return 0, false
			}
			return byte(high<<4 | low), true
		}
	}
	p.failAt(start, `unknown escape \%c: there are \b \f \n \r \t \\ \/ \xHH, \" within "…" and \' within '…'`, rune(c))
	return 0, false
}

func hexDigit(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// Quote writes a text so that it is read as the same quoted value.
func Quote(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(text) {
		switch c := text[i]; {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < ' ':
			fmt.Fprintf(&b, `\x%02x`, c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// Values reads what an item of a list stands for in a condition: an item that carries its own quotes is one quoted value, or
// several with commas between them; one that holds blanks is a text; any other is split at its commas.
func Values(item string) ([]Value, error) {
	if item == "" {
		return []Value{{Quoted: true}}, nil
	}
	if item[0] != '"' && item[0] != '\'' {
		if strings.ContainsAny(item, blanks) {
			return []Value{{Text: item, Quoted: true}}, nil
		}
		if strings.Contains(item, "\x00") {
			return nil, &Error{At: strings.Index(item, "\x00"), Message: "a value can't hold a NUL byte"}
		}
		var values []Value
		for part := range strings.SplitSeq(item, ",") {
			if part != "" {
				values = append(values, Value{Text: part})
			}
		}
		return values, nil
	}
	p := &parser{text: item}
	values := p.values()
	p.end()
	if p.problem != nil {
		return nil, p.problem
	}
	return values, nil
}

// ParseField reads a field with its index, and nothing else.
func ParseField(text string) (*Field, error) {
	p := &parser{text: text}
	p.blank()
	f := p.field()
	if f == nil {
		p.fail("expected a field, found %s", p.shown())
	}
	p.end()
	if p.problem != nil {
		return nil, p.problem
	}
	return f, nil
}

// ParseList reads values with commas between them, in parentheses.
func ParseList(text string) ([]Value, error) {
	p := &parser{text: text}
	p.blank()
	c := &Check{}
	if p.peek() != '(' {
		p.fail("expected a list in parentheses, found %s", p.shown())
	}
	p.list(c)
	p.end()
	if p.problem != nil {
		return nil, p.problem
	}
	return c.Values, nil
}
