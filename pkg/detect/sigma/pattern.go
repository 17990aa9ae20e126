// SPDX-License-Identifier: Apache-2.0

package sigma

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"
)

// pattern is a text with wildcards, or the beginning, end or any part of one.
type pattern struct {
	// cased: compared as it is, otherwise both sides are in lower case.
	cased bool
	// openStart and openEnd: anything may stand before the first segment, after the last.
	openStart, openEnd bool
	// segments are what stands between those of any length.
	segments []segment
}

// segment is a part of a pattern that has no wildcard of any length.
type segment struct {
	// text is the whole segment if parts is empty.
	text  []byte
	parts []part
}

// part is literal text, or one character of a kind.
type part struct {
	kind tokenKind
	text []byte
}

func newPattern(tokens []token, cased bool) *pattern {
	p := &pattern{cased: cased}
	var parts []part
	end := func() {
		if len(parts) > 0 {
			p.segments = append(p.segments, newSegment(parts))
		}
		parts = nil
	}
	for i, t := range tokens {
		if t.kind == anything {
			end()
			p.openStart = p.openStart || len(p.segments) == 0
			p.openEnd = p.openEnd || !slices.ContainsFunc(tokens[i:], func(t token) bool { return t.kind != anything })
			continue
		}
		text := []byte(t.text)
		if !cased {
			text = appendLower(nil, t.text)
		}
		parts = append(parts, part{t.kind, text})
	}
	end()
	return p
}

func newSegment(parts []part) segment {
	var s segment
	for _, p := range parts {
		if p.kind != literal {
			return segment{parts: parts}
		}
		s.text = append(s.text, p.text...)
	}
	return s
}

// sole is the pattern's text where it is nothing but literal text, with or without more before and after it.
func (p *pattern) sole() ([]byte, bool) {
	switch {
	case len(p.segments) == 0:
		return nil, true
	case len(p.segments) == 1 && len(p.segments[0].parts) == 0:
		return p.segments[0].text, true
	}
	return nil, false
}

// singles is how many characters of the pattern stand for others.
func (p *pattern) singles() (n int) {
	for i := range p.segments {
		for _, part := range p.segments[i].parts {
			if part.kind != literal {
				n++
			}
		}
	}
	return n
}

// key is the same for patterns that are the same.
func (p *pattern) key(to *strings.Builder) {
	write := func(set bool, mark byte) {
		if set {
			to.WriteByte(mark)
		}
	}
	to.WriteByte('P')
	write(p.cased, 'C')
	write(p.openStart, '<')
	for i := range p.segments {
		write(i > 0, '*')
		s := &p.segments[i]
		writeKey(to, string(s.text))
		for _, part := range s.parts {
			to.WriteByte('0' + byte(part.kind))
			writeKey(to, string(part.text))
		}
	}
	write(p.openEnd, '>')
}

// match says whether text is what the pattern describes.
func (p *pattern) match(text []byte) bool {
	segments := p.segments
	if len(segments) == 0 {
		return p.openStart || p.openEnd || len(text) == 0
	}
	if len(segments) == 1 {
		return p.matchOne(&segments[0], text)
	}
	if !p.openStart {
		n := segments[0].prefix(text)
		if n < 0 {
			return false
		}
		text, segments = text[n:], segments[1:]
	}
	if !p.openEnd {
		last := len(segments) - 1
		n := segments[last].suffix(text)
		if n < 0 {
			return false
		}
		text, segments = text[:len(text)-n], segments[:last]
	}
	for i := range segments {
		at, n := segments[i].find(text)
		if at < 0 {
			return false
		}
		text = text[at+n:]
	}
	return true
}

func (p *pattern) matchOne(s *segment, text []byte) bool {
	switch {
	case p.openStart && p.openEnd:
		at, _ := s.find(text)
		return at >= 0
	case p.openStart:
		return s.suffix(text) >= 0
	case p.openEnd:
		return s.prefix(text) >= 0
	}
	return s.prefix(text) == len(text)
}

