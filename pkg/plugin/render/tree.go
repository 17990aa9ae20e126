// SPDX-License-Identifier: Apache-2.0

package render

import (
	"bytes"
	"io"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pipeline"
)

// treeLimit is how many processes a tree remembers, about 1 KiB each: enough for the whole of most sessions.
const treeLimit = 20000

// holdTime is how long an exec waits for an exit that would share its line, where a line can't be left open.
const holdTime = 50 * time.Millisecond

// headerEvery is after how many lines a container's header is shown again, so that it is on the screen.
const headerEvery = 40

// minColumns is the least width that a tree is made for; a narrower terminal wraps it.
const minColumns = 40

// tree shows execs where they belong in the tree of their container, as they come:
//
//	📦 shop/web-7d9f8c5b4-x2x9p  nginx · node-1
//	○ /usr/local/bin/containerd-shim-runc-v2
//	│ 🚀 /docker-entrypoint.sh nginx
//	│ │ 🚀 /usr/bin/find /docker-entrypoint.d/        ✔ 0         4.2ms
//	│ ╰ /docker-entrypoint.sh                         ✔ 0          12ms
//
// Lines that scrolled away can't be changed, so everything is true when it is printed: a bar stands for a process that
// runs, an exec whose parent is not the one that the bars lead to names its parent (◂), and an exit that directly follows
// its exec is on the exec's line. At the end each container's whole tree is shown.
type tree struct {
	*styler
	glyphs
	o      Options
	out    io.Writer
	forest *forest

	buf  bytes.Buffer
	open *openLine
	err  error

	// where the last line was: its container, and the process that the bars lead to.
	at    *containerTree
	tip   *treeProcess
	since int // lines since the last header
	lost  uint64
	// tangled: the lines are not the trees, since processes, containers or their ends stand between each other's.
	tangled bool
	// search is a search for a program that was in vain so far; what comes next says whether it was found.
	search *search
	runs   runs
}

func newTree(out io.Writer, o Options, _ string) (pipeline.Sink, error) {
	p := newStyler(o.Out)
	p.arguments = o.Arguments
	if p.Columns > 0 {
		p.Columns = max(p.Columns, minColumns)
	}
	return o.counting(&tree{styler: p, glyphs: newGlyphs(p), o: o, out: out, forest: newForest(treeLimit, o.Every), runs: newRuns()}), nil
}

// Take shows an item on a terminal before it returns, elsewhere with the next Flush; an exec that nothing else can follow on its line,
// within 50 ms.
func (t *tree) Take(it *pipeline.Item) error { return t.show(it, nil) }

// show is Take for several events of a kind, if n is not nil.
func (t *tree) show(it *pipeline.Item, n *repeated) error {
	if t.err != nil {
		return t.err
	}
	if !t.holdRun(it, n) {
		t.draw(it, n)
	}
	if t.Terminal || t.buf.Len() >= mostBuffered { // on a terminal, messages stand between the lines
		return t.flush()
	}
	return t.err
}

// draw shows an event.
func (t *tree) draw(it *pipeline.Item, n *repeated) {
	e := it.Event
	r := rowOf(e, ownLook)
	if r.dataOnly {
		return
	}
	if e.ProcessExec == nil {
		t.endSearch()
	}
	switch {
	case it.Process.Process == nil:
		t.message(r, e)
	case e.ProcessExec != nil:
		t.exec(r, it)
	case e.ProcessExit != nil:
		t.showRuns(func(c *countedRuns) bool { return c.like.parent.process == it.Process.Process })
		t.exit(it)
	default:
		t.action(r, it, n)
	}
	t.forest.trim()
}

func (t *tree) Close() error {
	if t.err != nil {
		return t.err
	}
	t.releaseRuns(t.o.clock()())
	t.endSearch()
	t.showRuns(func(*countedRuns) bool { return true })
	t.endOpen()
	t.final()
	return t.flush()
}

// Flush shows what was held back for long enough, and writes what waits.
func (t *tree) Flush(now time.Time) error {
	t.endSearch()
	t.releaseRuns(now.Add(-longestRun))
	t.showRuns(func(c *countedRuns) bool { return now.Sub(c.since) >= longestCount })
	if t.open != nil && t.open.held != "" && now.Sub(t.open.since) >= holdTime {
		t.endOpen()
	}
	return t.flush()
}

// flush writes what waits, in one piece.
func (t *tree) flush() error {
	if t.buf.Len() > 0 && t.err == nil {
		_, t.err = t.out.Write(t.buf.Bytes())
		t.buf.Reset()
	}
	return t.err
}

// openLine is an exec's line that an exit may still join.
type openLine struct {
	process *treeProcess
	width   int
	held    string    // the line itself when it is held back; empty: it is written, without a line feed
	since   time.Time // it is held back
}

// lineOpen is implemented by terminal.Screen's output.
type lineOpen interface{ LineOpen() bool }

// leaveOpen writes an exec's line so that an exit can join it.
func (t *tree) leaveOpen(n *treeProcess, line string, width int) {
	t.open = &openLine{process: n, width: width}
	if t.Terminal && !t.o.SharedTerminal {
		t.buf.WriteString(line)
		return
	}
	t.open.held, t.open.since = line, t.o.clock()()
}

// endOpen ends the open line as it is.
func (t *tree) endOpen() { t.finishOpen("") }

// finishOpen ends the open line with what belongs to it.
func (t *tree) finishOpen(tail string) {
	open := t.open
	if open == nil {
		return
	}
	t.open = nil
	if open.held == "" && t.brokenOff() {
		return // somebody else ended it; tail is empty, see joins
	}
	t.buf.WriteString(open.held + tail + "\n")
}

// joins says whether an exit can be put on the open line.
func (t *tree) joins(n *treeProcess) bool {
	return t.open != nil && t.open.process == n && (t.open.held != "" || !t.brokenOff())
}

// brokenOff says that something else was written after the open line.
func (t *tree) brokenOff() bool {
	screen, shared := t.out.(lineOpen)
	return shared && !screen.LineOpen()
}

// textLine is line for a text that is not coloured yet.
func (t *tree) textLine(body text) {
	t.endOpen()
	t.buf.Write(append(t.appendText(t.buf.AvailableBuffer(), body), '\n'))
	t.since++
}

// line ends the open line and writes one.
func (t *tree) line(s string) {
	t.endOpen()
	t.buf.WriteString(s + "\n")
	t.since++
}
