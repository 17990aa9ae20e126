// SPDX-License-Identifier: Apache-2.0

package processes

import (
	"container/list"
	"sync/atomic"
)

// Bytes of memory that things take, as TestBytes measures them.
const (
	// processBytes of a process, its entries by exec_id and pid, and a forgotten parent that it still points at.
	processBytes = 544
	// execBytes of one more exec_id.
	execBytes = 48
	// noteBytes of a Slot's entry, beside what the value takes.
	noteBytes = 64
	// sourceBytes of a container, beside its name.
	sourceBytes = 128
)

const (
	// SessionBytes is what the tables of a session take together: 15,000 processes and more.
	SessionBytes = 8 << 20
	// ReservedBytes each table may take beyond that, so that one busy node does not leave the others without memory.
	ReservedBytes = 32 * processBytes
)

// Budget is how much memory the tables of one session take together. It may be shared by any number of goroutines.
type Budget struct {
	limit int64
	// used is what tables have beyond what is reserved for each.
	used   atomic.Int64
	tables atomic.Int64
	// starved: a table forgets processes though it has less than an equal share.
	starved atomic.Bool
}

// NewBudget limits tables to a number of bytes, and ReservedBytes for each of them.
func NewBudget(bytes int) *Budget { return &Budget{limit: int64(bytes)} }

func (s *source) bytes() int { return sourceBytes + len(s.key) }

func (t *Table) charge(bytes int) {
	before := t.shared()
	t.bytes += bytes
	t.budget.used.Add(t.shared() - before)
}

// shared is what the table has of the budget.
func (t *Table) shared() int64 { return int64(max(t.bytes-ReservedBytes, 0)) }

// touch makes a process the last to be forgotten of those that run, or of those that ended.
func (t *Table) touch(p *Process) {
	order := t.running
	if p.exited {
		order = t.exited
	}
	order.MoveToBack(p.position)
}

// trim forgets processes while the tables have more than the budget: those that ended before those that run, and what was not
// heard of for longer before the others. keep stays. What is forgotten becomes known again when events name it.
func (t *Table) trim(keep *Process) {
	share := t.budget.limit / max(t.budget.tables.Load(), 1)
	if t.budget.starved.Load() && t.shared() > share {
		t.budget.starved.Store(false)
		for t.shared() > share && t.forgetOldest(keep) {
		}
	}
	for t.budget.used.Load() > t.budget.limit && t.shared() > 0 {
		if t.shared() <= share {
			t.budget.starved.Store(true)
		}
		if !t.forgetOldest(keep) {
			return
		}
	}
}

func (t *Table) forgetOldest(keep *Process) bool {
	for _, order := range [...]*list.List{t.exited, t.running} {
		for at := order.Front(); at != nil; at = at.Next() {
			if p := at.Value.(*Process); p != keep {
				t.forget(p)
				return true
			}
		}
	}
	return false
}

// forget takes a process out of the table. Who still has it, as a parent too, has its fields only: it must not keep ancestors.
func (t *Table) forget(p *Process) {
	t.remove(p)
	p.parent.Store(nil)
}

// remove is forget for all processes at once.
func (t *Table) remove(p *Process) {
	t.end(p)
	t.exited.Remove(p.position)
	t.unname(p, p.firstExec.hash)
	for _, e := range p.laterExecs {
		t.unname(p, e.hash)
	}
	t.charge(-len(p.laterExecs) * execBytes)
	for i := range p.notes {
		t.charge(-p.notes[i].bytes)
	}
	t.leave(p.program.source)
	t.charge(-processBytes)
	p.position, p.laterExecs, p.notes = nil, nil, nil
}
