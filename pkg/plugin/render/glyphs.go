// SPDX-License-Identifier: Apache-2.0

package render

import (
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/terminal"
)

// glyphs are the signs that a tree is drawn with. All guides are two cells wide.
type glyphs struct {
	bar, none         string // a process that still runs, one that does not
	end, note         string // a process's exit: below its own line, somewhere else
	branch, last      string // the final tree
	running, existing string
	replaced          string
	good, bad, killed string
	times, by, deep   string
	way, most, rule   string
}

func newGlyphs(p *styler) glyphs {
	g := glyphs{
		bar: "│ ", none: "  ", end: "╰ ", note: "· ", branch: "├─", last: "╰─",
		running: "● running", existing: "○", replaced: "↻", good: "✔", bad: "✘", killed: "✘",
		times: "×", by: "◂ ", deep: "⋯", way: " › ", most: "≤", rule: "─",
	}
	if p.Emoji {
		g.killed, g.replaced = "💥", "🔁"
	}
	if !p.UTF8 {
		g = glyphs{
			bar: "| ", none: "  ", end: "` ", note: ". ", branch: "|-", last: "`-",
			running: "running", existing: "o", replaced: ">", good: "ok", bad: "failed", killed: "killed",
			times: "x", by: "< ", deep: "...", way: " / ", most: "<", rule: "-",
		}
	}
	return g
}

// mark is something about an exec that deserves attention.
type mark struct {
	emoji, ascii string
	// text says what it is, empty when it does not apply.
	text func(e *event.Event) string
	// usual: what has it may be counted with others that have it.
	usual bool
}

// marks follow the program in a tree.
var marks = [...]mark{
	{emoji: "💉", ascii: "!", usual: true, text: func(e *event.Event) string {
		if p, parent := e.Process(), e.Parent(); injected(p) && (parent == nil || !injected(parent)) {
			return "injected"
		}
		return ""
	}},
	{emoji: "🔑", ascii: "!", text: func(e *event.Event) string { return raisedPrivileges(e.Process()) }},
	{emoji: "👤", ascii: "*", text: func(e *event.Event) string {
		p, parent := e.Process(), e.Parent()
		if parent == nil || parent.Pod == nil && p.Pod != nil || p.Uid == nil || parent.Uid == nil || *p.Uid == *parent.Uid {
			return ""
		}
		return "uid " + number(parent.Uid) + " to " + number(p.Uid)
	}},
	{emoji: "👻", ascii: "!", text: func(e *event.Event) string {
		if strings.HasSuffix(e.Executable, " (deleted)") || strings.HasPrefix(e.Executable, "memfd:") || strings.HasPrefix(e.Executable, "/memfd:") {
			return e.Executable
		}
		return ""
	}},
	{emoji: "✂ ", ascii: "!", text: func(e *event.Event) string {
		if event.ParseFlags(e.Process().Flags)&event.FlagTruncatedArguments != 0 {
			return "arguments cut"
		}
		return ""
	}},
}

// deservesAttention says that an exec has a mark that nobody may miss, or that a rule says something of it.
func deservesAttention(e *event.Event) bool {
	return len(e.Detections) > 0 || slices.ContainsFunc(marks[:], func(m mark) bool { return !m.usual && m.text(e) != "" })
}

func (p *styler) marks(e *event.Event) text {
	var t text
	for _, m := range marks {
		if s := m.text(e); s != "" {
			t = append(t, piece{toneCaution, "  " + p.choose(m.emoji, m.ascii) + " " + p.clean(s)})
		}
	}
	return t
}

// program is a binary with its directory held back: the name is what one looks for.
func (p *styler) program(binary string) text {
	if binary == "" {
		return text{{toneQuiet, "(unknown)"}}
	}
	directory, name := path.Split(binary)
	return text{{toneQuiet, p.clean(directory)}, {toneBinary, p.clean(name)}}
}

// command is a program with its arguments.
func (p *styler) command(binary, arguments string) text {
	t := p.program(binary)
	if arguments != "" {
		t = append(t, piece{toneArgument, " " + p.clean(arguments)})
	}
	return t
}

// status is how and after which time a process ended; prefix comes before the lifetime ("≤" for several processes).
func (p *styler) status(g glyphs, o outcome, lifetime time.Duration, prefix string) text {
	var what piece
	switch {
	case o.unseen:
		what = piece{toneCaution, "? no exit"}
	case o.signal != "":
		what = piece{toneBad, g.killed + " " + p.clean(o.signal)}
	case o.code != 0:
		what = piece{toneBad, g.bad + " " + strconv.FormatUint(uint64(o.code), 10)}
	default:
		what = piece{toneGood, g.good + " 0"}
	}
	duration := shortDuration(lifetime)
	if duration == "" {
		return text{what}
	}
	duration = prefix + duration
	if p.Columns == 0 {
		return text{what, {toneQuiet, " " + duration}}
	}
	gap := max(1, statusWidth-terminal.Width(what.text)-terminal.Width(duration))
	return text{what, {toneQuiet, strings.Repeat(" ", gap) + duration}}
}

// maxEdge is the column of the status at most: further to the right, the eye loses the line.
const maxEdge = 120

// statusWidth is what the status column takes where lines have a width: the outcome (a signal's name is the longest) at its
// left, the lifetime at its right.
const statusWidth = 18

// withStatus puts the status into its column, two blanks after a body that is longer; ok is false when it does not fit.
func (p *styler) withStatus(bodyWidth int, status text) (gap string, ok bool) {
	if p.Columns == 0 {
		return "  ", true
	}
	column := min(p.Columns, maxEdge) - max(statusWidth, status.width())
	blanks := max(column-bodyWidth, 2)
	return strings.Repeat(" ", blanks), bodyWidth+blanks+status.width() <= p.Columns
}

// fit cuts a body so that the status, at least the status column, and extra cells before it stay free.
func (p *styler) fit(body, status text, extra int) text {
	if p.Columns == 0 {
		return body
	}
	return p.truncate(body, min(p.Columns, maxEdge)-max(statusWidth, status.width())-2-extra)
}

// guidesKept is how many of the guides of a line are drawn: all, or the innermost ones when they would fill the line.
func (p *styler) guidesKept(depth int) int {
	room := 24
	if p.Columns > 0 {
		room = p.Columns / 4
	}
	if depth <= room {
		return depth
	}
	return room / 2
}

// indent joins the guides that are kept, with the number of those left out in front.
func (p *styler) indent(g glyphs, depth int, kept []string) string {
	all := strings.Join(kept, "")
	if left := depth - len(kept); left > 0 {
		return g.deep + strconv.Itoa(left) + " " + all
	}
	return all
}
