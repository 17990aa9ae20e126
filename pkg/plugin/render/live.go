// SPDX-License-Identifier: Apache-2.0

package render

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pipeline"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/terminal"
)

// maxLines is how many lines of the terminal a command may take; what is longer is cut, and says so.
const maxLines = 3

func (t *tree) exec(r row, it *pipeline.Item) {
	e := it.Event
	p := e.ProcessExec.Process
	n, before := t.forest.exec(it)
	if before != nil && t.joinProgram(n, *before, e) {
		return
	}
	t.endSearch()
	t.goTo(n, e)
	symbol := t.choose(r.emoji, r.ascii)
	tail := t.marks(e)
	switch parent := n.drawnParent(); {
	case before != nil:
		symbol = t.replaced
		tail = append(tail, piece{toneQuiet, "  (was " + t.clean(path.Base(before.binary)) + ")"})
	case !t.tip.within(parent): // the bars lead elsewhere
		tail = append(tail, piece{toneQuiet, "  " + t.by + t.clean(path.Base(parent.binary))})
		t.tangled = true
	}
	head := text{{toneQuiet, t.bars(n)}, {toneEvent, symbol + " "}}
	t.writeCommand(n, e, head, t.command(p.Binary, p.Arguments), tail)
	t.tip = n
	t.drawBelow(n, e)
}

// writeCommand writes a command on at most maxLines lines; the last is left open.
func (t *tree) writeCommand(n *treeProcess, e *event.Event, head, command, tail text) {
	lines := t.wrap(n, e, head, command, tail)
	for i, body := range lines {
		t.endOpen()
		t.since++
		if i == len(lines)-1 {
			t.leaveOpen(n, t.paintText(body), body.width())
		} else {
			t.buf.WriteString(t.paintText(body) + "\n")
		}
	}
}

// wrap sets what is told of a process on at most maxLines lines; the body is cut where it is longer, the tail never.
func (t *tree) wrap(n *treeProcess, e *event.Event, head, body, tail text) (lines []text) {
	stamp := t.stamp(e)
	if t.Columns == 0 || len(stamp)+head.width()+body.width()+tail.width() <= t.Columns {
		return []text{slices.Concat(text{{tonePlain, stamp}}, head, body, tail)}
	}
	start := append(text{{tonePlain, stamp}}, head...)
	indent := text{{toneQuiet, strings.Repeat(" ", len(stamp)) + t.bars(n) + t.bar + "  "}}
	first, rest := t.Columns-len(stamp)-head.width(), t.Columns-indent.width()
	room := first + (maxLines-1)*rest - tail.width() - maxLines // a wide character may leave a cell empty
	for i, line := range append(t.truncate(body, max(room, 16)), tail...).split(first, rest) {
		prefix := indent
		if i == 0 {
			prefix = start
		}
		lines = append(lines, append(slices.Clip(prefix), line...))
	}
	return lines
}

func (t *tree) exit(it *pipeline.Item) {
	e := it.Event
	n, known := t.forest.exit(it)
	if n.folded {
		if t.at == n.tree && t.tip.within(n) {
			t.tip = n.parent
		}
		return
	}
	status := t.styler.status(t.glyphs, n.outcome, n.outcome.lifetime, "")
	if t.joins(n) {
		if gap, fits := t.withStatus(t.open.width, status); fits {
			t.finishOpen(gap + t.paintText(status))
			t.tip = n.parent
			return
		}
	}
	body := text{{tonePlain, t.stamp(e)}}
	command := t.commandOf(n)
	switch {
	case t.at != n.tree: // not worth changing to another container and back
		t.tangled = true
		body = append(body, piece{toneQuiet, t.note}, piece{toneSource, t.clean(cmp.Or(n.tree.pod, n.tree.node))}, piece{tonePlain, " "})
		command = t.command(path.Base(n.binary), n.arguments)
	case n.shown && t.tip.within(n):
		body = append(body, piece{toneQuiet, t.bars(n) + t.end})
		t.tip = n.parent
	default:
		t.tangled = true
		body = append(body, piece{toneQuiet, t.bars(n) + t.note})
	}
	body = append(body, command.in(toneQuiet)...)
	if !known && !n.isFork() {
		body = append(body, piece{toneQuiet, "  (exec not seen)"})
	}
	body = t.fit(body, status, 0)
	gap, _ := t.withStatus(body.width(), status)
	t.line(t.paintText(body) + gap + t.paintText(status))
}

// action shows any other event of a process below it.
func (t *tree) action(r row, it *pipeline.Item, several *repeated) {
	if !t.holdSearch(r, it, several) {
		t.drawAction(r, it, several)
	}
}

func (t *tree) drawAction(r row, it *pipeline.Item, several *repeated) {
	e := it.Event
	n := t.forest.acting(it)
	t.lead(n, e)
	head := text{{toneQuiet, t.bars(n) + t.bar}}
	if !t.tip.within(n) {
		head = append(head, piece{toneQuiet, t.by + t.clean(path.Base(n.binary)) + " "})
		t.tangled = true
	}
	for _, line := range t.wrap(n, e, head, t.described(r, e, several), t.verdict(e)) {
		t.textLine(line)
	}
	t.drawBelow(n, e)
}

