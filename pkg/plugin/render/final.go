// SPDX-License-Identifier: Apache-2.0

package render

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/wording"
)

// final shows the whole tree of each container.
func (t *tree) final() {
	var shown []*containerTree
	for _, s := range t.forest.trees {
		if s.seen.processes > 0 {
			shown = append(shown, s)
		}
	}
	if len(shown) == 0 {
		return
	}
	t.rule()
	for i, s := range shown {
		if i > 0 {
			t.line("")
		}
		t.finalTitle(s)
		t.finalChildren(s.top, nil)
	}
	if t.forest.gone.processes > 0 {
		t.caution(wording.Counted(uint64(t.forest.gone.processes), "process") + " of containers that ended before: no longer remembered")
	}
	if t.lost > 0 {
		t.caution(wording.Counted(t.lost, "event") + " were lost: the trees are incomplete")
	}
}

// rule tells the live lines from the trees.
func (t *tree) rule() {
	title := " process trees "
	width := 40
	if t.Columns > 0 {
		width = min(t.Columns, maxEdge)
	}
	left := strings.Repeat(t.glyphs.rule, 2)
	right := strings.Repeat(t.glyphs.rule, max(0, width-2-len(title)))
	t.line(t.paint(toneQuiet, left) + t.paint(toneTitle, title) + t.paint(toneQuiet, right))
}

func (t *tree) caution(s string) {
	t.line(t.paint(toneCaution, t.choose("⚠️", "!")+" "+s))
}

// finalTitle is the container and what became of its processes.
func (t *tree) finalTitle(s *containerTree) {
	body := t.title(s)
	parts := []piece{{toneQuiet, wording.Counted(uint64(s.seen.processes), "process")}}
	for _, c := range []struct {
		count int
		what  string
		tone  tone
	}{
		{s.seen.failed - s.killed, " failed", toneBad},
		{s.killed, " killed", toneBad},
		{t.stillRunning(s), " running", toneGood},
	} {
		if c.count > 0 {
			parts = append(parts, piece{toneQuiet, ", "}, piece{c.tone, strconv.Itoa(c.count) + c.what})
		}
	}
	body = append(body, piece{tonePlain, "  "})
	body = append(body, parts...)
	if t.Columns > 0 {
		body = t.truncate(body, t.Columns)
	}
	t.textLine(body)
}

// stillRunning is how many processes of a container run, 0 where that is not known.
func (t *tree) stillRunning(s *containerTree) int {
	if t.o.Filtered {
		return 0
	}
	return s.running
}

// trail is the guides that lead to a line, innermost first.
type trail struct {
	up    *trail
	guide string
	depth int
}

func (r *trail) then(guide string) *trail {
	depth := 1
	if r != nil {
		depth += r.depth
	}
	return &trail{r, guide, depth}
}

func (t *tree) trailIndent(r *trail) string {
	if r == nil {
		return ""
	}
	depth := r.depth
	guides := make([]string, t.guidesKept(depth))
	for i := range slices.Backward(guides) {
		guides[i], r = r.guide, r.up
	}
	return t.indent(t.glyphs, depth, guides)
}

// finalChildren shows the descendants of a process below the guides that lead to it.
func (t *tree) finalChildren(n *treeProcess, guides *trail) {
	for i, c := range n.children {
		own, below := t.branch, t.bar
		if i == len(n.children)-1 && n.gone.processes == 0 {
			own, below = t.last, t.none
		}
		if n.origin == originTop { // roots hang on nothing
			t.finalLine(c, "")
			t.finalChildren(c, nil)
			continue
		}
		t.finalLine(c, t.trailIndent(guides)+own)
		t.finalChildren(c, guides.then(below+" "))
	}
	if n.gone.processes > 0 {
		what := wording.Counted(uint64(n.gone.processes), "process") + " that ended before, no longer remembered"
		if n.gone.failed > 0 {
			what += " (" + strconv.Itoa(n.gone.failed) + " failed)"
		}
		t.line(t.paint(toneQuiet, t.trailIndent(guides)+t.last+" ") + t.paint(toneCaution, what))
	}
}

func (t *tree) finalLine(n *treeProcess, prefix string) {
	if prefix != "" {
		prefix += " "
	}
	body := text{{toneQuiet, prefix}}
	for _, earlier := range n.earlier {
		body = append(body, piece{toneQuiet, t.clean(path.Base(earlier)) + " " + t.replaced + " "})
	}
	var repeats text
	if n.repeats > 1 {
		repeats = text{{toneCaution, " " + t.times + strconv.Itoa(n.repeats)}}
	}
	body = append(body, t.commandOf(n)...)
	if n.origin == originOutside {
		t.textLine(t.fit(body, nil, 0))
		return
	}
	var status text
	if !t.o.Filtered {
		status = text{{toneGood, t.running}}
	}
	if n.exited {
		most := ""
		if n.repeats > 1 {
			most = t.most
		}
		status = t.styler.status(t.glyphs, n.outcome, n.longest, most)
	}
	body = append(t.fit(body, status, repeats.width()), repeats...)
	gap := ""
	if len(status) > 0 {
		gap, _ = t.withStatus(body.width(), status)
	}
	t.line(t.paintText(body) + gap + t.paintText(status))
}
