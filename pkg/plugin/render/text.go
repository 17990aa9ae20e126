// SPDX-License-Identifier: Apache-2.0

package render

import (
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/terminal"
)

// text is clean pieces of one line.
type text []piece

// width in cells.
func (t text) width() int {
	width := 0
	for _, x := range t {
		width += terminal.Width(x.text)
	}
	return width
}

// in gives the whole text one tone.
func (t text) in(tone tone) text {
	for i := range t {
		t[i].tone = tone
	}
	return t
}

// truncate cuts a text to width cells.
func (p *styler) truncate(t text, width int) text {
	if t.width() <= width {
		return t
	}
	var short text
	for _, x := range t {
		w := terminal.Width(x.text)
		if w >= width { // also when it just fits: something follows
			return append(short, piece{x.tone, terminal.Truncate(x.text+" ", width, p.ellipsis())})
		}
		short = append(short, x)
		width -= w
	}
	return short
}

// split cuts the text into lines: first cells for the first, rest for the others.
func (t text) split(first, rest int) []text {
	lines := []text{nil}
	room := first
	for _, x := range t {
		for remaining := x.text; remaining != ""; {
			head, tail := remaining, ""
			if terminal.Width(remaining) > room {
				head, tail = "", remaining
				if room > 1 {
					head, tail = terminal.Split(remaining, room)
				}
			}
			if head != "" {
				last := len(lines) - 1
				lines[last] = append(lines[last], piece{x.tone, head})
				room -= terminal.Width(head)
			}
			if tail != "" {
				lines = append(lines, nil)
				room = max(rest, 2)
			}
			remaining = tail
		}
	}
	return lines
}

// paintText colours a text.
func (p *styler) paintText(t text) string { return string(p.appendText(nil, t)) }

// appendText appends what paintText returns.
func (p *styler) appendText(line []byte, t text) []byte {
	for _, x := range t {
		line = p.appendPainted(line, x.tone, x.text)
	}
	return line
}

// ellipsis stands for what was cut off.
func (p *styler) ellipsis() string {
	if p.UTF8 {
		return "…"
	}
	return "..."
}