// drawBelow shows what has lines of its own.
func (t *tree) drawBelow(n *treeProcess, e *event.Event) {
	for _, below := range t.below(e) {
		margin := strings.Repeat(" ", len(t.stamp(e))) + t.bars(n) + t.bar
		body := append(text{{toneQuiet, margin}}, below...)
		if t.Columns > 0 {
			body = t.truncate(body, t.Columns)
		}
		t.textLine(body)
	}
}

// message shows an event that is about no process.
func (t *tree) message(r row, e *event.Event) {
	body := text{{tonePlain, t.stamp(e)}}
	if e.Loss != nil {
		t.lost += e.Loss.Count
	}
	body = append(body, piece{r.tone, t.choose(r.emoji, r.ascii) + " " + r.word}, piece{tonePlain, " "},
		piece{toneSource, t.clean(e.NodeName)})
	for _, d := range r.details(e) {
		body = append(body, piece{tonePlain, " "}, piece{d.tone, t.clean(d.text)})
	}
	t.textLine(body)
}

func (t *tree) described(r row, e *event.Event, several *repeated) text {
	details := t.details(&r, e, several)
	body := append(make(text, 0, 1+2*len(details)), piece{r.tone, t.choose(r.emoji, r.ascii) + " " + r.word})
	for _, d := range details {
		body = append(body, piece{tonePlain, " "}, piece{d.tone, t.clean(d.text)})
	}
	return body
}

// goTo makes sure that the reader knows where a process belongs, of which the next line tells.
func (t *tree) goTo(n *treeProcess, e *event.Event) {
	t.lead(n.drawnParent(), e)
	n.shown = true
}

// lead shows what leads to a process, itself included: the header of its container when that was not the last one (or is off
// the screen), and processes that were not shown yet.
func (t *tree) lead(to *treeProcess, e *event.Event) {
	var missing []*treeProcess
	from := to
	for ; from.origin != originTop && !from.shown; from = from.drawnParent() {
		missing = append(missing, from)
	}
	if t.at != to.tree || t.since >= headerEvery {
		t.header(to.tree, from)
		t.at, t.since, t.tip = to.tree, 0, from
	}
	for _, a := range slices.Backward(missing) {
		body := text{{toneQuiet, strings.Repeat(" ", len(t.stamp(e))) + t.bars(a) + t.existing + " "}}
		body = append(body, t.commandOf(a)...)
		t.textLine(t.fit(body, nil, 0))
		a.shown = true
		t.tip = a
	}
}

// commandOf is what a process runs: of a shim the name alone, since its folder and its ids say nothing at a glance, and of
// what was only forked not what stands one line above anyway.
func (t *tree) commandOf(n *treeProcess) text {
	switch {
	case n.origin == originOutside:
		return t.command(path.Base(n.binary), "")
	case n.isFork():
		return append(t.command(path.Base(n.binary), ""), piece{toneQuiet, " (fork)"})
	}
	return t.command(n.binary, n.arguments)
}

// maxWay is how many processes a header names at most.
const maxWay = 6

// header names a container and, as they may be off the screen, the processes that lead to where the next line belongs.
func (t *tree) header(s *containerTree, to *treeProcess) {
	var way text
	t.tangled = t.tangled || s.titled
	s.titled = true
	for ; to.origin != originTop && to.origin != originOutside; to = to.drawnParent() {
		if len(way) == maxWay {
			way = append(way, piece{toneQuiet, t.way + t.deep})
			break
		}
		way = append(way, piece{toneQuiet, t.way + t.clean(path.Base(to.binary))})
	}
	slices.Reverse(way)
	body := append(t.title(s), way...)
	if t.Columns > 0 {
		body = t.truncate(body, t.Columns)
	}
	t.textLine(body)
}

// title is a container's pod and name, or the node.
func (t *tree) title(s *containerTree) text {
	body := text{{toneTitle, t.choose("📦", "#") + " "}, {toneSource, t.place(s)}}
	if s.pod == "" {
		body[0].text = t.choose("💻", "#") + " "
	}
	if s.container != "" {
		body = append(body, piece{tonePlain, "  " + t.clean(s.container)})
	}
	if s.pod != "" && s.node != "" {
		body = append(body, piece{toneQuiet, "  " + t.clean(s.node)})
	}
	return body
}

// place is namespace/pod, or the node.
func (t *tree) place(s *containerTree) string {
	if s.pod == "" {
		return t.clean(s.node)
	}
	return t.clean(s.namespace) + "/" + t.clean(s.pod)
}

// bars are the guides of what runs above a process.
func (t *tree) bars(n *treeProcess) string {
	depth := n.drawnDepth
	guides := make([]string, t.guidesKept(depth))
	for i := range slices.Backward(guides) {
		n = n.drawnParent()
		guides[i] = t.bar
		if n.exited {
			guides[i] = t.none
		}
	}
	return t.indent(t.glyphs, depth, guides)
}

const stampLayout = "15:04:05.000 "

// stamp begins a line with its time, UTC as in the other formats.
func (t *tree) stamp(e *event.Event) string {
	if !t.o.Timestamps || e.Time == nil {
		return ""
	}
	return terminal.Pad(e.Time.UTC().Format(stampLayout), len(stampLayout))
}
