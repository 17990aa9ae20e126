// SPDX-License-Identifier: Apache-2.0

package render

import (
	"cmp"
	"hash/maphash"
	"maps"
	"slices"
)

// alikeShown is how many equal children of a process are kept one by one; more are counted.
const alikeShown = 3

// group is the complete children of a process that look the same, subtrees included.
type group struct {
	members int
	last    *process // stands for those that come
}

// end notes how a process ended.
func (f *forest) end(n *process, o outcome) {
	n.exited, n.outcome, n.longest = true, o, o.lifetime
	if n.origin != originOutside {
		s := n.source
		s.running--
		if o.failed() {
			s.seen.failed++
		}
		if o.signal != "" {
			s.killed++
		}
	}
	if key := (pidKey{n.source.node, n.pid}); f.byPid[key] == n {
		delete(f.byPid, key)
	}
	f.settle(n)
}

// settle finds out whether a process and then its ancestors are complete, and merges them into equal siblings.
func (f *forest) settle(n *process) {
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
	f.finished = slices.DeleteFunc(slices.Clone(f.finished[first:]), func(n *process) bool { return n.removed || !n.complete })
}

// reopen undoes settle for a process that got a child after its end: a fork of it that only now runs a program.
func (f *forest) reopen(n *process) {
	for ; n != nil && n.complete; n = n.parent {
		n.complete = false
		n.parent.unfinished++
		for signature, g := range n.parent.groups {
			if g.last == n {
				delete(n.parent.groups, signature)
			}
		}
	}
}

// merge counts a complete process in an equal sibling when there are enough of them.
func (f *forest) merge(n *process) {
	parent := n.parent
	if n.gone.processes > 0 || n.outcome.unseen {
		return
	}
	if parent.groups == nil {
		parent.groups = map[uint64]*group{}
	}
	signature := f.signature(n)
	g := parent.groups[signature]
	if g == nil {
		g = &group{}
		parent.groups[signature] = g
	}
	g.members++
	if g.members <= alikeShown {
		g.last = n
		return
	}
	g.last.repeats += n.repeats
	g.last.longest = max(g.last.longest, n.longest)
	f.remove(n)
}

// signature is equal for complete processes that look the same.
func (f *forest) signature(n *process) uint64 {
	var h maphash.Hash
	h.SetSeed(f.seed)
	maphash.WriteComparable(&h, n.identity)
	maphash.WriteComparable(&h, n.outcome.code)
	maphash.WriteComparable(&h, n.outcome.signal)
	maphash.WriteComparable(&h, n.origin)
	for _, c := range n.children {
		maphash.WriteComparable(&h, f.signature(c))
		maphash.WriteComparable(&h, c.repeats)
	}
	return h.Sum64()
}

// remove takes a process and its descendants out of the forest and returns how many they were.
func (f *forest) remove(n *process) tally {
	if i := slices.Index(n.parent.children, n); i >= 0 {
		n.parent.children = slices.Delete(n.parent.children, i, i+1)
	}
	return f.forget(n)
}

func (f *forest) forget(n *process) tally {
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
	for _, id := range n.ids {
		if f.byExec[id] == n {
			delete(f.byExec, id)
		}
	}
	if key := (pidKey{n.source.node, n.pid}); f.byPid[key] == n {
		delete(f.byPid, key)
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
	i := 0
	for ; i < len(f.finished) && f.size > target; i++ {
		if n := f.finished[i]; n.complete && !n.removed {
			f.drop(n)
		}
	}
	f.compact(i)
	f.trimSources(target)
	for f.size > target {
		f.dropOldestLeaves(f.size - target)
	}
}

// drop removes a process and counts it in its parent.
func (f *forest) drop(n *process) {
	parent := n.parent
	if !n.complete {
		parent.unfinished--
		if n.origin != originOutside && !n.exited {
			n.source.running--
		}
	}
	for signature, g := range parent.groups {
		if g.last == n {
			delete(parent.groups, signature)
		}
	}
	maps.DeleteFunc(n.source.outside, func(_ string, o *process) bool { return o == n })
	parent.gone.add(f.remove(n))
}

// trimSources drops sources in which nothing runs any more, oldest first.
func (f *forest) trimSources(target int) {
	f.sources = slices.DeleteFunc(f.sources, func(s *source) bool {
		if f.size <= target || s.running > 0 {
			return false
		}
		f.gone.add(f.forget(s.top))
		delete(f.byKey, s.key)
		return true
	})
}

func (f *forest) dropOldestLeaves(count int) {
	var leaves []*process
	for _, n := range f.byExec {
		if len(n.children) == 0 && !n.removed {
			leaves = append(leaves, n)
		}
	}
	slices.SortFunc(leaves, func(a, b *process) int { return cmp.Or(a.started.Compare(b.started), cmp.Compare(a.pid, b.pid)) })
	for _, n := range leaves {
		if count == 0 {
			return
		}
		if !n.removed { // a process with several exec_ids is there several times
			f.drop(n)
			count--
		}
	}
}
