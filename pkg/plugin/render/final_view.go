// SPDX-License-Identifier: Apache-2.0

package render

import (
	"slices"
	"time"
)

// drawn is a line of the final tree: a process, or several that look the same, subtrees included.
type drawn struct {
	*treeProcess
	repeats  int
	longest  time.Duration
	children []*drawn
	// signature is equal for what looks the same; lines is how many lines it takes.
	signature uint64
	lines     int
	gone      processCount
}

// fewestSaved is how many lines it has to save to show equal subtrees as one.
const fewestSaved = 2

// view is the final tree below a process, with what is folded folded. hidden is how many forks have no line.
func (f *forest) view(n *treeProcess) (d *drawn, hidden int) {
	d = &drawn{treeProcess: n, repeats: n.repeats, longest: n.longest, gone: n.gone}
	hidden = d.adopt(f, n, 1)
	if !f.every {
		d.children = f.mergeAlike(d.children)
	}
	h := f.hash(n.identity, n.outcome, n.origin, d.gone)
	d.lines = 1
	for _, c := range d.children {
		addChild(h, c.signature, c.repeats)
		d.lines += c.lines
	}
	d.signature = h.Sum64()
	return d, hidden
}

// adopt makes lines of the children of a process that runs several times for each time that its parent does, and of those of folded
// forks.
func (d *drawn) adopt(f *forest, n *treeProcess, times int) (hidden int) {
	for _, c := range n.children {
		if c.folded {
			d.gone.add(c.gone)
			hidden += c.repeats*times + d.adopt(f, c, c.repeats*times)
			continue
		}
		line, below := f.view(c)
		line.repeats *= times
		d.children = append(d.children, line)
		hidden += below
	}
	return hidden
}

// mergeAlike shows siblings that look the same as one, where that is much shorter. What runs, or is not known as a whole, stays.
func (f *forest) mergeAlike(children []*drawn) []*drawn {
	alike := map[uint64][]*drawn{}
	for _, c := range children {
		if c.complete && !c.outcome.unseen && c.gone.processes == 0 {
			alike[c.signature] = append(alike[c.signature], c)
		}
	}
	merged := map[*drawn]bool{}
	for _, group := range alike {
		if (len(group)-1)*group[0].lines < fewestSaved {
			continue
		}
		for _, c := range group[1:] {
			group[0].repeats += c.repeats
			group[0].longest = max(group[0].longest, c.longest)
			merged[c] = true
		}
	}
	return slices.DeleteFunc(children, func(c *drawn) bool { return merged[c] })
}

// repeated says that a line stands for several processes.
func (d *drawn) repeated() bool {
	return d.repeats > 1 || slices.ContainsFunc(d.children, (*drawn).repeated)
}