// prefix is how many bytes at the beginning of text the segment takes; -1 if it does not stand there.
func (s *segment) prefix(text []byte) int {
	if len(s.parts) == 0 {
		if bytes.HasPrefix(text, s.text) {
			return len(s.text)
		}
		return -1
	}
	rest := text
	for i := range s.parts {
		n := s.parts[i].prefix(rest)
		if n < 0 {
			return -1
		}
		rest = rest[n:]
	}
	return len(text) - len(rest)
}

func (p *part) prefix(text []byte) int {
	if p.kind == literal {
		if bytes.HasPrefix(text, p.text) {
			return len(p.text)
		}
		return -1
	}
	r, size := utf8.DecodeRune(text)
	return p.takes(r, size)
}

// suffix is how many bytes at the end of text the segment takes; -1 if it does not stand there.
func (s *segment) suffix(text []byte) int {
	if len(s.parts) == 0 {
		if bytes.HasSuffix(text, s.text) {
			return len(s.text)
		}
		return -1
	}
	rest := text
	for i := len(s.parts) - 1; i >= 0; i-- {
		n := s.parts[i].suffix(rest)
		if n < 0 {
			return -1
		}
		rest = rest[:len(rest)-n]
	}
	return len(text) - len(rest)
}

func (p *part) suffix(text []byte) int {
	if p.kind == literal {
		if bytes.HasSuffix(text, p.text) {
			return len(p.text)
		}
		return -1
	}
	r, size := utf8.DecodeLastRune(text)
	return p.takes(r, size)
}

// takes says how many bytes of a character of size bytes the part takes; -1 for one that it does not.
func (p *part) takes(r rune, size int) int {
	if size == 0 || p.kind == dash && !strings.ContainsRune(dashes, r) {
		return -1
	}
	return size
}

// find is where the segment stands first in text, and its length in bytes; -1 if it does not.
func (s *segment) find(text []byte) (at, length int) {
	if len(s.parts) == 0 {
		return bytes.Index(text, s.text), len(s.text)
	}
	for at = 0; at <= len(text); {
		if length = s.prefix(text[at:]); length >= 0 {
			return at, length
		}
		_, size := utf8.DecodeRune(text[at:])
		at += max(size, 1)
	}
	return -1, 0
}

// verdict is what the pattern says of a value, of which a part may be missing.
func (p *pattern) verdict(t *text, _ *Evaluator) verdict {
	content := t.lower
	if p.cased {
		content = t.bytes()
	}
	matched := p.match(content)
	if t.cut == 0 {
		return known(matched)
	}
	startMissing, endMissing := t.cut&CutStart != 0, t.cut&CutEnd != 0
	switch {
	case matched && (startMissing && !p.openStart || endMissing && !p.openEnd):
		return present
	case matched:
		return yes
	case !startMissing && !p.openStart && !p.mayBegin(content), !endMissing && !p.openEnd && !p.mayEnd(content):
		return no
	}
	return may
}

// mayBegin says whether a value that begins with content could begin as the pattern does.
func (p *pattern) mayBegin(content []byte) bool {
	if len(p.segments) == 0 || len(p.segments[0].parts) > 0 {
		return true
	}
	first := p.segments[0].text
	return bytes.HasPrefix(content, first[:min(len(first), len(content))])
}

// mayEnd says whether a value that ends with content could end as the pattern does.
func (p *pattern) mayEnd(content []byte) bool {
	if len(p.segments) == 0 || len(p.segments[len(p.segments)-1].parts) > 0 {
		return true
	}
	last := p.segments[len(p.segments)-1].text
	return bytes.HasSuffix(content, last[max(0, len(last)-len(content)):])
}

// cost of a comparison against others, see item.cost.
func (p *pattern) cost() int {
	switch {
	case len(p.segments) > 1:
		return costSearch + costWildcard
	case len(p.segments) == 1 && len(p.segments[0].parts) > 0:
		return costSearch + costWildcard
	case p.openStart && p.openEnd:
		return costSearch
	}
	return costCompare
}
