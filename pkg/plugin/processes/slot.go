// SPDX-License-Identifier: Apache-2.0

package processes

import "slices"

// Slot is a place on each process for what one stage remembers of it. It may be used for the processes of several tables, in the
// goroutine of each. What is remembered of a process goes with it.
type Slot[T any] struct {
	_ byte // slots of one type have addresses of their own
}

// note is what a stage remembers of a process; slot is a *Slot[T], and value a T.
type note struct {
	slot  any
	value any
	bytes int
}

// NewSlot makes a place that is empty on all processes.
func NewSlot[T any]() *Slot[T] { return &Slot[T]{} }

// Get returns what is remembered of a process; ok is false when nothing is. A process may be nil.
func (s *Slot[T]) Get(p *Process) (value T, ok bool) {
	if p == nil {
		return value, false
	}
	for i := range p.notes {
		if p.notes[i].slot == any(s) {
			return p.notes[i].value.(T), true
		}
	}
	return value, false
}

// Set remembers something of a process that the table has not forgotten; of others nothing is remembered. bytes is what the value
// takes, all that it points at included.
func (s *Slot[T]) Set(p *Process, value T, bytes int) {
	s.Clear(p)
	if p == nil || p.position == nil {
		return
	}
	n := note{slot: s, value: value, bytes: noteBytes + bytes}
	p.notes = append(p.notes, n)
	p.table.charge(n.bytes)
}

// Clear remembers nothing of a process any more.
func (s *Slot[T]) Clear(p *Process) {
	if p == nil {
		return
	}
	at := slices.IndexFunc(p.notes, func(n note) bool { return n.slot == any(s) })
	if at >= 0 {
		p.table.charge(-p.notes[at].bytes)
		p.notes = slices.Delete(p.notes, at, at+1)
	}
}
