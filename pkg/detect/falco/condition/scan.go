// SPDX-License-Identifier: Apache-2.0

package condition

import (
	"fmt"
	"strings"
)

// blanks separate words, as in Falco, whose set holds \b.
const blanks = " \t\b\r\n"

// notBare can't be in a value without quotes.
const notBare = blanks + "\f\v()\"'=,"

// notInIndex can't be in an index without quotes.
const notInIndex = blanks + "\f\v[]\"'"

// parser reads one condition. The first problem ends it: from there on, all of its functions return at once.
type parser struct {
	text    string
	at      int
	depth   int
	problem *Error
}

// Error is a mistake in a condition.
type Error struct {
	// At is the offset in bytes.
	At int
	// Message says what is wrong and what would be right.
	Message string
}

func (e *Error) Error() string { return e.Message }

func (p *parser) failAt(at int, format string, arguments ...any) {
	if p.problem == nil {
		p.problem = &Error{At: at, Message: fmt.Sprintf(format, arguments...)}
	}
}

func (p *parser) fail(format string, arguments ...any) { p.failAt(p.at, format, arguments...) }

// peek is the next byte, 0 at the end.
func (p *parser) peek() byte {
	if p.at < len(p.text) {
		return p.text[p.at]
	}
	return 0
}

// blank skips blanks and says whether there were any.
func (p *parser) blank() bool {
	start := p.at
	for p.at < len(p.text) && strings.IndexByte(blanks, p.text[p.at]) >= 0 {
		p.at++
	}
	return p.at > start
}

// sign skips a byte if it comes next.
func (p *parser) sign(c byte) bool {
	if p.at < len(p.text) && p.text[p.at] == c {
		p.at++
		return true
	}
	return false
}

// word skips a word if it comes next and ends there: before a blank, a parenthesis or the end.
func (p *parser) word(word string) bool {
	if !strings.HasPrefix(p.text[p.at:], word) {
		return false
	}
	if after := p.at + len(word); after < len(p.text) && strings.IndexByte(blanks+"()", p.text[after]) < 0 {
		return false
	}
	p.at += len(word)
	return true
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// nameEnd is where a name that begins at a place ends: the place itself if there is none.
func nameEnd(text string, at int) int {
	if at >= len(text) || !isLetter(text[at]) {
		return at
	}
	for at < len(text) && (isLetter(text[at]) || isDigit(text[at]) || text[at] == '_') {
		at++
	}
	return at
}

// IsName says whether a text can name a macro.
func IsName(text string) bool { return text != "" && nameEnd(text, 0) == len(text) }

// IsBare says whether a text can stand as a value without quotes.
func IsBare(text string) bool { return text != "" && !strings.ContainsAny(text, notBare) }

// fieldEnd is where a field's name ends: at least two names with a point between them, else 0.
func fieldEnd(text string, at int) int {
	end, parts := nameEnd(text, at), 1
	if end == at {
		return 0
	}
	for end < len(text) && text[end] == '.' {
		next := nameEnd(text, end+1)
		if next == end+1 {
			break
		}
		end, parts = next, parts+1
	}
	if parts < 2 {
		return 0
	}
	return end
}

// run takes all bytes up to one of stop.
func (p *parser) run(stop string) string {
	start := p.at
	for p.at < len(p.text) && strings.IndexByte(stop, p.text[p.at]) < 0 {
		p.at++
	}
	return p.text[start:p.at]
}

// number takes a number: a sign, digits, a fraction and an exponent.
func (p *parser) number() string {
	start, at := p.at, p.at
	digits := func() bool {
		from := at
		for at < len(p.text) && isDigit(p.text[at]) {
			at++
		}
		return at > from
	}
	skip := func(set string) bool {
		if at < len(p.text) && strings.IndexByte(set, p.text[at]) >= 0 {
			at++
			return true
		}
		return false
	}
	skip("+-")
	if !digits() {
		return ""
	}
	if skip(".") {
		digits()
	}
	if before := at; skip("eE") {
		skip("+-")
		if !digits() {
			at = before
		}
	}
	p.at = at
	return p.text[start:at]
}
