// SPDX-License-Identifier: Apache-2.0

package render

import (
	"cmp"
	"path"
	"slices"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pipeline"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/processes"
)

// What a process runs again and again (a health probe, the body of a loop) is counted among the live lines from the fourth time on,
// when all of it looks like the last: it is held back until it has ended. It is shown as it is as soon as anything is different, a
// program of it fails, or something is known of it besides execs and exits.
const (
	// longestRun is how long a run may take to be held back, and shortRun how long its like have taken at most.
	longestRun = 500 * time.Millisecond
	shortRun   = 250 * time.Millisecond
	// mostRunItems and mostRuns bound what is held back.
	mostRunItems, mostRuns = 64, 256
)

// run is a process that was executed, and its descendants, held back.
type run struct {
	like    *group
	root    *runNode
	nodes   map[*processes.Process]*runNode
	items   []pipeline.Item
	running int
	since   time.Time
}

// runNode is a process of a run.
type runNode struct {
	identity uint64
	program  int32
	children []*runNode
	ended    bool
	lifetime time.Duration
}

// runs is what is held back, and what was counted and not shown yet.
type runs struct {
	held    []*run
	of      map[*processes.Process]*run
	counted map[*treeProcess]*countedRuns
}

// countedRuns are runs that look like one that was shown.
type countedRuns struct {
	like    *treeProcess
	count   uint64
	longest time.Duration
	since   time.Time
	last    *event.Event
}

func newRuns() runs {
	return runs{of: map[*processes.Process]*run{}, counted: map[*treeProcess]*countedRuns{}}
}

// holdRun holds an event back, if it belongs to a run or begins one that looks like others so far.
func (t *tree) holdRun(it *pipeline.Item, several *repeated) bool {
	process := it.Process.Process
	if t.o.Every || process == nil {
		return false
	}
	for up := process; len(t.runs.held) > 0 && up != nil; up = up.Parent() {
		r := t.runs.of[up]
		if r == nil {
			continue
		}
		if several == nil && len(it.Event.Detections) == 0 && t.addToRun(r, it) {
			if r.running == 0 {
				t.endRun(r)
			}
			return true
		}
		t.releaseRun(r)
		return false
	}
	like := t.runsLike(it)
	if like == nil || len(t.runs.held) >= mostRuns {
		return false
	}
	r := &run{like: like, nodes: map[*processes.Process]*runNode{}, since: t.o.clock()()}
	t.runs.held = append(t.runs.held, r)
	return t.addToRun(r, it)
}

// runsLike are those that an exec may be one more of; nil when there are none, or it has to be shown.
func (t *tree) runsLike(it *pipeline.Item) *group {
	exec := it.Event.ProcessExec
	if exec == nil || t.forest.drawn[it.Process.Process] != nil || it.Process.Reused != nil || deservesAttention(it.Event) {
		return nil
	}
	parent := t.forest.parentOf(it)
	if parent == nil || !parent.shown || parent.often == nil {
		return nil
	}
	like := parent.often[t.forest.identify(0, exec.Process)]
	if like == nil || like.last.removed || like.last.longest > shortRun {
		return nil
	}
	return like
}

// addToRun is false for what can't be counted.
func (t *tree) addToRun(r *run, it *pipeline.Item) bool {
	process := it.Process.Process
	n := r.nodes[process]
	switch x := it.Event.ProcessExit; {
	case len(r.items) >= mostRunItems || n != nil && n.ended:
		return false
	case x != nil:
		if n == nil || x.Status != 0 || x.Signal != "" {
			return false
		}
		n.ended, n.lifetime = true, it.Process.Lifetime
		r.running--
	case it.Event.ProcessExec == nil || deservesAttention(it.Event):
		return false
	case n != nil:
		if n.program == it.Process.Program {
			return false
		}
		n.identity, n.program = t.forest.identify(n.identity, it.Event.ProcessExec.Process), it.Process.Program
	default:
		parent := r.nodes[process.Parent()]
		if parent == nil && r.root != nil { // of a fork
			return false
		}
		n = &runNode{identity: t.forest.identify(0, it.Event.ProcessExec.Process), program: it.Process.Program}
		if r.nodes[process], t.runs.of[process] = n, r; parent == nil {
			r.root = n
		} else {
			parent.children = append(parent.children, n)
		}
		r.running++
	}
	r.items = append(r.items, *it)
	return true
}

// endRun counts a run that has ended, if all of it looks like the others.
func (t *tree) endRun(r *run) {
	f := t.forest
	like := r.like.last
	if like.removed || like.parent.groups[f.signRun(r.root)] != r.like {
		t.releaseRun(r)
		return
	}
	t.dropRun(r)
	for i := range r.items {
		if it := &r.items[i]; it.Event.ProcessExec != nil {
			_, _ = f.exec(it)
		} else {
			_, _ = f.exit(it)
		}
	}
	f.trim()
	c := t.runs.counted[like]
	if c == nil {
		c = &countedRuns{like: like, since: r.since}
		t.runs.counted[like] = c
	}
	c.count++
	c.longest = max(c.longest, r.root.lifetime)
	c.last = r.items[len(r.items)-1].Event
}

// signRun is what sign will be of a run.
func (f *forest) signRun(n *runNode) uint64 {
	h := f.hash(n.identity, outcome{}, originExec, processCount{})
	for _, c := range n.children {
		addChild(h, f.signRun(c), 1)
	}
	return h.Sum64()
}

// dropRun holds a run back no more.
func (t *tree) dropRun(r *run) {
	t.runs.held = slices.DeleteFunc(t.runs.held, func(other *run) bool { return other == r })
	for process := range r.nodes {
		delete(t.runs.of, process)
	}
}

// releaseRun shows what was held back of a run.
func (t *tree) releaseRun(r *run) {
	t.dropRun(r)
	for i := range r.items {
		t.draw(&r.items[i], nil)
	}
}

// releaseRuns shows all that is held back since a moment or longer.
func (t *tree) releaseRuns(since time.Time) {
	for _, r := range slices.Clone(t.runs.held) {
		if !r.since.After(since) {
			t.releaseRun(r)
		}
	}
}

// showRuns shows how many runs were counted of those that due chooses.
func (t *tree) showRuns(due func(*countedRuns) bool) {
	var all []*countedRuns
	for _, c := range t.runs.counted {
		if due(c) {
			all = append(all, c)
		}
	}
	slices.SortFunc(all, func(a, b *countedRuns) int {
		return cmp.Or(a.since.Compare(b.since), cmp.Compare(a.like.process.PID, b.like.process.PID))
	})
	for _, c := range all {
		delete(t.runs.counted, c.like)
		t.showRun(c)
	}
}

func (t *tree) showRun(c *countedRuns) {
	n, parent := c.like, c.like.drawnParent()
	t.lead(parent, c.last)
	body := text{{tonePlain, t.stamp(c.last)}, {toneQuiet, t.bars(n)}, {toneEvent, t.choose("🚀", "+") + " "}}
	body = append(body, t.commandOf(n)...)
	times := repeated{count: c.count, more: true}
	tail := text{{toneCaution, " " + times.times(t.styler)}}
	if !t.tip.within(parent) {
		tail = append(tail, piece{toneQuiet, "  " + t.by + t.clean(path.Base(parent.binary))})
	}
	most := ""
	if c.count > 1 {
		most = t.most
	}
	status := t.styler.status(t.glyphs, outcome{}, c.longest, most)
	body = append(t.fit(body, status, tail.width()), tail...)
	gap, _ := t.withStatus(body.width(), status)
	t.line(t.paintText(body) + gap + t.paintText(status))
	t.tip = n.parent
}
