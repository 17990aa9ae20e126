// SPDX-License-Identifier: Apache-2.0

package rulefile

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// source is one file.
type source struct {
	name    string
	content string
	// lines are the offsets at which the lines begin.
	lines []int
}

// lineBreak is what ends a line for YAML 1.1, by which the YAML library counts them.
var lineBreak = regexp.MustCompile("\r\n|[\r\n\u0085\u2028\u2029]")

func newSource(name, content string) *source {
	s := &source{name: name, content: content, lines: []int{0}}
	for _, at := range lineBreak.FindAllStringIndex(content, -1) {
		s.lines = append(s.lines, at[1])
	}
	return s
}

// line that holds a byte of the file, from 0.
func (s *source) line(offset int) int {
	after, _ := slices.BinarySearch(s.lines, offset+1)
	return after - 1
}

// place of a byte of the file.
func (s *source) place(offset int) Place {
	line := s.line(offset)
	start := s.lines[line]
	return Place{s.name, line + 1, utf8.RuneCountInString(s.content[start:min(offset, len(s.content))]) + 1}
}

// offset of a node's first byte.
func (s *source) offset(n *yaml.Node) int {
	if n.Line < 1 || n.Line > len(s.lines) {
		return 0
	}
	at := s.lines[n.Line-1]
	for range n.Column - 1 {
		_, size := utf8.DecodeRuneInString(s.content[at:])
		at += size
	}
	return min(at, len(s.content))
}

// Text is a scalar of a rule file, or several that were appended with a blank between them.
type Text struct {
	pieces []piece
}

// piece is one scalar with where it stands.
type piece struct {
	text   string
	source *source
	node   *yaml.Node
}

// String is the text.
func (t *Text) String() string {
	texts := make([]string, len(t.pieces))
	for i, p := range t.pieces {
		texts[i] = p.text
	}
	return strings.Join(texts, " ")
}

// append adds another text.
func (t *Text) append(more *Text) {
	t.pieces = append(slices.Clip(t.pieces), more.pieces...)
}

// Place of a byte of the text in the file that it came from.
func (t *Text) Place(offset int) Place {
	p, at := t.piece(offset)
	if p == nil {
		return Place{}
	}
	return p.source.place(p.at(at))
}

// piece that holds a byte, and the byte's offset in it.
func (t *Text) piece(offset int) (*piece, int) {
	for i := range t.pieces {
		p := &t.pieces[i]
		if offset <= len(p.text) || i == len(t.pieces)-1 {
			return p, min(offset, len(p.text))
		}
		offset -= len(p.text) + len(" ")
	}
	return nil, 0
}

// at finds the place of a byte of the value in the file. YAML folds lines and takes indentation away, but changes nothing between
// blanks (except for quotes that are doubled or escaped): the bytes that are no blanks are counted off on both sides.
func (p *piece) at(offset int) int {
	at := p.source.offset(p.node)
	content := p.source.content
	switch p.node.Style &^ yaml.TaggedStyle {
	case yaml.FoldedStyle, yaml.LiteralStyle:
		if next := p.source.line(at) + 1; next < len(p.source.lines) {
			at = p.source.lines[next]
		}
	case yaml.SingleQuotedStyle, yaml.DoubleQuotedStyle:
		at++
	}
	at = skipBlanks(content, at)
	for i := range min(offset, len(p.text)) {
		if isBlank(p.text[i]) {
			continue
		}
		at = p.after(at, p.text[i])
		at = skipBlanks(content, at)
	}
	if offset >= len(p.text) { // behind the last word, not at the next key
		for at > 0 && isBlank(content[at-1]) {
			at--
		}
	}
	return min(at, len(content))
}

// after is the place after a byte of the value.
func (p *piece) after(at int, c byte) int {
	content := p.source.content
	switch p.node.Style &^ yaml.TaggedStyle {
	case yaml.SingleQuotedStyle:
		if c == '\'' {
			return at + 2
		}
	case yaml.DoubleQuotedStyle:
		if at < len(content) && content[at] == '\\' {
			return at + 2
		}
	}
	return at + 1
}

func isBlank(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

func skipBlanks(text string, at int) int {
	for at < len(text) && isBlank(text[at]) {
		at++
	}
	return min(at, len(text))
}

// Snippet is the line of the file around a byte of the text, without indentation, and the byte's column in it.
func (t *Text) Snippet(offset int) (snippet string, caret int) {
	p, inside := t.piece(offset)
	if p == nil {
		return "", 0
	}
	at := p.at(inside)
	content := p.source.content
	line := p.source.line(at)
	start, end := p.source.lines[line], len(content)
	if line+1 < len(p.source.lines) {
		end = p.source.lines[line+1]
	}
	end = max(at, start+len(strings.TrimRight(content[start:end], "\r\n\u0085\u2028\u2029")))
	start = min(skipBlanks(content, start), at)
	if at-start > longestSnippet {
		start = at - longestSnippet
		for start < at && !utf8.RuneStart(content[start]) {
			start++
		}
	}
	end = min(end, at+longestSnippet)
	return strings.ToValidUTF8(content[start:end], "�"), utf8.RuneCountInString(content[start:at])
}

// longestSnippet to either side of a mistake, in bytes.
const longestSnippet = 120
