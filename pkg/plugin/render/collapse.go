// SPDX-License-Identifier: Apache-2.0

package render

import (
	"cmp"
	"hash/maphash"
	"slices"
)

// alikeShown is how many equal children of a process are kept one by one; more are counted.
const alikeShown = 3

// group is the complete children of a process that look the same, subtrees included.
type group struct {
	members int
	last    *treeProcess // stands for those that come
}

// end notes how a process ended.
func (f *forest) end(n *treeProcess, o outcome) {
	n.exited, n.outcome, n.longest = true, o, o.lifetime
	if n.origin != originOutside {
		s := n.tree
		s.running--
		if o.failed() {
			s.seen.failed++
		}
		if o.signal != "" {
			s.killed++
		}
	}
	f.settle(n)
}

// settle finds out whether a process and then its ancestors are complete, and merges them into equal siblings.
func (f *forest) settle(n *treeProcess) {
	for n.parent != nil && n.exited && n.unfinished == 0 && !n.complete {
		n.complete = true
		parent := n.parent
		parent.unfinished--
		f.merge(n)
		if !n.removed {
			f.finished = append(f.finished, n)
		}
		n = parent
	}
	if len(f.finished) > 2*f.limit {
		f.compact(0)
	}
}

// compact forgets the first of the finished processes, and those that are no longer in the forest, or not finished.
func (f *forest) compact(first int) {
	f.finished = slices.DeleteFunc(slices.Clone(f.finished[first:]), func(n *treeProcess) bool { return n.removed || !n.complete })
}

// reopen undoes settle for a process that got a child after its end: a fork of it that only now runs a program.
func (f *forest) reopen(n *treeProcess) {
	for ; n != nil && n.complete; n = n.parent {
		n.complete = false
		n.parent.unfinished++
		n.leaveGroup()
	}
}

// leaveGroup makes sure that no other process is merged into this one.
func (n *treeProcess) leaveGroup() {
	if g := n.parent.groups[n.signature]; g != nil && g.last == n {
		delete(n.parent.groups, n.signature)
	}
}

// merge counts a complete process in an equal sibling when there are enough of them.
func (f *forest) merge(n *treeProcess) {
	parent := n.parent
	n.signature = f.sign(n)
	if n.gone.processes > 0 || n.outcome.unseen {
		return
	}
	if parent.groups == nil {
		parent.groups = map[uint64]*group{}
	}
	g := parent.groups[n.signature]
	if g == nil {
		g = &group{}
		parent.groups[n.signature] = g
	}
	g.members++
	if g.members <= alikeShown {
		g.last = n
		return
	}
	g.last.repeats += n.repeats
	g.last.longest = max(g.last.longest, n.longest)
	for i, v := range slices.Backward(parent.children) { // one of the last, mostly
		if v == n {
			parent.children = slices.Delete(parent.children, i, i+1)
			break
		}
	}
	f.forget(n)
}

// sign computes the signature of a process whose children have theirs.
func (f *forest) sign(n *treeProcess) uint64 {
	var h maphash.Hash
	h.SetSeed(f.seed)
	maphash.WriteComparable(&h, n.identity)
	maphash.WriteComparable(&h, n.outcome.code)
	maphash.WriteComparable(&h, n.outcome.signal)
	maphash.WriteComparable(&h, n.origin)
	maphash.WriteComparable(&h, n.gone)
	for _, c := range n.children {
		maphash.WriteComparable(&h, c.signature)
		maphash.WriteComparable(&h, c.repeats)
	}
	return h.Sum64()
}

// forget takes a process and its descendants out of all but its parent's children, and returns how many they were.
func (f *forest) forget(n *treeProcess) processCount {
	if n.removed { // and not thinned out yet
		return processCount{}
	}
	count := n.gone
	if n.origin != originOutside && n.origin != originTop {
		count.processes += n.repeats
		if n.outcome.failed() {
			count.failed += n.repeats
		}
	}
	if n.origin != originTop {
		f.size--
	}
	for _, c := range n.children {
		count.add(f.forget(c))
	}
	n.removed, n.children, n.groups = true, nil, nil
	if f.drawn[n.process] == n {
		delete(f.drawn, n.process)
	}
	return count
}

// trim drops the oldest complete processes when there are too many, a tenth at a time. What never ends (or whose exit was
// lost) goes too when nothing else is left.
func (f *forest) trim() {
	if f.size <= f.limit {
		return
	}
	target := f.limit - f.limit/10
	thinned := map[*treeProcess]bool{}
	i := 0
	for ; i < len(f.finished) && f.size > target; i++ {
		if n := f.finished[i]; n.complete && !n.removed {
			f.drop(n, thinned)
		}
	}
	f.compact(i)
	f.trimContainers(target)
	if f.size > target {
		f.dropLeaves(target, thinned)
	}
	for n := range thinned {
		n.children = slices.DeleteFunc(n.children, func(c *treeProcess) bool { return c.removed })
	}
}

// drop forgets a process and counts it in its parent, whose children are to be thinned out.
func (f *forest) drop(n *treeProcess, thinned map[*treeProcess]bool) {
	parent := n.parent
	if !n.complete {
		parent.unfinished--
		if n.origin != originOutside && !n.exited {
			n.tree.running--
		}
	}
	n.leaveGroup()
	if n.tree.outside[n.process] == n {
		delete(n.tree.outside, n.process)
	}
	parent.gone.add(f.forget(n))
	thinned[parent] = true
}

// trimContainers drops containers in which nothing runs any more, oldest first.
func (f *forest) trimContainers(target int) {
	f.trees = slices.DeleteFunc(f.trees, func(s *containerTree) bool {
		if f.size <= target || s.running > 0 {
			return false
		}
		f.gone.add(f.forget(s.top))
		delete(f.byKey, s.key)
		return true
	})
}

// dropLeaves drops processes without children, oldest first, and then those that they were the last children of.
func (f *forest) dropLeaves(target int, thinned map[*treeProcess]bool) {
	children := map[*treeProcess]int{}
	var leaves, all []*treeProcess
	for _, s := range f.trees {
		all = append(all, s.top)
	}
	for len(all) > 0 {
		n := all[len(all)-1]
		all = all[:len(all)-1]
		for _, c := range n.children {
			if !c.removed { // and not thinned out yet
				children[n]++
				all = append(all, c)
			}
		}
		if children[n] == 0 && n.origin != originTop {
			leaves = append(leaves, n)
		}
	}
	slices.SortFunc(leaves, func(a, b *treeProcess) int {
		return cmp.Or(a.process.Start.Compare(b.process.Start), cmp.Compare(a.process.PID, b.process.PID))
	})
	for _, n := range leaves {
		for n.origin != originTop && children[n] == 0 && f.size > target {
			f.drop(n, thinned)
			n = n.parent
			children[n]--
		}
	}
}
