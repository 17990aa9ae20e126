// SPDX-License-Identifier: Apache-2.0

package processes

import (
	"iter"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

const (
	// mostAncestors is how many ancestors are taken from one event.
	mostAncestors = 256
	// mostSteps is how far upwards is looked whether a process would become its own ancestor.
	mostSteps = 1024
)

// findParent finds the parent of an event's process if it is not known yet, or was forgotten, and says whether it did. Ancestors
// that are not known are added from the records that the event brings along. added: the process was, by this event.
func (t *Table) findParent(p *Process, s event.Subjects, added bool) bool {
	if p.hasParent() {
		return false
	}
	by := t.hash((*s.Process).ParentExecID)
	parent := t.byExec[by]
	if added && parent != nil && parent != p { // who has no descendants yet can't be its own ancestor
		t.adopt(p, parent, by)
		return true
	}
	if t.link(p, parent, by) {
		return true
	}
	child := p
	for r := range relatives(s) {
		parent, _ := t.find(r)
		known := parent != nil
		if !known {
			parent = t.add(r)
		}
		if !t.link(child, parent, t.hash(r.ExecID)) || known && parent.hasParent() {
			break
		}
		by := t.hash(r.ParentExecID)
		if t.link(parent, t.byExec[by], by) {
			break
		}
		child = parent
	}
	return p.hasParent()
}

func (p *Process) hasParent() bool {
	parent := p.parent.Load()
	return parent != nil && parent.position != nil
}

// relatives are the records of an event's parent and ancestors, from near to far.
func relatives(s event.Subjects) iter.Seq[*event.Process] {
	return func(yield func(*event.Process) bool) {
		if *s.Parent != nil && !yield(*s.Parent) {
			return
		}
		for _, r := range (*s.Ancestors)[:min(len(*s.Ancestors), mostAncestors)] {
			if r == nil || !yield(r) {
				return
			}
		}
	}
}

// link makes parent the parent of child, which its program by (a hash of the exec_id) started. It is none if it is unknown or a descendant of the child, which only a broken or hostile
// node tells.
func (t *Table) link(child, parent *Process, by uint64) bool {
	if parent == nil || parent == child {
		return false
	}
	steps := 0
	for up := parent.parent.Load(); up != nil; up = up.parent.Load() {
		if steps++; up == child || steps > mostSteps {
			return false
		}
	}
	t.adopt(child, parent, by)
	return true
}

func (t *Table) adopt(child, parent *Process, by uint64) {
	number, known := parent.ran(by)
	if !known {
		number = parent.program.number
	}
	child.parentProgram = number
	child.parent.Store(parent)
	t.touch(parent)
}
